// The multiplex's own time: a multiplex of constant rate is its own clock, told by counting packets.
#pragma once

#include <chrono>
#include <cstdint>

#include "common/ts/packet.hpp"
#include "common/ts/time.hpp"

namespace mux {

// 27 MHz ticks since the first packet of the multiplex began. Ordered, never wraps.
struct MultiplexTimeline {
  using duration = ts::Ticks27;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MultiplexTimeline, ts::Ticks27>;
  static constexpr bool is_steady = true;
};
using MultiplexTime = MultiplexTimeline::time_point;

// To the tick below.
constexpr ts::Ticks27 ticks(std::chrono::nanoseconds time) { return std::chrono::duration_cast<ts::Ticks27>(time); }

// When the packets of a multiplex begin, exact for ever: packet n at n x 1504 bits / rate, rounded down to a tick.
class ConstantRate {
 public:
  // `bits_per_second` from 1 on.
  constexpr explicit ConstantRate(std::int64_t bits_per_second) : bits_per_second_(bits_per_second) {}

  constexpr std::int64_t bits_per_second() const { return bits_per_second_; }
  constexpr double ticks_per_packet() const {
    return static_cast<double>(ticks_by_rate) / static_cast<double>(bits_per_second_);
  }
  constexpr MultiplexTime time_of(std::uint64_t packet) const {
    return MultiplexTime{ts::Ticks27{static_cast<std::int64_t>(Wide{packet} * ticks_by_rate / rate())}};
  }
  // The first packet that begins then or later; 0 for times before the start.
  constexpr std::uint64_t packet_at(MultiplexTime time) const {
    if (time <= MultiplexTime{}) return 0;
    const auto ticks = static_cast<std::uint64_t>(time.time_since_epoch().count());
    return static_cast<std::uint64_t>((Wide{ticks} * rate() + ticks_by_rate - 1) / ticks_by_rate);
  }

 private:
  // Packets x ticks pass 64 bits after some hours.
  using Wide = unsigned __int128;
  static constexpr std::uint64_t ticks_by_rate = ts::packet_size * 8 * ts::system_clock_hz;
  constexpr Wide rate() const { return static_cast<std::uint64_t>(bits_per_second_); }

  std::int64_t bits_per_second_;
};

}  // namespace mux
