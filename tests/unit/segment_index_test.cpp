#include "common/ring/segment_index.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using ring::DateRecord;
using ring::GapRecord;

const ts::WallTime date{1'800'000'000s};
const ts::SteadyTime steady{500s};

DateRecord at(ring::PacketNumber packet, std::chrono::nanoseconds time) {
  return {packet, date + time, steady + time, false};
}

TEST(SegmentIndex, IsEmptyAtFirst) {
  const ring::SegmentIndex index;
  EXPECT_FALSE(index.date_of(0));
  EXPECT_FALSE(index.find(date));
  EXPECT_TRUE(index.range(0, 100).empty());
}

TEST(SegmentIndex, DatesPacketsEvenlyBetweenRecords) {
  ring::SegmentIndex index;
  index.add({at(0, 0s), at(100, 1s), at(400, 2s)});
  EXPECT_EQ(index.date_of(0), date);
  EXPECT_EQ(index.date_of(50), date + 500ms);
  EXPECT_EQ(index.date_of(250), date + 1500ms);
  EXPECT_EQ(index.date_of(1000), date + 2s);
  EXPECT_EQ(index.steady_of(250), steady + 1500ms);
}

TEST(SegmentIndex, FindsTheFirstPacketNotBeforeADate) {
  ring::SegmentIndex index;
  index.add({at(0, 0s), at(100, 1s), at(400, 2s)});
  EXPECT_EQ(index.find(date - 1h), 0u);
  EXPECT_EQ(index.find(date + 500ms), 50u);
  EXPECT_EQ(index.find(date + 501ms), 51u);
  EXPECT_EQ(index.find(date + 2s), 400u);
  EXPECT_FALSE(index.find(date + 2001ms));
  EXPECT_EQ(index.find(steady + 500ms), 50u);
}

TEST(SegmentIndex, HasNoPacketsInsideAGap) {
  ring::SegmentIndex index;
  index.add({at(0, 0s), at(100, 3601s), GapRecord{100, GapRecord::Cause::input, date + 1s, date + 3601s, 0}});
  EXPECT_EQ(index.find(date + 500ms), 50u);
  EXPECT_EQ(index.find(date + 30min), 100u);
  EXPECT_EQ(index.date_of(99), date + 990ms);
  EXPECT_EQ(index.date_of(100), date + 3601s);
}

TEST(SegmentIndex, SortsRecordsThatComeLate) {
  ring::SegmentIndex index;
  index.add({at(0, 0s), at(100, 1s)});
  index.add({ring::AccessRecord{50, ts::Pid{0x100}, ts::AccessPoint::closed, {}, {}}});
  const auto range = index.range(50, 100);
  ASSERT_EQ(range.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<ring::AccessRecord>(range[0]));
  EXPECT_EQ(index.range(0, 101).size(), 3u);
}

TEST(SegmentIndex, ForgetsPacketsThatAreNotThere) {
  ring::SegmentIndex index;
  index.add({at(0, 0s), at(100, 1s), GapRecord{150, GapRecord::Cause::lost, date, date, 1}, at(200, 2s)});
  index.truncate(150);
  EXPECT_EQ(index.records().size(), 2u);
  EXPECT_EQ(index.dates().size(), 2u);
  EXPECT_TRUE(index.gaps().empty());
}

}  // namespace
