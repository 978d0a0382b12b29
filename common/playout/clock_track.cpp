#include "common/playout/clock_track.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "common/ts/program_clock.hpp"

namespace playout {

namespace {

using namespace std::chrono_literals;

// A PTS or DTS lies so far from the PCR beside it: behind if it comes late, ahead by the decoder's delay, of 1 s or
// 10 s (ISO/IEC 13818-1 2.4.2.6 for pictures other than stills, ITU-T H.222.0 for AVC).
bool fits(ts::Pcr pcr, ts::Timestamp timestamp) {
  const auto ahead = distance(ts::Timestamp{ts::Ticks90{pcr.base()}}, timestamp);
  return ahead >= -2s && ahead <= 10s;
}

}  // namespace

bool same_rate(double a, double b) { return std::abs(a - b) < 1e-3 * std::abs(b); }

ts::Ticks90 to_ticks90(ts::Ticks27 time) { return std::chrono::round<ts::Ticks90>(time); }

void ClockTrack::feed(ts::Pcr pcr, std::uint64_t position) {
  if (!started()) {
    first_ = pcr;
    first_position_ = last_position_ = position;
    bases_.push_back({position, pcr, pcr, ts::Ticks27{0}});
    return;
  }
  Base& base = bases_.back();
  const ts::Ticks27 step = distance(base.last, pcr);
  const std::uint64_t packets = position - last_position_;
  last_position_ = position;
  if (step <= ts::Ticks27{0} || step > ts::ProgramClock::largest_step) {
    const std::int64_t expected = std::llround(last_rate_.value_or(0) * static_cast<double>(packets));
    bases_.push_back({position, pcr, pcr, base.shift + ts::Ticks27{expected} - step});
    ++jumps_;
    return;
  }
  base.last = pcr;
  ticks_ += step.count();
  packets_ += packets;
  last_rate_ = static_cast<double>(step.count()) / static_cast<double>(packets);
  if (!first_rate_) first_rate_ = last_rate_;
}

void ClockTrack::forget_before(std::uint64_t position) {
  while (bases_.size() > 2 && bases_[2].position <= position) bases_.pop_front();
}

std::optional<double> ClockTrack::mean_rate() const {
  if (packets_ == 0) return std::nullopt;
  return static_cast<double>(ticks_) / static_cast<double>(packets_);
}

std::size_t ClockTrack::base_at(std::uint64_t position) const {
  const auto after = std::upper_bound(bases_.begin(), bases_.end(), position,
                                      [](auto p, const Base& base) { return p < base.position; });
  return after == bases_.begin() ? 0 : static_cast<std::size_t>(after - bases_.begin()) - 1;
}

ts::Ticks27 ClockTrack::move_at(std::uint64_t position) const {
  return started() ? offset_ + bases_[base_at(position)].shift : offset_;
}

ts::Ticks27 ClockTrack::move_of(ts::Timestamp timestamp, std::uint64_t position) const {
  if (bases_.size() <= 1) return move_at(position);
  const std::size_t here = base_at(position);
  if (!fits(passed_.value_or(bases_[here].first), timestamp)) {
    if (here + 1 < bases_.size() && fits(bases_[here + 1].first, timestamp)) return offset_ + bases_[here + 1].shift;
    if (here > 0 && fits(bases_[here - 1].last, timestamp)) return offset_ + bases_[here - 1].shift;
  }
  return offset_ + bases_[here].shift;
}

ts::Ticks27 ClockTrack::move_at_end(ts::Timestamp timestamp) const {
  if (!started()) return offset_;
  const bool of_older =
      bases_.size() > 1 && !fits(bases_.back().last, timestamp) && fits(bases_[bases_.size() - 2].last, timestamp);
  return offset_ + bases_[bases_.size() - (of_older ? 2 : 1)].shift;
}

bool ClockTrack::jumps_at(std::uint64_t position) const {
  return bases_.size() > 1 && position != first_position_ && bases_[base_at(position)].position == position;
}

}  // namespace playout
