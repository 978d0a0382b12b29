// Moves each programme's time line so that its first PCR is 0: PCR, OPCR, PTS, DTS, and SCTE 35's pts_adjustment.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/ts/packet.hpp"
#include "tools/tscut/stream_map.hpp"

namespace tscut {

class Rebaser {
 public:
  void apply(ts::Packet& packet, const StreamMap& map);
  // Units whose time stamps could not be read, and so were not moved.
  std::uint64_t scrambled_units() const { return scrambled_; }

 private:
  std::vector<std::optional<ts::Ticks90>> origins_;  // of the map's programmes
  std::uint64_t scrambled_ = 0;
};

}  // namespace tscut
