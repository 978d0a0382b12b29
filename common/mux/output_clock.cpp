#include "common/mux/output_clock.hpp"

#include <cmath>

namespace mux {

OutputClock::OutputClock(MultiplexTime at, ts::ProgramTime time, ts::Pcr wire)
    : origin_(at), level_(time), wire_time_(time), wire_(wire) {}

ts::ProgramTime OutputClock::at(MultiplexTime time) const {
  const ts::Ticks27 passed = time - origin_;
  return level_ + passed + ts::Ticks27{std::llround(fraction_ + rate_ * static_cast<double>(passed.count()))};
}

MultiplexTime OutputClock::when(ts::ProgramTime time) const {
  const ts::Ticks27 passed = time - level_;
  const double gained = (static_cast<double>(passed.count()) * rate_ + fraction_) / (1 + rate_);
  return origin_ + passed - ts::Ticks27{std::llround(gained)};
}

void OutputClock::set_rate(MultiplexTime from, double rate) {
  const ts::Ticks27 passed = from - origin_;
  const double gained = fraction_ + rate_ * static_cast<double>(passed.count());
  const double whole = std::floor(gained);
  level_ += passed + ts::Ticks27{static_cast<std::int64_t>(whole)};
  fraction_ = gained - whole;
  origin_ = from;
  rate_ = rate;
}

}  // namespace mux
