// One program's clock: its PCRs unwrapped onto a timeline that never jumps, and the crossing between the domains.
#pragma once

#include <cstdint>
#include <optional>

#include "common/ts/time.hpp"

namespace ts {

// Unwraps the PCRs of one PCR PID. `position` counts packets of the whole stream that the PCRs came in (lost packets
// may be counted or not, but a position never goes back); between PCRs, time is interpolated by position.
class ProgramClock {
 public:
  // A PCR that goes back, or forward by more than this, is a jump. TR 101 290 2.3.b takes 100 ms; a second keeps
  // ordinary loss on the timeline. The same PCR again is that of a duplicate packet and changes nothing.
  static constexpr Ticks27 largest_step{system_clock_hz};

  enum class Step : std::uint8_t { first, continuous, jump };
  struct Sample {
    ProgramTime time;
    Step step;
    Ticks27 wire_step;  // from the last PCR, as sent
  };

  // `signalled`: the packet's discontinuity_indicator. At a jump the timeline goes on by the time that passed on
  // arrival if both samples have one, else by packets at the last rate, else by 0; at() and unwrap() then use the
  // new wire base. Never goes back.
  Sample feed(Pcr pcr, std::uint64_t position, bool signalled, std::optional<SteadyTime> arrival = std::nullopt);

  bool started() const { return started_; }
  ProgramTime last_time() const { return last_time_; }
  Pcr last_pcr() const { return last_pcr_; }
  std::uint64_t last_position() const { return last_position_; }
  // Ticks per packet measured over the last PCR interval without a jump; nothing before two PCRs.
  std::optional<double> ticks_per_packet() const;
  // Position to program time by the last PCR and rate; before the last PCR too. last_time() while no rate is known.
  ProgramTime at(std::uint64_t position) const;
  // A wire value near the last PCR (within 13 h) onto the timeline, and back.
  ProgramTime unwrap(Timestamp timestamp) const;
  ProgramTime unwrap(Pcr pcr) const;
  Pcr wire(ProgramTime time) const;
  // Counts jumps: equal numbers, one wire base.
  std::uint32_t epoch() const { return epoch_; }

 private:
  void set(Pcr pcr, std::uint64_t position, std::optional<SteadyTime> arrival);

  bool started_ = false;
  Pcr last_pcr_;
  ProgramTime last_time_{};
  std::uint64_t last_position_ = 0;
  std::optional<SteadyTime> last_arrival_;
  double ticks_per_packet_ = 0;
  std::uint32_t epoch_ = 0;
};

// Maps program time onto this host's steady clock from jittered arrivals, so that output can be paced by it.
//
// Queues only ever delay, so the mapping follows the least delay: each 5 s give one point, the second least delay in
// them, and a line is fitted through these points by least squares that forget over a minute. The output bends towards
// that line over 5 s, by 0.5 % at most: it has no steps and never goes back. A jump of the arrival offset beyond
// `relock` starts it anew.
class ClockRecovery {
 public:
  explicit ClockRecovery(std::chrono::nanoseconds relock = std::chrono::milliseconds{500}) : relock_(relock) {}
  // `time` arrived at `arrival`. Returns false if the mapping was started anew.
  bool feed(ProgramTime time, SteadyTime arrival);
  bool started() const { return started_; }
  // When `time` arrives, or would have, with the least delay seen: real arrivals are later than this by the jitter,
  // in the first seconds also earlier. Only when started().
  SteadyTime arrival_of(ProgramTime time) const;
  // The sender's clock against this host's, in parts per million.
  double drift_ppm() const;

 private:
  // x is program time since the start in ns, y the arrival since the start less x.
  struct Line {
    double origin = 0;
    double level = 0;  // at origin
    double rate = 0;
    double at(double x) const;
  };
  // Weighted sums of the points, x counted from the last one.
  struct Fit {
    double origin = 0, weight = 0, sum_x = 0, sum_y = 0, sum_xx = 0, sum_xy = 0;
    void add(double x, double y);
    Line line() const;
  };
  struct Point {
    double x = 0, y = 0;
    double delay = 0;  // comparable within a block: y less the drift
  };
  struct Least {
    Point first, second;
    std::uint32_t count = 0;
    void add(Point point);
  };
  void start(ProgramTime time, SteadyTime arrival);
  void steer(double x);

  std::chrono::nanoseconds relock_;
  bool started_ = false;
  ProgramTime first_time_{};
  SteadyTime first_arrival_{};
  ProgramTime block_start_{};
  Least least_;
  Fit fit_;
  Line target_;
  Line output_;
};

}  // namespace ts
