// Notices that the wall clock was set, by comparing it with the steady clock.
#pragma once

#include <chrono>
#include <optional>

#include "common/ts/time.hpp"

namespace tscircrec {

class ClockWatch {
 public:
  // A smaller change is the drift that a time service corrects, in small steps or smoothly.
  static constexpr std::chrono::milliseconds least_step{250};

  // Both clocks, read together. Returns the step since the last call, if there was one.
  std::optional<std::chrono::nanoseconds> feed(const ts::Arrival& now);
  // The arrival, as the clock says now: stamps from just before a step still have the old date, and stamps that were
  // converted across a step are off by it.
  ts::Arrival correct(ts::Arrival arrival);

 private:
  std::optional<std::chrono::nanoseconds> offset_;  // wall - steady
  ts::Arrival now_{};
  ts::SteadyTime last_{};
};

}  // namespace tscircrec
