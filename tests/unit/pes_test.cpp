#include "common/ts/pes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "tests/support/packet_builder.hpp"

namespace ts {
namespace {

using Bytes = std::vector<std::uint8_t>;

// A time stamp field as 2.4.3.7 draws it.
void put_timestamp(Bytes& out, unsigned prefix, std::int64_t value) {
  out.push_back(static_cast<std::uint8_t>(prefix << 4 | (value >> 29 & 0x0E) | 1));
  out.push_back(static_cast<std::uint8_t>(value >> 22 & 0xFF));
  out.push_back(static_cast<std::uint8_t>((value >> 14 & 0xFE) | 1));
  out.push_back(static_cast<std::uint8_t>(value >> 7 & 0xFF));
  out.push_back(static_cast<std::uint8_t>((value << 1 & 0xFE) | 1));
}

void put_escr(Bytes& out, std::int64_t base, std::int64_t extension) {
  const std::int64_t bits = std::int64_t{3} << 46 | (base >> 30 & 7) << 43 | std::int64_t{1} << 42 |
                            (base >> 15 & 0x7FFF) << 27 | std::int64_t{1} << 26 | (base & 0x7FFF) << 11 |
                            std::int64_t{1} << 10 | extension << 1 | 1;
  for (int shift = 40; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(bits >> shift & 0xFF));
}

Bytes header(std::uint8_t stream_id, std::uint8_t flags, const Bytes& fields, std::uint8_t stuffing = 0) {
  Bytes out{0, 0, 1, stream_id, 0, 0, 0x84, flags, static_cast<std::uint8_t>(fields.size() + stuffing)};
  std::copy(fields.begin(), fields.end(), std::back_inserter(out));
  out.resize(out.size() + stuffing, 0xFF);
  return out;
}

Bytes pts_and_dts(std::int64_t pts, std::int64_t dts) {
  Bytes fields;
  put_timestamp(fields, 3, pts);
  put_timestamp(fields, 1, dts);
  return fields;
}

Bytes pts_only(std::int64_t pts) {
  Bytes fields;
  put_timestamp(fields, 2, pts);
  return fields;
}

TEST(PesHeader, ReadsPtsAndDts) {
  const auto parsed = PesHeader::parse(header(0xE0, 0xC0, pts_and_dts(0x1FFFFFFFF, 0x123456789), 2));
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->is_video());
  EXPECT_EQ(parsed->packet_length, 0u);
  EXPECT_EQ(parsed->header_size, 9u + 10 + 2);
  EXPECT_TRUE(parsed->data_alignment);
  ASSERT_TRUE(parsed->pts && parsed->dts);
  EXPECT_EQ(parsed->pts->ticks(), 0x1FFFFFFFF);
  EXPECT_EQ(parsed->dts->ticks(), 0x123456789);
}

TEST(PesHeader, EveryBitOfPts) {
  for (int bit = 0; bit < 33; ++bit) {
    const auto parsed = PesHeader::parse(header(0xC0, 0x80, pts_only(std::int64_t{1} << bit)));
    ASSERT_TRUE(parsed && parsed->pts);
    EXPECT_EQ(parsed->pts->ticks(), std::int64_t{1} << bit);
    EXPECT_EQ(parsed->dts, parsed->pts);
  }
}

TEST(PesHeader, GivesLengthOfWholePacket) {
  auto bytes = header(0xC0, 0x00, {});
  bytes[4] = 0x12;
  bytes[5] = 0x34;
  const auto parsed = PesHeader::parse(bytes);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->packet_length, 0x1234u + 6);
  EXPECT_FALSE(parsed->pts);
  EXPECT_FALSE(parsed->is_video());
}

TEST(PesHeader, StreamsWithoutOptionalHeaderHaveNoTimestamps) {
  for (const std::uint8_t id : Bytes{0xBC, 0xBE, 0xBF, 0xF0, 0xF1, 0xF2, 0xF8, 0xFF}) {
    const auto parsed = PesHeader::parse(header(id, 0x80, pts_only(1)));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->header_size, 6u);
    EXPECT_FALSE(parsed->pts);
  }
}

