#include "tools/tscut/passage.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/packet_builder.hpp"
#include "tests/support/stream_builder.hpp"
#include "tests/unit/tscut_stream.hpp"

namespace {

using namespace std::chrono_literals;

// Of support::ServiceOptions::numbered(n).
constexpr unsigned video(unsigned n) { return n * 0x100 + 1; }
constexpr unsigned audio(unsigned n) { return n * 0x100 + 2; }
constexpr ts::Ticks90 audio_frame{2160};

class Passage : public testing::Test {
 protected:
  std::vector<ts::Packet> make(unsigned services, std::chrono::nanoseconds duration) {
    for (unsigned n = 1; n <= services; ++n) {
      auto options = support::ServiceOptions::numbered(n);
      options.gop = 10 + 3 * n;
      builder_.add(options);
    }
    return builder_.make(duration);
  }

  // The packets from the first access point of service 1 at or after `from`, to `to`, cut as the tool does.
  std::vector<ts::Packet> cut(std::span<const ts::Packet> stream, std::size_t from, std::size_t to,
                              tscut::Passage::Options options = {}) {
    const auto tables = test::tables_of(stream);
    tscut::Passage passage{*tables, options};
    const auto points = test::access_points(stream, video(1));
    const std::size_t start = *std::lower_bound(points.begin(), points.end(), from);
    std::vector<tscut::VideoStart> starts{{ts::Pid{video(1)}, 0, first_pts(stream, start)}};
    if (tables->services().size() > 1 && !options.service) {
      const auto others = test::access_points(stream, video(2));
      const std::size_t other = *std::lower_bound(others.begin(), others.end(), start);
      starts.push_back({ts::Pid{video(2)}, other - start, first_pts(stream, other)});
    }
    tscut::Zone zone{passage.map(), starts.back().index};
    std::size_t read = start;
    while (!zone.full() && read < stream.size()) zone.add(stream.subspan(read++, 1));
    std::vector<ts::Packet> out;
    passage.begin(
        zone.packets(), to - start, starts, [](ts::Pid) { return 0u; }, out);
    if (to > read) passage.take(stream.subspan(read, to - read), out);
    passage.end();
    passage.take(stream.subspan(std::max(read, to)), out);
    finished_ = passage.finished();
    start_ = start;
    return out;
  }

  static std::optional<ts::Timestamp> first_pts(std::span<const ts::Packet> stream, std::size_t index) {
    const auto payload = stream[index].payload();
    return test::pts({payload.begin(), payload.end()});
  }

