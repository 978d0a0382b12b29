#include "common/ts/program_clock.hpp"

#include <algorithm>
#include <cmath>

namespace ts {

ProgramClock::Sample ProgramClock::feed(Pcr pcr, std::uint64_t position, bool signalled,
                                        std::optional<SteadyTime> arrival) {
  if (!started_) {
    started_ = true;
    set(pcr, position, arrival);
    return {last_time_, Step::first, Ticks27{0}};
  }
  const Ticks27 wire_step = distance(last_pcr_, pcr);
  const std::uint64_t packets = position - last_position_;
  if (!signalled && wire_step >= Ticks27{0} && wire_step <= largest_step) {
    // A repeated PCR is that of a duplicate packet: time and rate are the first one's.
    if (wire_step == Ticks27{0}) return {last_time_, Step::continuous, wire_step};
    if (packets > 0) ticks_per_packet_ = static_cast<double>(wire_step.count()) / static_cast<double>(packets);
    last_time_ += wire_step;
    set(pcr, position, arrival);
    return {last_time_, Step::continuous, wire_step};
  }
  Ticks27 passed{0};
  if (arrival && last_arrival_) {
    passed = std::chrono::duration_cast<Ticks27>(*arrival - *last_arrival_);
  } else if (ticks_per_packet_ > 0) {
    passed = Ticks27{std::llround(ticks_per_packet_ * static_cast<double>(packets))};
  }
  last_time_ += std::max(passed, Ticks27{0});
  ++epoch_;
  set(pcr, position, arrival);
  return {last_time_, Step::jump, wire_step};
}

void ProgramClock::set(Pcr pcr, std::uint64_t position, std::optional<SteadyTime> arrival) {
  last_pcr_ = pcr;
  last_position_ = position;
  last_arrival_ = arrival;
}

std::optional<double> ProgramClock::ticks_per_packet() const {
  if (ticks_per_packet_ > 0) return ticks_per_packet_;
  return std::nullopt;
}

ProgramTime ProgramClock::at(std::uint64_t position) const {
  const auto packets = static_cast<double>(static_cast<std::int64_t>(position - last_position_));
  return last_time_ + Ticks27{std::llround(packets * ticks_per_packet_)};
}

ProgramTime ProgramClock::unwrap(Timestamp timestamp) const {
  const Timestamp base{Ticks90{last_pcr_.base()}};
  return last_time_ + distance(base, timestamp) - Ticks27{last_pcr_.extension()};
}

ProgramTime ProgramClock::unwrap(Pcr pcr) const { return last_time_ + distance(last_pcr_, pcr); }

Pcr ProgramClock::wire(ProgramTime time) const { return last_pcr_ + (time - last_time_); }

namespace {

double nanoseconds(Ticks27 ticks) { return static_cast<double>(ticks.count()) * (1000.0 / 27); }

// Least delays are taken over as long a block as this.
constexpr Ticks27 block{5 * system_clock_hz};
// The weight of a block falls to 1/e in this time.
constexpr double memory_ns = 60e9;
// How surely the rate is expected to be 0 before anything is known: (0.3 ms of a block's error / 50 ppm) squared.
constexpr double rate_prior_ns2 = (0.3e6 / 50e-6) * (0.3e6 / 50e-6);
// The output takes up what it is off by at this time constant, and at no more than this rate, which itself changes
// over a fifth of that time (overdamped), so that the mapping of what is queued for output stays where it was.
constexpr double slew_ns = 5e9;
constexpr double largest_slew = 0.005;
constexpr double bend_ns = 1e9;

}  // namespace

double ClockRecovery::Line::at(double x) const { return level + rate * (x - origin); }

void ClockRecovery::Fit::add(double x, double y) {
  const double shift = x - origin;
  const double keep = std::exp(-shift / memory_ns);
  // The sums move to the new origin x, then age, then the point (0, y) is added.
  sum_xx = keep * (sum_xx - 2 * shift * sum_x + shift * shift * weight);
  sum_xy = keep * (sum_xy - shift * sum_y);
  sum_x = keep * (sum_x - shift * weight);
  sum_y = keep * sum_y + y;
  weight = keep * weight + 1;
  origin = x;
}

ClockRecovery::Line ClockRecovery::Fit::line() const {
  const double mean_x = sum_x / weight;
  const double mean_y = sum_y / weight;
  const double variance = sum_xx - mean_x * sum_x + rate_prior_ns2;
  const double rate = (sum_xy - mean_x * sum_y) / variance;
  return {origin, mean_y - rate * mean_x, rate};
}

void ClockRecovery::start(ProgramTime time, SteadyTime arrival) {
  started_ = true;
  first_time_ = time;
  first_arrival_ = arrival;
  fit_ = {};
  target_ = {};
  output_ = {};
  block_start_ = time;
  least_ = {};
}

// The second least delay of a block stands for it, so that one wrong PCR does not.
void ClockRecovery::Least::add(Point point) {
  if (count == 0 || point.delay < first.delay) {
    second = count == 0 ? point : first;
    first = point;
  } else if (count == 1 || point.delay < second.delay) {
    second = point;
  }
  ++count;
}

bool ClockRecovery::feed(ProgramTime time, SteadyTime arrival) {
  if (!started_) {
    start(time, arrival);
    return false;
  }
  const double x = nanoseconds(time - first_time_);
  const double y = static_cast<double>((arrival - first_arrival_).count()) - x;
  if (std::abs(y - output_.at(x)) > static_cast<double>(relock_.count())) {
    start(time, arrival);
    return false;
  }
  least_.add({x, y, y - target_.rate * x});
  if (time - block_start_ >= block) {
    fit_.add(least_.second.x, least_.second.y);
    target_ = fit_.line();
    block_start_ = time;
    least_ = {};
  } else if (fit_.weight == 0) {
    target_.level = least_.second.y;
  }
  steer(x);
  return true;
}

// Bends the output at x towards the target, without a step.
void ClockRecovery::steer(double x) {
  if (x <= output_.origin) return;
  const double level = output_.at(x);
  const double off = target_.at(x) - level;
  const double rate = target_.rate + std::clamp(off / slew_ns, -largest_slew, largest_slew);
  const double bend = std::min(1.0, (x - output_.origin) / bend_ns);
  output_ = {x, level, output_.rate + bend * (rate - output_.rate)};
}

SteadyTime ClockRecovery::arrival_of(ProgramTime time) const {
  const double x = nanoseconds(time - first_time_);
  return first_arrival_ + std::chrono::nanoseconds{std::llround(x + output_.at(x))};
}

double ClockRecovery::drift_ppm() const { return -1e6 * target_.rate; }

}  // namespace ts
