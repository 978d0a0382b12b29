// Where a cut begins: at pictures that decode without earlier ones.
#pragma once

#include <optional>
#include <vector>

#include "common/ring/recording.hpp"
#include "common/ts/packet.hpp"

namespace tscut {

struct VideoPosition {
  ts::Pid pid;
  ring::Position position;
  std::optional<ts::Timestamp> pts;
  ts::AccessPoint access;
};

struct Start {
  ring::Position position;            // of the first packet
  std::vector<VideoPosition> videos;  // each at or after it; those without any access point are missing
};

enum class Preference { previous, next };

// The random access point of each video PID nearest to `wanted`, on the preferred side if there is one there: back to
// the last gap, on to the end of what is recorded. Without any, the start is `wanted` itself.
Start choose_start(ring::Recording& recording, ring::Position wanted, const std::vector<ts::Pid>& videos,
                   Preference preference);

}  // namespace tscut
