#include "common/ts/tstd.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <vector>

#include "common/ts/access_unit_scanner.hpp"

namespace ts {
namespace {

using Kind = TstdEvent::Kind;

// 188 bytes in 1000 ticks, in bit/s.
constexpr std::uint64_t packet_in_1000_ticks = 188 * 8 * 27'000;
constexpr double second = 27e6;

ProgramTime time(double ticks) { return ProgramTime{Ticks27{static_cast<std::int64_t>(ticks)}}; }

// A model fed with packets one after another, that remembers what it tells.
class Bench {
 public:
  explicit Bench(const TstdLimits& limits) : tstd(limits) {}

  // Packets of 184 payload bytes, or of what is said, each `length` ticks after the one before.
  void packets(std::size_t count, double length, std::size_t stream = 184, std::size_t header = 0) {
    for (std::size_t i = 0; i < count; ++i) packet(length, stream, header);
  }
  void packet(double length, std::size_t stream = 184, std::size_t header = 0) {
    tstd.feed(time(now), length, stream, header);
    now += length;
    collect();
  }
  void wait(double ticks) {
    now += ticks;
    tstd.advance(time(now));
    collect();
  }
  void collect() {
    for (const TstdEvent& event : tstd.events()) events.push_back(event);
    tstd.clear_events();
  }
  std::vector<Kind> kinds() const {
    std::vector<Kind> out;
    for (const TstdEvent& event : events) out.push_back(event.kind);
    return out;
  }

