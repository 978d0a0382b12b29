#include "common/ts/access_unit.hpp"

#include <gtest/gtest.h>

#include <array>
#include <initializer_list>
#include <vector>

#include "common/ts/continuity.hpp"
#include "tests/support/captures.hpp"
#include "tests/support/packet_builder.hpp"

namespace ts {
namespace {

using Bytes = std::vector<std::uint8_t>;

// Units with start codes before them, as in a byte stream.
Bytes stream(std::initializer_list<Bytes> units) {
  Bytes out;
  for (const Bytes& unit : units) {
    out.insert(out.end(), {0, 0, 1});
    out.insert(out.end(), unit.begin(), unit.end());
  }
  return out;
}

// H.264: first_mb_in_slice 0 is the bit 1; slice_type as ue(v) follows.
const Bytes h264_sps{0x67, 0x64, 0x00, 0x28};
const Bytes h264_pps{0x68, 0xEE, 0x38, 0x80};
const Bytes h264_idr{0x65, 0x88, 0x80, 0x10};
const Bytes h264_i{0x41, 0x88, 0x80, 0x10};      // 1 0001000: 7, all slices I
const Bytes h264_i_one{0x41, 0xB0, 0x80, 0x10};  // 1 011: 2, this slice I
const Bytes h264_p{0x41, 0xE0, 0x80, 0x10};      // 1 1: 0
const Bytes h264_p_all{0x41, 0x98, 0x80, 0x10};  // 1 00110: 5
const Bytes h264_b{0x01, 0xA8, 0x80, 0x10};      // 1 010: 1
Bytes h264_delimiter(unsigned primary_pic_type) {
  return {0x09, static_cast<std::uint8_t>(primary_pic_type << 5 | 0x10)};
}
// A user data message of 20 bytes, then a recovery point.
Bytes h264_recovery(std::uint8_t count_and_flags) {
  Bytes sei{0x06, 5, 20};
  sei.insert(sei.end(), 20, 0xAB);
  sei.insert(sei.end(), {6, 1, count_and_flags, 0x80});
  return sei;
}

std::optional<AccessPoint> h264(std::initializer_list<Bytes> units) {
  return classify_access_unit(VideoCodec::h264, stream(units));
}

TEST(AccessPointOfH264, IdrIsClosed) {
  EXPECT_EQ(h264({h264_delimiter(0), h264_sps, h264_pps, h264_idr}), AccessPoint::closed);
}

TEST(AccessPointOfH264, IntraPictureIsOpen) {
  EXPECT_EQ(h264({h264_delimiter(0), h264_sps, h264_pps, h264_i}), AccessPoint::open);
  EXPECT_EQ(h264({h264_sps, h264_pps, h264_i_one}), AccessPoint::open);
  EXPECT_EQ(h264({h264_delimiter(7), h264_sps, h264_pps, h264_i_one}), AccessPoint::open);
}

TEST(AccessPointOfH264, NothingStartsWithoutParameterSets) {
  EXPECT_EQ(h264({h264_idr}), AccessPoint::none);
  EXPECT_EQ(h264({h264_sps, h264_idr}), AccessPoint::none);
  EXPECT_EQ(h264({h264_delimiter(0), h264_pps, h264_i}), AccessPoint::none);
}

TEST(AccessPointOfH264, PredictedPictureIsNone) {
  for (const Bytes& slice : {h264_p, h264_p_all, h264_b}) {
    EXPECT_EQ(h264({h264_sps, h264_pps, slice}), AccessPoint::none);
  }
}

TEST(AccessPointOfH264, DelimiterTellsOfLaterSlices) {
  EXPECT_EQ(h264({h264_delimiter(1), h264_sps, h264_pps, h264_i_one, h264_p}), AccessPoint::none);
  EXPECT_EQ(h264({h264_delimiter(2), h264_sps, h264_pps, h264_i_one, h264_b}), AccessPoint::none);
}

TEST(AccessPointOfH264, RecoveryPointAtOnceIsOpen) {
  const Bytes at_once = h264_recovery(0xC0);    // ue 0
  const Bytes after_two = h264_recovery(0x70);  // 011: ue 2
  EXPECT_EQ(h264({h264_delimiter(1), h264_sps, h264_pps, at_once, h264_p}), AccessPoint::open);
  EXPECT_EQ(h264({h264_delimiter(1), h264_sps, h264_pps, after_two, h264_p}), AccessPoint::gradual);
  EXPECT_EQ(h264({h264_delimiter(0), h264_sps, h264_pps, after_two, h264_i}), AccessPoint::open);
  EXPECT_EQ(h264({h264_delimiter(1), after_two, h264_p}), AccessPoint::none);
  EXPECT_EQ(h264({at_once, h264_p}), AccessPoint::none);
}

TEST(AccessPointOfH264, WaitsForMoreBytes) {
  const Bytes whole = stream({h264_delimiter(7), h264_sps, h264_pps, h264_recovery(0x70), h264_i});
  for (std::size_t size = 0; size + 4 < whole.size(); ++size) {
    EXPECT_EQ(classify_access_unit(VideoCodec::h264, std::span{whole}.first(size)), std::nullopt) << size;
  }
  EXPECT_EQ(classify_access_unit(VideoCodec::h264, whole), AccessPoint::open);
}

TEST(AccessPointOfH264, LeavesOutEmulationPrevention) {
  // first_mb_in_slice 65535 is 16 zeros, 1, 16 zeros, then 011 is slice_type 2: 00 00 80 00 30, sent with a 03.
  EXPECT_EQ(h264({h264_sps, h264_pps, {0x41, 0x00, 0x00, 0x03, 0x80, 0x00, 0x30, 0x80}}), AccessPoint::open);
}

std::optional<AccessPoint> hevc(std::initializer_list<unsigned> types) {
  Bytes out;
  for (const unsigned type : types) out.insert(out.end(), {0, 0, 1, static_cast<std::uint8_t>(type << 1), 1, 0xAF});
  return classify_access_unit(VideoCodec::hevc, out);
}

TEST(AccessPointOfHevc, FollowsTheNalType) {
  for (const unsigned type : {16u, 17u, 18u, 19u, 20u})
    EXPECT_EQ(hevc({35, 32, 33, 34, 39, type}), AccessPoint::closed);
  EXPECT_EQ(hevc({35, 32, 33, 34, 21}), AccessPoint::open);
  for (const unsigned type : {0u, 1u, 8u, 9u}) EXPECT_EQ(hevc({35, 32, 33, 34, type}), AccessPoint::none);
}

TEST(AccessPointOfHevc, NothingStartsWithoutParameterSets) {
  EXPECT_EQ(hevc({35, 19}), AccessPoint::none);
  EXPECT_EQ(hevc({32, 33, 19}), AccessPoint::none);
  EXPECT_EQ(hevc({33, 34, 21}), AccessPoint::none);
  EXPECT_EQ(hevc({35, 32, 33, 34}), std::nullopt);
}

Bytes mpeg2_group(bool closed) { return {0xB8, 0x00, 0x08, 0x00, static_cast<std::uint8_t>(closed ? 0x40 : 0x00)}; }
Bytes mpeg2_picture(unsigned type, unsigned temporal_reference) {
  return {0x00, static_cast<std::uint8_t>(temporal_reference >> 2),
          static_cast<std::uint8_t>((temporal_reference & 3) << 6 | type << 3), 0xFF};
}
const Bytes mpeg2_sequence{0xB3, 0x2D, 0x02, 0x40, 0x33};
const Bytes mpeg2_sequence_extension{0xB5, 0x14, 0x8A};

std::optional<AccessPoint> mpeg2(std::initializer_list<Bytes> units) {
  return classify_access_unit(VideoCodec::mpeg2, stream(units));
}

TEST(AccessPointOfMpeg2, FollowsSequenceGroupAndPicture) {
  const Bytes& sequence = mpeg2_sequence;
  const Bytes& extension = mpeg2_sequence_extension;
  EXPECT_EQ(mpeg2({sequence, extension, mpeg2_group(true), mpeg2_picture(1, 2)}), AccessPoint::closed);
  EXPECT_EQ(mpeg2({sequence, extension, mpeg2_group(false), mpeg2_picture(1, 2)}), AccessPoint::open);
  EXPECT_EQ(mpeg2({sequence, extension, mpeg2_group(false), mpeg2_picture(1, 0)}), AccessPoint::closed);
  EXPECT_EQ(mpeg2({sequence, extension, mpeg2_picture(1, 0)}), AccessPoint::open);
  EXPECT_EQ(mpeg2({sequence, extension, mpeg2_picture(2, 0)}), AccessPoint::none);
  EXPECT_EQ(mpeg2({mpeg2_group(true), mpeg2_picture(1, 0)}), AccessPoint::none);
  EXPECT_EQ(mpeg2({mpeg2_picture(3, 1)}), AccessPoint::none);
}

// A PES packet of this elementary stream data, in packets of one PID.
std::vector<Packet> pes_packets(const Bytes& data, std::int64_t pts, unsigned& counter) {
  const auto ticks = static_cast<unsigned>(pts);  // below 2^29
  Bytes pes{0,
            0,
            1,
            0xE0,
            0,
            0,
            0x84,
            0x80,
            5,
            static_cast<std::uint8_t>(0x21),
            static_cast<std::uint8_t>(ticks >> 22),
            static_cast<std::uint8_t>(ticks >> 14 | 1),
            static_cast<std::uint8_t>(ticks >> 7),
            static_cast<std::uint8_t>(ticks << 1 | 1)};
  pes.insert(pes.end(), data.begin(), data.end());
  std::vector<Packet> packets;
  for (std::size_t at = 0; at < pes.size(); at += 184) {
    const std::size_t size = std::min<std::size_t>(184, pes.size() - at);
    packets.push_back(
        test::make_packet({.counter = counter++, .unit_start = at == 0}, std::span{pes}.subspan(at, size)));
  }
  return packets;
}

std::vector<AccessUnit> parse(AccessUnitParser& parser, std::span<const Packet> packets, std::uint64_t position = 0) {
  std::vector<AccessUnit> units;
  for (const Packet& packet : packets) {
    if (const auto unit = parser.feed(packet, position++)) units.push_back(*unit);
  }
  return units;
}

TEST(AccessUnitParser, AnswersAsSoonAsTheSliceIsSeen) {
  unsigned counter = 0;
  Bytes data = stream({h264_sps, h264_pps, h264_idr});
  data.resize(1000, 0x55);
  AccessUnitParser parser{VideoCodec::h264};
  const auto packets = pes_packets(data, 90000, counter);
  const auto unit = parser.feed(packets[0], 7);
  ASSERT_TRUE(unit);
  EXPECT_EQ(unit->position, 7u);
  EXPECT_EQ(unit->access, AccessPoint::closed);
  EXPECT_EQ(unit->pts, Timestamp{Ticks90{90000}});
  EXPECT_EQ(unit->dts, unit->pts);
  EXPECT_TRUE(parse(parser, std::span{packets}.subspan(1)).empty());
  EXPECT_FALSE(parser.finish());
}

TEST(AccessUnitParser, ReadsHeadsThatSpanPackets) {
  unsigned counter = 0;
  Bytes sei{0x06, 5, 200};
  sei.insert(sei.end(), 200, 0xAB);
  sei.push_back(0x80);
  Bytes long_head = stream({h264_delimiter(0), h264_sps, h264_pps, sei, sei, h264_i});
  AccessUnitParser parser{VideoCodec::h264};
  const auto packets = pes_packets(long_head, 1, counter);
  ASSERT_EQ(packets.size(), 3u);
  const auto units = parse(parser, packets, 100);
  ASSERT_EQ(units.size(), 1u);
  EXPECT_EQ(units[0].position, 100u);
  EXPECT_EQ(units[0].access, AccessPoint::open);
}

TEST(AccessUnitParser, AnswersAnUnclassifiedUnitWhenTheNextBegins) {
  unsigned counter = 0;
  AccessUnitParser parser{VideoCodec::h264};
  auto packets = pes_packets(stream({h264_sps}), 1, counter);
  const auto more = pes_packets(stream({h264_sps, h264_pps, h264_idr}), 2, counter);
  packets.insert(packets.end(), more.begin(), more.end());
  const auto units = parse(parser, packets);
  ASSERT_EQ(units.size(), 1u);
  EXPECT_EQ(units[0].access, AccessPoint::none);
  const auto last = parser.finish();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->position, 1u);
  EXPECT_EQ(last->pts, Timestamp{Ticks90{2}});
}

TEST(AccessUnitParser, GivesUpOnAHeadWithoutPicture) {
  unsigned counter = 0;
  AccessUnitParser parser{VideoCodec::h264};
  const auto packets = pes_packets(Bytes(100000, 0x55), 1, counter);
  const auto units = parse(parser, packets);
  ASSERT_EQ(units.size(), 1u);
  EXPECT_EQ(units[0].access, AccessPoint::none);
}

TEST(AccessUnitParser, ForgetsTheUnitThatLostData) {
  unsigned counter = 0;
  AccessUnitParser parser{VideoCodec::h264};
  const auto packets = pes_packets(stream({h264_sps, h264_pps, Bytes(300, 0x06), h264_idr}), 1, counter);
  EXPECT_FALSE(parser.feed(packets[0], 0));
  parser.reset();
  EXPECT_FALSE(parser.feed(packets[1], 1));
  EXPECT_FALSE(parser.finish());
}

TEST(AccessUnitParser, KnowsScrambledUnitsByTheirIndicator) {
  AccessUnitParser parser{VideoCodec::h264};
  const std::array<std::uint8_t, 100> payload{};
  const Packet packets[] = {
      test::make_packet({.unit_start = true, .random_access = true, .scrambling = 2}, payload),
      test::make_packet({.counter = 1, .scrambling = 2}, payload),
      test::make_packet({.counter = 2, .unit_start = true, .scrambling = 2}, payload),
      test::make_packet({.counter = 3, .unit_start = true, .scrambling = 2}, payload),
  };
  const auto units = parse(parser, packets);
  ASSERT_EQ(units.size(), 2u);
  EXPECT_EQ(units[0].position, 0u);
  EXPECT_EQ(units[0].access, AccessPoint::open);
  EXPECT_FALSE(units[0].pts);
  EXPECT_EQ(units[1].position, 2u);
  EXPECT_EQ(units[1].access, AccessPoint::none);
}

struct Counts {
  std::size_t units = 0, closed = 0, open = 0;
  bool operator==(const Counts&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Counts& c) {
  return out << c.units << " units, " << c.closed << " closed, " << c.open << " open";
}

Counts count(std::span<const std::uint8_t> bytes, Pid pid, VideoCodec codec) {
  AccessUnitParser parser{codec};
  Counts counts;
  const auto add = [&](const std::optional<AccessUnit>& unit) {
    if (!unit) return;
    ++counts.units;
    if (unit->access == AccessPoint::closed) ++counts.closed;
    if (unit->access == AccessPoint::open) ++counts.open;
  };
  for (const Packet& packet : packets_in(bytes)) {
    if (packet.pid() == pid) add(parser.feed(packet, 0));
  }
  add(parser.finish());
  return counts;
}

struct Capture {
  const char* name;
  unsigned pid;
  VideoCodec codec;
  Counts counts;  // pictures and key frames by ffprobe
};
void PrintTo(const Capture& capture, std::ostream* out) { *out << capture.name; }

class AccessUnitsOf : public testing::TestWithParam<Capture> {};

TEST_P(AccessUnitsOf, CaptureAreThoseThatADecoderSees) {
  CAPTURE_OR_SKIP(bytes, GetParam().name);
  EXPECT_EQ(count(bytes, Pid{GetParam().pid}, GetParam().codec), GetParam().counts);
}

INSTANTIATE_TEST_SUITE_P(Captures, AccessUnitsOf,
                         testing::Values(Capture{"hd1080i-h264-eac3-dvbsub.ts", 0x78, VideoCodec::h264, {29, 0, 1}},
                                         Capture{"hd1080p-h264-mp2.ts", 0x100, VideoCodec::h264, {299, 2, 0}},
                                         Capture{"sd-h264-aac.ts", 0x65, VideoCodec::h264, {300, 6, 0}},
                                         Capture{"sd-mpeg2-mp2.ts", 0x1000, VideoCodec::mpeg2, {75, 5, 0}},
                                         Capture{"mpts-dvbt-22394kbps.ts", 0x1F4, VideoCodec::hevc, {66, 0, 2}},
                                         Capture{"mpts-dvbt-22394kbps.ts", 0x200, VideoCodec::mpeg2, {33, 0, 3}}));

}  // namespace
}  // namespace ts
