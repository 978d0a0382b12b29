#include "common/io/pcr_timer.hpp"

#include <algorithm>

namespace io {

namespace {

using std::chrono::nanoseconds;
using ts::SteadyTime;

constexpr ts::Ticks27 longest_silence{ts::system_clock_hz};
// Held before a clock is despaired of: 100 ms, the longest PCR interval (ISO/IEC 13818-1 2.7.2), at 240 Mb/s.
constexpr std::size_t most_held = 16384;
// A stream without a clock leaves no faster than 10 Mb/s.
constexpr nanoseconds unclocked_step{ts::packet_size * 8 * 100};
// What was due longer ago than this cannot be made up for without a burst: time goes on from the present instead.
constexpr nanoseconds tolerated_lateness = std::chrono::milliseconds{5};
// A writer that has not had to wait for so long a passage writes at the input's own pace.
constexpr ts::Ticks27 surely_unthrottled{5 * ts::system_clock_hz};

}  // namespace

void PcrTimer::feed(const ts::Packet& packet, std::uint64_t position, SteadyTime arrival) {
  held_.push_back({packet, position, arrival, {}});
  if (is_clock(packet, position, arrival)) {
    feed_clock(packet, position, arrival);
  } else if (options_.live) {
    expire(arrival);
    if (held_.size() - ready_ >= most_held) time_by_clock(held_.size(), arrival);  // a flood
  } else if (held_.size() - ready_ >= most_held || (clock_.ticks_per_packet() && is_silent(position, arrival))) {
    time_by_clock(held_.size(), arrival);
  }
}

bool PcrTimer::is_clock(const ts::Packet& packet, std::uint64_t position, SteadyTime arrival) {
  if (!packet.has_sync() || packet.transport_error() || !packet.pcr()) return false;
  if (options_.pcr_pid) return packet.pid() == *options_.pcr_pid;
  if (followed_ && packet.pid() != *followed_) {
    if (!is_silent(position, arrival)) return false;
    time_by_clock(held_.size() - 1, arrival);
    restart_clock();
  }
  followed_ = packet.pid();
  return true;
}

bool PcrTimer::is_silent(std::uint64_t position, SteadyTime arrival) const {
  if (options_.live) return arrival - last_pcr_arrival_ > longest_silence;
  if (!clock_.ticks_per_packet()) return position - clock_.last_position() > most_held;
  return clock_.at(position) - clock_.last_time() > longest_silence;
}

void PcrTimer::feed_clock(const ts::Packet& packet, std::uint64_t position, SteadyTime arrival) {
  const auto seen = options_.live ? std::optional{arrival} : std::nullopt;
  const auto sample = clock_.feed(*packet.pcr(), position, packet.discontinuity(), seen);
  last_pcr_arrival_ = arrival;
  if (!unthrottled_since_) unthrottled_since_ = sample.time;
  recovery_.feed(sample.time, arrival);
  if (clock_.ticks_per_packet()) time_by_clock(held_.size(), arrival);
}

void PcrTimer::expire(SteadyTime now) {
  if (!options_.live) return;
  const SteadyTime oldest = now - options_.latency * 3 / 4;
  std::size_t count = ready_;
  while (count < held_.size() && held_[count].arrival <= oldest) ++count;
  time_unclocked(count, now);
}

void PcrTimer::finish(SteadyTime now) { time_by_clock(held_.size(), now); }

void PcrTimer::set_pcr_pid(std::optional<ts::Pid> pid, SteadyTime now) {
  if (pid == options_.pcr_pid) return;
  options_.pcr_pid = pid;
  if (pid && pid == followed_) return;
  time_by_clock(held_.size(), now);
  restart_clock();
  followed_ = pid;
}

void PcrTimer::throttled() {
  recovery_ = ts::ClockRecovery{};
  unthrottled_since_.reset();
}

void PcrTimer::forget_ready() {
  held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(ready_));
  ready_ = 0;
}

void PcrTimer::restart_clock() {
  clock_ = {};
  recovery_ = ts::ClockRecovery{};
  anchor_.reset();
  unthrottled_since_.reset();
}

bool PcrTimer::follows_arrivals() const {
  if (!recovery_.started()) return false;
  return options_.live || (unthrottled_since_ && clock_.last_time() - *unthrottled_since_ > surely_unthrottled);
}

SteadyTime PcrTimer::anchored(ts::ProgramTime time) const {
  return anchor_->steady + std::chrono::duration_cast<nanoseconds>(time - anchor_->time);
}

void PcrTimer::time_by_clock(std::size_t count, SteadyTime now) {
  if (count <= ready_) return;
  if (!clock_.ticks_per_packet()) return time_unclocked(count, now);

  const bool follow = follows_arrivals();
  const ts::ProgramTime first = clock_.at(held_[ready_].position);
  if (!follow && followed_arrivals_ && last_due_) anchor_ = {first, *last_due_};
  followed_arrivals_ = follow;
  // The first packets, and those after a clock that ended, follow what went before; late ones start anew.
  if (!follow && !anchor_) anchor_ = {first, std::max(last_due_.value_or(now), now + options_.latency)};
  if (!follow && anchored(first) + tolerated_lateness < now) anchor_ = {first, now + options_.latency};

  for (; ready_ < count; ++ready_) {
    Timed& packet = held_[ready_];
    const ts::ProgramTime time = clock_.at(packet.position);
    // A wrong PCR must not hold up a live stream.
    set_due(packet, follow
                        ? std::min(recovery_.arrival_of(time) + options_.latency, packet.arrival + 2 * options_.latency)
                        : anchored(time));
  }
}

void PcrTimer::time_unclocked(std::size_t count, SteadyTime now) {
  for (; ready_ < count; ++ready_) {
    Timed& packet = held_[ready_];
    const SteadyTime next = last_due_ ? *last_due_ + unclocked_step : now;
    set_due(packet, options_.live ? packet.arrival + options_.latency : std::max(now, next));
    ++unclocked_;
  }
}

void PcrTimer::set_due(Timed& packet, SteadyTime due) {
  packet.due = last_due_ ? std::max(*last_due_, due) : due;
  last_due_ = packet.due;
}

}  // namespace io