  Tstd tstd;
  double now = 0;
  std::vector<TstdEvent> events;
};

using Kinds = std::vector<Kind>;

TstdLimits transport_only() {
  TstdLimits limits;
  limits.transport_rate = packet_in_1000_ticks;
  return limits;
}

// TB never holds bytes back; B of `size` bytes.
TstdLimits main_buffer(std::uint64_t size) {
  TstdLimits limits;
  limits.transport_rate = 1000 * packet_in_1000_ticks;
  limits.elementary_size = size;
  limits.elementary_holds_headers = true;
  limits.longest_delay = Ticks27{system_clock_hz};
  return limits;
}

// TB never holds bytes back; MB leaks 188 bytes in 1000 ticks.
TstdLimits video_buffers(std::uint64_t multiplex, std::uint64_t elementary) {
  TstdLimits limits = main_buffer(elementary);
  limits.elementary_holds_headers = false;
  limits.longest_delay.reset();
  limits.multiplex_size = multiplex;
  limits.multiplex_rate = packet_in_1000_ticks;
  return limits;
}

// At twice Rx each packet leaves 94 bytes behind.
TEST(TransportBuffer, OverflowsByPacketsBackToBack) {
  Bench bench{transport_only()};
  bench.packets(5, 500);
  EXPECT_TRUE(bench.events.empty());
  EXPECT_NEAR(bench.tstd.figures().transport, 470, 0.01);
  bench.packet(500);
  ASSERT_EQ(bench.kinds(), Kinds{Kind::transport_overflow});
  EXPECT_NEAR(bench.events[0].amount, 52, 0.01);
  EXPECT_EQ(bench.events[0].at, time(3000));
}

TEST(TransportBuffer, TakesPacketsAtItsRateForEver) {
  Bench bench{transport_only()};
  bench.packets(1000, 1000);
  EXPECT_TRUE(bench.events.empty());
  EXPECT_NEAR(bench.tstd.figures().transport, 0, 0.01);
}

TEST(TransportBuffer, DrainsBetweenPackets) {
  Bench bench{transport_only()};
  for (int i = 0; i < 100; ++i) {
    bench.packets(5, 500);
    bench.wait(2500);
  }
  EXPECT_TRUE(bench.events.empty());
  EXPECT_NEAR(bench.tstd.figures().transport, 470, 0.01);
}

TEST(TransportBuffer, MayBeFullToTheLastByteAndTheRounding) {
  TstdLimits limits = transport_only();
  for (const auto& [size, events] : {std::pair{564u, 0u}, std::pair{562u, 0u}, std::pair{561u, 1u}}) {
    limits.transport_size = size;
    Bench bench{limits};
    bench.packets(6, 500);
    EXPECT_EQ(bench.events.size(), events) << size;
  }
}

TEST(TransportBuffer, CountsPacketsWithoutPayload) {
  Bench bench{transport_only()};
  bench.packets(6, 500, 0);
  EXPECT_EQ(bench.kinds(), Kinds{Kind::transport_overflow});
}

TEST(TransportBuffer, TellsOfAnOverflowOnceASecond) {
  Bench bench{transport_only()};
  bench.packets(5, 500);
  bench.packets(60'000, 1000);
  EXPECT_TRUE(bench.events.empty() || bench.events[0].kind != Kind::transport_overflow);
  Bench over{transport_only()};
  over.packets(6, 500);
  over.packets(53'900, 1000);  // to 1.996 s
  std::size_t overflows = 0;
  for (const auto& event : over.events) overflows += event.kind == Kind::transport_overflow ? 1 : 0;
  EXPECT_EQ(overflows, 2u);
}

TEST(TransportBuffer, MustBeEmptyOnceASecond) {
  Bench bench{transport_only()};
  bench.packets(2, 500);  // 188 bytes stay behind
  bench.packets(26'999, 1000);
  EXPECT_TRUE(bench.events.empty()) << "a second, not more";
  bench.packet(1000);
  ASSERT_EQ(bench.kinds(), Kinds{Kind::transport_not_empty});
  EXPECT_NEAR(bench.events[0].amount, 1, 0.001);
}

TEST(TransportBuffer, IsEmptyAfterAGapAsLongAsItsBacklog) {
  Bench bench{transport_only()};
  bench.packets(2, 500);
  bench.packets(20'000, 1000);
  bench.wait(1000);
  bench.packets(2, 500);
  bench.packets(20'000, 1000);
  EXPECT_TRUE(bench.events.empty());
}

// In at 184 bytes of 188 at twice Rbx: at the end of the kth packet 90k + 2 bytes wait.
TEST(MultiplexBuffer, Overflows) {
  Bench bench{video_buffers(1000, 100'000)};
  bench.packets(11, 500);
  bench.tstd.advance(time(bench.now));
  bench.collect();
  EXPECT_TRUE(bench.events.empty());
  EXPECT_NEAR(bench.tstd.figures().multiplex, 992, 0.01);
  bench.packet(500);
  bench.wait(0);
  ASSERT_EQ(bench.kinds(), Kinds{Kind::multiplex_overflow});
  EXPECT_NEAR(bench.events[0].amount, 82, 0.01);
  EXPECT_EQ(bench.events[0].at, time(6000));
}

TEST(MultiplexBuffer, PassesWhatComesAtItsRate) {
  Bench bench{video_buffers(100, 1'000'000)};
  bench.packets(2000, 1000);
  bench.wait(0);
  EXPECT_TRUE(bench.events.empty());
  EXPECT_LT(bench.tstd.figures().multiplex, 1);
}

TEST(MultiplexBuffer, HoldsPesHeadersUntilAByteBehindThemGoes) {
  for (const auto& [size, events] : {std::pair{100u, 0u}, std::pair{90u, 1u}}) {
    Bench bench{video_buffers(size, 100'000)};
    bench.packet(1000, 0, 100);  // the rest of the packet is stuffing
    bench.packet(1000, 184);
    bench.packet(1000, 84, 100);
    bench.wait(0);
    EXPECT_EQ(bench.events.size(), events) << size;
    EXPECT_NEAR(bench.tstd.figures().multiplex, 100, 0.01);
  }
}

// EB takes 300 bytes of the first access unit; all else waits in MB.
TEST(MultiplexBuffer, WaitsWhileTheElementaryBufferIsFull) {
  for (const auto& [size, events] : {std::pair{700u, 0u}, std::pair{600u, 1u}}) {
    Bench bench{video_buffers(size, 300)};
    bench.tstd.feed(time(0), 1000, 184, 0);
    bench.tstd.add(0, 300, time(8000));
    bench.tstd.add(300, 300, time(9000));
    bench.tstd.add(600, 384, time(20'000));
    bench.now = 1000;
    bench.packets(4, 1000);
    bench.wait(0);
    // 920 came, 300 are in EB.
    EXPECT_NEAR(bench.tstd.figures().elementary, 300, 0.6);
    EXPECT_NEAR(bench.tstd.figures().multiplex, 620, 1);
    EXPECT_EQ(bench.events.size(), events);
    if (events > 0) {
      EXPECT_EQ(bench.events[0].kind, Kind::multiplex_overflow);
    }
  }
}

TEST(MultiplexBuffer, MustBeEmptyOnceASecond) {
  for (const bool early : {false, true}) {
    Bench bench{video_buffers(100'000, 300)};
    bench.tstd.feed(time(0), 1000, 184, 0);
    bench.tstd.add(0, 300, time(early ? 0.5 * second : 0.99 * second));
    bench.tstd.add(300, 300, time(early ? 0.6 * second : 0.995 * second));
    bench.tstd.add(600, 300, time(early ? 0.7 * second : 1.5 * second));
    bench.now = 1000;
    bench.packets(4, 1000);
    bench.wait(1.4 * second);
    EXPECT_EQ(bench.kinds(), early ? Kinds{} : Kinds{Kind::multiplex_not_empty});
  }
}

TEST(MainBuffer, Overflows) {
  Bench bench{main_buffer(400)};
  bench.packet(1000);
  bench.tstd.add(0, 184, time(5000));
  bench.packet(1000);
  bench.tstd.add(184, 184, time(6000));
  bench.packet(1000);
  bench.wait(0);
  ASSERT_EQ(bench.kinds(), Kinds{Kind::elementary_overflow});
  EXPECT_NEAR(bench.events[0].amount, 152, 0.01);
  EXPECT_EQ(bench.events[0].at, time(3000));
}

TEST(MainBuffer, HasRoomAgainAfterADecodingTime) {
  Bench bench{main_buffer(400)};
  bench.packet(1000);
  bench.tstd.add(0, 184, time(2000));
  bench.packet(1000);
  bench.tstd.add(184, 184, time(3000));
  bench.packets(1, 1000);
  bench.wait(0);
  EXPECT_TRUE(bench.events.empty());
  EXPECT_NEAR(bench.tstd.figures().elementary, 368, 0.01);
  EXPECT_EQ(bench.tstd.figures().units, 1u);
  bench.wait(1);
  EXPECT_EQ(bench.tstd.figures().units, 2u);
}

TEST(MainBuffer, MayBeFullToTheLastByteAndTheRounding) {
  for (const auto& [size, events] : {std::pair{368u, 0u}, std::pair{366u, 0u}, std::pair{365u, 1u}}) {
    Bench bench{main_buffer(size)};
    bench.packet(1000);
    bench.tstd.add(0, 1000, time(50'000));
    bench.packet(1000);
    bench.wait(0);
    EXPECT_EQ(bench.events.size(), events) << size;
  }
}

TEST(MainBuffer, HoldsThePesHeaderOfAnAccessUnitUntilThatIsDecoded) {
  Bench bench{main_buffer(1000)};
  bench.packet(1000, 170, 14);
  bench.tstd.add(0, 170, time(4000));
  bench.packet(1000, 170, 14);
  bench.tstd.add(170, 170, time(5000));
  bench.wait(0);
  EXPECT_NEAR(bench.tstd.figures().elementary, 368, 0.01);
  bench.wait(2500);  // the first is gone, and its header
  bench.tstd.clear_figures();
  bench.wait(100);
  EXPECT_NEAR(bench.tstd.figures().elementary, 184, 0.01);
}

TEST(MainBuffer, KeepsWhatBelongsToNoAccessUnitYetForNoTime) {
  Bench bench{main_buffer(200)};
  bench.packets(20, 1000);
  bench.wait(0);
  EXPECT_TRUE(bench.events.empty());
  EXPECT_EQ(bench.tstd.figures().elementary, 0);
}

// 184 bytes in 1000 ticks: at 3000 there are 552.
TEST(AccessUnit, NotWholeAtItsDecodingTimeIsAnUnderflow) {
  Bench bench{main_buffer(10'000)};
  bench.packet(1000);
  bench.tstd.add(0, 1000, time(3000));
  bench.packets(5, 1000);
  bench.wait(0);
  ASSERT_EQ(bench.kinds(), Kinds{Kind::underflow});
  EXPECT_NEAR(bench.events[0].amount, 448, 0.01);
  EXPECT_EQ(bench.events[0].at, time(3000));
  EXPECT_EQ(bench.tstd.figures().units_late, 1u);
}

TEST(AccessUnit, WholeAtItsDecodingTimeIsNone) {
  for (const auto& [decoded, events] : {std::pair{6000, 0u}, std::pair{5995, 0u}, std::pair{5980, 1u}}) {
    Bench bench{main_buffer(10'000)};
    bench.packet(1000);
    bench.tstd.add(0, 6 * 184, time(decoded));
    bench.packets(6, 1000);
    bench.wait(0);
    EXPECT_EQ(bench.events.size(), events) << decoded;
    EXPECT_EQ(bench.tstd.figures().units, 1u);
    EXPECT_EQ(bench.tstd.figures().units_late, events);
  }
}

// Two packets at twice Rx leave 188 bytes in TB, then one comes at a quarter of Rx: its first bytes wait for those, the
// others for nothing. 2000 ticks after its beginning 94 of its bytes have passed, 4 of them its header.
TEST(AccessUnit, PassesATransportBufferThatCatchesUp) {
  TstdLimits limits = main_buffer(10'000);
  limits.transport_rate = packet_in_1000_ticks;
  Bench bench{limits};
  bench.packet(500);
  bench.tstd.add(0, 3 * 184, time(3000));
  bench.packet(500);
  bench.packet(4000);
  bench.wait(0);
  ASSERT_EQ(bench.kinds(), Kinds{Kind::underflow});
  EXPECT_NEAR(bench.events[0].amount, 94, 0.01);
}

// It comes whole in one packet, after its time.
TEST(AccessUnit, ThatBeginsAfterItsDecodingTimeIsAnUnderflow) {
  Bench bench{main_buffer(10'000)};
  bench.packet(1000);
  bench.tstd.add(0, 184, time(5000));
  bench.wait(9000);
  bench.packet(1000);
  bench.tstd.add(184, 184, time(9000));
  bench.wait(0);
  ASSERT_EQ(bench.kinds(), Kinds{Kind::underflow});
  EXPECT_NEAR(bench.events[0].amount, 184, 0.01);
}

TEST(AccessUnit, ThatIsLateIsTakenOutAsItComes) {
  Bench bench{main_buffer(600)};
  bench.packet(1000);
  bench.tstd.add(0, 1840, time(3000));
  bench.packets(9, 1000);
  bench.wait(0);
  EXPECT_EQ(bench.kinds(), Kinds{Kind::underflow}) << "no overflow after it";
}

// Video: its end shows only when the next one begins.
TEST(AccessUnit, BegunCountsWhatIsThereAtItsDecodingTime) {
  Bench bench{video_buffers(10'000, 10'000)};
  bench.packet(1000);
  bench.tstd.begin(0, time(3000));
  bench.packets(6, 1000);
  bench.tstd.add(0, 1000, time(3000));
  bench.wait(0);
  ASSERT_EQ(bench.kinds(), Kinds{Kind::underflow});
  EXPECT_NEAR(bench.events[0].amount, 448, 4);
  EXPECT_EQ(bench.events[0].at, time(3000));
}

TEST(AccessUnit, WholeBeforeTheNextOneBeginsMuchLater) {
  Bench bench{video_buffers(10'000, 10'000)};
  bench.packet(1000);
  bench.tstd.begin(0, time(3000));
  bench.packet(1000);
  bench.wait(50'000);
  bench.packet(1000);
  bench.tstd.add(0, 368, time(3000));
  bench.tstd.begin(368, time(100'000));
  bench.wait(0);
  EXPECT_TRUE(bench.events.empty());
  EXPECT_EQ(bench.tstd.figures().units, 1u);
  EXPECT_EQ(bench.tstd.figures().units_late, 0u);
}

TEST(AccessUnit, MayBeLateWithLowDelay) {
  TstdLimits limits = main_buffer(10'000);
  limits.underflow_is_error = false;
  Bench bench{limits};
  bench.packet(1000);
  bench.tstd.add(0, 1000, time(3000));
  bench.packets(5, 1000);
  bench.wait(0);
  EXPECT_TRUE(bench.events.empty());
  EXPECT_EQ(bench.tstd.figures().units_late, 1u);
}

// Its first byte is the fifth of a packet of 1880 ticks: it comes at 40.
TEST(AccessUnit, MayWaitASecondAndNoLonger) {
  for (const auto& [ticks, events] : {std::pair{40, 0u}, std::pair{60, 0u}, std::pair{80, 1u}}) {
    for (const bool begun : {false, true}) {
      Bench bench{main_buffer(1000)};
      bench.packet(1880);
      if (begun) bench.tstd.begin(0, time(second + ticks));
      if (!begun) bench.tstd.add(0, 184, time(second + ticks));
      bench.wait(0);
      ASSERT_EQ(bench.events.size(), events) << ticks;
      EXPECT_NEAR(static_cast<double>(bench.tstd.figures().delay.count()), second + ticks - 40, 1);
      if (events == 0) continue;
      EXPECT_EQ(bench.events[0].kind, Kind::delay);
      EXPECT_NEAR(bench.events[0].amount, 1, 0.001);
    }
  }
}

TEST(AccessUnit, WaitIsThatOfItsFirstByteInAnEarlierPacket) {
  Bench bench{main_buffer(1000)};
  bench.packets(10, 1880);
  bench.tstd.add(3 * 184 + 94, 100, time(second));
  // The byte before which 94 of the fourth packet's 184 came.
  EXPECT_NEAR(static_cast<double>(bench.tstd.figures().delay.count()), second - (3 * 1880 + 980), 1);
}

TEST(AccessUnit, WithoutATimeGoesWithTheOneBefore) {
  Bench bench{main_buffer(600)};
  bench.packet(1000);
  bench.tstd.add(0, 100, time(1500));
  for (int i = 1; i < 20; ++i) {
    bench.packet(1000);
    bench.tstd.add(static_cast<std::uint64_t>(i) * 184 - 84, 184, std::nullopt);
  }
  bench.wait(0);
  EXPECT_TRUE(bench.events.empty());
}

TEST(AccessUnit, WithoutATimeLeavesWithAnEarlierOneThatStillWaits) {
  Bench bench{main_buffer(10'000)};
  bench.packet(1000);
  bench.tstd.add(0, 184, time(50'000));
  for (int i = 1; i < 20; ++i) {
    bench.packet(1000);
    bench.tstd.add(static_cast<std::uint64_t>(i) * 184, 184, std::nullopt);
  }
  bench.wait(20'000);
  EXPECT_NEAR(bench.tstd.figures().elementary, 20 * 184, 0.01);
  bench.wait(20'000);
  bench.tstd.clear_figures();
  bench.wait(1);
  EXPECT_EQ(bench.tstd.figures().elementary, 0);
  EXPECT_TRUE(bench.events.empty());
}

TEST(AccessUnit, IsDecodedNoLaterThanOneAfterIt) {
  Bench bench{main_buffer(600)};
  bench.packet(1000);
  bench.tstd.add(0, 184, time(900'000));  // a wrong time
  for (int i = 1; i < 20; ++i) {
    bench.packet(1000);
    bench.tstd.add(static_cast<std::uint64_t>(i) * 184, 184, time(bench.now + 1000));
  }
  bench.wait(0);
  EXPECT_TRUE(bench.events.empty());
  EXPECT_GE(bench.tstd.figures().units, 18u);
}

TEST(AccessUnit, WithATimeBeyondAllLimitsIsTold) {
  Bench late{main_buffer(600)};
  Bench early{main_buffer(600)};
  for (int i = 0; i < 20; ++i) {
    late.packet(1000);
    late.tstd.add(static_cast<std::uint64_t>(i) * 184, 184, time(1e12));
    early.packet(1000);
    early.tstd.add(static_cast<std::uint64_t>(i) * 184, 184, time(-1e12));
  }
  late.wait(0);
  early.wait(0);
  EXPECT_EQ(late.kinds(), Kinds{Kind::delay}) << "once a second";
  EXPECT_EQ(early.kinds(), Kinds{Kind::underflow});
}

TEST(AccessUnits, PassOneAfterAnotherForLong) {
  Bench bench{main_buffer(184 * 4)};
  std::uint64_t offset = 0;
  for (int i = 0; i < 100'000; ++i) {
    bench.packet(1000);
    bench.tstd.add(offset, 184, time(bench.now + 3000));
    offset += 184;
  }
  EXPECT_TRUE(bench.events.empty());
  EXPECT_NEAR(bench.tstd.figures().elementary, 184 * 4, 1);
  EXPECT_EQ(bench.tstd.figures().units_late, 0u);
  EXPECT_GT(bench.tstd.figures().units, 99'990u);
}

TEST(Reset, EmptiesAllBuffersAndKeepsTheFigures) {
  Bench bench{main_buffer(400)};
  bench.packets(2, 1000);
  bench.tstd.add(0, 10'000, time(20'000));
  bench.tstd.reset(10'000);
  // Time may go back.
  bench.now = 0;
  bench.packet(1000);
  bench.tstd.add(10'000, 184, time(5000));
  bench.packet(1000);
  bench.tstd.add(10'184, 184, time(6000));
  bench.wait(30'000);
  EXPECT_TRUE(bench.events.empty());
  EXPECT_EQ(bench.tstd.figures().units, 2u);
  EXPECT_EQ(bench.tstd.figures().units_late, 0u);
}

TEST(Reset, TakesTheBytesBeforeTheNextAccessUnitForNothing) {
  Bench bench{main_buffer(400)};
  bench.packets(1, 1000);
  bench.tstd.add(0, 1000, time(90'000));
  bench.tstd.reset(184);
  bench.packets(50, 1000);
  bench.tstd.add(51 * 184, 368, time(bench.now + 2000));
  bench.packets(2, 1000);
  bench.wait(1);
  EXPECT_TRUE(bench.events.empty());
}

// Rsys 80 kb/s: 10 kB/s. A packet of sections is 184 bytes.
TEST(Sections, OverflowBsysAfterABurst) {
  for (const auto& [count, events] : {std::pair{8u, 0u}, std::pair{10u, 1u}}) {
    Bench bench{TstdLimits::sections(20e6)};
    // 1 Mb/s: 40608 ticks a packet, so TBsys takes it.
    bench.packets(count, 40'608);
    bench.wait(0);
    ASSERT_EQ(bench.events.size(), events) << count;
    if (events > 0) {
      EXPECT_EQ(bench.events[0].kind, Kind::multiplex_overflow);
    }
  }
}

TEST(Sections, MayKeepBsysBusy) {
  Bench bench{TstdLimits::sections(20e6)};
  // 184 bytes in 18.4 ms: as fast as Bsys leaks.
  bench.packets(2, 40'608);
  bench.packets(300, 496'800);
  EXPECT_TRUE(bench.events.empty());
}

TEST(TstdLimits, OfSectionsFollowTheRateOfTheStream) {
  EXPECT_EQ(TstdLimits::sections(20e6).multiplex_rate, 80'000u);
  EXPECT_EQ(TstdLimits::sections(60e6).multiplex_rate, 120'000u);
  EXPECT_EQ(TstdLimits::sections(60e6).transport_rate, 1'000'000u);
  EXPECT_EQ(TstdLimits::sections(60e6).multiplex_size, 1536u);
}

TEST(TstdLimits, OfMpeg2AtMainLevel) {
  VideoParameters video;
  video.codec = VideoCodec::mpeg2;
  video.profile = 4;
  video.level = 8;
  video.buffer_size = 1'720'320;
  const auto limits = TstdLimits::video(video);
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->transport_rate, 18'000'000u);
  EXPECT_EQ(limits->multiplex_rate, 15'000'000u);
  EXPECT_EQ(limits->elementary_size, 215'040u);
  EXPECT_EQ(limits->multiplex_size, 7500u + 2500u + 14'336u);
  EXPECT_TRUE(limits->size_sent);
  EXPECT_EQ(limits->longest_delay, Ticks27{system_clock_hz});
}

TEST(TstdLimits, OfMpeg2AtHighLevelLeakByTheStreamsRate) {
  VideoParameters video;
  video.codec = VideoCodec::mpeg2;
  video.profile = 4;
  video.level = 4;
  video.bit_rate = 20'000'000;
  auto limits = TstdLimits::video(video);
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->transport_rate, 96'000'000u);
  EXPECT_EQ(limits->multiplex_rate, 21'000'000u);
  EXPECT_EQ(limits->multiplex_size, 40'000u + 13'333u);
  EXPECT_EQ(limits->elementary_size, 9'781'248u / 8);
  EXPECT_FALSE(limits->size_sent);
  video.bit_rate = 79'000'000;
  EXPECT_EQ(TstdLimits::video(video)->multiplex_rate, 80'000'000u);
}

TEST(TstdLimits, OfH264TakeTheHrdOfTheStream) {
  VideoParameters video;
  video.codec = VideoCodec::h264;
  video.profile = 100;
  video.level = 40;
  auto limits = TstdLimits::video(video);
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->transport_rate, 30'000'000u);
  EXPECT_EQ(limits->multiplex_rate, 30'000'000u);
  EXPECT_EQ(limits->multiplex_size, 20'000u);
  EXPECT_EQ(limits->elementary_size, 4'687'500u);
  EXPECT_FALSE(limits->size_sent);
  EXPECT_EQ(limits->longest_delay, Ticks27{10 * system_clock_hz});
  video.buffer_size = 8'000'000;
  limits = TstdLimits::video(video);
  EXPECT_EQ(limits->multiplex_size, 20'000u + 3'687'500u);
  EXPECT_EQ(limits->elementary_size, 1'000'000u);
  EXPECT_TRUE(limits->size_sent);
  EXPECT_EQ(limits->without_leak().elementary_size, 4'707'500u);
  EXPECT_EQ(limits->without_leak().multiplex_rate, 0u);
  video.profile = 77;
  EXPECT_EQ(TstdLimits::video(video)->transport_rate, 24'000'000u);
}

// Level 1.1 sends less than the 2 Mb/s that MB is at least made for.
TEST(TstdLimits, OfH264AtLowLevels) {
  VideoParameters video;
  video.codec = VideoCodec::h264;
  video.profile = 77;
  video.level = 11;
  EXPECT_EQ(TstdLimits::video(video)->multiplex_size, 1000u + 333u);
  EXPECT_EQ(TstdLimits::video(video)->multiplex_rate, 230'400u);
}

TEST(TstdLimits, OfHevcFollowTierAndProfile) {
  VideoParameters video;
  video.codec = VideoCodec::hevc;
  video.profile = 2;
  video.level = 153;
  auto limits = TstdLimits::video(video);
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->multiplex_rate, 44'000'000u);
  EXPECT_EQ(limits->multiplex_size, 22'000u + 7333u);
  EXPECT_EQ(limits->elementary_size, 5'500'000u);
  video.high_tier = true;
  EXPECT_EQ(TstdLimits::video(video)->multiplex_rate, 176'000'000u);
  video.profile = 4;
  video.chroma_format = 2;
  video.bit_depth = 10;
  EXPECT_EQ(TstdLimits::video(video)->multiplex_rate, 160'000u * 1833);
}

TEST(TstdLimits, AreNotKnownOfUnknownLevels) {
  VideoParameters video;
  for (const auto codec : {VideoCodec::mpeg2, VideoCodec::h264, VideoCodec::hevc}) {
    video.codec = codec;
    video.profile = 4;
    video.level = 255;
    EXPECT_FALSE(TstdLimits::video(video));
  }
  video.codec = VideoCodec::mpeg2;
  video.profile = 0;  // MPEG-1
  video.level = 0;
  EXPECT_FALSE(TstdLimits::video(video));
}

TEST(TstdLimits, OfLowDelayVideoAllowUnderflow) {
  VideoParameters video;
  video.codec = VideoCodec::h264;
  video.level = 40;
  EXPECT_TRUE(TstdLimits::video(video)->underflow_is_error);
  video.low_delay = true;
  EXPECT_FALSE(TstdLimits::video(video)->underflow_is_error);
}

TEST(TstdLimits, OfAacFollowTheChannels) {
  AudioFrame frame;
  const auto size = [&](unsigned channels) {
    frame.channels = channels;
    return TstdLimits::audio(AudioFormat::adts, frame).elementary_size;
  };
  EXPECT_EQ(size(1), 3584u);
  EXPECT_EQ(size(2), 3584u);
  EXPECT_EQ(size(3), 8976u);
  EXPECT_EQ(size(8), 8976u);
  EXPECT_EQ(size(0), 51'216u);
  EXPECT_EQ(TstdLimits::audio(AudioFormat::mpeg, frame).elementary_size, 3584u);
  EXPECT_EQ(TstdLimits::audio(AudioFormat::ac3, frame).elementary_size, 5696u);
}

}  // namespace
}  // namespace ts
