#include "common/ts/program_clock.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace ts {
namespace {

using namespace std::chrono_literals;
using Step = ProgramClock::Step;

constexpr Ticks27 ms(std::int64_t value) {
  return std::chrono::duration_cast<Ticks27>(std::chrono::milliseconds{value});
}
constexpr SteadyTime arrival(std::int64_t milliseconds) { return SteadyTime{std::chrono::milliseconds{milliseconds}}; }

TEST(ProgramClock, StartsWithTheFirstPcr) {
  ProgramClock clock;
  EXPECT_FALSE(clock.started());
  const auto sample = clock.feed(Pcr{ms(5000)}, 10, false);
  EXPECT_EQ(sample.step, Step::first);
  EXPECT_TRUE(clock.started());
  EXPECT_EQ(clock.last_pcr(), Pcr{ms(5000)});
  EXPECT_FALSE(clock.ticks_per_packet());
  EXPECT_EQ(clock.at(500), clock.last_time());
}

TEST(ProgramClock, KeepsRateAcrossWrap) {
  ProgramClock clock;
  const Pcr start{Ticks27{Pcr::modulus} - ms(100)};
  const auto first = clock.feed(start, 0, false).time;
  for (int i = 1; i <= 10; ++i) {
    const auto sample = clock.feed(start + ms(40 * i), static_cast<std::uint64_t>(100 * i), false);
    EXPECT_EQ(sample.step, Step::continuous);
    EXPECT_EQ(sample.wire_step, ms(40));
    EXPECT_EQ(sample.time - first, ms(40 * i));
    EXPECT_DOUBLE_EQ(*clock.ticks_per_packet(), 10800.0);
  }
  EXPECT_EQ(clock.epoch(), 0u);
}

TEST(ProgramClock, RunsForDaysWithoutAJump) {
  ProgramClock clock;
  Pcr pcr{ms(123)};
  const auto first = clock.feed(pcr, 0, false).time;
  constexpr int seconds = 3 * 86400;
  for (int i = 1; i <= seconds; ++i) {
    pcr = pcr + ms(1000);
    ASSERT_EQ(clock.feed(pcr, static_cast<std::uint64_t>(i), false).step, Step::continuous);
  }
  EXPECT_EQ(clock.last_time() - first, std::chrono::duration_cast<Ticks27>(std::chrono::seconds{seconds}));
}

TEST(ProgramClock, InterpolatesByPosition) {
  ProgramClock clock;
  clock.feed(Pcr{ms(0)}, 1000, false);
  const auto time = clock.feed(Pcr{ms(40)}, 1100, false).time;
  EXPECT_EQ(clock.at(1100), time);
  EXPECT_EQ(clock.at(1150), time + ms(20));
  EXPECT_EQ(clock.at(1000), time - ms(40));
  EXPECT_EQ(clock.at(950), time - ms(60));
}

TEST(ProgramClock, StepUpToASecondIsNoJump) {
  ProgramClock clock;
  clock.feed(Pcr{ms(0)}, 0, false);
  EXPECT_EQ(clock.feed(Pcr{ms(1000)}, 10, false).step, Step::continuous);
  EXPECT_EQ(clock.feed(Pcr{ms(2000) + Ticks27{1}}, 20, false).step, Step::jump);
}

TEST(ProgramClock, RepeatedPcrChangesNothing) {
  ProgramClock clock;
  clock.feed(Pcr{ms(0)}, 0, false);
  clock.feed(Pcr{ms(40)}, 100, false);
  const auto at = clock.at(150);
  const auto sample = clock.feed(Pcr{ms(40)}, 101, false);
  EXPECT_EQ(sample.step, Step::continuous);
  EXPECT_EQ(sample.wire_step, Ticks27{0});
  EXPECT_EQ(clock.at(150), at);
}

TEST(ProgramClock, JumpGoesOnByPackets) {
  ProgramClock clock;
  clock.feed(Pcr{ms(0)}, 0, false);
  const auto before = clock.feed(Pcr{ms(40)}, 100, false).time;
  const auto sample = clock.feed(Pcr{ms(900000)}, 150, false);
  EXPECT_EQ(sample.step, Step::jump);
  EXPECT_EQ(sample.wire_step, ms(900000 - 40));
  EXPECT_EQ(sample.time, before + ms(20));
  EXPECT_EQ(clock.epoch(), 1u);
  EXPECT_DOUBLE_EQ(*clock.ticks_per_packet(), 10800.0);
}

TEST(ProgramClock, JumpGoesOnByArrival) {
  ProgramClock clock;
  clock.feed(Pcr{ms(0)}, 0, false, arrival(1000));
  const auto before = clock.feed(Pcr{ms(40)}, 100, false, arrival(1040)).time;
  EXPECT_EQ(clock.feed(Pcr{ms(7)}, 150, false, arrival(6040)).time, before + ms(5000));
}

TEST(ProgramClock, JumpBackOfArrivalDoesNotTurnTimeBack) {
  ProgramClock clock;
  const auto before = clock.feed(Pcr{ms(0)}, 0, false, arrival(1000)).time;
  EXPECT_EQ(clock.feed(Pcr{ms(5000)}, 10, false, arrival(900)).time, before);
}

TEST(ProgramClock, SignalledDiscontinuityIsAJumpHoweverSmall) {
  ProgramClock clock;
  clock.feed(Pcr{ms(0)}, 0, false);
  const auto before = clock.feed(Pcr{ms(40)}, 100, false).time;
  const auto sample = clock.feed(Pcr{ms(50)}, 200, true);
  EXPECT_EQ(sample.step, Step::jump);
  EXPECT_EQ(sample.time, before + ms(40));
}

TEST(ProgramClock, WithoutAnythingKnownTimeStandsAtAJump) {
  ProgramClock clock;
  const auto before = clock.feed(Pcr{ms(1000)}, 0, false).time;
  EXPECT_EQ(clock.feed(Pcr{ms(0)}, 100, false).time, before);
}

TEST(ProgramClock, UnwrapsNearTheLastPcr) {
  ProgramClock clock;
  const Pcr pcr{Ticks27{Pcr::modulus} - ms(10)};
  const auto time = clock.feed(pcr, 0, false).time;
  const Timestamp base{Ticks90{pcr.base()}};
  EXPECT_EQ(clock.unwrap(base + Ticks90{90000}), time + ms(1000) - Ticks27{pcr.extension()});
  EXPECT_EQ(clock.unwrap(base - Ticks90{90000}), time - ms(1000) - Ticks27{pcr.extension()});
  EXPECT_EQ(clock.unwrap(pcr + ms(3'600'000)), time + ms(3'600'000));
  EXPECT_EQ(clock.unwrap(pcr - ms(3'600'000)), time - ms(3'600'000));
}

TEST(ProgramClock, WireUndoesUnwrapOnBothSidesOfAJump) {
  ProgramClock clock;
  clock.feed(Pcr{ms(100)}, 0, false);
  for (const auto next : {Pcr{ms(140)}, Pcr{ms(77'000'000)}}) {
    clock.feed(next, 10, false);
    for (const auto pcr : {next, next + ms(500), next - ms(5000)}) EXPECT_EQ(clock.wire(clock.unwrap(pcr)), pcr);
  }
}

// A sender whose clock is off by `ppm`, seen through a network that delays each packet by up to `jitter`.
class Network {
 public:
  Network(double ppm, std::chrono::nanoseconds jitter, unsigned seed) : ppm_(ppm), jitter_(jitter), random_(seed) {}
  SteadyTime undelayed(ProgramTime time) const {
    const double ns = static_cast<double>(time.time_since_epoch().count()) * 1000.0 / 27 * (1 - ppm_ * 1e-6);
    return SteadyTime{1h} + std::chrono::nanoseconds{std::llround(ns)};
  }
  SteadyTime arrival(ProgramTime time) {
    std::uniform_int_distribution<std::int64_t> delay{0, jitter_.count()};
    return undelayed(time) + std::chrono::nanoseconds{delay(random_)};
  }

