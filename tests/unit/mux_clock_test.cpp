#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdint>

#include "common/mux/clock_follower.hpp"
#include "common/mux/output_clock.hpp"
#include "common/mux/time.hpp"

namespace {

using mux::MultiplexTime;
using ts::ProgramTime;
using ts::Ticks27;

constexpr MultiplexTime at(std::int64_t ticks) { return MultiplexTime{Ticks27{ticks}}; }
constexpr ProgramTime program(std::int64_t ticks) { return ProgramTime{Ticks27{ticks}}; }

TEST(ConstantRate, IsExactAfterTenYears) {
  // 24 Mb/s: 1504 bits take 1692 ticks.
  const mux::ConstantRate rate{24'000'000};
  const std::uint64_t packets = std::uint64_t{10} * 365 * 86'400 * 24'000'000 / 1504;
  EXPECT_EQ(rate.time_of(packets), at(static_cast<std::int64_t>(packets) * 1692));
  EXPECT_EQ(rate.packet_at(rate.time_of(packets)), packets);
}

TEST(ConstantRate, RoundsDownAndNeverDrifts) {
  const mux::ConstantRate rate{38'014'705};
  // 27 MHz x 1504 / 38014705 = 1068.217...
  EXPECT_EQ(rate.time_of(1), at(1068));
  EXPECT_EQ(rate.time_of(38'014'705), at(std::int64_t{1504} * 27'000'000));
  for (std::uint64_t packet :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{999}, std::uint64_t{123'456'789'012}}) {
    EXPECT_EQ(rate.packet_at(rate.time_of(packet)), packet);
    EXPECT_EQ(rate.packet_at(rate.time_of(packet) + Ticks27{1}), packet + 1);
  }
  EXPECT_EQ(rate.packet_at(at(-5)), 0u);
}

TEST(OutputClock, ShowsAndSendsWhatItWasSetTo) {
  const mux::OutputClock clock{at(1000), program(5'000'000), ts::Pcr{Ticks27{-300}}};
  EXPECT_EQ(clock.at(at(1000)), program(5'000'000));
  EXPECT_EQ(clock.at(at(1900)), program(5'000'900));
  EXPECT_EQ(clock.wire(clock.at(at(1900))), ts::Pcr{Ticks27{600}});  // past the wrap
  EXPECT_EQ(clock.when(program(5'000'900)), at(1900));
}

TEST(OutputClock, HasNoStepWhereItsRateChanges) {
  mux::OutputClock clock{at(0), program(0), ts::Pcr{}};
  MultiplexTime now = at(0);
  for (int change = 0; change < 10'000; ++change) {
    const ProgramTime before = clock.at(now);
    clock.set_rate(now, 30e-6 * std::sin(change * 0.01));
    ASSERT_LE(std::abs((clock.at(now) - before).count()), 1);
    now += Ticks27{27'000'001};
  }
}

TEST(OutputClock, LosesNothingByManyChangesOfItsRate) {
  mux::OutputClock clock{at(0), program(0), ts::Pcr{}};
  // 30 ppm for an hour, said anew every 7 ms.
  const std::int64_t step = 189'000;
  const std::int64_t steps = std::int64_t{3600} * 27'000'000 / step;
  for (std::int64_t i = 0; i < steps; ++i) clock.set_rate(at(i * step), 30e-6);
  const std::int64_t end = steps * step;
  EXPECT_NEAR(static_cast<double>((clock.at(at(end)) - program(end)).count()), static_cast<double>(end) * 30e-6, 2);
}

TEST(OutputClock, WhenIsTheInverseOfAt) {
  mux::OutputClock clock{at(0), program(777), ts::Pcr{}};
  clock.set_rate(at(100), -250e-6);
  for (std::int64_t ticks :
       {std::int64_t{100}, std::int64_t{54'321}, std::int64_t{27'000'000}, std::int64_t{1} << 40}) {
    EXPECT_LE(std::abs((clock.when(clock.at(at(ticks))) - at(ticks)).count()), 1) << ticks;
  }
}

// A source and a clock that follows it, second by second.
struct Following {
  mux::ClockFollower follower;
  double behind = 0;  // s
  void run(double drift, int seconds) {
    for (int i = 0; i < seconds; ++i) {
      const double rate = follower.follow(drift, mux::ClockFollower::Seconds{behind}, mux::ClockFollower::Seconds{1});
      behind += drift - rate;
      worst = std::max(worst, std::abs(behind));
      steepest = std::max(steepest, std::abs(rate - last));
      last = rate;
    }
  }
  double worst = 0, steepest = 0, last = 0;
};

TEST(ClockFollower, TakesOverThirtyPpmWithinTenMinutesAndMillisecondsOfBuffer) {
  Following following;
  following.run(30e-6, 900);
  EXPECT_NEAR(following.follower.rate(), 30e-6, 6e-6);
  EXPECT_LT(following.worst, 0.015);
  following.run(30e-6, 6 * 3600);
  EXPECT_NEAR(following.follower.rate(), 30e-6, 0.1e-6);
  EXPECT_LT(std::abs(following.behind), 0.5e-3);
}

TEST(ClockFollower, BendsNoFasterThanPcrAccuracyAllows) {
  Following following;
  following.run(-30e-6, 3600);
  EXPECT_LE(following.steepest, 50.001e-9);
  // Settled, it keeps within the 75 mHz/s of ISO/IEC 13818-1.
  following.steepest = 0;
  for (int i = 0; i < 100; ++i) following.run(-30e-6 + (i % 2 == 0 ? 0.1e-6 : -0.1e-6), 10);
  EXPECT_LE(following.steepest, 75e-3 / 27e6 * 1.001);
}

TEST(ClockFollower, MakesUpForWhatItIsBehindWithoutOvershoot) {
  Following following;
  following.behind = 0.005;
  double least = 0;
  for (int i = 0; i < 2 * 3600; ++i) {
    following.run(0, 1);
    least = std::min(least, following.behind);
  }
  EXPECT_LT(std::abs(following.behind), 0.3e-3);
  EXPECT_GT(least, -1.5e-3);
}

TEST(ClockFollower, FollowsNoBrokenClock) {
  Following following;
  following.run(0.01, 100'000);
  EXPECT_LE(following.follower.rate(), 300e-6);
}

}  // namespace
