#include "common/mux/clock_follower.hpp"

#include <algorithm>
#include <cmath>

namespace mux {
namespace {

// The rate follows what is wanted in this time, and what the clock is behind is made up for in that: critically damped.
constexpr double rate_time = 100, phase_time = 400;  // s
// By no more than this beside the source's own rate, and no source is followed further than that.
constexpr double largest_correction = 5e-6, largest_rate = 300e-6;
// 75 mHz/s of 27 MHz (ISO/IEC 13818-1 2.4.2.1) is what a clock may drift by. Only while it is far off, as in the first
// minutes, it is changed faster: in 4 s that bends the clock by 50 ns.
constexpr double ordinary_drift = 75e-3 / 27e6, fastest_drift = 50e-9;  // 1/s

}  // namespace

double ClockFollower::follow(double drift, Seconds behind, Seconds passed) {
  const double correction = std::clamp(behind.count() / phase_time, -largest_correction, largest_correction);
  const double wanted = std::clamp(drift + correction, -largest_rate, largest_rate);
  const double bend = std::clamp(std::abs(wanted - rate_) / rate_time, ordinary_drift, fastest_drift);
  const double most = bend * std::max(passed.count(), 0.0);
  rate_ += std::clamp(wanted - rate_, -most, most);
  return rate_;
}

}  // namespace mux
