// Where access units of an elementary stream begin, and at which of them a decoder can start.
//
// Read from the coded pictures themselves, not from random_access_indicator, which many encoders never set, and not
// from IDR alone, which some broadcasters never send. An access point has its parameter sets (MPEG-2: its sequence
// header) with it, as a decoder that starts there has seen no others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/ts/packet.hpp"
#include "common/ts/pes.hpp"

namespace ts {

enum class VideoCodec : std::uint8_t { mpeg2, h264, hevc };

enum class AccessPoint : std::uint8_t {
  none,     // needs earlier pictures
  closed,   // IDR, HEVC IDR/BLA, MPEG-2 I picture that begins a closed GOP: everything from here on decodes
  open,     // I picture or recovery point, HEVC CRA, MPEG-2 I picture: leading pictures may be lost
  gradual,  // recovery point (H.264) of a stream that is refreshed piece by piece: whole some pictures later
};

// What a decoder that starts with these bytes, an access unit's first, can do. Nothing if it takes more bytes to tell;
// if there are no more, it is AccessPoint::none.
std::optional<AccessPoint> classify_access_unit(VideoCodec codec, std::span<const std::uint8_t> head);

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
  // Duplicate packets must be left out. `position` is the packet's, counted by the caller; only handed back. Of
  // scrambled packets nothing but the start and random_access_indicator (taken as AccessPoint::open) can be read: no
  // time stamps.
  std::optional<AccessUnit> feed(const Packet& packet, std::uint64_t position);
  // The stream has ended: the access unit begun and not yet answered, if any.
  std::optional<AccessUnit> finish();
  // Data was lost: forget the access unit begun.
  void reset();

 private:
  void begin(const Packet& packet, std::uint64_t position);
  void append(std::span<const std::uint8_t> bytes);
  std::optional<AccessUnit> classified();

  VideoCodec codec_;
  std::optional<AccessUnit> current_;  // begun, not yet answered
  std::size_t header_left_ = 0;        // bytes of its PES header that are still to come
  std::vector<std::uint8_t> head_;     // its first bytes, bounded
};

}  // namespace ts
