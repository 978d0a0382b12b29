#include "tools/tscircrec/clock_watch.hpp"

#include <algorithm>

namespace tscircrec {
namespace {

std::chrono::nanoseconds offset_of(const ts::Arrival& arrival) {
  return arrival.wall.time_since_epoch() - arrival.steady.time_since_epoch();
}

}  // namespace

std::optional<std::chrono::nanoseconds> ClockWatch::feed(const ts::Arrival& now) {
  const auto offset = offset_of(now);
  now_ = now;
  if (!offset_) {
    offset_ = offset;
    return std::nullopt;
  }
  const auto change = offset - *offset_;
  // A small one is drift: follow it.
  offset_ = offset;
  return std::chrono::abs(change) >= least_step ? std::optional{change} : std::nullopt;
}

ts::Arrival ClockWatch::correct(ts::Arrival arrival) {
  arrival.steady = std::min(std::max(arrival.steady, last_), std::max(now_.steady, last_));
  last_ = arrival.steady;
  if (!offset_) return arrival;
  const ts::WallTime expected{arrival.steady.time_since_epoch() + *offset_};
  if (std::chrono::abs(arrival.wall - expected) >= least_step) arrival.wall = expected;
  return arrival;
}

}  // namespace tscircrec
