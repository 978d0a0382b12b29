// Where the multiplex stands in the time of this host: live it runs with the steady clock, offline it has no such time.
#pragma once

#include <chrono>
#include <optional>

#include "common/mux/time.hpp"
#include "common/ts/time.hpp"

namespace tsmux {

class TimeBase {
 public:
  TimeBase() = default;  // offline
  explicit TimeBase(ts::SteadyTime start) : start_(start) {}

  bool is_live() const { return start_.has_value(); }
  // Only live.
  mux::MultiplexTime at(ts::SteadyTime time) const {
    return mux::MultiplexTime{std::chrono::floor<ts::Ticks27>(time - *start_)};
  }
  ts::SteadyTime steady(mux::MultiplexTime time) const {
    return *start_ + std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch());
  }

 private:
  std::optional<ts::SteadyTime> start_;
};

}  // namespace tsmux
