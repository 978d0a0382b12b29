// Descriptors (ISO/IEC 13818-1 2.6, EN 300 468 6), kept verbatim: what we do not understand we still pass on.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace psi {

struct Descriptor {
  std::uint8_t tag = 0;
  std::vector<std::uint8_t> data;  // after tag and length
  friend bool operator==(const Descriptor&, const Descriptor&) = default;
};
using Descriptors = std::vector<Descriptor>;

const Descriptor* find(const Descriptors& descriptors, std::uint8_t tag);

// The tags that the tools look into (EN 300 468 table 12, ISO/IEC 13818-1 table 2-45).
namespace tag {
inline constexpr std::uint8_t registration = 0x05, conditional_access = 0x09, iso_639_language = 0x0A;
inline constexpr std::uint8_t network_name = 0x40, service_list = 0x41, service = 0x48, short_event = 0x4D,
                              extended_event = 0x4E, content = 0x54, parental_rating = 0x55, local_time_offset = 0x58,
                              private_data_specifier = 0x5F;
inline constexpr std::uint8_t stream_identifier = 0x52, teletext = 0x56, subtitling = 0x59, ac3 = 0x6A;
inline constexpr std::uint8_t application_signalling = 0x6F, enhanced_ac3 = 0x7A, dts = 0x7B, aac = 0x7C,
                              extension = 0x7F;
inline constexpr std::uint8_t logical_channel = 0x83;  // of private_data_specifier 0x00000028
}  // namespace tag

// An ISO 639-2 code as sent, three letters; what else is sent comes as '?', so that it cannot harm a terminal.
std::string language_code(std::span<const std::uint8_t, 3> code);

// A DVB text field (EN 300 468 annex A: character table selection, ISO 6937 by default, ISO 8859-15 where that is
// plainly meant) as UTF-8; control codes are dropped (CR/LF becomes a space), what cannot be converted becomes U+FFFD.
std::string text(std::span<const std::uint8_t> field);
// The reverse, for tables that we make: UTF-8 with its selector byte 0x15, or plain where it is ASCII.
std::vector<std::uint8_t> to_dvb_text(const std::string& utf8);
// At most `limit` bytes of it, whole characters.
std::vector<std::uint8_t> to_dvb_text(const std::string& utf8, std::size_t limit);

}  // namespace psi