 private:
  double ppm_;
  std::chrono::nanoseconds jitter_;
  std::mt19937 random_;
};

double microseconds(std::chrono::nanoseconds duration) { return static_cast<double>(duration.count()) / 1000; }

struct Recovery {
  double worst_us = 0;    // arrival_of against no delay, after a minute
  double worst_rate = 0;  // of any step, against real time
  double late_rate = 0;   // the same after a minute
  double drift_ppm = 0;
};

Recovery recover(Network& network, Ticks27 interval, std::chrono::seconds duration) {
  ClockRecovery recovery;
  Recovery result;
  ProgramTime last{};
  SteadyTime last_output{};
  for (ProgramTime time{}; time.time_since_epoch() < duration; time += interval) {
    const bool went_on = recovery.feed(time, network.arrival(time));
    EXPECT_EQ(went_on, time != ProgramTime{});
    // What leaves is half a second old.
    const ProgramTime leaving = time - ms(500);
    const SteadyTime output = recovery.arrival_of(leaving);
    const bool settled = time.time_since_epoch() > 60s;
    if (time != ProgramTime{}) {
      const double step = microseconds(output - last_output);
      const double rate = std::abs(step / microseconds(network.undelayed(leaving) - network.undelayed(last)) - 1);
      result.worst_rate = std::max(result.worst_rate, rate);
      if (settled) result.late_rate = std::max(result.late_rate, rate);
    }
    if (settled) {
      const double error = microseconds(recovery.arrival_of(time) - network.undelayed(time));
      result.worst_us = std::max(result.worst_us, std::abs(error));
    }
    last = leaving;
    last_output = output;
  }
  result.drift_ppm = recovery.drift_ppm();
  return result;
}

TEST(ClockRecovery, FollowsACleanClockExactly) {
  Network network{0, 0ns, 1};
  const auto result = recover(network, ms(40), 120s);
  EXPECT_LT(result.worst_us, 0.01);
  EXPECT_LT(result.worst_rate, 1e-9);
}

TEST(ClockRecovery, HoldsBelowAMillisecondInJitterAndDrift) {
  for (const double ppm : {-100.0, 0.0, 30.0, 100.0}) {
    for (const unsigned seed : {1u, 2u, 3u, 4u, 5u}) {
      Network network{ppm, 40ms, seed};
      const auto result = recover(network, ms(25), 600s);
      EXPECT_LT(result.worst_us, 1000) << ppm << ' ' << seed;
      EXPECT_LT(result.late_rate, 250e-6) << ppm << ' ' << seed;
      EXPECT_NEAR(result.drift_ppm, ppm, 10) << ppm << ' ' << seed;
    }
  }
}

TEST(ClockRecovery, NeverStepsNorGoesBack) {
  Network network{100, 40ms, 7};
  const auto result = recover(network, ms(25), 60s);
  EXPECT_LT(result.worst_rate, 0.01);
  EXPECT_GT(result.worst_rate, 0);
}

TEST(ClockRecovery, OneWrongPcrDoesNotMoveIt) {
  Network network{20, 5ms, 3};
  ClockRecovery recovery;
  ProgramTime time{};
  for (int i = 0; i < 4000; ++i, time += ms(30)) {
    const bool wrong = i % 150 == 75;
    recovery.feed(time, network.arrival(time) + (wrong ? (i % 300 == 75 ? 120ms : -120ms) : 0ms));
  }
  EXPECT_LT(std::abs(microseconds(recovery.arrival_of(time) - network.undelayed(time))), 1000);
}

TEST(ClockRecovery, StartsAnewAfterAJumpOfArrival) {
  ClockRecovery recovery{200ms};
  EXPECT_FALSE(recovery.started());
  EXPECT_FALSE(recovery.feed(ProgramTime{ms(0)}, arrival(0)));
  EXPECT_TRUE(recovery.started());
  EXPECT_TRUE(recovery.feed(ProgramTime{ms(40)}, arrival(40)));
  EXPECT_TRUE(recovery.feed(ProgramTime{ms(80)}, arrival(279)));
  EXPECT_FALSE(recovery.feed(ProgramTime{ms(120)}, arrival(900)));
  EXPECT_EQ(recovery.arrival_of(ProgramTime{ms(160)}), arrival(940));
}

TEST(ClockRecovery, FollowsALongerRoute) {
  ClockRecovery recovery;
  Network network{0, 2ms, 5};
  ProgramTime time{};
  const auto run = [&](std::chrono::milliseconds route, int samples) {
    for (int i = 0; i < samples; ++i, time += ms(40))
      EXPECT_EQ(recovery.feed(time, network.arrival(time) + route), time != ProgramTime{});
    return microseconds(recovery.arrival_of(time) - network.undelayed(time) - route);
  };
  EXPECT_LT(std::abs(run(0ms, 3000)), 500);
  EXPECT_LT(std::abs(run(30ms, 25 * 300)), 2000);
}

}  // namespace
}  // namespace ts
