#include "common/ts/time.hpp"

#include <gtest/gtest.h>

namespace ts {
namespace {

using namespace std::chrono_literals;

TEST(Pcr, WrapsBothWays) {
  EXPECT_EQ(Pcr{Ticks27{Pcr::modulus}}.ticks(), 0);
  EXPECT_EQ(Pcr{Ticks27{-1}}.ticks(), Pcr::modulus - 1);
  EXPECT_EQ((Pcr{Ticks27{5}} - Ticks27{10}).ticks(), Pcr::modulus - 5);
  EXPECT_EQ((Pcr{Ticks27{-5}} + Ticks27{10}).ticks(), 5);
}

TEST(Pcr, SplitsInBaseAndExtension) {
  const Pcr pcr{Ticks27{301}};
  EXPECT_EQ(pcr.base(), 1);
  EXPECT_EQ(pcr.extension(), 1);
}

TEST(Pcr, WrapsAfterTwentySixAndAHalfHours) {
  const auto period = std::chrono::duration_cast<std::chrono::seconds>(Ticks27{Pcr::modulus});
  EXPECT_EQ(period, 26h + 30min + 43s);
}

TEST(Pcr, DistanceIsTheShorterWay) {
  EXPECT_EQ(distance(Pcr{Ticks27{-10}}, Pcr{Ticks27{20}}), Ticks27{30});
  EXPECT_EQ(distance(Pcr{Ticks27{20}}, Pcr{Ticks27{-10}}), Ticks27{-30});
  EXPECT_EQ(distance(Pcr{}, Pcr{Ticks27{Pcr::modulus / 2}}), Ticks27{Pcr::modulus / 2});
  EXPECT_EQ(distance(Pcr{}, Pcr{Ticks27{Pcr::modulus / 2 + 1}}), Ticks27{-Pcr::modulus / 2 + 1});
  EXPECT_EQ(distance(Pcr{Ticks27{Pcr::modulus / 2}}, Pcr{}), Ticks27{Pcr::modulus / 2});
}

TEST(Timestamp, WrapsBothWays) {
  EXPECT_EQ(Timestamp{Ticks90{Timestamp::modulus}}.ticks(), 0);
  EXPECT_EQ(Timestamp{Ticks90{-1}}.ticks(), Timestamp::modulus - 1);
  EXPECT_EQ((Timestamp{Ticks90{5}} - Ticks90{10}).ticks(), Timestamp::modulus - 5);
}

TEST(Timestamp, DistanceIsTheShorterWay) {
  EXPECT_EQ(distance(Timestamp{Ticks90{-10}}, Timestamp{Ticks90{20}}), Ticks90{30});
  EXPECT_EQ(distance(Timestamp{Ticks90{20}}, Timestamp{Ticks90{-10}}), Ticks90{-30});
}

TEST(Ticks, ConvertExactly) {
  EXPECT_EQ(Ticks27{Ticks90{1}}, Ticks27{300});
  EXPECT_EQ(std::chrono::duration_cast<Ticks27>(1s).count(), system_clock_hz);
}

}  // namespace
}  // namespace ts
