#include "common/io/pcr_timer.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/packet_builder.hpp"

namespace {

using io::PcrTimer;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using ts::SteadyTime;

// A constant-rate stream: `interval` between two packets, a PCR in every tenth.
class PcrTimerTest : public testing::Test {
 protected:
  static constexpr nanoseconds interval = 1ms;
  static constexpr SteadyTime start{1000s};

  static ts::Packet plain(unsigned pid = 0x100) {
    return test::make_packet({.pid = pid}, std::vector<std::uint8_t>(184));
  }
  static ts::Packet clock(nanoseconds time, unsigned pid = 0x100, bool discontinuity = false) {
    return test::make_packet(
        {.pid = pid, .discontinuity = discontinuity, .pcr = ts::Pcr{std::chrono::duration_cast<ts::Ticks27>(time)}});
  }

  // Feeds positions [first, first + count): PCRs as of `time_of`, arrivals as of `arrival_of`.
  template <typename TimeOf, typename ArrivalOf>
  void feed(PcrTimer& timer, std::uint64_t first, std::uint64_t count, TimeOf time_of, ArrivalOf arrival_of,
            unsigned pid = 0x100) {
    for (std::uint64_t p = first; p < first + count; ++p) {
      timer.feed(p % 10 == 0 ? clock(time_of(p), pid) : plain(pid), p, arrival_of(p));
      take(timer);
    }
  }
  void take(PcrTimer& timer) {
    for (const auto& timed : timer.ready()) {
      due_.push_back(timed.due);
      positions_.push_back(timed.position);
    }
    timer.forget_ready();
  }
  static nanoseconds even(std::uint64_t position) { return interval * static_cast<std::int64_t>(position); }
  static SteadyTime at_once(std::uint64_t) { return start; }
  static SteadyTime in_pace(std::uint64_t position) { return start + even(position); }

  // Each packet comes once, in order, never before the one before it.
  void expect_order() {
    for (std::size_t i = 1; i < due_.size(); ++i) {
      ASSERT_GE(due_[i], due_[i - 1]) << i;
      ASSERT_EQ(positions_[i], positions_[i - 1] + 1) << i;
    }
  }