TEST(PesHeader, RefusesWhatIsNone) {
  const auto whole = header(0xE0, 0x80, pts_only(1));
  for (std::size_t size = 0; size < 9; ++size) EXPECT_FALSE(PesHeader::parse(std::span{whole}.first(size)));
  auto wrong_start = whole;
  wrong_start[2] = 2;
  EXPECT_FALSE(PesHeader::parse(wrong_start));
  auto mpeg1 = whole;
  mpeg1[6] = 0x0F;
  EXPECT_FALSE(PesHeader::parse(mpeg1));
}

TEST(PesHeader, TimestampCutOffIsAbsent) {
  const auto whole = header(0xE0, 0xC0, pts_and_dts(7, 3));
  for (std::size_t size = 9; size <= whole.size(); ++size) {
    const auto parsed = PesHeader::parse(std::span{whole}.first(size));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->pts.has_value(), size >= 14);
    EXPECT_EQ(parsed->header_size, 19u);
  }
  auto short_header = header(0xE0, 0x80, pts_only(7));
  short_header[8] = 4;
  EXPECT_FALSE(PesHeader::parse(short_header)->pts);
}

TEST(PesHeader, TimestampWithoutMarkersIsAbsent) {
  auto bytes = header(0xE0, 0x80, pts_only(7));
  bytes[11] &= 0xFE;
  EXPECT_FALSE(PesHeader::parse(bytes)->pts);
}

std::pair<std::int64_t, std::int64_t> moved(std::int64_t pts, std::int64_t dts, std::int64_t delta) {
  Packet packet = test::make_packet({.unit_start = true}, header(0xE0, 0xC0, pts_and_dts(pts, dts)));
  move_timestamps(packet, Ticks90{delta});
  const auto parsed = PesHeader::parse(packet.payload());
  return {parsed->pts->ticks(), parsed->dts->ticks()};
}

TEST(MoveTimestamps, MovesPtsAndDtsOverTheWrap) {
  EXPECT_EQ(moved(1000, 500, 90000), (std::pair<std::int64_t, std::int64_t>{91000, 90500}));
  EXPECT_EQ(moved(Timestamp::modulus - 1, Timestamp::modulus - 100, 50),
            (std::pair<std::int64_t, std::int64_t>{49, Timestamp::modulus - 50}));
  EXPECT_EQ(moved(10, 5, -7), (std::pair<std::int64_t, std::int64_t>{3, Timestamp::modulus - 2}));
}

TEST(MoveTimestamps, TouchesTimestampsOnly) {
  Bytes fields = pts_and_dts(0x155555555, 0x0AAAAAAAA);
  put_escr(fields, 0x1AAAAAAAA, 0x155);
  Bytes payload = header(0xE0, 0xE0, fields, 3);
  payload.resize(184, 0x5A);
  const Packet before = test::make_packet({.unit_start = true}, payload);
  Packet packet = before;
  move_timestamps(packet, Ticks90{12345});
  EXPECT_NE(packet, before);

  Bytes expected_fields = pts_and_dts(0x155555555 + 12345, 0x0AAAAAAAA + 12345);
  put_escr(expected_fields, 0x1AAAAAAAA + 12345, 0x155);
  Bytes expected = header(0xE0, 0xE0, expected_fields, 3);
  expected.resize(184, 0x5A);
  EXPECT_EQ(packet, test::make_packet({.unit_start = true}, expected));

  move_timestamps(packet, Ticks90{-12345});
  EXPECT_EQ(packet, before);
}

TEST(MoveTimestamps, LeavesOtherPacketsAlone) {
  const auto pes = header(0xE0, 0x80, pts_only(1000));
  auto long_header = pes;
  long_header[8] = 200;
  const Packet packets[] = {
      test::make_packet({.unit_start = false}, pes),
      test::make_packet({.unit_start = true, .scrambling = 2}, pes),
      test::make_packet({.unit_start = true}, header(0xBF, 0x80, pts_only(1000))),
      test::make_packet({.unit_start = true}, header(0xE0, 0x00, pts_only(1000))),
      test::make_packet({.unit_start = true}, header(0xE0, 0x40, pts_only(1000))),
      test::make_packet({.unit_start = true}, long_header),
      test::make_packet({.unit_start = true, .payload = false}),
  };
  for (const Packet& packet : packets) {
    Packet copy = packet;
    move_timestamps(copy, Ticks90{90000});
    EXPECT_EQ(copy, packet);
  }
}

}  // namespace
}  // namespace ts
