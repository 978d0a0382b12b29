// Sections (ISO/IEC 13818-1 2.4.4, EN 300 468 5.1): out of packets and into packets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "common/ts/packet.hpp"

namespace ts {

// CRC-32 of annex A of ISO/IEC 13818-1; 0 over a whole section, its CRC included, if that is right.
std::uint32_t crc32(std::span<const std::uint8_t> bytes);

// A view of one whole section: header, body and CRC. The bytes are the assembler's or the owner's, as said there.
// The accessors of the long header must only be asked when has_long_header().
class Section {
 public:
  static constexpr std::size_t maximum_size = 4096;
  // `bytes` holds at least 3 bytes and as many as its section_length says; `packets` is how many it came in.
  explicit Section(std::span<const std::uint8_t> bytes, unsigned packets = 1) : bytes_(bytes), packets_(packets) {}

  std::span<const std::uint8_t> bytes() const { return bytes_; }
  unsigned packets() const { return packets_; }
  std::uint8_t table_id() const { return bytes_[0]; }
  // section_syntax_indicator set and long enough for the header and a CRC.
  bool has_long_header() const { return (bytes_[1] & 0x80) != 0 && bytes_.size() >= 12; }
  std::uint16_t extension() const { return static_cast<std::uint16_t>(bytes_[3] << 8 | bytes_[4]); }
  std::uint8_t version() const { return (bytes_[5] >> 1) & 0x1F; }
  bool is_current() const { return (bytes_[5] & 1) != 0; }
  std::uint8_t number() const { return bytes_[6]; }
  std::uint8_t last_number() const { return bytes_[7]; }
  // Between long header and CRC.
  std::span<const std::uint8_t> body() const { return bytes_.subspan(8, bytes_.size() - 12); }
  bool crc_ok() const { return crc32(bytes_) == 0; }

 private:
  std::span<const std::uint8_t> bytes_;
  unsigned packets_;
};

// Sections out of the packets of one PID. Lost packets drop the section that they were part of.
class SectionAssembler {
 public:
  // The view lives for the call. CRC is not checked here (some tables have none): ask crc_ok().
  using Handler = std::function<void(const Section&)>;
  // `packet` is one of the PID. Duplicate packets are skipped, scrambled ones and damaged headers drop what was begun.
  void feed(const Packet& packet, const Handler& handler);
  void reset();
  // Sections dropped because of a loss or an impossible length.
  std::uint64_t dropped() const { return dropped_; }

 private:
  bool follows(const Packet& packet);
  void drop();
  void continue_section(std::span<const std::uint8_t> bytes, const Handler& handler);
  void begin_sections(std::span<const std::uint8_t> bytes, const Handler& handler);

  std::vector<std::uint8_t> buffer_;  // the section begun, empty if none is
  unsigned packets_ = 0;              // that it came in, until now
  std::uint64_t dropped_ = 0;
  std::int8_t last_counter_ = -1;  // -1: none
  bool duplicate_ = false;         // the last packet was the one repetition that is allowed
};

// Sections into the packets of one PID, counter continuous from call to call.
class SectionPacketizer {
 public:
  explicit SectionPacketizer(Pid pid, unsigned first_counter = 0) : pid_(pid), counter_(first_counter & 0x0F) {}
  // Appends the packets of these sections (none empty), one after another; the last packet is stuffed with 0xFF
  // (2.4.4).
  void packetize(std::span<const std::vector<std::uint8_t>> sections, std::vector<Packet>& out);
  void packetize(std::span<const std::uint8_t> section, std::vector<Packet>& out);
  Pid pid() const { return pid_; }
  void set_next_counter(unsigned counter) { counter_ = counter & 0x0F; }
  unsigned next_counter() const { return counter_; }

 private:
  Pid pid_;
  unsigned counter_;
};

// Writes the CRC into the last four bytes of a section, which has at least those.
void seal_section(std::span<std::uint8_t> section);
// version_number of a section with a long header, and the CRC anew.
void set_version(std::span<std::uint8_t> section, unsigned version);

}  // namespace ts
