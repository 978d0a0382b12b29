// One program's clock as a multiplex sends it: its time and its PCR at any time of the multiplex.
//
// It runs with the multiplex, or by some parts per million faster or slower, as its source does, and has no steps.
#pragma once

#include "common/mux/time.hpp"
#include "common/ts/time.hpp"

namespace mux {

class OutputClock {
 public:
  OutputClock() = default;
  // Shows `time` at `at`, and is sent as `wire` then.
  OutputClock(MultiplexTime at, ts::ProgramTime time, ts::Pcr wire);

  ts::ProgramTime at(MultiplexTime time) const;
  // The inverse: when it will show `time`, or did, at its present rate.
  MultiplexTime when(ts::ProgramTime time) const;
  ts::Pcr wire(ts::ProgramTime time) const { return wire_ + (time - wire_time_); }

  // From `from` on it runs by `rate` (30e-6: 30 ppm) faster than the multiplex. What it showed before then may no
  // longer be asked for.
  void set_rate(MultiplexTime from, double rate);
  double rate() const { return rate_; }

 private:
  MultiplexTime origin_{};
  ts::ProgramTime level_{};  // at origin_
  double fraction_ = 0;      // of a tick, beyond level_
  double rate_ = 0;
  ts::ProgramTime wire_time_{};  // sent as wire_
  ts::Pcr wire_;
};

}  // namespace mux
