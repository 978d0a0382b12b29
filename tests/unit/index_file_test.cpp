#include "common/ring/index_file.hpp"

#include <gtest/gtest.h>

#include "common/ring/segment_name.hpp"

namespace {

using namespace std::chrono_literals;
using ring::Record;

const ts::WallTime date{1'800'000'000s};
const ts::SteadyTime steady{12'345s};

ring::IndexHeader make_header() {
  ring::IndexHeader header;
  header.sequence = 42;
  header.first = date;
  header.steady = steady;
  header.boot[3] = 7;
  return header;
}

std::vector<Record> one_of_each() {
  return {
      ring::DateRecord{0, date, steady, true},
      ring::ClockRecord{5, ts::Pid{0x101}, ts::Pcr{ts::Ticks27{ts::Pcr::modulus - 1}}, true},
      ring::AccessRecord{6, ts::Pid{0x102}, ts::AccessPoint::open, ts::Timestamp{ts::Ticks90{99}}, std::nullopt},
      ring::TableRecord{7, ts::pat_pid, {{1, 2, 3}, {4, 5, 6, 7}}},
      ring::GapRecord{8, ring::GapRecord::Cause::restart, date, date + 5s, 17},
      ring::ClockStepRecord{9, -3600s},
      ring::AccessRecord{10, ts::Pid{0x103}, ts::AccessPoint::gradual, std::nullopt, std::nullopt},
      ring::EndRecord{1ull << 40, date + 300s, steady + 300s, 3},
  };
}

std::vector<std::uint8_t> encoded(const std::vector<Record>& records) {
  std::vector<std::uint8_t> bytes;
  for (const Record& record : records) ring::encode(record, bytes);
  return bytes;
}

TEST(IndexFile, GivesBackItsHeader) {
  std::vector<std::uint8_t> bytes;
  ring::encode(make_header(), bytes);
  ASSERT_EQ(bytes.size(), ring::IndexHeader::size);
  const auto header = ring::decode_header(bytes);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->sequence, 42u);
  EXPECT_EQ(header->first, date);
  EXPECT_EQ(header->steady, steady);
  EXPECT_EQ(header->boot, make_header().boot);
  EXPECT_FALSE(header->rebuilt);
}

TEST(IndexFile, RefusesAHeaderWithAnyByteChanged) {
  std::vector<std::uint8_t> bytes;
  ring::encode(make_header(), bytes);
  for (auto& byte : bytes) {
    byte ^= 0x10;
    EXPECT_FALSE(ring::decode_header(bytes));
    byte ^= 0x10;
  }
  EXPECT_FALSE(ring::decode_header(std::span{bytes}.first(bytes.size() - 1)));
}

TEST(IndexFile, GivesBackEveryTypeOfRecord) {
  const auto bytes = encoded(one_of_each());
  std::vector<Record> records;
  EXPECT_EQ(ring::decode_records(bytes, records), bytes.size());
  ASSERT_EQ(records.size(), 8u);
  EXPECT_EQ(encoded(records), bytes);
  EXPECT_EQ(std::get<ring::DateRecord>(records[0]).date, date);
  EXPECT_TRUE(std::get<ring::DateRecord>(records[0]).estimated);
  EXPECT_EQ(std::get<ring::ClockRecord>(records[1]).pcr.ticks(), ts::Pcr::modulus - 1);
  EXPECT_EQ(std::get<ring::AccessRecord>(records[2]).pts, ts::Timestamp{ts::Ticks90{99}});
  EXPECT_FALSE(std::get<ring::AccessRecord>(records[2]).dts);
  EXPECT_EQ(std::get<ring::TableRecord>(records[3]).sections[1].size(), 4u);
  EXPECT_EQ(std::get<ring::GapRecord>(records[4]).packets, 17u);
  EXPECT_EQ(std::get<ring::ClockStepRecord>(records[5]).step, -3600s);
  EXPECT_EQ(std::get<ring::AccessRecord>(records[6]).access, ts::AccessPoint::gradual);
  EXPECT_EQ(ring::packet_of(records[7]), 1ull << 40);
}

TEST(IndexFile, ReadsWhatIsWholeOfATornIndex) {
  const auto bytes = encoded(one_of_each());
  std::size_t last = 0, count = 0;
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    std::vector<Record> records;
    const std::size_t good = ring::decode_records(std::span{bytes}.first(size), records);
    EXPECT_LE(good, size);
    EXPECT_GE(good, last);
    EXPECT_GE(records.size(), count);
    last = good;
    count = records.size();
  }
  EXPECT_EQ(count, 8u);
}

TEST(IndexFile, StopsAtADamagedRecord) {
  auto bytes = encoded(one_of_each());
  const std::size_t first = encoded({one_of_each()[0]}).size();
  bytes[first + 20] ^= 1;
  std::vector<Record> records;
  EXPECT_EQ(ring::decode_records(bytes, records), first);
  EXPECT_EQ(records.size(), 1u);
}

TEST(IndexFile, KnowsACompleteIndexByItsLastBytes) {
  const auto bytes = encoded(one_of_each());
  const auto end = ring::decode_end(bytes);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->gaps, 3u);
  EXPECT_EQ(end->last, date + 300s);
  EXPECT_FALSE(ring::decode_end(std::span{bytes}.first(bytes.size() - 1)));
}

TEST(SegmentName, SaysDateAndSequence) {
  const ring::SegmentName name{std::chrono::floor<std::chrono::seconds>(date), 42};
  EXPECT_EQ(name.ts(), "20270115T080000Z_00000042.ts");
  const auto parsed = ring::SegmentName::parse_stem(name.stem());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->date, name.date);
  EXPECT_EQ(parsed->sequence, 42u);
}

TEST(SegmentName, CountsBeyondEightDigits) {
  const ring::SegmentName name{std::chrono::floor<std::chrono::seconds>(date), 123'456'789'012};
  EXPECT_EQ(ring::SegmentName::parse_stem(name.stem())->sequence, 123'456'789'012u);
}

TEST(SegmentName, IsNotFoundInOtherNames) {
  for (const char* name : {"", "film", "20270115T080000Z", "20270115T080000Z_1", "20271315T080000Z_00000001",
                           "20270230T080000Z_00000001", "20270115T246000Z_00000001", "20270115T080000Z_0000000x",
                           "20270115T080000Z_000000001", "20270115T080000Z_-0000001", "2027 115T080000Z_00000001"}) {
    EXPECT_FALSE(ring::SegmentName::parse_stem(name)) << name;
  }
}

}  // namespace
