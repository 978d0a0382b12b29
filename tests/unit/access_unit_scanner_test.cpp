#include "common/ts/access_unit_scanner.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <vector>

#include "tests/support/bit_writer.hpp"
#include "tests/support/captures.hpp"
#include "tests/support/packet_builder.hpp"

namespace ts {
namespace {

using Bytes = std::vector<std::uint8_t>;
using test::BitWriter;

void append(Bytes& to, const Bytes& from) { to.insert(to.end(), from.begin(), from.end()); }

Bytes join(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) append(out, part);
  return out;
}

// A unit with its start code; a zero byte before that if `long_code`. Filled up to `size`.
Bytes unit(Bytes body, std::size_t size = 0, bool long_code = false) {
  Bytes out{0, 0, 1};
  append(out, body);
  if (out.size() < size) out.resize(size, 0xAB);
  if (long_code) out.insert(out.begin(), 0);
  return out;
}

void append_timestamp(Bytes& out, unsigned prefix, std::int64_t ticks) {
  const auto t = static_cast<std::uint64_t>(ticks);
  out.push_back(static_cast<std::uint8_t>(prefix << 4 | (t >> 29 & 0x0E) | 1));
  out.push_back(static_cast<std::uint8_t>(t >> 22));
  out.push_back(static_cast<std::uint8_t>((t >> 14 & 0xFE) | 1));
  out.push_back(static_cast<std::uint8_t>(t >> 7));
  out.push_back(static_cast<std::uint8_t>((t << 1 & 0xFE) | 1));
}

struct Times {
  std::optional<std::int64_t> pts{}, dts{};
};

Bytes pes(const Bytes& payload, Times times = {}, std::uint8_t stream_id = 0xE0, std::size_t stuffing = 0) {
  Bytes header;
  if (times.pts) append_timestamp(header, times.dts ? 3 : 2, *times.pts);
  if (times.dts) append_timestamp(header, 1, *times.dts);
  header.resize(header.size() + stuffing, 0xFF);
  Bytes out{0,
            0,
            1,
            stream_id,
            0,
            0,
            0x80,
            static_cast<std::uint8_t>((times.pts ? 0x80 : 0) | (times.dts ? 0x40 : 0)),
            static_cast<std::uint8_t>(header.size())};
  append(out, header);
  append(out, payload);
  return out;
}

// A scanner and all that it found.
class Bench {
 public:
  explicit Bench(AccessUnitScanner made) : scanner(std::move(made)) {}

  // In packets of at most `most` payload bytes.
  void feed(const Bytes& pes_packet, std::size_t most = 184) {
    for (std::size_t at = 0; at < pes_packet.size(); at += most) {
      const auto part = std::span{pes_packet}.subspan(at, std::min(most, pes_packet.size() - at));
      const auto before = scanner.position();
      for (const ScannedUnit& found : scanner.feed(test::make_packet({.counter = 0, .unit_start = at == 0}, part))) {
        units.push_back(found);
      }
      EXPECT_EQ(scanner.position(), before + scanner.stream_bytes());
      EXPECT_EQ(scanner.stream_bytes() + scanner.header_bytes(), part.size());
    }
  }
  std::vector<std::uint64_t> offsets() const {
    std::vector<std::uint64_t> out;
    for (const auto& found : units) out.push_back(found.offset);
    return out;
  }
  std::vector<std::uint64_t> sizes() const {
    std::vector<std::uint64_t> out;
    for (const auto& found : units) out.push_back(found.size);
    return out;
  }
  // -1 for none.
  std::vector<std::int64_t> decoding_times() const {
    std::vector<std::int64_t> out;
    for (const auto& found : units) out.push_back(found.dts ? found.dts->ticks() : -1);
    return out;
  }

