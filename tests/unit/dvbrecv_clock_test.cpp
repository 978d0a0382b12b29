#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <optional>

#include "tests/unit/dvbrecv_fixture.hpp"
#include "tools/dvbrecv/multiplex_clock.hpp"
#include "tools/dvbrecv/rate_meter.hpp"

namespace dvbrecv {
namespace {

using namespace std::chrono_literals;

void feed(MultiplexClock& clock, const std::vector<ts::Packet>& packets, std::uint64_t first_position = 0) {
  for (std::size_t i = 0; i < packets.size(); ++i) clock.feed(packets[i], first_position + i, std::nullopt);
}

TEST(MultiplexClock, KnowsNothingBeforeTwoPcrs) {
  MultiplexClock clock;
  EXPECT_FALSE(clock.at(0));
  EXPECT_FALSE(clock.bit_rate());
  EXPECT_EQ(clock.position_of(ts::ProgramTime{1s}), std::numeric_limits<std::uint64_t>::max());
}

TEST(MultiplexClock, MeasuresTheWholeMultiplexByOneProgram) {
  auto builder = two_services();
  MultiplexClock clock;
  feed(clock, builder.make(3s));
  ASSERT_TRUE(clock.bit_rate());
  EXPECT_NEAR(*clock.bit_rate(), 4e6, 1);
}

TEST(MultiplexClock, FindsThePositionOfATime) {
  auto builder = two_services();
  MultiplexClock clock;
  feed(clock, builder.make(3s));
  const auto now = *clock.at(builder.position());
  const auto position = clock.position_of(now + ts::Ticks27{1s});
  EXPECT_NEAR(static_cast<double>(position - builder.position()), 4e6 / 1504, 1);
  EXPECT_GE(*clock.at(position), now + ts::Ticks27{1s});
}

TEST(MultiplexClock, GoesOnWithAnotherProgramWhenTheOneItFollowsEnds) {
  auto builder = two_services();
  MultiplexClock clock;
  feed(clock, builder.make(1s));
  const auto before = *clock.at(builder.position());
  const auto start = builder.position();
  builder.remove(psi::ServiceId{0x0101});  // hours away from the other on its own clock
  feed(clock, builder.make(3s), start);
  const auto passed = *clock.at(builder.position()) - before;
  EXPECT_NEAR(std::chrono::duration<double>(passed).count(), 3, 0.01);
}

TEST(MultiplexClock, GoesOnAcrossAJump) {
  auto builder = two_services();
  MultiplexClock clock;
  feed(clock, builder.make(1s));
  const auto start = builder.position();
  const auto before = *clock.at(start);
  builder.jump(psi::ServiceId{0x0101}, -ts::Ticks27{10h}, false);
  builder.jump(psi::ServiceId{0x0102}, -ts::Ticks27{10h}, false);
  feed(clock, builder.make(2s), start);
  EXPECT_NEAR(std::chrono::duration<double>(*clock.at(builder.position()) - before).count(), 2, 0.01);
  EXPECT_NEAR(*clock.bit_rate(), 4e6, 1);
}

TEST(RateMeter, MeasuresBetweenTwoLooks) {
  RateMeter meter;
  meter.update(0, 10);
  EXPECT_FALSE(meter.bits_per_second());
  meter.update(1000, 12);
  EXPECT_EQ(meter.bits_per_second(), 1000 * 1504 / 2);
  meter.update(5000, 12);
  EXPECT_EQ(meter.bits_per_second(), 1000 * 1504 / 2);
}

TEST(RateMeter, ALookTooSoonChangesNothing) {
  RateMeter meter;
  meter.update(0, 10);
  meter.update(1000, 12);
  meter.update(1000, 12.2);  // between two batches
  EXPECT_EQ(meter.bits_per_second(), 1000 * 1504 / 2);
  meter.update(2000, 14);
  EXPECT_EQ(meter.bits_per_second(), 1000 * 1504 / 2);
}

}  // namespace
}  // namespace dvbrecv
