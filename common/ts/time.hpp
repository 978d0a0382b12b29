// Time in its three domains: wire values, the program timeline, and arrival.
//
// Wire values (Pcr, Timestamp) wrap, so they have no `<`: compare them by distance(). The program timeline is
// one program's clock unwrapped. Arrival is this host's clock. Only ProgramClock crosses from one to another.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <ratio>

namespace ts {

// The system clock frequency of ISO/IEC 13818-1 2.4.2.1.
inline constexpr std::int64_t system_clock_hz = 27'000'000;

using Ticks27 = std::chrono::duration<std::int64_t, std::ratio<1, 27'000'000>>;
using Ticks90 = std::chrono::duration<std::int64_t, std::ratio<1, 90'000>>;

// A program clock reference as sent: 27 MHz modulo 2^33 x 300 (ISO/IEC 13818-1 2.4.3.5). Wraps every 26.5 h.
class Pcr {
 public:
  static constexpr std::int64_t modulus = (std::int64_t{1} << 33) * 300;

  constexpr Pcr() = default;
  // Any value is taken modulo 2^33 x 300, negative ones too.
  constexpr explicit Pcr(Ticks27 t) : ticks_(wrap(t.count())) {}

  constexpr std::int64_t ticks() const { return ticks_; }
  constexpr std::int64_t base() const { return ticks_ / 300; }       // 90 kHz
  constexpr std::int64_t extension() const { return ticks_ % 300; }  // 27 MHz

  friend constexpr bool operator==(Pcr, Pcr) = default;
  friend constexpr Pcr operator+(Pcr a, Ticks27 d) { return Pcr{Ticks27{a.ticks_} + d}; }
  friend constexpr Pcr operator-(Pcr a, Ticks27 d) { return Pcr{Ticks27{a.ticks_} - d}; }

 private:
  static constexpr std::int64_t wrap(std::int64_t t) {
    t %= modulus;
    return t < 0 ? t + modulus : t;
  }
  std::int64_t ticks_ = 0;
};

// The shorter way round from one PCR to another, in (-modulus/2, modulus/2].
constexpr Ticks27 distance(Pcr from, Pcr to) {
  std::int64_t d = to.ticks() - from.ticks();
  if (d > Pcr::modulus / 2) d -= Pcr::modulus;
  if (d <= -Pcr::modulus / 2) d += Pcr::modulus;
  return Ticks27{d};
}

// A PTS or DTS as sent: 90 kHz modulo 2^33 (ISO/IEC 13818-1 2.4.3.7).
class Timestamp {
 public:
  static constexpr std::int64_t modulus = std::int64_t{1} << 33;

  constexpr Timestamp() = default;
  constexpr explicit Timestamp(Ticks90 t) : ticks_(t.count() & (modulus - 1)) {}

  constexpr std::int64_t ticks() const { return ticks_; }

  friend constexpr bool operator==(Timestamp, Timestamp) = default;
  friend constexpr Timestamp operator+(Timestamp a, Ticks90 d) { return Timestamp{Ticks90{a.ticks_} + d}; }
  friend constexpr Timestamp operator-(Timestamp a, Ticks90 d) { return Timestamp{Ticks90{a.ticks_} - d}; }

 private:
  std::int64_t ticks_ = 0;
};

constexpr Ticks90 distance(Timestamp from, Timestamp to) {
  std::int64_t d = (to.ticks() - from.ticks()) & (Timestamp::modulus - 1);
  if (d > Timestamp::modulus / 2) d -= Timestamp::modulus;
  return Ticks90{d};
}

// One program's clock, unwrapped: 27 MHz ticks from an origin of its own. Ordered, never wraps (10 000 years).
struct ProgramTimeline {
  using duration = Ticks27;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<ProgramTimeline, Ticks27>;
  static constexpr bool is_steady = true;
};
using ProgramTime = ProgramTimeline::time_point;

// When this host had the bytes. Order and durations come from `steady`; `wall` is for people, and may step.
using SteadyTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;
struct Arrival {
  SteadyTime steady;
  WallTime wall;
};

}  // namespace ts
