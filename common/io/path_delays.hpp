// By how much each path of one stream is behind a reference, so that packets have one timeline whichever path they came
// by: when a packet came by the reference path, or would have.
//
// The reference is the earliest path. When it ends or another becomes the earliest, the timeline goes on without a
// step, and bends towards the new one's arrivals by 1/200 at most: output at a fixed delay to it has no gap or burst
// when a path dies or comes back.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

#include "common/ts/time.hpp"

namespace io {

class PathDelays {
 public:
  explicit PathDelays(std::size_t paths) : paths_(paths) {}

  // What arrived at `arrival` by this path has this time on the timeline.
  void start(std::size_t path, ts::SteadyTime arrival, ts::SteadyTime time);
  // Nothing is known of the path any more.
  void forget(std::size_t path);
  // The time of what arrives now, by a path that was started.
  ts::SteadyTime time_of(std::size_t path, ts::SteadyTime arrival);
  // The same packet came by two paths. Nothing happens if one of them was not started.
  void compare(std::size_t one, ts::SteadyTime its_arrival, std::size_t other, ts::SteadyTime others_arrival);
  // Behind the earliest path that is known; nothing if this one is not.
  std::optional<std::chrono::nanoseconds> skew(std::size_t path) const;

 private:
  using Delay = std::chrono::nanoseconds;
  struct Path {
    std::optional<Delay> delay;  // arrivals less times
    ts::SteadyTime heard{};
  };
  std::optional<std::size_t> earliest() const;
  void correct(std::size_t path, Delay error);
  void bend(ts::SteadyTime arrival);

  std::vector<Path> paths_;
  std::size_t reference_ = 0;
};

}  // namespace io
