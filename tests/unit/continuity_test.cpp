#include "common/ts/continuity.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "tests/support/captures.hpp"
#include "tests/support/packet_builder.hpp"

namespace ts {
namespace {

using enum Continuity::Verdict;
using Verdict = Continuity::Verdict;

class ContinuityTest : public testing::Test {
 protected:
  Continuity::Result check(test::PacketFields fields) {
    static constexpr std::uint8_t payload[1] = {0};
    return continuity_.check(test::make_packet(fields, payload));
  }
  Verdict counter(unsigned value) { return check({.counter = value}).verdict; }
  Continuity continuity_;
};
using ContinuityOf = ContinuityTest;

TEST_F(ContinuityOf, CountsModuloSixteen) {
  EXPECT_EQ(counter(14), first);
  EXPECT_EQ(counter(15), good);
  EXPECT_EQ(counter(0), good);
}

TEST_F(ContinuityOf, SaysHowManyAreMissing) {
  counter(14);
  const auto result = check({.counter = 2});
  EXPECT_EQ(result.verdict, lost);
  EXPECT_EQ(result.missing, 3);
  EXPECT_EQ(counter(3), good);
}

TEST_F(ContinuityOf, AllowsOneDuplicate) {
  counter(4);
  EXPECT_EQ(counter(4), duplicate);
  EXPECT_EQ(counter(4), repeated);
  EXPECT_EQ(counter(4), repeated);
  EXPECT_EQ(counter(5), good);
  EXPECT_EQ(counter(5), duplicate);
}

// 15 packets in a row are missing: the counter is the same, but the packet is another one.
TEST_F(ContinuityOf, TellsALossOfFifteenFromADuplicate) {
  static constexpr std::uint8_t payload[1] = {0};
  auto packet = test::make_packet({.counter = 4}, payload);
  packet.bytes.back() = 1;
  auto other = packet;
  other.bytes.back() = 2;
  EXPECT_EQ(continuity_.check(packet).verdict, first);
  for (const auto& next : {other, packet}) {
    const auto result = continuity_.check(next);
    EXPECT_EQ(result.verdict, lost);
    EXPECT_EQ(result.missing, 15);
    EXPECT_EQ(continuity_.check(next).verdict, duplicate);
  }
  EXPECT_EQ(counter(5), good);
}

// A duplicate may have a PCR of its own.
TEST_F(ContinuityOf, AllowsADuplicateWithItsOwnPcr) {
  EXPECT_EQ(check({.counter = 4, .pcr = Pcr{std::chrono::seconds{1}}}).verdict, first);
  EXPECT_EQ(check({.counter = 4, .pcr = Pcr{std::chrono::seconds{2}}}).verdict, duplicate);
}

TEST_F(ContinuityOf, StandsStillWithoutPayload) {
  counter(4);
  EXPECT_EQ(check({.counter = 4, .payload = false}).verdict, good);
  EXPECT_EQ(check({.counter = 4, .payload = false}).verdict, good);
  EXPECT_EQ(counter(5), good);
  const auto result = check({.counter = 6, .payload = false});
  EXPECT_EQ(result.verdict, lost);
  EXPECT_EQ(result.missing, 1);
}

TEST_F(ContinuityOf, JumpsUnderDiscontinuityIndicator) {
  counter(4);
  EXPECT_EQ(check({.counter = 11, .discontinuity = true}).verdict, good);
  EXPECT_EQ(counter(12), good);
}

TEST_F(ContinuityOf, KeepsPidsApart) {
  counter(4);
  EXPECT_EQ(check({.pid = 0x101, .counter = 9}).verdict, first);
  EXPECT_EQ(counter(5), good);
  continuity_.reset(Pid{0x100});
  EXPECT_EQ(counter(9), first);
  EXPECT_EQ(check({.pid = 0x101, .counter = 10}).verdict, good);
}

TEST_F(ContinuityOf, IgnoresNullPackets) {
  EXPECT_EQ(check({.pid = 0x1FFF, .counter = 1}).verdict, good);
  EXPECT_EQ(check({.pid = 0x1FFF, .counter = 9}).verdict, good);
}

TEST_F(ContinuityOf, ErrorsAreLossAndRepetition) {
  for (const Verdict verdict : {first, good, duplicate}) EXPECT_FALSE(Continuity::is_error(verdict));
  EXPECT_TRUE(Continuity::is_error(lost));
  EXPECT_TRUE(Continuity::is_error(repeated));
}

struct Event {
  std::size_t index;
  Verdict verdict;
  int missing;
  bool operator==(const Event&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Event& e) {
  return out << e.index << ':' << static_cast<int>(e.verdict) << ':' << e.missing;
}

std::vector<Event> events_of(std::span<const std::uint8_t> bytes) {
  Continuity continuity;
  std::vector<Event> events;
  const auto packets = packets_in(bytes);
  for (std::size_t i = 0; i < packets.size(); ++i) {
    const auto result = continuity.check(packets[i]);
    if (result.verdict != good && result.verdict != first) events.push_back({i, result.verdict, result.missing});
  }
  return events;
}

TEST(ContinuityOfCapture, FindsThreeThenSevenMissing) {
  CAPTURE_OR_SKIP(bytes, "cc-3-missing-then-7-missing.ts");
  const std::vector<Event> expected{{10, lost, 3}, {20, lost, 7}, {30, duplicate, 0}};
  EXPECT_EQ(events_of(bytes), expected);
}

TEST(ContinuityOfCapture, FindsDuplicatesAndGapOfTen) {
  CAPTURE_OR_SKIP(bytes, "cc-duplicates-and-gap-of-10.ts");
  const std::vector<Event> expected{
      {8, duplicate, 0}, {9, repeated, 0}, {11, lost, 10}, {14, duplicate, 0}, {20, lost, 1}};
  EXPECT_EQ(events_of(bytes), expected);
}

TEST(ContinuityOfCapture, FindsNothingInCleanCaptures) {
  for (const char* name : {"hd1080i-h264-eac3-dvbsub.ts", "mpts-dvbt-22394kbps.ts"}) {
    CAPTURE_OR_SKIP(bytes, name);
    EXPECT_EQ(events_of(bytes), std::vector<Event>{}) << name;
  }
}

}  // namespace
}  // namespace ts
