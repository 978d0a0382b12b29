#include "common/ring/index_builder.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/captures.hpp"
#include "tests/support/packet_builder.hpp"
#include "tests/support/stream_builder.hpp"

namespace {

using namespace std::chrono_literals;
using ring::Record;

ts::Arrival arrival_at(std::chrono::nanoseconds time) {
  return {ts::SteadyTime{time}, ts::WallTime{1'800'000'000s + time}};
}

// The packets arrive evenly over `duration`, 50 ms at a time.
std::vector<Record> records_of(std::span<const ts::Packet> packets, std::chrono::nanoseconds duration,
                               ring::IndexBuilder& builder) {
  const auto batches = static_cast<std::size_t>(std::max<std::int64_t>(duration / 50ms, 1));
  for (std::size_t i = 0; i < batches; ++i) {
    const std::size_t from = packets.size() * i / batches, to = packets.size() * (i + 1) / batches;
    builder.feed(packets.subspan(from, to - from), arrival_at(static_cast<std::int64_t>(i) * 50ms));
  }
  return std::move(builder.records());
}

template <typename Type>
std::vector<Type> only(const std::vector<Record>& records) {
  std::vector<Type> found;
  for (const Record& record : records) {
    if (const auto* of_type = std::get_if<Type>(&record)) found.push_back(*of_type);
  }
  return found;
}

class IndexBuilder : public testing::Test {
 protected:
  IndexBuilder() { stream_.add(support::ServiceOptions::numbered(1)); }
  support::StreamBuilder stream_{{.rate = 1'000'000}};
  ring::IndexBuilder builder_;
};

TEST_F(IndexBuilder, DatesPacketsAboutEvery100ms) {
  const auto records = records_of(stream_.make(5s), 5s, builder_);
  const auto dates = only<ring::DateRecord>(records);
  EXPECT_NEAR(static_cast<double>(dates.size()), 50, 1);
  EXPECT_EQ(dates.front().packet, 0u);
}

TEST_F(IndexBuilder, RecordsClocksAsSent) {
  const auto packets = stream_.make(5s);
  const auto clocks = only<ring::ClockRecord>(records_of(packets, 5s, builder_));
  EXPECT_NEAR(static_cast<double>(clocks.size()), 45, 10);
  for (const auto& clock : clocks) {
    EXPECT_EQ(clock.pcr, stream_.pcr(psi::ServiceId{0x101}, clock.packet));
    EXPECT_FALSE(clock.discontinuity);
  }
}

TEST_F(IndexBuilder, PassesAWrapOfThePcrAsNoDiscontinuity) {
  auto service = support::ServiceOptions::numbered(1);
  service.start_pcr = ts::Pcr{ts::Ticks27{-27'000'000}};
  support::StreamBuilder wrapping{{.rate = 1'000'000}};
  wrapping.add(service);
  const auto clocks = only<ring::ClockRecord>(records_of(wrapping.make(3s), 3s, builder_));
  EXPECT_TRUE(std::ranges::none_of(clocks, &ring::ClockRecord::discontinuity));
  EXPECT_TRUE(std::ranges::any_of(clocks, [](const auto& c) { return c.pcr.ticks() < 27'000'000; }));
}

TEST_F(IndexBuilder, RecordsEachDiscontinuity) {
  auto packets = stream_.make(2s);
  stream_.jump(psi::ServiceId{0x101}, ts::Ticks27{-100 * ts::system_clock_hz}, false);
  const auto later = stream_.make(2s);
  packets.insert(packets.end(), later.begin(), later.end());
  const auto clocks = only<ring::ClockRecord>(records_of(packets, 4s, builder_));
  EXPECT_EQ(std::ranges::count_if(clocks, &ring::ClockRecord::discontinuity), 1);
}

TEST_F(IndexBuilder, FindsEachRandomAccessPoint) {
  const auto packets = stream_.make(10s);
  const auto points = only<ring::AccessRecord>(records_of(packets, 10s, builder_));
  EXPECT_GE(points.size(), 9u);
  for (const auto& point : points) {
    EXPECT_EQ(point.pid, ts::Pid{0x101});
    EXPECT_EQ(point.access, ts::AccessPoint::closed);
    EXPECT_TRUE(point.pts);
    const auto& packet = packets[point.packet];
    EXPECT_TRUE(packet.unit_start() && packet.pid() == point.pid);
  }
}

TEST_F(IndexBuilder, RecordsTablesWhenTheyChange) {
  auto packets = stream_.make(2s);
  auto service = stream_.service(psi::ServiceId{0x101});
  service.audio.pop_back();
  stream_.replace(service);
  const auto later = stream_.make(2s);
  packets.insert(packets.end(), later.begin(), later.end());
  const auto tables = only<ring::TableRecord>(records_of(packets, 4s, builder_));
  const auto count = [&](ts::Pid pid) { return std::ranges::count(tables, pid, &ring::TableRecord::pid); };
  EXPECT_EQ(count(ts::pat_pid), 1);
  EXPECT_EQ(count(ts::Pid{0x100}), 2);
  EXPECT_EQ(count(ts::sdt_pid), 2);  // a new version of the same
  EXPECT_EQ(count(ts::eit_pid), 4);  // present and following, both twice
}

TEST_F(IndexBuilder, MakesOneGapOfLossesCloseTogether) {
  auto packets = stream_.make(10s);
  for (const std::size_t first : {50u, 53u, 56u}) support::lose(packets, ts::Pid{0x101}, first, 1);
  const auto gaps = only<ring::GapRecord>(records_of(packets, 10s, builder_));
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_GE(gaps[0].packets, 2u);
  EXPECT_EQ(gaps[0].packets, builder_.statistics().missing_packets);
}

TEST_F(IndexBuilder, DoesNotCountAKnownGapTwice) {
  const auto packets = stream_.make(10s);
  builder_.feed(std::span{packets}.first(2000), arrival_at(0s));
  builder_.gap({0, ring::GapRecord::Cause::overflow, {}, {}, 500}, true);
  builder_.feed(std::span{packets}.subspan(2500), arrival_at(1s));
  const auto gaps = only<ring::GapRecord>(builder_.records());
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].packet, 2000u);
  EXPECT_EQ(gaps[0].packets, 500u);
  EXPECT_EQ(builder_.statistics().continuity_errors, 0u);
}

TEST_F(IndexBuilder, CountsALossThatTheNetworkReportedByContinuity) {
  const auto packets = stream_.make(10s);
  builder_.feed(std::span{packets}.first(2000), arrival_at(0s));
  builder_.gap({0, ring::GapRecord::Cause::socket, arrival_at(0s).wall, arrival_at(0s).wall, 0}, false);
  builder_.feed(std::span{packets}.subspan(2007), arrival_at(100ms));
  const auto gaps = only<ring::GapRecord>(builder_.records());
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].cause, ring::GapRecord::Cause::socket);
  EXPECT_GT(gaps[0].packets, 0u);
}

