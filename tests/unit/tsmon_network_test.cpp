// RFC 4445 by hand.
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <optional>
#include <vector>

#include "tools/tsmon/network_meter.hpp"

namespace tsmon_test {
namespace {

using namespace std::chrono_literals;
using tsmon::NetworkMeter;

// Datagrams of seven packets, 1316 bytes.
class Arrivals {
 public:
  explicit Arrivals(std::optional<double> media_rate) : media_rate_(media_rate) {}
  void at(std::chrono::microseconds time) {
    const io::Chunk chunk{packets_, {ts::SteadyTime{1h} + time, {}}, false};
    meter.feed({&chunk, 1}, media_rate_);
  }
  NetworkMeter meter;

 private:
  std::optional<double> media_rate_;
  std::vector<ts::Packet> packets_ = std::vector<ts::Packet>(7, ts::Packet::null());
};

constexpr double media_rate = 8e6;  // 10^6 bytes a second

TEST(NetworkMeter, NothingBeforeTheFirstInterval) {
  Arrivals arrivals{media_rate};
  arrivals.at(0us);
  arrivals.at(900ms);
  EXPECT_FALSE(arrivals.meter.figures().delay_factor_s);
  EXPECT_FALSE(arrivals.meter.figures().loss_rate);
  EXPECT_DOUBLE_EQ(*arrivals.meter.figures().mean_distance_s, 0.9);
}

// Each datagram comes when the one before is drained: the buffer holds one.
TEST(NetworkMeter, SmoothStream) {
  Arrivals arrivals{media_rate};
  for (int i = 0; i < 800; ++i) arrivals.at(i * 1316us);
  const auto& figures = arrivals.meter.figures();
  EXPECT_NEAR(*figures.delay_factor_s, 1.316e-3, 1e-9);
  EXPECT_NEAR(*figures.greatest_delay_factor_s, 1.316e-3, 1e-9);
  EXPECT_NEAR(*figures.mean_distance_s, 1.316e-3, 1e-9);
  EXPECT_NEAR(*figures.least_distance_s, 1.316e-3, 1e-9);
  EXPECT_NEAR(*figures.greatest_distance_s, 1.316e-3, 1e-9);
  EXPECT_EQ(*figures.loss_rate, 0);
}

// At 0, 5, 5 and 6 ms. Before each there are in the buffer 0, 1316 - 5000, 2632 - 5000, 3948 - 6000 bytes, after it
// 1316 more: from -3684 to 1316 bytes, 5 ms at the media rate.
TEST(NetworkMeter, Burst) {
  Arrivals arrivals{media_rate};
  for (const auto time : {0ms, 5ms, 5ms, 6ms}) arrivals.at(time);
  arrivals.meter.set_lost(14);
  arrivals.at(1000ms);  // ends the interval, and belongs to the next
  const auto figures = arrivals.meter.figures();
  EXPECT_NEAR(*figures.delay_factor_s, 5e-3, 1e-12);
  EXPECT_NEAR(*figures.last_greatest_distance_s, 5e-3, 1e-12);
  EXPECT_NEAR(*figures.greatest_distance_s, 0.994, 1e-12);
  EXPECT_EQ(*figures.least_distance_s, 0);
  EXPECT_DOUBLE_EQ(*figures.loss_rate, 14);

  // Then two of 2 s apart: an interval of 2 s with nothing lost; -2e6 + 1316 .. 1316 bytes would be the next one's.
  arrivals.at(3000ms);
  EXPECT_DOUBLE_EQ(*arrivals.meter.figures().loss_rate, 0);
  EXPECT_DOUBLE_EQ(*arrivals.meter.figures().greatest_loss_rate, 14);
  EXPECT_NEAR(*arrivals.meter.figures().greatest_delay_factor_s, 5e-3, 1e-12);
}

// No PCRs: the rate of the interval, 4 x 1316 bytes in a second. Before each 0, 1316 - 26.32, 2632 - 26.32,
// 3948 - 31.584 bytes: from 0 to 3948 - 31.584 + 1316 bytes.
TEST(NetworkMeter, RateOfTheIntervalWhereNoOtherIsKnown) {
  Arrivals arrivals{std::nullopt};
  for (const auto time : {0ms, 5ms, 5ms, 6ms, 1000ms}) arrivals.at(time);
  EXPECT_NEAR(*arrivals.meter.figures().delay_factor_s, (5264 - 31.584) / 5264, 1e-12);
}

// Losses of an interval that is longer than a second count by the second.
TEST(NetworkMeter, LossRateOfALongInterval) {
  Arrivals arrivals{media_rate};
  arrivals.at(0ms);
  arrivals.meter.set_lost(10);
  arrivals.at(4s);
  EXPECT_DOUBLE_EQ(*arrivals.meter.figures().loss_rate, 2.5);
}

// What a meter keeps is bounded: an interval of a very fast stream is shorter.
TEST(NetworkMeter, FastStream) {
  Arrivals arrivals{8e9};
  for (int i = 0; i < 200'000; ++i) arrivals.at(i * 1us);
  EXPECT_NEAR(*arrivals.meter.figures().mean_distance_s, 1e-6, 1e-12);
  EXPECT_TRUE(arrivals.meter.figures().delay_factor_s.has_value());
}

// Time stamps of the kernel are not always in order.
TEST(NetworkMeter, TimeGoesBack) {
  Arrivals arrivals{media_rate};
  for (const auto time : {10ms, 5ms, 0ms, 1011ms}) arrivals.at(time);
  EXPECT_EQ(*arrivals.meter.figures().least_distance_s, 0);
  EXPECT_TRUE(std::isfinite(*arrivals.meter.figures().delay_factor_s));
}

}  // namespace
}  // namespace tsmon_test