  std::vector<SteadyTime> due_;
  std::vector<std::uint64_t> positions_;
};

TEST_F(PcrTimerTest, SpreadsPacketsEvenlyBetweenPcrs) {
  PcrTimer timer({.latency = 200ms});
  feed(timer, 0, 101, even, at_once);
  ASSERT_EQ(due_.size(), 101u);
  EXPECT_EQ(due_.front(), start + 200ms);
  for (std::size_t i = 1; i < due_.size(); ++i)
    EXPECT_NEAR(static_cast<double>((due_[i] - due_[i - 1]).count()), 1e6, 100);
  EXPECT_EQ(timer.unclocked(), 0u);
}

TEST_F(PcrTimerTest, HoldsPacketsUntilTheNextPcr) {
  PcrTimer timer({});
  feed(timer, 0, 10, even, at_once);
  EXPECT_TRUE(due_.empty());  // no rate yet
  feed(timer, 10, 9, even, at_once);
  EXPECT_EQ(due_.size(), 11u);
  feed(timer, 19, 2, even, at_once);
  EXPECT_EQ(due_.size(), 21u);
}

TEST_F(PcrTimerTest, TimesPacketsBeforeTheFirstPcr) {
  PcrTimer timer({.latency = 200ms});
  feed(timer, 5, 20, even, at_once);
  ASSERT_EQ(due_.size(), 16u);
  EXPECT_EQ(due_.front(), start + 200ms);
  EXPECT_NEAR(static_cast<double>((due_.back() - due_.front()).count()), 15e6, 100);
}

TEST_F(PcrTimerTest, GoesOnOverAJumpOfThePcr) {
  PcrTimer timer({});
  const auto jumping = [](std::uint64_t p) { return even(p) + (p >= 50 ? nanoseconds(10h) : 0ns); };
  feed(timer, 0, 101, jumping, at_once);
  ASSERT_EQ(due_.size(), 101u);
  expect_order();
  for (std::size_t i = 1; i < due_.size(); ++i) EXPECT_LE(due_[i] - due_[i - 1], 1001us) << i;
}

TEST_F(PcrTimerTest, StartsAnewWhenItIsLate) {
  PcrTimer timer({.latency = 200ms});
  feed(timer, 0, 101, even, at_once);
  const SteadyTime later = start + 10s;
  feed(timer, 101, 100, even, [&](std::uint64_t) { return later; });
  ASSERT_EQ(due_.size(), 201u);
  EXPECT_EQ(due_[101], later + 200ms);
  EXPECT_NEAR(static_cast<double>((due_[200] - due_[101]).count()), 99e6, 1000);
  expect_order();
}

TEST_F(PcrTimerTest, FollowsTheFirstPcrPidAndLeavesItWhenSilent) {
  PcrTimer timer({.latency = 200ms});
  // Another PID's PCRs, nine hours off, change nothing while the first has its own.
  for (std::uint64_t p = 0; p < 101; ++p) {
    timer.feed(p % 10 == 0 ? clock(even(p)) : p % 10 == 5 ? clock(even(p) + 9h, 0x200) : plain(), p, start);
    take(timer);
  }
  expect_order();
  EXPECT_NEAR(static_cast<double>((due_.back() - due_.front()).count()), 100e6, 100);
  // Then it goes silent: time goes on, by the last rate first and by the other's after a second.
  feed(
      timer, 101, 5000, [](std::uint64_t p) { return even(p) + 9h; }, at_once, 0x200);
  timer.finish(start);
  take(timer);
  ASSERT_EQ(due_.size(), 5101u);
  expect_order();
  EXPECT_NEAR(static_cast<double>((due_.back() - due_.front()).count()), 5100e6, 2e6);
}

TEST_F(PcrTimerTest, TakesANewPcrPidWhenTold) {
  PcrTimer timer({.pcr_pid = ts::Pid{0x100}, .latency = 200ms});
  feed(timer, 0, 105, even, at_once);
  timer.set_pcr_pid(ts::Pid{0x200}, start);
  take(timer);
  EXPECT_EQ(due_.size(), 105u);
  feed(
      timer, 105, 196, [](std::uint64_t p) { return even(p) + 9h; }, at_once, 0x200);
  ASSERT_EQ(due_.size(), 301u);
  expect_order();
  EXPECT_NEAR(static_cast<double>((due_.back() - due_.front()).count()), 300e6, 2e6);
}

TEST_F(PcrTimerTest, KeepsALiveStreamsPaceAndLatency) {
  PcrTimer timer({.live = true, .latency = 200ms});
  // Arrivals in bursts of 5 ms, which the output must not show.
  const auto bursts = [](std::uint64_t p) { return start + interval * static_cast<std::int64_t>((p / 5 + 1) * 5); };
  feed(timer, 0, 60'001, even, bursts);
  ASSERT_EQ(due_.size(), 60'001u);
  expect_order();
  for (std::size_t i = 30'000; i < due_.size(); ++i) {
    ASSERT_NEAR(static_cast<double>((due_[i] - due_[i - 1]).count()), 1e6, 2e3) << i;
    ASSERT_NEAR(static_cast<double>((due_[i] - bursts(i)).count()), 200e6, 6e6) << i;
  }
}

TEST_F(PcrTimerTest, SendsALiveStreamWithoutPcrByItsArrivals) {
  PcrTimer timer({.live = true, .latency = 200ms});
  for (std::uint64_t p = 0; p < 1000; ++p) {
    timer.feed(plain(), p, in_pace(p));
    take(timer);
  }
  EXPECT_EQ(due_.size(), 1000u - 150u);  // three quarters of the latency are held
  for (std::size_t i = 0; i < due_.size(); ++i) ASSERT_EQ(due_[i], in_pace(i) + 200ms);
  timer.expire(in_pace(2000));
  take(timer);
  EXPECT_EQ(due_.size(), 1000u);
  EXPECT_EQ(timer.unclocked(), 1000u);
}

TEST_F(PcrTimerTest, DoesNotLetAWrongPcrHoldUpALiveStream) {
  PcrTimer timer({.live = true, .latency = 200ms});
  const auto wrong = [](std::uint64_t p) { return even(p) + (p == 5000 ? nanoseconds(900ms) : 0ns); };
  feed(timer, 0, 10'001, wrong, in_pace);
  ASSERT_EQ(due_.size(), 10'001u);
  expect_order();
  for (std::size_t i = 0; i < due_.size(); ++i) ASSERT_LE(due_[i] - in_pace(i), 410ms) << i;
}

TEST_F(PcrTimerTest, HoldsNoMoreThanItMayOfAFileWithoutPcr) {
  PcrTimer timer({});
  for (std::uint64_t p = 0; p < 20'000; ++p) {
    timer.feed(plain(), p, start);
    take(timer);
  }
  EXPECT_GE(due_.size(), 16'384u);
  timer.finish(start);
  take(timer);
  EXPECT_EQ(due_.size(), 20'000u);
  expect_order();
  EXPECT_EQ(timer.unclocked(), 20'000u);
  EXPECT_GT(due_.back() - due_.front(), 2s);  // no burst
}

// A pipe from a live program: what is written is at the input's pace, which drifts from this host's.
TEST_F(PcrTimerTest, HoldsNoMoreThanItMayOfAFlood) {
  PcrTimer timer({.live = true, .latency = 200ms});
  for (std::uint64_t p = 0; p < 100'000; ++p) timer.feed(plain(), p, start);
  take(timer);
  EXPECT_GT(due_.size(), 80'000u);
  expect_order();
  EXPECT_EQ(due_.back(), start + 200ms);
}

TEST_F(PcrTimerTest, FollowsThePaceOfAPipeThatIsNotHeldUp) {
  PcrTimer timer({.latency = 200ms});
  const auto slow = [](std::uint64_t p) {
    return start + nanoseconds(static_cast<std::int64_t>(static_cast<double>(even(p).count()) * 1.0001));
  };
  constexpr std::uint64_t count = 600'001;  // 10 minutes, 60 ms of drift
  feed(timer, 0, count, even, slow);
  ASSERT_EQ(due_.size(), count);
  expect_order();
  for (std::size_t i = 100'000; i < due_.size(); ++i) {
    ASSERT_NEAR(static_cast<double>((due_[i] - slow(i)).count()), 200e6, 20e6) << i;
    ASSERT_NEAR(static_cast<double>((due_[i] - due_[i - 1]).count()), 1e6, 1e4) << i;
  }
}

}  // namespace