TEST_F(IndexBuilder, DatesTheLastPacketOnce) {
  const auto packets = stream_.make(1s);
  builder_.feed(packets, arrival_at(0s));
  builder_.date_last();
  builder_.date_last();
  const auto dates = only<ring::DateRecord>(builder_.records());
  ASSERT_EQ(dates.size(), 2u);
  EXPECT_EQ(dates[1].packet, packets.size() - 1);
}

TEST(IndexBuilderOnCaptures, FindsWhatIsKnownOfAMultiplex) {
  CAPTURE_OR_SKIP(bytes, "mpts-dvbt-22394kbps.ts");
  ring::IndexBuilder builder;
  builder.feed(ts::packets_in(std::span<const std::uint8_t>{bytes}), arrival_at(0s));
  EXPECT_EQ(builder.statistics().packets, 20'000u);
  EXPECT_EQ(builder.statistics().continuity_errors, 0u);
  EXPECT_EQ(builder.services().services().size(), 8u);
  std::set<ts::Pid> clocks, pictures;
  for (const auto& clock : only<ring::ClockRecord>(builder.records())) clocks.insert(clock.pid);
  for (const auto& point : only<ring::AccessRecord>(builder.records())) pictures.insert(point.pid);
  EXPECT_EQ(clocks.size(), 9u);
  EXPECT_GE(pictures.size(), 4u);
}

TEST(IndexBuilderOnCaptures, PassesOverDamagedPackets) {
  CAPTURE_OR_SKIP(bytes, "corrupt-sync.ts");
  ring::IndexBuilder builder;
  builder.feed(ts::packets_in(std::span<const std::uint8_t>{bytes}), arrival_at(0s));
  EXPECT_EQ(builder.statistics().packets, 300u);
  EXPECT_EQ(builder.statistics().bad_sync, 5u);
}

}  // namespace
