#include "tools/tsmon/timeline.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tsmon {
namespace {

// ProgramClock::largest_step's reason: a second keeps ordinary loss on the timeline.
constexpr ts::Ticks27 largest_step{ts::system_clock_hz};
// Another program's PCRs have gone on for so long while the reference's did not: the reference is gone.
constexpr ts::Ticks27 silence{ts::system_clock_hz};
constexpr std::chrono::seconds patience{1};
// A second at 100 Mb/s.
constexpr std::uint64_t most_held = 65536;

bool is_step(ts::Ticks27 step) { return step > ts::Ticks27{0} && step <= largest_step; }

}  // namespace

void Timeline::feed(const io::Chunk& chunk) {
  // What came before a loss goes on at the last rate: the time of what is missing lies behind it.
  if (chunk.after_loss && reference_ && rate_ > 0) release_all(std::nullopt);
  chunk_ = &chunk;
  chunk_rest_ = chunk.packets;
  chunk_after_loss_ = chunk.after_loss;
  for (const ts::Packet& packet : chunk.packets) {
    const std::uint64_t position = received_++;
    if (!may_have_pcr(packet) || !packet.has_sync() || packet.transport_error()) continue;
    if (const auto pcr = packet.pcr()) take_pcr(packet.pid(), *pcr, position, chunk);
  }
  if (!chunk_rest_.empty()) hold(chunk_rest_, chunk, chunk_after_loss_);
  chunk_ = nullptr;
  chunk_rest_ = {};
  const bool late = live_ && !held_.empty() && chunk.arrival.steady - held_.front().arrival.steady > patience;
  if (held_packets_ > most_held || late) release_all(live_ ? std::optional{chunk.arrival.steady} : std::nullopt);
}

std::optional<double> Timeline::mean_interval_rate() const {
  if (intervals_ == 0) return std::nullopt;
  return interval_rates_ / static_cast<double>(intervals_) * static_cast<double>(ts::system_clock_hz);
}

void Timeline::poll(ts::SteadyTime now) {
  if (live_ && !held_.empty() && now - held_.front().arrival.steady > patience) release_all(now);
}

void Timeline::finish() { release_all(std::nullopt); }

void Timeline::take_pcr(ts::Pid pid, ts::Pcr pcr, std::uint64_t position, const io::Chunk& chunk) {
  const auto [found, is_new] = readings_.try_emplace(pid, Reading{pcr, position, chunk.arrival.steady});
  if (is_new) return;
  Reading& reading = found->second;
  const ts::Ticks27 step = ts::distance(reading.pcr, pcr);
  // A duplicate packet tells nothing new.
  if (step == ts::Ticks27{0}) return;
  const Reading before = std::exchange(reading, Reading{pcr, position, chunk.arrival.steady});
  const auto packets = static_cast<double>(position - before.position);
  if (is_step(step)) {
    reading.ticks_per_packet = static_cast<double>(step.count()) / packets;
    reading.advance = before.advance + step;
    interval_rates_ += packets / static_cast<double>(step.count());
    ++intervals_;
  }
  if (!reference_) {
    if (reading.ticks_per_packet == 0) return;
    measured_time_ += step;
    measured_packets_ += position - before.position;
    choose(pid, reading);
  } else if (pid == *reference_) {
    double rate = reading.ticks_per_packet;
    if (rate > 0) {
      measured_time_ += step;
      measured_packets_ += position - before.position;
      for (auto& [other, r] : readings_) r.advance = ts::Ticks27{0};
      if (emitted_ > before.position) rate = leave_gap(reference_time_ + step, position);
    } else if (live_) {
      const auto passed = chunk.arrival.steady - std::max(before.arrival, covered_.value_or(before.arrival));
      rate = leave_gap(time_ + std::max(std::chrono::duration_cast<ts::Ticks27>(passed), ts::Ticks27{0}), position);
    }
    settle(position, rate > 0 ? rate : rate_);
    reference_time_ = time_;
  } else if (reading.advance > silence) {
    choose(pid, reading);
  }
}

