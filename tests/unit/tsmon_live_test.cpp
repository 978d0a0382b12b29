// A live input: silence, loss on the way and at this host, and time by arrival.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <span>
#include <vector>

#include "tests/unit/tsmon_fixture.hpp"

namespace tsmon_test {
namespace {

constexpr std::int64_t rate = 1'000'000;
constexpr bool live = true;

class Live : public Watch {
 public:
  explicit Live(const Options& options = {}) : Watch(options, live) { statistics.has_socket = true; }
  // Nothing comes for so long, as a session tells it.
  void silence(std::chrono::nanoseconds time) {
    for (auto passed = 0ms; passed < time; passed += 100ms) {
      pass(100ms);
      monitor().idle(now());
      if (passed == 1000ms) monitor().begin_silence(1s);
    }
    monitor().end_silence();
  }
  void feed_part(const StreamEditor& stream, Seconds from, Seconds to) {
    const auto first = stream.position(from), last = std::min(stream.position(to), stream.packets().size());
    Watch::feed(std::span{stream.packets()}.subspan(first, last - first), rate);
  }
  // The same, with the first datagram after a loss.
  void feed_after_loss(const StreamEditor& stream, Seconds from, Seconds to) {
    const auto first = stream.position(from);
    pass(std::chrono::duration_cast<std::chrono::nanoseconds>(stream.time(datagram)));
    feed_chunk(std::span{stream.packets()}.subspan(first, datagram), true);
    feed_part(stream, stream.time(first + datagram), to);
  }
};

TEST(Live, StreamThatIsRight) {
  for (const auto clock : {Monitor::Clock::pcr, Monitor::Clock::arrival}) {
    Options options;
    options.clock = clock;
    Live watched{options};
    watched.feed_part(make_stream(40s), 0s, 40s);
    watched.finish();
    expect_good(watched, Indicator::no_input);
    EXPECT_EQ(watched.board().unmeasured(Indicator::socket_drop), "");
    EXPECT_NE(watched.board().unmeasured(Indicator::rtp_loss), "");
    EXPECT_NEAR(std::chrono::duration<double>(watched.monitor().duration()).count(), 40, 0.05);
    EXPECT_NEAR(*watched.monitor().mean_rate(), 1e6, 1e3);
  }
}

// The source paused, and goes on where it stopped: time by PCR stood still.
TEST(Live, Silence) {
  const auto stream = make_stream(20s);
  Live watched;
  watched.feed_part(stream, 0s, 5s);
  watched.silence(3s);
  EXPECT_EQ(watched.starts.size(), 1u);
  EXPECT_TRUE(watched.ends.empty());
  watched.feed_part(stream, 5s, 20s);
  watched.finish();
  // Of the time by PCR: when the silence began and when it ended are the same.
  expect_one(watched, {.indicator = Indicator::no_input, .subject = {}, .first = 5s, .last = 5s, .tolerance = 50ms});
}

// Before two PCRs came: how long the packets took is not known, and the silence is none of it.
TEST(Live, SilenceAtTheStart) {
  const auto stream = make_stream(20s);
  for (const auto before : {Seconds{2ms}, Seconds{20ms}, Seconds{39ms}}) {
    for (const auto length : {1500ms, 5000ms}) {
      SCOPED_TRACE(before.count());
      Live watched;
      watched.feed_part(stream, 0s, before);
      watched.silence(length);
      watched.feed_part(stream, before, 20s);
      watched.finish();
      expect_one(watched,
                 {.indicator = Indicator::no_input, .subject = {}, .first = 0s, .last = 0s, .tolerance = 50ms});
      EXPECT_NEAR(std::chrono::duration<double>(watched.monitor().duration()).count(), 20, 0.1);
    }
  }
}

TEST(Live, SilenceForEver) {
  const auto stream = make_stream(5s);
  Live watched;
  watched.feed_part(stream, 0s, 5s);
  watched.pass(2s);
  watched.monitor().idle(watched.now());
  watched.monitor().begin_silence(1s);
  for (int i = 0; i < 3600; ++i) {
    watched.pass(1s);
    watched.monitor().idle(watched.now());
  }
  ASSERT_EQ(watched.starts.size(), 1u) << watched.told();
  EXPECT_EQ(watched.starts[0].alarm.indicator, Indicator::no_input);
  EXPECT_TRUE(watched.board().active().at(0)->lasting);
}

// By arrival, time goes on, and what does not come is missed.
TEST(Live, SilenceByArrival) {
  const auto stream = make_stream(5s);
  Options options;
  options.clock = Monitor::Clock::arrival;
  Live watched{options};
  watched.feed_part(stream, 0s, 5s);
  watched.silence(60s);
  EXPECT_NEAR(std::chrono::duration<double>(watched.monitor().duration()).count(), 65, 0.2);
  for (const auto i : {Indicator::no_input, Indicator::pat, Indicator::pmt, Indicator::pid, Indicator::pcr_repetition,
                       Indicator::sdt_actual, Indicator::tdt}) {
    EXPECT_TRUE(watched.board().is_active(i)) << tsmon::info(i).code;
    EXPECT_EQ(watched.board().count(i), i == Indicator::pid ? 3u : 1u) << tsmon::info(i).code;
  }
}

// The stream went on while nothing came: its PCR is further by as much, and so is time.
TEST(Live, PcrJumpAfterSilence) {
  const auto stream = make_stream(30s);
  Live watched;
  watched.feed_part(stream, 0s, 5s);
  watched.silence(3s);
  watched.feed_part(stream, 8s, 30s);
  watched.finish();
  EXPECT_NEAR(std::chrono::duration<double>(watched.monitor().duration()).count(), 30, 0.1);
  EXPECT_EQ(watched.board().count(Indicator::no_input), 1u);
  EXPECT_EQ(watched.board().count(Indicator::pcr_discontinuity), 1u) << watched.told();
  // All is over when the hold time is.
  EXPECT_EQ(watched.starts.size(), watched.ends.size()) << watched.told();
  EXPECT_TRUE(watched.board().active().empty()) << watched.told();
  // Nothing is measured across it.
  EXPECT_EQ(watched.board().count(Indicator::pcr_accuracy), 0u);
}

// Another stream after the silence, with a clock of its own.
TEST(Live, AnotherClockAfterSilence) {
  const auto before = make_stream(5s);
  auto options = support::ServiceOptions::numbered(1);
  options.start_pcr = ts::Pcr{20h};
  const auto after = make_stream(20s, {.first = options});
  Live watched;
  watched.feed_part(before, 0s, 5s);
  watched.silence(2s);
  watched.feed_part(after, 0s, 20s);
  watched.finish();
  EXPECT_NEAR(std::chrono::duration<double>(watched.monitor().duration()).count(), 27, 0.1);
  EXPECT_EQ(watched.board().count(Indicator::pcr_discontinuity), 1u) << watched.told();
  EXPECT_EQ(watched.board().count(Indicator::pcr_accuracy), 0u);
  EXPECT_TRUE(watched.board().active().empty()) << watched.told();
}

// This host was too slow: that is no fault of the stream, however much is missing (less than tables may be away).
TEST(Live, SocketDrops) {
  for (const auto gap : {Seconds{11ms}, Seconds{90ms}, Seconds{300ms}}) {
    SCOPED_TRACE(gap.count());
    const auto stream = make_stream(20s);
    Live watched;
    watched.feed_part(stream, 0s, 5s);
    watched.pass(std::chrono::duration_cast<std::chrono::nanoseconds>(gap));
    watched.statistics.socket_drops += 4;
    watched.feed_after_loss(stream, 5s + gap, 20s);
    watched.finish();
    expect_one(
        watched,
        {.indicator = Indicator::socket_drop, .subject = {}, .first = 5s, .last = 5s, .count = 4, .tolerance = 100ms});
    EXPECT_EQ(watched.monitor().lost_packets(), 0u);
  }
}

// Packets lost behind a socket that drops nothing, and before one that does, are lost in the stream.
TEST(Live, LossOfTheStreamIsOne) {
  const auto stream = make_stream(20s);
  Live watched;
  watched.feed_part(stream, 0s, 5s);
  watched.feed_after_loss(stream, 5s + 60ms, 10s);
  EXPECT_GE(watched.board().count(Indicator::continuity), 1u);
  const auto count = watched.board().count(Indicator::continuity);
  watched.statistics.socket_drops += 1;
  watched.feed_after_loss(stream, 10s + 60ms, 20s);
  watched.finish();
  EXPECT_EQ(watched.board().count(Indicator::continuity), count);
  EXPECT_EQ(watched.board().count(Indicator::socket_drop), 1u);
}

TEST(Live, RtpLoss) {
  const auto stream = make_stream(20s);
  Live watched;
  watched.statistics.has_rtp = true;
  watched.feed_part(stream, 0s, 5s);
  expect_good(watched, Indicator::rtp_loss);
  // Two datagrams of seven packets.
  watched.statistics.rtp_lost += 2;
  watched.feed_after_loss(stream, stream.time(stream.position(5s) + 14), 20s);
  watched.finish();
  EXPECT_EQ(watched.board().count(Indicator::rtp_loss), 2u);
  EXPECT_GE(watched.board().count(Indicator::continuity), 1u);
  EXPECT_EQ(watched.board().total(), 2 + watched.board().count(Indicator::continuity)) << watched.told();
  EXPECT_EQ(watched.monitor().lost_packets(), 14u);
  EXPECT_TRUE(watched.board().active().empty());
}

// --clock arrival: absences by this host's clock, though the PCRs say otherwise.
TEST(Live, ClockOfArrival) {
  auto stream = make_stream(30s);
  stream.remove(ts::pat_pid, 10s, 10300ms);
  Options options;
  options.clock = Monitor::Clock::arrival;
  options.only = {tsmon::parse_indicators("1.3")};
  Live right{options};
  right.feed_part(stream, 0s, 30s);
  right.finish();
  expect_good(right, Indicator::pat);
  // Half as fast: 0.3 s of PCR time are 0.6 s.
  Live slow{options};
  slow.feed(stream, rate / 2);
  slow.finish();
  const auto last = stream.time(stream.last(ts::pat_pid, 10s)), back = stream.time(stream.first(ts::pat_pid, 10s));
  expect_one(slow, {.indicator = Indicator::pat,
                    .subject = {.pid = ts::pat_pid},
                    .first = 2 * last + 500ms,
                    .last = 2 * back,
                    .tolerance = 25ms,
                    .end_tolerance = 50ms});
}

// No PCR at all: a live input's time goes on by arrival, and that PCRs are away is told.
TEST(Live, WithoutPcrs) {
  auto stream = make_stream(20s);
  stream.change(video_pid, 0s, 20s, [](ts::Packet& packet) {
    if (packet.pcr()) packet.bytes[5] &= 0xEF;
  });
  stream.remove(ts::pat_pid, 5s, 8s);
  Live watched;
  watched.feed_part(stream, 0s, 20s);
  watched.finish();
  EXPECT_NEAR(std::chrono::duration<double>(watched.monitor().duration()).count(), 20, 1.1);
  EXPECT_EQ(watched.board().count(Indicator::pcr_repetition), 1u) << watched.told();
  EXPECT_TRUE(watched.board().is_active(Indicator::pcr_repetition));
  EXPECT_EQ(watched.board().count(Indicator::pat), 1u) << watched.told();
  EXPECT_EQ(watched.board().total(), 2u) << watched.told();
  EXPECT_EQ(watched.board().unmeasured(Indicator::pcr_accuracy), "too few PCRs at a constant rate");
  EXPECT_EQ(watched.board().unmeasured(Indicator::pcr_discontinuity), "no PCR");
  EXPECT_NEAR(*watched.monitor().mean_rate(), 1e6, 6e4);
}

// Arrivals that jitter are no inaccuracy of PCRs (2.4), and are seen in PCR_OJ.
TEST(Live, ArrivalJitterIsNotPcrInaccuracy) {
  const auto stream = make_stream(20s);
  const auto& packets = stream.packets();
  Live watched;
  unsigned random = 1;
  for (std::size_t i = 0; i < packets.size(); i += Live::datagram) {
    const auto part = std::span{packets}.subspan(i, std::min(Live::datagram, packets.size() - i));
    random = random * 1'664'525 + 1'013'904'223;
    const auto late = std::chrono::microseconds{random >> 20};  // less than 4.1 ms
    watched.pass(std::chrono::nanoseconds{static_cast<std::int64_t>(part.size_bytes()) * 8 * 1'000'000'000 / rate} +
                 late);
    watched.feed_chunk(part);
    watched.pass(-late);
  }
  watched.finish();
  expect_good(watched, Indicator::pcr_accuracy);
  const auto& figures = watched.monitor().state(video_pid).pcr->figures();
  EXPECT_LT(*figures.accuracy_greatest_s, 38e-9);
  ASSERT_TRUE(figures.overall_jitter_s.has_value());
  EXPECT_GT(*figures.overall_jitter_s, 1e-3);
  EXPECT_LT(*figures.overall_jitter_s, 20e-3);
}

}  // namespace
}  // namespace tsmon_test
