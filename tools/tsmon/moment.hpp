// When something was seen in the stream.
#pragma once

#include <cstdint>

#include "common/ts/time.hpp"

namespace tsmon {

struct Moment {
  ts::ProgramTime time{};      // by the chosen clock, from the first packet on
  std::uint64_t position = 0;  // packets before it
};

inline double seconds(ts::Ticks27 ticks) { return std::chrono::duration<double>(ticks).count(); }
inline double seconds(ts::ProgramTime time) { return seconds(time.time_since_epoch()); }

}  // namespace tsmon
