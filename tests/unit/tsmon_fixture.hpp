// A stream to be watched, and what was told of it.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tests/support/packet_builder.hpp"
#include "tests/support/si_section.hpp"
#include "tests/support/stream_builder.hpp"
#include "tests/support/stream_editor.hpp"
#include "tools/tsmon/monitor.hpp"
#include "tools/tsmon/options.hpp"

namespace tsmon_test {

using support::StreamEditor;
using tsmon::AlarmBoard;
using tsmon::Indicator;
using tsmon::Moment;
using tsmon::Monitor;
using tsmon::Options;
using tsmon::Subject;
using Seconds = StreamEditor::Time;
using namespace std::chrono_literals;

constexpr ts::Pid pmt_pid{0x0100}, video_pid{0x0101}, audio_pid{0x0102}, second_audio_pid{0x0103};
constexpr psi::ServiceId service{0x0101};

struct StreamOptions {
  unsigned services = 1;
  bool cat = false;                                // that names EMMs on PID 0x0500
  std::optional<support::ServiceOptions> first{};  // in place of service 1
};

inline std::int64_t rate_of(const StreamOptions& options) { return 1'000'000 * options.services; }

// So much of it that is right by every profile.
inline StreamEditor make_stream(Seconds duration, const StreamOptions& options = {}) {
  support::StreamBuilder::Options builder_options{.rate = rate_of(options)};
  builder_options.spread_sections = true;
  if (options.cat) builder_options.cat = {support::ca_descriptor(0x0B00, ts::Pid{0x0500})};
  support::StreamBuilder builder{builder_options};
  for (unsigned n = 1; n <= options.services; ++n) {
    builder.add(n == 1 && options.first ? *options.first : support::ServiceOptions::numbered(n));
  }
  return {builder.make(std::chrono::duration_cast<std::chrono::nanoseconds>(duration)), rate_of(options)};
}

inline std::string describe(const tsmon::Alarm& alarm) {
  return fmt::format("{} {} at {:.6f} s, packet {}, until {:.6f} s, {} times, {}: {}",
                     tsmon::info(alarm.indicator).code, tsmon::to_text(alarm.subject), tsmon::seconds(alarm.first.time),
                     alarm.first.position, tsmon::seconds(alarm.last.time), alarm.count,
                     alarm.lasting ? "lasting" : "not lasting", alarm.detail);
}

// Watches a stream and keeps what is told of it.
class Watch {
 public:
  static constexpr std::size_t datagram = 7;

  explicit Watch(const Options& options = {}, bool live = false) : monitor_(options.monitor(live)) {
    monitor_.on_alarm([this](AlarmBoard::Edge edge, const tsmon::Alarm& alarm) {
      auto& list = edge == AlarmBoard::Edge::start ? starts : ends;
      list.push_back({alarm, monitor_.now()});
    });
  }

  Watch(const StreamEditor& stream, const Options& options, std::int64_t rate) : Watch(options) {
    feed(stream, rate);
    finish();
  }

  // In chunks of a datagram, the last packet of which has just arrived.
  void feed(std::span<const ts::Packet> packets, std::int64_t rate) {
    while (!packets.empty()) {
      const auto part = packets.first(std::min(datagram, packets.size()));
      packets = packets.subspan(part.size());
      pass(std::chrono::nanoseconds{
          static_cast<std::int64_t>(static_cast<double>(part.size_bytes()) * 8e9 / static_cast<double>(rate))});
      feed_chunk(part);
    }
  }
  void feed(const StreamEditor& stream, std::int64_t rate = 1'000'000) { feed(stream.packets(), rate); }
  void feed_chunk(std::span<const ts::Packet> packets, bool after_loss = false) {
    const io::Chunk chunk{packets, now_, after_loss};
    statistics.packets += packets.size();
    monitor_.feed({&chunk, 1}, statistics);
  }
  // Time on this host goes on.
  void pass(std::chrono::nanoseconds time) {
    now_.steady += time;
    now_.wall += time;
  }
  const ts::Arrival& now() const { return now_; }
  void finish() { monitor_.finish(); }
  Monitor& monitor() { return monitor_; }
  const Monitor& monitor() const { return monitor_; }
  const AlarmBoard& board() const { return monitor_.board(); }

  std::string told() const {
    std::string text;
    for (const auto& event : starts) text += "start: " + describe(event.alarm) + "\n";
    for (const auto& event : ends) {
      text += fmt::format("end at {:.6f} s: {}\n", tsmon::seconds(event.at.time), describe(event.alarm));
    }
    return text;
  }

  struct Event {
    tsmon::Alarm alarm;
    Moment at;  // when it was told
  };
  std::vector<Event> starts, ends;
  io::SourceStatistics statistics;

 private:
  Monitor monitor_;
  ts::Arrival now_{ts::SteadyTime{1h}, ts::WallTime{std::chrono::seconds{1'800'000'000}}};
};

// Of a file, to its end.
inline Watch watch(const StreamEditor& stream, const Options& options = {}, std::int64_t rate = 1'000'000) {
  return Watch{stream, options, rate};
}

struct Expected {
  Indicator indicator;
  Subject subject;
  Seconds first, last;  // of the fault
  std::uint64_t count = 1;
  Seconds tolerance = 1us;       // of both
  Seconds end_tolerance = 25ms;  // the board is polled every 20 ms
};

// It is told once, ends once after the hold time of 5 s, and nothing else is told.
inline void expect_one(const Watch& watched, const Expected& expected) {
  ASSERT_EQ(watched.starts.size(), 1u) << watched.told();
  const tsmon::Alarm& start = watched.starts[0].alarm;
  EXPECT_EQ(start.indicator, expected.indicator) << watched.told();
  EXPECT_EQ(tsmon::to_text(start.subject), tsmon::to_text(expected.subject)) << watched.told();
  EXPECT_NEAR(tsmon::seconds(start.first.time), expected.first.count(), expected.tolerance.count()) << watched.told();
  ASSERT_EQ(watched.ends.size(), 1u) << watched.told();
  const auto& end = watched.ends[0];
  EXPECT_EQ(end.alarm.indicator, expected.indicator) << watched.told();
  EXPECT_EQ(end.alarm.subject, start.subject) << watched.told();
  EXPECT_EQ(end.alarm.count, expected.count) << watched.told();
  EXPECT_FALSE(end.alarm.lasting);
  EXPECT_NEAR(tsmon::seconds(end.alarm.last.time), expected.last.count(), expected.tolerance.count()) << watched.told();
  const double held = tsmon::seconds(end.at.time) - tsmon::seconds(end.alarm.last.time);
  EXPECT_GE(held, 5.0) << watched.told();
  EXPECT_LE(held, 5.0 + expected.end_tolerance.count()) << watched.told();
  EXPECT_EQ(watched.board().count(expected.indicator), expected.count);
  EXPECT_EQ(watched.board().total(), expected.count);
  EXPECT_TRUE(watched.board().active().empty());
  EXPECT_EQ(watched.board().unmeasured(expected.indicator), "");
}

inline void expect_good(const Watch& watched) {
  EXPECT_TRUE(watched.starts.empty()) << watched.told();
  EXPECT_EQ(watched.board().total(), 0u);
}

// The same, and that the indicator was measured: a twin that says nothing is no twin.
inline void expect_good(const Watch& watched, Indicator indicator) {
  expect_good(watched);
  EXPECT_EQ(watched.board().unmeasured(indicator), "");
}

}  // namespace tsmon_test