  AccessUnitScanner scanner;
  std::vector<ScannedUnit> units;
};

using Offsets = std::vector<std::uint64_t>;
using DecodingTimes = std::vector<std::int64_t>;

// 25 frames a second.
Bytes h264_sps(bool frames_only) {
  BitWriter w;
  w.bits(0x67, 8).bits(77, 8).bits(0, 8).bits(40, 8).ue(0).ue(0).ue(0).ue(0).ue(1).flag(false);
  w.ue(44).ue(17).flag(frames_only);
  if (!frames_only) w.flag(true);  // MBAFF is allowed
  w.flag(true).flag(false).flag(true);
  w.flag(false).flag(false).flag(false).flag(false);
  w.flag(true).bits(1, 32).bits(50, 32).flag(true);
  w.flag(false).flag(false).flag(false).flag(false);
  return test::escaped(w.trailing().bytes());
}

// A slice: first_mb_in_slice, slice_type P, PPS 0, frame_num of 4 bits, field_pic_flag unless frames_only.
Bytes h264_slice(unsigned first_mb, bool frames_only, bool field = false) {
  BitWriter w;
  w.bits(0x41, 8).ue(first_mb).ue(0).ue(0).bits(3, 4);
  if (!frames_only) {
    w.flag(field);
    if (field) w.flag(false);
  }
  return w.bits(0xAB, 8).trailing().bytes();
}

const Bytes h264_pps{0x68, 0xEE, 0x38, 0x80};
const Bytes h264_delimiter{0x09, 0x30};
const Bytes h264_sei{0x06, 5, 2, 0xAA, 0xBB, 0x80};

TEST(ScannerOfH264, FindsEachPictureWithWhatComesBeforeItsSlices) {
  const Bytes first = join({unit(h264_delimiter, 0, true), unit(h264_sps(true), 0, true), unit(h264_pps),
                            unit(h264_slice(0, true), 300), unit(h264_slice(50, true), 200)});
  const Bytes second = join({unit(h264_delimiter, 0, true), unit(h264_sei), unit(h264_slice(0, true), 150)});
  const Bytes third = unit(h264_slice(0, true), 100);
  Bench bench{AccessUnitScanner{VideoCodec::h264}};
  bench.feed(pes(join({first, second, third, unit(h264_delimiter, 40)}), {90'000, 86'400}));
  EXPECT_EQ(bench.offsets(), (Offsets{0, first.size(), first.size() + second.size()}));
  EXPECT_EQ(bench.sizes(), (Offsets{first.size(), second.size(), third.size()}));
  // The first has the time stamps; the others are counted on by 40 ms.
  EXPECT_EQ(bench.decoding_times(), (DecodingTimes{86'400, 90'000, 93'600}));
  EXPECT_EQ(bench.units[0].pts, Timestamp{Ticks90{90'000}});
  EXPECT_FALSE(bench.units[1].pts);
  EXPECT_FALSE(bench.units[0].counted);
  EXPECT_TRUE(bench.units[1].counted);
  ASSERT_TRUE(bench.scanner.video());
  EXPECT_EQ(bench.scanner.video()->width, 720u);
  EXPECT_EQ(bench.scanner.video_changes(), 1u);
}

// The start codes fall on every place in a packet.
TEST(ScannerOfH264, FindsTheSameHoweverPacketsCutTheStream) {
  Bytes stream;
  for (unsigned i = 0; i < 12; ++i) {
    append(stream, unit(h264_delimiter, 0, true));
    if (i % 4 == 0) append(stream, join({unit(h264_sps(true), 0, i > 0), unit(h264_pps)}));  // the same again
    append(stream, unit(h264_slice(0, true), 37 + i));
    append(stream, unit(h264_slice(9, true), 20));
  }
  append(stream, unit(h264_delimiter, 60, true));
  Bench whole{AccessUnitScanner{VideoCodec::h264}};
  whole.feed(pes(stream, {90'000}));
  ASSERT_EQ(whole.units.size(), 12u);
  for (std::size_t most = 1; most < 40; ++most) {
    // The PES header must lie in the first packet: a packet of its own before the pieces.
    Bench cut{AccessUnitScanner{VideoCodec::h264}};
    cut.feed(pes({}, {90'000}));
    for (std::size_t at = 0; at < stream.size(); at += most) {
      const auto part = std::span{stream}.subspan(at, std::min(most, stream.size() - at));
      for (const ScannedUnit& found : cut.scanner.feed(test::make_packet({}, part))) cut.units.push_back(found);
    }
    EXPECT_EQ(cut.offsets(), whole.offsets()) << most;
    EXPECT_EQ(cut.sizes(), whole.sizes()) << most;
    EXPECT_EQ(cut.decoding_times(), whole.decoding_times()) << most;
    EXPECT_EQ(cut.scanner.video_changes(), 1u) << most;
  }
}

TEST(ScannerOfH264, CountsFieldsAsHalfAFrame) {
  const Bytes headers = join({unit(h264_sps(false)), unit(h264_pps)});
  Bytes stream = headers;
  for (int i = 0; i < 4; ++i) append(stream, join({unit(h264_delimiter), unit(h264_slice(0, false, true), 90)}));
  append(stream, unit(h264_delimiter, 40));
  Bench bench{AccessUnitScanner{VideoCodec::h264}};
  bench.feed(pes(stream, {90'000}));
  EXPECT_EQ(bench.decoding_times(), (DecodingTimes{90'000, 91'800, 93'600, 95'400}));
}

// MBAFF: the SPS allows fields, the slices are of frames.
TEST(ScannerOfH264, CountsFramesOfAnInterlacedStreamWhole) {
  Bytes stream = join({unit(h264_sps(false)), unit(h264_pps)});
  for (int i = 0; i < 3; ++i) append(stream, join({unit(h264_delimiter), unit(h264_slice(0, false, false), 90)}));
  append(stream, unit(h264_delimiter, 40));
  Bench bench{AccessUnitScanner{VideoCodec::h264}};
  bench.feed(pes(stream, {90'000}));
  EXPECT_EQ(bench.decoding_times(), (DecodingTimes{90'000, 93'600, 97'200}));
}

TEST(ScannerOfH264, TellsTheUnitThatIsOpen) {
  Bench bench{AccessUnitScanner{VideoCodec::h264}};
  EXPECT_FALSE(bench.scanner.open());
  bench.feed(pes(join({unit(h264_delimiter), unit(h264_slice(0, true), 100)}), {90'000}));
  ASSERT_TRUE(bench.scanner.open());
  EXPECT_EQ(bench.scanner.open()->offset, 0u);
  EXPECT_EQ(bench.scanner.open()->dts, Timestamp{Ticks90{90'000}});
  bench.feed(pes(join({unit(h264_delimiter), unit(h264_slice(0, true), 100)}), {93'600}));
  EXPECT_EQ(bench.scanner.open()->offset, 105u);
  bench.scanner.reset();
  EXPECT_FALSE(bench.scanner.open());
}

TEST(ScannerOfH264, TakesTheTimeStampsOfEachPesPacket) {
  Bench bench{AccessUnitScanner{VideoCodec::h264}};
  for (int i = 0; i < 4; ++i) {
    bench.feed(pes(join({unit(h264_delimiter, 0, true), unit(h264_slice(0, true), 500)}),
                   {90'000 + i * 7200, 80'000 + i * 3600}));
  }
  EXPECT_EQ(bench.decoding_times(), (DecodingTimes{80'000, 83'600, 87'200}));
  EXPECT_EQ(bench.sizes(), (Offsets{506, 506, 506}));
}

// Otherwise the next unit would begin long before its time, with the end of this one.
TEST(ScannerOfH264, AZeroByteAtTheEndOfAPesPacketBelongsToTheUnitBefore) {
  Bench bench{AccessUnitScanner{VideoCodec::h264}};
  Bytes first = join({unit(h264_delimiter, 0, true), unit(h264_slice(0, true), 100)});
  first.push_back(0);
  bench.feed(pes(first, {90'000}));
  bench.feed(pes(join({unit(h264_delimiter), unit(h264_slice(0, true), 100)}), {93'600}));
  bench.feed(pes(join({unit(h264_delimiter), unit(h264_slice(0, true), 100)}), {97'200}));
  EXPECT_EQ(bench.offsets(), (Offsets{0, 107}));
  EXPECT_EQ(bench.decoding_times(), (DecodingTimes{90'000, 93'600}));
}

TEST(ScannerOfH264, CountsNewParameterSets) {
  Bench bench{AccessUnitScanner{VideoCodec::h264}};
  for (const bool frames_only : {true, true, false, false}) {
    bench.feed(pes(join(
        {unit(h264_delimiter), unit(h264_sps(frames_only)), unit(h264_pps), unit(h264_slice(0, frames_only), 60)})));
  }
  EXPECT_EQ(bench.scanner.video_changes(), 2u);
  EXPECT_TRUE(bench.scanner.video()->interlaced);
}

TEST(Scanner, ForgetsTheUnitBegunAtAReset) {
  Bench bench{AccessUnitScanner{VideoCodec::h264}};
  const Bytes picture = join({unit(h264_delimiter), unit(h264_slice(0, true), 300)});
  bench.feed(pes(picture, {90'000}));
  bench.feed(pes(picture, {93'600}));
  ASSERT_EQ(bench.units.size(), 1u);
  bench.scanner.reset();
  const auto position = bench.scanner.position();
  // The rest of a PES packet whose beginning is lost.
  bench.scanner.feed(test::make_packet({}, picture));
  EXPECT_EQ(bench.scanner.stream_bytes(), 0u);
  bench.feed(pes(picture, {100'800}));
  bench.feed(pes(picture, {104'400}));
  ASSERT_EQ(bench.units.size(), 2u);
  EXPECT_EQ(bench.units[1].offset, position);
  EXPECT_EQ(bench.units[1].dts, Timestamp{Ticks90{100'800}});
}

TEST(Scanner, CountsPesHeadersApart) {
  AccessUnitScanner scanner{VideoCodec::h264};
  const Bytes packet = pes(Bytes(100, 0xAB), {90'000, 86'400});
  scanner.feed(test::make_packet({.unit_start = true}, packet));
  EXPECT_EQ(scanner.header_bytes(), 19u);
  EXPECT_EQ(scanner.stream_bytes(), 100u);
  // A header over two packets.
  const Bytes stuffed = pes(Bytes(100, 0xAB), {90'000}, 0xE0, 200);
  scanner.feed(test::make_packet({.unit_start = true}, std::span{stuffed}.first(184)));
  EXPECT_EQ(scanner.header_bytes(), 184u);
  EXPECT_EQ(scanner.stream_bytes(), 0u);
  scanner.feed(test::make_packet({}, std::span{stuffed}.subspan(184)));
  EXPECT_EQ(scanner.header_bytes(), 30u);
  EXPECT_EQ(scanner.stream_bytes(), 100u);
  EXPECT_EQ(scanner.position(), 200u);
  // The padding stream, and no payload at all.
  scanner.feed(test::make_packet({.unit_start = true}, pes(Bytes(100, 0xFF), {}, 0xBE)));
  EXPECT_EQ(scanner.stream_bytes() + scanner.header_bytes(), 0u);
  scanner.feed(test::make_packet({}));
  EXPECT_EQ(scanner.position(), 200u);
}

// ISO/IEC 13818-2: sequence header with extension, group, picture with its coding extension, slices.
Bytes mpeg2_sequence() {
  BitWriter w;
  w.bits(0xB3, 8)
      .bits(720, 12)
      .bits(576, 12)
      .bits(3, 4)
      .bits(3, 4)
      .bits(37'500, 18)
      .flag(true)
      .bits(112, 10)
      .bits(0, 3);
  BitWriter x;
  x.bits(0xB5, 8).bits(1, 4).bits(0x48, 8).flag(false).bits(1, 2).bits(0, 4).bits(0, 12).flag(true).bits(0, 16);
  return join({unit(w.bytes()), unit(x.bytes())});
}
Bytes mpeg2_picture(unsigned structure, std::size_t size) {
  const Bytes coding{0xB5, 0x8F, 0xFF, static_cast<std::uint8_t>(0xF0 | structure), 0x80};
  return join({unit({0x00, 0x00, 0x0F, 0xFF, 0xF8}), unit(coding), unit({0x01, 0x12}, size), unit({0x02, 0x12}, 20)});
}

TEST(ScannerOfMpeg2, FindsPicturesWithTheHeadersBeforeThem) {
  const Bytes group = unit({0xB8, 0x00, 0x08, 0x00, 0x40});
  const Bytes first = join({mpeg2_sequence(), group, mpeg2_picture(3, 200)});
  const Bytes second = mpeg2_picture(3, 100);
  const Bytes third = join({group, mpeg2_picture(3, 90)});
  Bench bench{AccessUnitScanner{VideoCodec::mpeg2}};
  bench.feed(pes(join({first, second, third, mpeg2_sequence()}), {90'000}));
  EXPECT_EQ(bench.sizes(), (Offsets{first.size(), second.size(), third.size()}));
  EXPECT_EQ(bench.decoding_times(), (DecodingTimes{90'000, 93'600, 97'200}));
  ASSERT_TRUE(bench.scanner.video());
  EXPECT_EQ(bench.scanner.video()->buffer_size, 1'835'008u);
  EXPECT_EQ(bench.scanner.video()->profile, 4u) << "the extension ends with zeros";
  EXPECT_EQ(bench.scanner.video_changes(), 1u);
}

TEST(ScannerOfMpeg2, StuffingBelongsToThePictureBefore) {
  Bytes first = join({mpeg2_sequence(), mpeg2_picture(3, 200)});
  first.insert(first.end(), 5, 0);
  Bench bench{AccessUnitScanner{VideoCodec::mpeg2}};
  bench.feed(pes(join({first, mpeg2_picture(3, 100), mpeg2_picture(3, 40)}), {90'000}));
  EXPECT_EQ(bench.offsets(), (Offsets{0, first.size()}));
}

TEST(ScannerOfMpeg2, CountsFieldPicturesAsHalfAFrame) {
  Bytes stream = mpeg2_sequence();
  for (const unsigned structure : {1u, 2u, 3u, 3u}) append(stream, mpeg2_picture(structure, 50));
  Bench bench{AccessUnitScanner{VideoCodec::mpeg2}};
  bench.feed(pes(join({stream, mpeg2_sequence()}), {90'000}));
  EXPECT_EQ(bench.decoding_times(), (DecodingTimes{90'000, 91'800, 93'600, 97'200}));
}

Bytes hevc_slice(bool first, std::size_t size, unsigned type = 1, unsigned layer = 0) {
  return unit({static_cast<std::uint8_t>(type << 1), static_cast<std::uint8_t>(layer << 3 | 1),
               static_cast<std::uint8_t>(first ? 0x80 : 0x10)},
              size);
}

TEST(ScannerOfHevc, FindsPicturesWithWhatComesBeforeTheirSlices) {
  const Bytes delimiter = unit({0x46, 0x01, 0x50});
  const Bytes prefix_sei = unit({0x4E, 0x01, 0x81});
  const Bytes suffix_sei = unit({0x50, 0x01, 0x84});  // after the slices: of the same picture
  const Bytes first = join({delimiter, prefix_sei, hevc_slice(true, 200, 19), hevc_slice(false, 100, 19), suffix_sei});
  const Bytes second = join({delimiter, hevc_slice(true, 90)});
  const Bytes third = hevc_slice(true, 80);
  const Bytes layered = hevc_slice(true, 30, 1, 1);  // of another layer: of the same access unit
  Bench bench{AccessUnitScanner{VideoCodec::hevc}};
  bench.feed(pes(join({first, second, third, layered, delimiter, hevc_slice(true, 40)}), {90'000}));
  EXPECT_EQ(bench.sizes(), (Offsets{first.size(), second.size(), third.size() + layered.size()}));
  EXPECT_EQ(bench.decoding_times(), (DecodingTimes{90'000, -1, -1})) << "the rate is not known";
}

// 192 kb/s at 48 kHz: 576 bytes, 24 ms.
Bytes layer_2_frames(std::size_t count) {
  Bytes out;
  for (std::size_t i = 0; i < count; ++i) {
    Bytes frame{0xFF, 0xFD, 0xA4, 0x00};
    frame.resize(576, 0x55);
    append(out, frame);
  }
  return out;
}

TEST(ScannerOfAudio, CountsFramesOnFromTheTimeStamp) {
  Bench bench{AccessUnitScanner{AudioFormat::mpeg}};
  bench.feed(pes(layer_2_frames(4), {90'000}, 0xC0));
  bench.feed(pes(layer_2_frames(4), {98'640}, 0xC0));
  EXPECT_EQ(bench.offsets(), (Offsets{0, 576, 1152, 1728, 2304, 2880, 3456, 4032}));
  EXPECT_EQ(bench.decoding_times(), (DecodingTimes{90'000, 92'160, 94'320, 96'480, 98'640, 100'800, 102'960, 105'120}));
  EXPECT_EQ(bench.units[1].pts, bench.units[1].dts);
  EXPECT_TRUE(bench.units[1].counted);
  EXPECT_FALSE(bench.units[4].counted);
  EXPECT_EQ(bench.scanner.audio()->name, "MPEG-1 layer II");
  EXPECT_FALSE(bench.scanner.open());
}

// A time stamp belongs to the first frame that begins in its PES packet.
TEST(ScannerOfAudio, TheFrameThatBeganInThePesPacketBeforeHasNoPartInTheTimeStamp) {
  const Bytes frames = layer_2_frames(6);
  Bench bench{AccessUnitScanner{AudioFormat::mpeg}};
  bench.feed(pes(Bytes{frames.begin(), frames.begin() + 1500}, {90'000}, 0xC0));
  bench.feed(pes(Bytes{frames.begin() + 1500, frames.end()}, {96'500}, 0xC0));
  EXPECT_EQ(bench.decoding_times(), (DecodingTimes{90'000, 92'160, 94'320, 96'500, 98'660, 100'820}));
}

// Counted over long: 44.1 kHz frames of 26.122 ms lose nothing by rounding.
TEST(ScannerOfAudio, CountsWithoutDrift) {
  Bytes frame{0xFF, 0xFD, 0xA0, 0x00};
  frame.resize(626, 0x55);
  Bytes stream;
  for (int i = 0; i < 101; ++i) append(stream, frame);
  Bench bench{AccessUnitScanner{AudioFormat::mpeg}};
  bench.feed(pes(stream, {0}, 0xC0));
  ASSERT_EQ(bench.units.size(), 101u);
  EXPECT_NEAR(static_cast<double>(bench.units[100].dts->ticks()), 100 * 1152 * 90e3 / 44.1e3, 1);
}

TEST(ScannerOfAudio, DependentSubstreamsAddNoTime) {
  const auto frame = [](unsigned type, std::size_t size) {
    BitWriter w;
    w.bits(0x0B77, 16).bits(type, 2).bits(0, 3).bits(size / 2 - 1, 11).bits(0, 2).bits(3, 2).bits(2, 3).flag(false);
    Bytes out = w.bits(16, 5).bits(0, 64).bytes();
    out.resize(size, 0x55);
    return out;
  };
  Bytes stream;
  for (int i = 0; i < 3; ++i) append(stream, join({frame(0, 512), frame(1, 256)}));
  Bench bench{AccessUnitScanner{AudioFormat::ac3}};
  bench.feed(pes(stream, {90'000}, 0xBD));
  EXPECT_EQ(bench.sizes(), (Offsets{512, 256, 512, 256, 512, 256}));
  EXPECT_EQ(bench.decoding_times(), (DecodingTimes{90'000, 90'000, 92'880, 92'880, 95'760, 95'760}));
  EXPECT_EQ(bench.scanner.audio()->size, 512u);
}

TEST(ScannerOfPackets, APesPacketIsAUnit) {
  Bench bench{AccessUnitScanner{}};
  bench.feed(pes(Bytes(500, 1), {90'000}, 0xBD));
  bench.feed(pes(Bytes(300, 2), {}, 0xBD));
  bench.feed(pes(Bytes(200, 3), {180'000}, 0xBD));
  EXPECT_EQ(bench.offsets(), (Offsets{0, 500}));
  EXPECT_EQ(bench.sizes(), (Offsets{500, 300}));
  EXPECT_EQ(bench.decoding_times(), (DecodingTimes{90'000, -1}));
}

TEST(Scanner, TakesAnyBytes) {
  std::mt19937 random{11};
  std::vector<AccessUnitScanner> scanners{AccessUnitScanner{}, AccessUnitScanner{VideoCodec::mpeg2},
                                          AccessUnitScanner{VideoCodec::h264}, AccessUnitScanner{VideoCodec::hevc},
                                          AccessUnitScanner{AudioFormat::ac3}};
  for (AccessUnitScanner& scanner : scanners) {
    std::uint64_t last = 0;
    for (int i = 0; i < 5000; ++i) {
      Packet packet = Packet::null();
      for (std::size_t k = 1; k < packet_size; ++k) {
        packet.bytes[k] =
            random() % 2 == 0 ? static_cast<std::uint8_t>(random() % 4) : static_cast<std::uint8_t>(random());
      }
      for (const ScannedUnit& found : scanner.feed(packet)) {
        EXPECT_GE(found.offset, last);
        last = found.offset;
      }
      if (random() % 500 == 0) scanner.reset();
    }
  }
}

// Sizes and time stamps as ffprobe 5.1 gives them. It puts the bytes before the first start code into the first unit.
Bench scan(std::span<const std::uint8_t> bytes, Pid pid, AccessUnitScanner scanner) {
  Bench bench{std::move(scanner)};
  for (const Packet& packet : packets_in(bytes)) {
    if (packet.pid() != pid || packet.transport_error()) continue;
    for (const ScannedUnit& found : bench.scanner.feed(packet)) bench.units.push_back(found);
  }
  return bench;
}

TEST(ScannerInCaptures, FindsWhatAnotherReaderFinds) {
  CAPTURE_OR_SKIP(hd, "hd1080i-h264-eac3-dvbsub.ts");
  CAPTURE_OR_SKIP(sd, "sd-mpeg2-mp2.ts");
  CAPTURE_OR_SKIP(progressive, "hd1080p-h264-mp2.ts");
  CAPTURE_OR_SKIP(aac, "sd-h264-aac.ts");
  CAPTURE_OR_SKIP(multiplex, "mpts-dvbt-22394kbps.ts");

  const auto fields = scan(hd, Pid{120}, AccessUnitScanner{VideoCodec::h264});
  ASSERT_GE(fields.units.size(), 3u);
  EXPECT_EQ(fields.sizes()[0], 4542u);
  EXPECT_EQ(fields.sizes()[1], 4088u);
  EXPECT_EQ(fields.sizes()[2], 58'724u);
  EXPECT_EQ(fields.decoding_times()[2], 3'474'414'720);

  const auto frames = scan(progressive, Pid{256}, AccessUnitScanner{VideoCodec::h264});
  EXPECT_EQ(frames.units.size(), 298u);
  EXPECT_EQ(frames.sizes()[0], 7248u);
  EXPECT_EQ(frames.sizes()[1], 117u);
  EXPECT_EQ(frames.decoding_times()[2], 135'902);

  const auto sound = scan(progressive, Pid{257}, AccessUnitScanner{AudioFormat::mpeg});
  EXPECT_EQ(sound.units.size(), 417u);
  EXPECT_EQ(sound.sizes()[7], 1152u);
  EXPECT_EQ(sound.decoding_times()[2], 130'320);

  const auto advanced = scan(aac, Pid{100}, AccessUnitScanner{AudioFormat::adts});
  EXPECT_EQ(advanced.units.size(), 559u);
  EXPECT_EQ(advanced.sizes()[1], 282u);
  EXPECT_EQ(advanced.decoding_times()[2], 349'504'141);

  const auto pictures = scan(sd, Pid{4096}, AccessUnitScanner{VideoCodec::mpeg2});
  EXPECT_EQ(pictures.units.size(), 74u);
  EXPECT_EQ(pictures.sizes()[1], 14'120u);
  EXPECT_EQ(pictures.decoding_times()[2], 1'728'715'544);

  const auto hevc = scan(multiplex, Pid{500}, AccessUnitScanner{VideoCodec::hevc});
  EXPECT_EQ(hevc.units.size(), 65u);
  EXPECT_EQ(hevc.sizes()[1], 130u);
  EXPECT_EQ(hevc.units[1].pts->ticks(), 5'438'559'136);
  EXPECT_EQ(hevc.decoding_times()[1], 5'438'550'136);

  const auto surround = scan(hd, Pid{130}, AccessUnitScanner{AudioFormat::ac3});
  EXPECT_EQ(surround.sizes(), Offsets(33, 512));
  EXPECT_EQ(surround.decoding_times()[2], 3'474'374'913);
}

}  // namespace
}  // namespace ts
