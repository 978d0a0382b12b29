// Finds the random access points of all video streams in packets that are seen once.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "common/ts/access_unit.hpp"
#include "common/ts/packet.hpp"
#include "tools/tscut/stream_map.hpp"

namespace tscut {

class StartFinder {
 public:
  // The programmes have changed; streams that stay are followed on.
  void follow(const StreamMap& map);
  bool has_videos() const { return !parsers_.empty(); }
  // Access points before this position do not count.
  void search_from(std::uint64_t position);
  // `position` counts packets.
  void feed(const ts::Packet& packet, std::uint64_t position);
  // The first access point of each video stream, with the position of its first packet.
  const std::map<ts::Pid, ts::AccessUnit>& found() const { return found_; }

 private:
  struct Parser {
    ts::VideoCodec codec;
    ts::AccessUnitParser units;
  };
  std::map<ts::Pid, Parser> parsers_;
  std::map<ts::Pid, ts::AccessUnit> found_;
  std::optional<std::uint64_t> from_;
};

}  // namespace tscut