  support::StreamBuilder builder_{{.rate = 2'000'000}};
  bool finished_ = false;
  std::size_t start_ = 0;
};

TEST_F(Passage, BeginsWithPatPmtSdtAndThenTheAccessPoint) {
  const auto stream = make(1, 20s);
  const auto out = cut(stream, 5000, 20'000);
  ASSERT_GT(out.size(), 100u);
  EXPECT_EQ(out[0].pid(), ts::pat_pid);
  EXPECT_EQ(out[1].pid(), ts::Pid{0x100});
  EXPECT_EQ(out[2].pid(), ts::sdt_pid);
  const auto tables = test::tables_of(std::span{out}.first(3));
  ASSERT_TRUE(tables->pat());
  EXPECT_TRUE(tables->sdt());
  EXPECT_EQ(tables->services().begin()->second.pmt, builder_.pmt(psi::ServiceId{0x101}));
  const auto points = test::access_points(out, video(1));
  ASSERT_FALSE(points.empty());
  EXPECT_LE(points.front(), 5u);
}

TEST_F(Passage, HasAClockFromTheFirstPicturesOn) {
  const auto stream = make(1, 20s);
  const auto out = cut(stream, 5000, 20'000);
  const auto first = std::find_if(out.begin(), out.end(), [](const auto& p) { return p.pcr().has_value(); });
  ASSERT_LE(first - out.begin(), 3);
  EXPECT_EQ(first->pid(), ts::Pid{video(1)});
  const ts::Pcr truth = builder_.pcr(psi::ServiceId{0x101}, start_);
  EXPECT_LT(std::abs(ts::distance(truth, *first->pcr()).count()), 27'000'000 / 1000);
}

TEST_F(Passage, CountersGoOnFromTheTablesToTheEnd) {
  const auto stream = make(2, 20s);
  ASSERT_EQ(test::continuity_errors(stream), 0u);
  for (std::size_t from = 3000; from < 6000; from += 117) {
    EXPECT_EQ(test::continuity_errors(cut(stream, from, from + 12'345)), 0u) << from;
  }
}

TEST_F(Passage, EveryStreamBeginsAndEndsWithAWholeUnit) {
  const auto stream = make(2, 20s);
  const auto out = cut(stream, 5000, 20'003);
  EXPECT_TRUE(finished_);
  for (const unsigned pid : {video(1), audio(1), video(2), audio(2)}) {
    const auto all = test::units(stream, pid);
    const auto kept = test::units(out, pid);
    ASSERT_GT(kept.size(), 100u);
    const auto first = std::find(all.begin(), all.end(), kept.front());
    ASSERT_NE(first, all.end()) << pid;
    EXPECT_TRUE(std::equal(kept.begin(), kept.end(), first)) << pid;
  }
}

TEST_F(Passage, SoundBeginsAndEndsWithThePictures) {
  const auto stream = make(1, 20s);
  const auto out = cut(stream, 5000, 20'000);
  const auto pictures = test::units(out, video(1)), sounds = test::units(out, audio(1));
  const auto lead = ts::distance(*test::pts(sounds.front()), *test::pts(pictures.front()));
  EXPECT_GE(lead, ts::Ticks90{0});
  EXPECT_LT(lead, audio_frame);
  const auto last = ts::distance(*test::pts(sounds.back()), *test::pts(pictures.back()) + ts::Ticks90{3600});
  EXPECT_GT(last, ts::Ticks90{0});
  EXPECT_LE(last, audio_frame);
}

TEST_F(Passage, SoundThatLagsInTheMultiplexIsWaitedFor) {
  auto stream = make(1, 20s);
  // The sound's packets go to places of that PID half a second later, as if it had been sent so much later.
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < stream.size(); ++i) {
    if (stream[i].pid() == ts::Pid{audio(1)}) places.push_back(i);
  }
  const std::vector<ts::Packet> before = stream;
  for (std::size_t i = places.size(); i-- > 21;) stream[places[i]] = before[places[i - 21]];
  for (std::size_t i = 0; i < 21; ++i) stream[places[i]] = ts::Packet::null();
  const auto out = cut(stream, 5000, 16'000);
  const auto pictures = test::units(out, video(1)), sounds = test::units(out, audio(1));
  const auto lead = ts::distance(*test::pts(sounds.front()), *test::pts(pictures.front()));
  EXPECT_GE(lead, ts::Ticks90{0});
  EXPECT_LT(lead, audio_frame);
  const auto last = ts::distance(*test::pts(sounds.back()), *test::pts(pictures.back()) + ts::Ticks90{3600});
  EXPECT_GT(last, ts::Ticks90{0});
  EXPECT_LE(last, audio_frame);
  EXPECT_EQ(test::continuity_errors(out), 0u);
  // The clock goes on while only sound is taken.
  std::optional<ts::Pcr> clock;
  for (const auto& packet : out) {
    const auto pcr = packet.pcr();
    if (!pcr) continue;
    if (clock) {
      EXPECT_LE(ts::distance(*clock, *pcr), ts::Ticks27{27'000 * 40});
    }
    clock = pcr;
  }
}

TEST_F(Passage, TheBodyIsTheStreamBitByBit) {
  const auto stream = make(1, 20s);
  const auto out = cut(stream, 3000, 24'000);
  const std::vector<ts::Packet> body(stream.begin() + 12'000, stream.begin() + 24'000);
  EXPECT_NE(std::search(out.begin(), out.end(), body.begin(), body.end()), out.end());
}

TEST_F(Passage, RebaseMakesTheFirstClockZeroAndKeepsDistances) {
  auto service = support::ServiceOptions::numbered(1);
  service.start_pcr = ts::Pcr{ts::Ticks27{ts::Pcr::modulus - 27'000'000LL * 8}};  // wraps inside the cut
  builder_.add(service);
  const auto stream = builder_.make(20s);
  const auto plain = cut(stream, 3000, 20'000);
  const auto out = cut(stream, 3000, 20'000, {.rebase = true});
  ASSERT_EQ(out.size(), plain.size());
  std::optional<ts::Ticks27> shift;
  for (std::size_t i = 0; i < out.size(); ++i) {
    ASSERT_EQ(out[i].pcr().has_value(), plain[i].pcr().has_value());
    if (!out[i].pcr()) continue;
    if (!shift) {
      EXPECT_LT(out[i].pcr()->ticks(), 300);
      shift = ts::distance(*plain[i].pcr(), *out[i].pcr());
    }
    EXPECT_EQ(*plain[i].pcr() + *shift, *out[i].pcr());
  }
  const auto before = test::units(plain, video(1)), after = test::units(out, video(1));
  for (std::size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(*test::pts(before[i]) + ts::Ticks90{shift->count() / 300}, *test::pts(after[i]));
  }
  EXPECT_LT(test::pts(after.front())->ticks(), 90'000);
}

TEST_F(Passage, RebaseMovesSpliceInformation) {
  tscut::StreamMap map;
  map.update(*test::tables_of(make(1, 2s)));
  tscut::Rebaser rebaser;
  auto clock = ts::Packet::pcr_only(ts::Pid{video(1)}, ts::Pcr{ts::Ticks27{300 * 5000}}, 0);
  rebaser.apply(clock, map);
  EXPECT_EQ(clock.pcr()->base(), 0);
  // splice_null, pts_adjustment 7000.
  std::vector<std::uint8_t> payload{0, 0xFC, 0x30, 17, 0, 0, 0, 0, 0x1B, 0x58, 0, 0xFF, 0xF0, 0, 0, 0, 0, 0, 0, 0, 0};
  ts::seal_section(std::span{payload}.subspan(1));
  auto packet = test::make_packet({.pid = audio(1), .unit_start = true}, payload);
  rebaser.apply(packet, map);
  const auto section = packet.payload().subspan(1, 20);
  EXPECT_EQ(section[7] << 8 | section[8], 2000);
  EXPECT_TRUE(ts::Section{section}.crc_ok());
}

TEST_F(Passage, OneServiceHasTablesOfItsOwn) {
  const auto stream = make(2, 20s);
  const auto out = cut(stream, 5000, 20'000, {.service = psi::ServiceId{0x101}});
  EXPECT_EQ(test::continuity_errors(out), 0u);
  const auto tables = test::tables_of(out);
  ASSERT_EQ(tables->services().size(), 1u);
  EXPECT_EQ(tables->services().begin()->first, psi::ServiceId{0x101});
  ASSERT_TRUE(tables->sdt());
  EXPECT_EQ(tables->sdt()->services.size(), 1u);
  EXPECT_EQ(tables->crc_errors(), 0u);
  for (const unsigned pid : test::pids(out)) EXPECT_TRUE(pid < 0x20 || pid / 0x100 == 1) << pid;
}

TEST_F(Passage, FollowsAServiceWhosePmtChanges) {
  auto stream = make(2, 10s);
  auto service = builder_.service(psi::ServiceId{0x101});
  service.audio.push_back({ts::Pid{0x1F0}, "deu"});
  builder_.replace(service);
  const auto more = builder_.make(10s);
  stream.insert(stream.end(), more.begin(), more.end());
  const auto out = cut(stream, 3000, 24'000, {.service = psi::ServiceId{0x101}});
  EXPECT_GT(test::units(out, 0x1F0).size(), 100u);
}

// One picture a PES packet, each in a packet of its own.
ts::Packet picture(unsigned counter, std::int64_t pts, std::int64_t dts) {
  std::vector<std::uint8_t> pes{0, 0, 1, 0xE0, 0, 0, 0x80, 0xC0, 10};
  const auto put = [&](unsigned prefix, std::int64_t ticks) {
    const auto t = static_cast<std::uint64_t>(ticks);
    pes.push_back(static_cast<std::uint8_t>(prefix << 4 | ((t >> 30 & 7) << 1) | 1));
    pes.push_back(static_cast<std::uint8_t>(t >> 22));
    pes.push_back(static_cast<std::uint8_t>((t >> 15 & 0x7F) << 1 | 1));
    pes.push_back(static_cast<std::uint8_t>(t >> 7));
    pes.push_back(static_cast<std::uint8_t>((t & 0x7F) << 1 | 1));
  };
  put(3, pts);
  put(1, dts);
  return test::make_packet({.pid = video(1), .counter = counter, .unit_start = true}, pes);
}

TEST_F(Passage, PicturesEndWhereNoneShownEarlierIsMissing) {
  tscut::StreamMap map;
  map.update(*test::tables_of(make(1, 2s)));
  tscut::Tail tail;
  // Decoding order I1 P4 b2 b3 P7 b5 b6, the end after P4.
  tail.observe(picture(0, 1'003'600, 1'000'000), map);
  tail.observe(picture(1, 1'014'400, 1'003'600), map);
  EXPECT_EQ(tail.take(picture(2, 1'007'200, 1'007'200), map).pid(), ts::Pid{video(1)});
  EXPECT_EQ(tail.take(picture(3, 1'010'800, 1'010'800), map).pid(), ts::Pid{video(1)});
  EXPECT_FALSE(tail.finished(map));
  EXPECT_EQ(tail.take(picture(4, 1'025'200, 1'014'400), map), ts::Packet::null());
  EXPECT_TRUE(tail.finished(map));
  EXPECT_EQ(tail.take(picture(5, 1'018'000, 1'018'000), map), ts::Packet::null());
}

TEST_F(Passage, LeadingPicturesOfAnOpenGroupAreLeftOut) {
  tscut::StreamMap map;
  map.update(*test::tables_of(make(1, 2s)));
  // Decoding order I4 b2 b3 P7, with a clock between the b pictures.
  const std::vector<ts::Packet> zone{picture(14, 1'010'800, 1'000'000), picture(15, 1'003'600, 1'003'600),
                                     ts::Packet::pcr_only(ts::Pid{video(1)}, ts::Pcr{ts::Ticks27{300}}, 15),
                                     picture(0, 1'007'200, 1'007'200), picture(1, 1'021'600, 1'010'800)};
  const std::vector<tscut::VideoStart> open{
      {ts::Pid{video(1)}, 0, ts::Timestamp{ts::Ticks90{1'010'800}}, ts::AccessPoint::open}};
  const tscut::Head head{zone, map, open};
  std::vector<ts::Packet> kept;
  for (std::size_t i = 0; i < zone.size(); ++i) kept.push_back(head.take(i));
  EXPECT_TRUE(std::ranges::equal(kept[0].payload(), zone[0].payload()));
  EXPECT_EQ(kept[0].continuity(), 0u);
  EXPECT_EQ(kept[1], ts::Packet::null());
  EXPECT_TRUE(kept[2].pcr());
  EXPECT_EQ(kept[2].continuity(), 0u);
  EXPECT_EQ(kept[3], ts::Packet::null());
  EXPECT_EQ(kept[4], zone[4]);
  // The zone may end among them.
  const tscut::Head shorter{std::span{zone}.first(4), map, open};
  EXPECT_EQ(shorter.take(0).continuity(), 0u);
  auto closed = open;
  closed[0].access = ts::AccessPoint::closed;
  EXPECT_EQ(tscut::Head(zone, map, closed).take(1), zone[1]);
}

TEST_F(Passage, TakesAnyBytes) {
  auto stream = make(1, 10s);
  unsigned state = 1;
  for (std::size_t i = 0; i < stream.size(); i += 7) {
    for (std::size_t b = 1; b < 12; ++b) {
      state = state * 1664525 + 1013904223;
      stream[i].bytes[b] = static_cast<std::uint8_t>(state >> 24);
    }
  }
  const auto tables = test::tables_of(stream);
  for (const bool rebase : {false, true}) {
    tscut::Passage passage{*tables, {.rebase = rebase}};
    std::vector<ts::Packet> out;
    const std::vector<tscut::VideoStart> starts{{ts::Pid{video(1)}, 100, std::nullopt}};
    passage.begin(
        std::span{stream}.first(4000), 5000, starts, [](ts::Pid) { return 0u; }, out);
    passage.take(std::span{stream}.subspan(4000, 4000), out);
    passage.end();
    passage.take(std::span{stream}.subspan(8000), out);
    EXPECT_GT(out.size(), 7000u);
  }
}

}  // namespace