// From here on this program tells the time; what waits is given the rate of its last interval.
void Timeline::choose(ts::Pid pid, const Reading& reading) {
  reference_ = pid;
  for (auto& [other, r] : readings_) r.advance = ts::Ticks27{0};
  settle(reading.position, reading.ticks_per_packet);
  reference_time_ = time_;
}

// Of the packets since the last PCR some have been emitted; the one at `position` is to have this time. The rest comes
// at the last rate just before it, or evenly if there is no time for that. Returns the rate.
double Timeline::leave_gap(ts::ProgramTime time, std::uint64_t position) {
  const double left = static_cast<double>((time - time_).count());
  const auto packets = static_cast<double>(position - emitted_);
  if (left <= 0) return rate_;
  if (left < packets * rate_) return left / packets;
  time_ += ts::Ticks27{static_cast<std::int64_t>(left - packets * rate_)};
  return rate_;
}

// The packets before `position` get their time.
void Timeline::settle(std::uint64_t position, double ticks_per_packet) {
  rate_ = ticks_per_packet;
  for (Block& block : held_) {
    emit(block.packets, block.arrival, block.after_loss, rate_);
    block.packets.clear();
    spare_.push_back(std::move(block));
  }
  held_.clear();
  held_packets_ = 0;
  if (position <= emitted_) return;
  const auto count = static_cast<std::size_t>(position - emitted_);
  const auto packets = chunk_rest_.first(count);
  chunk_rest_ = chunk_rest_.subspan(count);
  emit(packets, chunk_->arrival, std::exchange(chunk_after_loss_, false), rate_);
}

// Without any PCR a live input's packets are spread over the time in which they came. While it stalls nothing is known
// of its time, which stands still as it does where there are PCRs.
double Timeline::rate_by_arrival(ts::SteadyTime now) const {
  ts::SteadyTime last = released_.value_or(held_.front().arrival.steady);
  ts::SteadyTime::duration passed{0}, longest{0};
  const auto go_on = [&](ts::SteadyTime time) {
    const auto gap = std::max(time - last, ts::SteadyTime::duration{0});
    passed += gap;
    longest = std::max(longest, gap);
    last = time;
  };
  for (const Block& block : held_) go_on(block.arrival.steady);
  go_on(now);
  // More than half of the time: no low rate, but a stall.
  if (longest * 2 > passed) passed -= longest;
  return std::chrono::duration<double>(passed).count() * static_cast<double>(ts::system_clock_hz) /
         static_cast<double>(held_packets_);
}

void Timeline::release_all(std::optional<ts::SteadyTime> now) {
  const bool by_arrival = !reference_ && now && held_packets_ > 0;
  const double rate = by_arrival ? rate_by_arrival(*now) : rate_;
  if (now) released_ = now;
  if (!held_.empty()) covered_ = held_.back().arrival.steady;
  settle(emitted_, rate);
}

void Timeline::emit(std::span<const ts::Packet> packets, const ts::Arrival& arrival, bool after_loss,
                    double ticks_per_packet) {
  handler_({packets, emitted_, time_, ticks_per_packet, arrival, after_loss});
  emitted_ += packets.size();
  const double passed = fraction_ + static_cast<double>(packets.size()) * ticks_per_packet;
  const double whole = std::floor(passed);
  time_ += ts::Ticks27{static_cast<std::int64_t>(whole)};
  fraction_ = passed - whole;
}

void Timeline::hold(std::span<const ts::Packet> packets, const io::Chunk& chunk, bool after_loss) {
  if (spare_.empty()) {
    held_.push_back({});
  } else {
    held_.push_back(std::move(spare_.back()));
    spare_.pop_back();
  }
  Block& block = held_.back();
  block.packets.assign(packets.begin(), packets.end());
  block.arrival = chunk.arrival;
  block.after_loss = after_loss;
  held_packets_ += packets.size();
}

}  // namespace tsmon
