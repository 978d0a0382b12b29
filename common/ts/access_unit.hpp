// Where access units of an elementary stream begin, and at which of them a decoder can start.
//
// Read from the coded pictures themselves, not from random_access_indicator, which many encoders never set, and not
// from IDR alone, which some broadcasters never send.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/ts/packet.hpp"
#include "common/ts/pes.hpp"

namespace ts {

enum class VideoCodec : std::uint8_t { mpeg2, h264, hevc };

enum class AccessPoint : std::uint8_t {
  none,    // needs earlier pictures
  closed,  // IDR, HEVC IDR/BLA, MPEG-2 I picture with closed_gop: everything from here on decodes
  open,    // I picture or recovery point, HEVC CRA, MPEG-2 I picture: leading pictures may be lost
};

// A picture that begins a PES packet (the ordinary case: one access unit a PES packet, EN 101 154 4.1.5).
struct AccessUnit {
  std::uint64_t position = 0;  // of the packet that starts its PES packet, as given to feed()
  std::optional<Timestamp> pts;
  std::optional<Timestamp> dts;
  AccessPoint access = AccessPoint::none;
};

// Fed with the packets of one video PID; answers with one access unit once enough of it was seen to classify it (as
// soon as its first slice or picture header, at the latest when the next one begins).
class AccessUnitParser {
 public:
  explicit AccessUnitParser(VideoCodec codec) : codec_(codec) {}
  // `position` is the packet's, counted by the caller; only handed back. Scrambled packets are passed over, but for
  // their random_access_indicator.
  std::optional<AccessUnit> feed(const Packet& packet, std::uint64_t position);
  // Data was lost: forget the access unit begun.
  void reset();

 private:
  VideoCodec codec_;
  std::optional<AccessUnit> current_;
  std::vector<std::uint8_t> head_;  // first bytes of the current access unit, bounded
  bool indicator_ = false;
  bool classified_ = false;
};

}  // namespace ts
