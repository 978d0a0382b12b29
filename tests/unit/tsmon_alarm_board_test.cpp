#include "tools/tsmon/alarm_board.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/tsmon_fixture.hpp"

namespace tsmon_test {
namespace {

constexpr ts::Ticks27 hold{5s};

tsmon::IndicatorSet all() { return tsmon::IndicatorSet{}.set(); }
Moment at(std::chrono::milliseconds time) { return {ts::ProgramTime{ts::Ticks27{time}}, 0}; }
std::string nothing() { return {}; }

// A board with its edges: "+1.4" and "-1.4".
struct Board {
  explicit Board(tsmon::IndicatorSet watched = all()) : board(watched, hold) {
    board.on_alarm([this](AlarmBoard::Edge edge, const tsmon::Alarm& alarm) {
      told += fmt::format("{}{} ", edge == AlarmBoard::Edge::start ? '+' : '-', tsmon::info(alarm.indicator).code);
      last = alarm;
    });
  }
  AlarmBoard board;
  std::string told;
  tsmon::Alarm last;
};

TEST(AlarmBoard, OneFaultIsAnAlarmForTheHoldTime) {
  Board b;
  b.board.occur(Indicator::continuity, {.pid = video_pid}, at(1000ms), [] { return std::string{"first"}; });
  EXPECT_EQ(b.told, "+1.4 ");
  EXPECT_EQ(b.last.detail, "first");
  b.board.poll(at(5999ms));
  EXPECT_EQ(b.told, "+1.4 ");
  b.board.poll(at(6000ms));
  EXPECT_EQ(b.told, "+1.4 -1.4 ");
  EXPECT_EQ(b.last.count, 1u);
  EXPECT_EQ(b.last.last.time, at(1000ms).time);
  EXPECT_TRUE(b.board.active().empty());
}

TEST(AlarmBoard, WhatIsToldLateHasTheDateAtWhichItWas) {
  Board b;
  const ts::WallTime date{std::chrono::seconds{1'800'000'000}};
  b.board.set_wall(date, at(20s).time);
  b.board.begin(Indicator::black, {.pid = video_pid}, at(10s), nothing);
  EXPECT_EQ(b.last.first_wall, date - 10s);
  b.board.set_wall(date + 5s, at(25s).time);
  b.board.end(Indicator::black, {.pid = video_pid}, at(24s));
  b.board.poll(at(30s));
  EXPECT_EQ(b.told, "+black -black ");
  EXPECT_EQ(b.last.first_wall, date - 10s);
  EXPECT_EQ(b.last.last_wall, date + 4s);
  // Within the packets that came together there is one date.
  b.board.occur(Indicator::continuity, {.pid = video_pid}, at(26s), nothing);
  EXPECT_EQ(b.last.first_wall, date + 5s);
}

TEST(AlarmBoard, FaultsWithinTheHoldTimeAreOneAlarm) {
  Board b;
  b.board.occur(Indicator::continuity, {.pid = video_pid}, at(0ms), [] { return std::string{"first"}; });
  b.board.poll(at(4990ms));
  b.board.occur(
      Indicator::continuity, {.pid = video_pid}, at(4995ms), [] { return std::string{"second"}; }, 3);
  b.board.poll(at(9990ms));
  EXPECT_EQ(b.told, "+1.4 ");
  b.board.poll(at(10s));
  EXPECT_EQ(b.told, "+1.4 -1.4 ");
  EXPECT_EQ(b.last.count, 4u);
  EXPECT_EQ(b.last.detail, "first");
  // Another one later is another alarm, whose count is its own.
  b.board.occur(Indicator::continuity, {.pid = video_pid}, at(20s), nothing);
  EXPECT_EQ(b.told, "+1.4 -1.4 +1.4 ");
  EXPECT_EQ(b.last.count, 1u);
  EXPECT_EQ(b.board.count(Indicator::continuity), 5u);
  const auto& history = b.board.history().at({Indicator::continuity, {.pid = video_pid}});
  EXPECT_EQ(history.count, 5u);
  EXPECT_EQ(history.first.time, at(0ms).time);
  EXPECT_EQ(history.last.time, at(20s).time);
}

TEST(AlarmBoard, WhatLastsStays) {
  Board b;
  b.board.begin(Indicator::pat, {.pid = ts::pat_pid}, at(1000ms), nothing);
  for (auto time = 1000ms; time < 600s; time += 1000ms) b.board.poll(at(time));
  EXPECT_EQ(b.told, "+1.3.a ");
  ASSERT_EQ(b.board.active().size(), 1u);
  EXPECT_TRUE(b.board.active()[0]->lasting);
  EXPECT_EQ(b.board.active()[0]->last.time, at(599s).time);
  b.board.end(Indicator::pat, {.pid = ts::pat_pid}, at(600s));
  EXPECT_FALSE(b.board.active()[0]->lasting);
  b.board.poll(at(604999ms));
  EXPECT_EQ(b.told, "+1.3.a ");
  b.board.poll(at(605s));
  EXPECT_EQ(b.told, "+1.3.a -1.3.a ");
  EXPECT_EQ(b.last.count, 1u);
  EXPECT_EQ(b.board.count(Indicator::pat), 1u);
}

TEST(AlarmBoard, FaultThatReturnsWithinTheHoldTimeIsTheSameAlarm) {
  Board b;
  const Subject subject{.pid = ts::pat_pid};
  b.board.begin(Indicator::pat, subject, at(1s), nothing);
  b.board.end(Indicator::pat, subject, at(2s));
  b.board.poll(at(6s));
  b.board.begin(Indicator::pat, subject, at(6500ms), nothing);
  b.board.poll(at(100s));
  EXPECT_EQ(b.told, "+1.3.a ");
  b.board.end(Indicator::pat, subject, at(100s));
  b.board.poll(at(105s));
  EXPECT_EQ(b.told, "+1.3.a -1.3.a ");
  EXPECT_EQ(b.last.count, 2u);
}

TEST(AlarmBoard, SubjectsHaveAlarmsOfTheirOwn) {
  Board b;
  b.board.occur(Indicator::continuity, {.pid = video_pid}, at(0ms), nothing);
  b.board.occur(Indicator::continuity, {.pid = audio_pid}, at(0ms), nothing);
  EXPECT_EQ(b.told, "+1.4 +1.4 ");
  EXPECT_EQ(b.board.active().size(), 2u);
  EXPECT_TRUE(b.board.is_active(Indicator::continuity));
  EXPECT_FALSE(b.board.is_active(Indicator::pat));
  EXPECT_FALSE(b.board.is_active(Indicator::pmt));
}

TEST(AlarmBoard, WhatIsNotWatchedIsNotThere) {
  Board b{tsmon::parse_indicators("1.3")};
  b.board.occur(Indicator::continuity, {.pid = video_pid}, at(0ms), [] {
    ADD_FAILURE() << "described";
    return std::string{};
  });
  b.board.begin(Indicator::pmt, {.pid = pmt_pid}, at(0ms), nothing);
  b.board.end(Indicator::pmt, {.pid = pmt_pid}, at(1s));
  b.board.poll(at(10s));
  EXPECT_EQ(b.told, "");
  EXPECT_EQ(b.board.total(), 0u);
  EXPECT_TRUE(b.board.history().empty());
}

// Alarms that go on when their indicator is no more watched come to their end.
TEST(AlarmBoard, AlarmEndsThoughNoMoreWatched) {
  Board b;
  b.board.begin(Indicator::pat, {.pid = ts::pat_pid}, at(0ms), nothing);
  b.board.set_watched(tsmon::parse_indicators("2"));
  b.board.end(Indicator::pat, {.pid = ts::pat_pid}, at(1s));
  b.board.poll(at(6s));
  EXPECT_EQ(b.told, "+1.3.a -1.3.a ");
}

TEST(AlarmBoard, NotMeasuredUntilThereIsSomethingToMeasure) {
  Board b;
  b.board.set_unmeasured(Indicator::pts, "no PTS in the clear");
  EXPECT_EQ(b.board.unmeasured(Indicator::pts), "no PTS in the clear");
  EXPECT_EQ(b.board.unmeasured(Indicator::pat), "");
  b.board.set_measured(Indicator::pts);
  EXPECT_EQ(b.board.unmeasured(Indicator::pts), "");
}

TEST(AlarmBoard, WhatIsToldWasMeasured) {
  Board b;
  b.board.set_unmeasured(Indicator::rst, "no such table");
  b.board.occur(Indicator::rst, {.pid = ts::rst_pid}, at(0ms), nothing);
  EXPECT_EQ(b.board.unmeasured(Indicator::rst), "");
}

// 8192 PIDs of 65536 services in random bytes: a bounded number of subjects, and every fault counted.
TEST(AlarmBoard, SubjectsAreBounded) {
  Board b;
  for (unsigned i = 0; i < 20'000; ++i) {
    const Subject subject{.pid = ts::Pid{i}, .service = psi::ServiceId{static_cast<std::uint16_t>(i)}};
    b.board.occur(Indicator::continuity, subject, at(0ms), nothing);
    b.board.begin(Indicator::pid, subject, at(0ms), nothing);
  }
  EXPECT_EQ(b.board.count(Indicator::continuity), 20'000u);
  EXPECT_EQ(b.board.count(Indicator::pid), 20'000u);
  EXPECT_LE(b.board.history().size(), 2'002u);
  EXPECT_LE(b.board.active().size(), 2'002u);
  for (unsigned i = 0; i < 20'000; ++i) {
    b.board.end(Indicator::pid, {.pid = ts::Pid{i}, .service = psi::ServiceId{static_cast<std::uint16_t>(i)}}, at(1s));
  }
  b.board.poll(at(6s));
  EXPECT_TRUE(b.board.active().empty());
}

TEST(Indicators, ByNumberPartAndWord) {
  const auto codes = [](std::string_view text) {
    std::string out;
    const auto set = tsmon::parse_indicators(text);
    for (const auto& row : tsmon::indicators()) {
      if (set[static_cast<std::size_t>(row.indicator)]) out += std::string{row.code} + ' ';
    }
    return out;
  };
  EXPECT_EQ(codes("2.3"), "2.3.a 2.3.b ");
  EXPECT_EQ(codes("3.1"), "3.1.a 3.1.b ");
  EXPECT_EQ(codes("3.10"), "3.10 ");
  EXPECT_EQ(codes("1"), "1.1 1.2 1.3.a 1.4 1.5.a 1.6 ");
  EXPECT_EQ(codes("stalled,1.4"), "1.4 stalled ");
  for (const auto* wrong : {"", "0", "1.7", "3.", "3.1.c", "1.4,", ",1.4", "1.4;2.1", "stall"}) {
    EXPECT_THROW(tsmon::parse_indicators(wrong), std::invalid_argument) << wrong;
  }
}

TEST(Limits, OfTheProfilesAndTheUser) {
  const auto dvb = tsmon::limits(tsmon::Profile::dvb);
  EXPECT_EQ(dvb.pat, 500ms);
  EXPECT_EQ(dvb.pcr_repetition, 100ms);
  EXPECT_EQ(dvb.tdt, 30s);
  const auto strict = tsmon::limits(tsmon::Profile::strict);
  EXPECT_EQ(strict.pat, 100ms);
  EXPECT_EQ(strict.pmt, 100ms);
  EXPECT_EQ(strict.pcr_repetition, 40ms);
  tsmon::LimitOptions options;
  options.pat = 1h;
  options.pcr_accuracy = 1us;
  const auto own = tsmon::limits(tsmon::Profile::strict, options);
  EXPECT_EQ(own.pat, 1h);
  EXPECT_EQ(own.pcr_accuracy.count(), 27);
  EXPECT_EQ(own.pmt, 100ms);
}

// The same through a stream.
TEST(Alarms, PatAwayForAMinuteIsOneAlarm) {
  auto stream = make_stream(72s);
  const auto last = stream.time(stream.last(ts::pat_pid, 3s));
  stream.remove(ts::pat_pid, 3s, 63s);
  const auto back = stream.time(stream.first(ts::pat_pid, 63s));
  Watch watched;
  const auto middle = stream.position(40s);
  watched.feed(std::span{stream.packets()}.first(middle), 1'000'000);
  ASSERT_EQ(watched.board().active().size(), 1u);
  EXPECT_TRUE(watched.board().active()[0]->lasting);
  EXPECT_NEAR(tsmon::seconds(watched.board().active()[0]->last.time), 40, 0.1);
  watched.feed(std::span{stream.packets()}.subspan(middle), 1'000'000);
  watched.finish();
  expect_one(watched, {Indicator::pat, {.pid = ts::pat_pid}, last + 500ms, back});
}

TEST(Alarms, PatAwayTwiceWithinTheHoldTime) {
  auto stream = make_stream(20s);
  const auto last = stream.time(stream.last(ts::pat_pid, 3s));
  stream.remove(ts::pat_pid, 3s, 4s);
  stream.remove(ts::pat_pid, 7s, 8s);
  const auto back = stream.time(stream.first(ts::pat_pid, 8s));
  expect_one(
      watch(stream),
      {.indicator = Indicator::pat, .subject = {.pid = ts::pat_pid}, .first = last + 500ms, .last = back, .count = 2});
}

TEST(Alarms, OnlyAndIgnore) {
  auto stream = make_stream(6s);
  stream.remove(ts::pat_pid, 3s, 4s);
  stream.packet(stream.first(second_audio_pid, 3s)) = ts::Packet::null();
  const auto counts = [&](const Options& options) {
    const auto watched = watch(stream, options);
    return std::pair{watched.board().count(Indicator::pat), watched.board().count(Indicator::continuity)};
  };
  using Counts = std::pair<std::uint64_t, std::uint64_t>;
  EXPECT_EQ(counts({}), (Counts{1, 1}));
  Options options;
  options.only = {tsmon::parse_indicators("1.4,2")};
  EXPECT_EQ(counts(options), (Counts{0, 1}));
  options.only.reset();
  options.ignore = {tsmon::parse_indicators("1.4")};
  EXPECT_EQ(counts(options), (Counts{1, 0}));
  options.only = {tsmon::parse_indicators("1")};
  options.ignore = {tsmon::parse_indicators("1.3")};
  EXPECT_EQ(counts(options), (Counts{0, 1}));
}

TEST(Alarms, MpegProfileAsksForNoDvbTables) {
  auto stream = make_stream(40s);
  for (const auto pid : {ts::nit_pid, ts::sdt_pid, ts::eit_pid, ts::tdt_pid}) stream.remove(pid, 0s, 40s);
  Options options;
  options.profile = tsmon::Profile::mpeg;
  expect_good(watch(stream, options));
  const auto dvb = watch(stream);
  for (const auto i : {Indicator::nit_actual, Indicator::sdt_actual, Indicator::eit_actual, Indicator::tdt}) {
    EXPECT_GE(dvb.board().count(i), 1u) << tsmon::info(i).code;
    EXPECT_TRUE(dvb.board().is_active(i)) << tsmon::info(i).code;
    EXPECT_EQ(dvb.board().unmeasured(i), "") << tsmon::info(i).code;
  }
}

TEST(Alarms, StrictProfileAsksForTablesEvery100ms) {
  auto stream = make_stream(12s);
  stream.remove(pmt_pid, 3s, 3100ms);
  expect_good(watch(stream));
  Options options;
  options.profile = tsmon::Profile::strict;
  EXPECT_EQ(watch(stream, options).board().count(Indicator::pmt), 1u);
  options.limits.pmt = 300ms;
  expect_good(watch(stream, options));
}

// Limits and indicators change while an alarm goes on.
TEST(Alarms, ChangeOfOptions) {
  auto stream = make_stream(20s);
  stream.remove(ts::pat_pid, 3s, 10s);
  Watch watched;
  watched.feed(std::span{stream.packets()}.first(stream.position(5s)), 1'000'000);
  EXPECT_TRUE(watched.board().is_active(Indicator::pat));
  Options options;
  options.ignore = {tsmon::parse_indicators("1.3")};
  options.limits.hold = 1s;
  const auto changed = options.monitor(false);
  watched.monitor().change(changed.watched, changed.limits, {});
  watched.feed(std::span{stream.packets()}.subspan(stream.position(5s)), 1'000'000);
  watched.finish();
  EXPECT_EQ(watched.board().count(Indicator::pat), 1u);
  ASSERT_EQ(watched.ends.size(), 1u);
  EXPECT_NEAR(tsmon::seconds(watched.ends[0].at.time), 11.1, 0.15);
}

}  // namespace
}  // namespace tsmon_test
