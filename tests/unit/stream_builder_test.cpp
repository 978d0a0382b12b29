#include "tests/support/stream_builder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <vector>

#include "common/ts/access_unit.hpp"
#include "common/ts/continuity.hpp"
#include "common/ts/pes.hpp"

namespace support {
namespace {

using namespace std::chrono_literals;

constexpr psi::ServiceId first{0x0101};
constexpr ts::Pid video{0x0101};

TEST(StreamBuilder, KeepsCountersContinuousThroughChanges) {
  StreamBuilder builder;
  builder.add(ServiceOptions::numbered(1));
  builder.add(ServiceOptions::numbered(2));
  auto packets = builder.make(2s);
  auto options = builder.service(first);
  options.audio.pop_back();
  builder.replace(options);
  std::ranges::copy(builder.make(2s), std::back_inserter(packets));
  EXPECT_EQ(packets.size(), 2 * (4'000'000 * 2 / 1504));
  ts::Continuity continuity;
  for (const auto& packet : packets) {
    EXPECT_FALSE(ts::Continuity::is_error(continuity.check(packet).verdict)) << packet.pid().value();
  }
}

TEST(StreamBuilder, SendsExactClocksOftenEnough) {
  StreamBuilder builder{{.rate = 3'333'333}};
  auto options = ServiceOptions::numbered(1);
  options.start_pcr = ts::Pcr{-ts::Ticks27{1s}};  // wraps after a second
  builder.add(options);
  const auto packets = builder.make(3s);
  std::optional<ts::Pcr> last;
  int clocks = 0;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    const auto pcr = packets[i].pcr();
    if (!pcr) continue;
    EXPECT_EQ(packets[i].pid(), video);
    EXPECT_EQ(*pcr, builder.pcr(first, i));
    if (last) {
      EXPECT_LE(ts::distance(*last, *pcr), ts::Ticks27{40ms});
    }
    last = pcr;
    ++clocks;
  }
  EXPECT_GT(clocks, 75);
}

TEST(StreamBuilder, MakesAccessUnitsThatAreRecognised) {
  for (const auto codec : {ts::VideoCodec::h264, ts::VideoCodec::mpeg2}) {
    StreamBuilder builder;
    auto options = ServiceOptions::numbered(1);
    options.codec = codec;
    options.gop = 10;
    builder.add(options);
    ts::AccessUnitParser parser{codec};
    std::vector<ts::AccessUnit> units;
    std::uint64_t position = 0;
    for (const auto& packet : builder.make(2s)) {
      if (packet.pid() == video) {
        if (const auto unit = parser.feed(packet, position)) units.push_back(*unit);
      }
      ++position;
    }
    ASSERT_GE(units.size(), 49u);
    for (std::size_t i = 0; i < units.size(); ++i) {
      EXPECT_EQ(units[i].access, i % 10 == 0 ? ts::AccessPoint::closed : ts::AccessPoint::none) << i;
      if (i > 0) {
        EXPECT_EQ(ts::distance(*units[i - 1].dts, *units[i].dts), ts::Ticks90{3600});
      }
    }
  }
}

TEST(StreamBuilder, DeliversEveryTimeStampAheadOfItsClock) {
  StreamBuilder builder;
  builder.add(ServiceOptions::numbered(1));
  std::size_t seen = 0;
  const auto packets = builder.make(2s);
  for (std::size_t i = 0; i < packets.size(); ++i) {
    if (!packets[i].unit_start()) continue;
    const auto header = ts::PesHeader::parse(packets[i].payload());
    if (!header || !header->dts) continue;
    const ts::Timestamp now{ts::Ticks90{builder.pcr(first, i).base()}};
    EXPECT_GT(ts::distance(now, *header->dts), ts::Ticks90{100ms});
    EXPECT_LE(ts::distance(now, *header->dts), ts::Ticks90{400ms});
    ++seen;
  }
  EXPECT_GT(seen, 200u);
}

TEST(StreamBuilder, LeapsItsClockOnRequest) {
  StreamBuilder builder;
  builder.add(ServiceOptions::numbered(1));
  builder.make(1s);
  builder.jump(first, ts::Ticks27{10s}, true);
  const auto start = builder.position();
  const auto packets = builder.make(1s);
  const auto found = std::ranges::find_if(packets, [](const ts::Packet& packet) { return packet.pcr().has_value(); });
  ASSERT_NE(found, packets.end());
  EXPECT_TRUE(found->discontinuity());
  const auto position = start + static_cast<std::uint64_t>(found - packets.begin());
  EXPECT_EQ(*found->pcr(), builder.pcr(first, position));
  EXPECT_EQ(builder.pcr(first, 0), ts::Pcr{ts::Ticks27{1h + 10s}});
}

TEST(StreamBuilder, CarriesOtherStreamsAndSections) {
  StreamBuilder builder;
  auto options = ServiceOptions::numbered(1);
  options.other_streams = {{0x06, ts::Pid{0x0150}, {{psi::tag::teletext, {'f', 'r', 'a', 0x09, 0}}}}};
  options.section_pids = {ts::Pid{0x0160}};
  options.pcr_pid = ts::Pid{0x0170};
  builder.add(options);
  std::map<unsigned, int> packets;
  for (const auto& packet : builder.make(2s)) ++packets[packet.pid().value()];
  EXPECT_EQ(packets[0x0150], 20);
  EXPECT_EQ(packets[0x0160], 20);
  EXPECT_GT(packets[0x0170], 50);
  EXPECT_EQ(builder.pmt(first).streams.back().pid, ts::Pid{0x0150});
}

TEST(StreamBuilder, SaysWhenTheRateIsTooLow) {
  StreamBuilder builder{{.rate = 200'000}};
  builder.add(ServiceOptions::numbered(1));
  EXPECT_THROW(builder.make(10s), std::length_error);
}

TEST(Lose, MakesAGapOnOnePid) {
  StreamBuilder builder;
  builder.add(ServiceOptions::numbered(1));
  auto packets = builder.make(1s);
  const auto size = packets.size();
  EXPECT_EQ(lose(packets, video, 10, 3), 3u);
  EXPECT_EQ(packets.size(), size);
  ts::Continuity continuity;
  std::vector<int> missing;
  for (const auto& packet : packets) {
    const auto result = continuity.check(packet);
    if (ts::Continuity::is_error(result.verdict)) missing.push_back(result.missing);
  }
  EXPECT_EQ(missing, std::vector{3});
}

}  // namespace
}  // namespace support
