// What an elementary stream of a PMT is: stream_type (ISO/IEC 13818-1 table 2-34) read with its descriptors
// (private streams of EN 300 468: AC-3, subtitles, teletext, ...).
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/psi/tables.hpp"
#include "common/ts/access_unit.hpp"
#include "common/ts/audio_frame.hpp"

namespace psi {

enum class StreamKind : std::uint8_t { video, audio, subtitle, teletext, data };

struct ElementaryStream {
  StreamKind kind = StreamKind::data;
  std::string codec;  // "h264", "hevc", "mpeg2video", "mp2", "aac", "ac3", "eac3", "dvbsub", "teletext", "scte35",
                      // "ait", "dsmcc", "0x0b" ...
  std::vector<std::string> languages;  // ISO 639-2, in the descriptor's order
};

ElementaryStream describe(const Pmt::Stream& stream);
// For those whose access units we can find.
std::optional<ts::VideoCodec> video_codec(const Pmt::Stream& stream);
std::optional<ts::AudioFormat> audio_format(const Pmt::Stream& stream);
std::string_view to_string(StreamKind kind);
// PIDs of ECMs named by CA descriptors of a programme or its streams, or of EMMs of a CAT (2.6.16).
std::vector<ts::Pid> conditional_access_pids(const Descriptors& descriptors);
// The PIDs that a service's packets are on: its streams, its PCR, and its ECMs if they are wanted.
std::set<ts::Pid> packet_pids(const Pmt& pmt, bool ecms);
// EN 300 468 table 89: "digital television", "H.264 HD television", "digital radio" ...
std::string service_type_name(std::uint8_t service_type);

}  // namespace psi
