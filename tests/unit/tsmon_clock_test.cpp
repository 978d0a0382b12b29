// TR 101 290 2.3, 2.4, 2.5.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/unit/tsmon_fixture.hpp"

namespace tsmon_test {
namespace {

// The PCRs of a PID: their positions from a time on.
std::uint64_t pcr_from(const StreamEditor& stream, Seconds from) {
  for (auto at = stream.first(video_pid, from);; at = stream.first(video_pid, stream.time(at + 1))) {
    if (stream.packets()[at].pcr()) return at;
  }
}

// Without PCRs in [from, to): their flag is cleared, the six bytes are stuffing.
void remove_pcrs(StreamEditor& stream, Seconds from, Seconds to) {
  stream.change(video_pid, from, to, [](ts::Packet& packet) {
    if (packet.pcr()) packet.bytes[5] &= 0xEF;
  });
}

void move_pcr(StreamEditor& stream, std::uint64_t at, ts::Ticks27 by) {
  auto& packet = stream.packet(at);
  packet.set_pcr(*packet.pcr() + by);
}

TEST(Clock, PcrsTooFarApart) {
  auto stream = make_stream(14s);
  const auto last = pcr_from(stream, 3s);
  const auto back = pcr_from(stream, stream.time(last) + 125ms);
  remove_pcrs(stream, stream.time(last + 1), stream.time(back));
  // A PCR step of 120 ms is against 2.3.b too, and of them only.
  Options options;
  const auto both = watch(stream, options);
  ASSERT_EQ(both.starts.size(), 2u) << both.told();
  EXPECT_EQ(both.board().count(Indicator::pcr_repetition), 1u);
  EXPECT_EQ(both.board().count(Indicator::pcr_discontinuity), 1u);
  options.limits.pcr_step = 1s;
  expect_one(watch(stream, options),
             {Indicator::pcr_repetition, {.pid = video_pid}, stream.time(last) + 100ms, stream.time(back)});
}

// 40 ms: DVB's practice, a limit of the strict profile.
TEST(Clock, PcrsFortyMillisecondsApart) {
  auto stream = make_stream(14s);
  const auto last = pcr_from(stream, 3s);
  const auto back = pcr_from(stream, stream.time(last) + 50ms);
  ASSERT_LT(stream.time(back) - stream.time(last), 100ms);
  remove_pcrs(stream, stream.time(last + 1), stream.time(back));
  expect_good(watch(stream), Indicator::pcr_repetition);
  Options strict;
  strict.profile = tsmon::Profile::strict;
  expect_one(watch(stream, strict),
             {Indicator::pcr_repetition, {.pid = video_pid}, stream.time(last) + 40ms, stream.time(back)});
  Options own;
  own.limits.pcr_repetition = 45ms;
  expect_one(watch(stream, own),
             {Indicator::pcr_repetition, {.pid = video_pid}, stream.time(last) + 45ms, stream.time(back)});
}

// PCRs that cease are an alarm while they are away, not only when they are back.
TEST(Clock, PcrsCease) {
  const StreamOptions two{.services = 2};
  auto stream = make_stream(10s, two);
  const auto last = pcr_from(stream, 3s);
  remove_pcrs(stream, stream.time(last + 1), 10s);
  const auto watched = watch(stream, {}, rate_of(two));
  ASSERT_EQ(watched.starts.size(), 1u) << watched.told();
  EXPECT_EQ(watched.starts[0].alarm.indicator, Indicator::pcr_repetition);
  EXPECT_NEAR(tsmon::seconds(watched.starts[0].alarm.first.time), stream.time(last).count() + 0.1, 1e-6);
  EXPECT_TRUE(watched.ends.empty());
  ASSERT_EQ(watched.board().active().size(), 1u);
  EXPECT_TRUE(watched.board().active()[0]->lasting);
  EXPECT_EQ(watched.board().count(Indicator::pcr_repetition), 1u);
}

// A PCR_PID whose packets have no PCR at all.
TEST(Clock, PcrsNeverCome) {
  const StreamOptions two{.services = 2};
  auto stream = make_stream(6s, two);
  expect_good(watch(stream, {}, rate_of(two)), Indicator::pcr_repetition);
  remove_pcrs(stream, 0s, 6s);
  const auto watched = watch(stream, {}, rate_of(two));
  ASSERT_EQ(watched.starts.size(), 1u) << watched.told();
  EXPECT_EQ(watched.starts[0].alarm.indicator, Indicator::pcr_repetition);
  EXPECT_EQ(watched.starts[0].alarm.subject.pid, video_pid);
  EXPECT_TRUE(watched.board().active().at(0)->lasting);
}

// PCRs cease on one PID, and a PMT that names another comes too late: told until it comes.
TEST(Clock, PcrsMoveToAnotherPid) {
  support::StreamBuilder::Options options{.rate = 2'000'000};
  options.spread_sections = true;
  support::StreamBuilder builder{options};
  builder.add(support::ServiceOptions::numbered(1));
  builder.add(support::ServiceOptions::numbered(2));
  auto packets = builder.make(3s);
  auto moved = builder.service(service);
  moved.pcr_pid = ts::Pid{0x0110};
  builder.replace(moved);
  const auto rest = builder.make(10s);
  packets.insert(packets.end(), rest.begin(), rest.end());
  StreamEditor stream{std::move(packets), options.rate};
  const auto last = pcr_from(stream, 2700ms);
  remove_pcrs(stream, stream.time(last + 1), 3s);
  const auto pmt = stream.time(stream.first(pmt_pid, 3s));
  Options wide;
  wide.limits.pcr_step = 1s;
  expect_one(watch(stream, wide, options.rate),
             {Indicator::pcr_repetition, {.pid = video_pid}, stream.time(last) + 100ms, pmt});
}

std::pair<StreamEditor, std::uint64_t> jumped(ts::Ticks27 by, bool signalled) {
  support::StreamBuilder::Options options{.rate = 1'000'000};
  options.spread_sections = true;
  support::StreamBuilder builder{options};
  builder.add(support::ServiceOptions::numbered(1));
  auto packets = builder.make(3s);
  builder.jump(service, by, signalled);
  const auto position = builder.position();
  const auto rest = builder.make(10s);
  packets.insert(packets.end(), rest.begin(), rest.end());
  return {StreamEditor{std::move(packets), 1'000'000}, position};
}

TEST(Clock, PcrJumpsWithAndWithoutDiscontinuityIndicator) {
  for (const auto by :
       {ts::Ticks27{3600s}, ts::Ticks27{-3600s}, ts::Ticks27{5s}, ts::Ticks27{-1s}, ts::Ticks27{-60ms}}) {
    SCOPED_TRACE(by.count());
    const auto [silent, at] = jumped(by, false);
    const auto told = watch(silent);
    expect_one(told, {Indicator::pcr_discontinuity, {.pid = video_pid}, silent.time(at), silent.time(at)});
    EXPECT_EQ(told.starts.at(0).alarm.first.position, at);
    const auto [signalled, same] = jumped(by, true);
    expect_good(watch(signalled), Indicator::pcr_discontinuity);
  }
}

// A step forward of more than 100 ms might be a loss: 2.3.b, and 2.3.a too, for no one can tell. But that is no PCR off
// its place in between (2.4). (Time goes on with it, so that tables are late.)
TEST(Clock, PcrStepsForwardByHalfASecond) {
  Options options;
  options.ignore = {tsmon::parse_indicators("1.3,1.5")};
  const auto [stream, at] = jumped(ts::Ticks27{500ms}, false);
  const auto watched = watch(stream, options);
  EXPECT_EQ(watched.board().count(Indicator::pcr_discontinuity), 1u) << watched.told();
  EXPECT_EQ(watched.board().count(Indicator::pcr_repetition), 1u) << watched.told();
  EXPECT_EQ(watched.board().total(), 2u) << watched.told();
}

// 27 ticks are a microsecond.
constexpr ts::Ticks27 nanoseconds_600{16}, nanoseconds_400{11};

TEST(Clock, OnePcrOffItsPlace) {
  for (const int sign : {1, -1}) {
    auto stream = make_stream(17s);
    const auto at = pcr_from(stream, 6s);
    const auto exact = stream;
    move_pcr(stream, at, sign * nanoseconds_600);
    const auto told = watch(stream);
    // Told when the block of four seconds is whole, by the time of the PCR.
    ASSERT_EQ(told.starts.size(), 1u) << told.told();
    const auto& alarm = told.starts[0].alarm;
    EXPECT_EQ(alarm.indicator, Indicator::pcr_accuracy);
    EXPECT_EQ(alarm.subject, (Subject{.pid = video_pid}));
    EXPECT_EQ(alarm.first.position, at);
    EXPECT_NEAR(tsmon::seconds(alarm.first.time), stream.time(at).count(), 2e-6);
    EXPECT_LE(tsmon::seconds(told.starts[0].at.time), stream.time(at).count() + 4.1);
    ASSERT_EQ(told.ends.size(), 1u) << told.told();
    EXPECT_EQ(told.board().total(), 1u);
    const auto figures = told.monitor().state(video_pid).pcr->figures();
    EXPECT_NEAR(sign > 0 ? *figures.accuracy_greatest_s : -*figures.accuracy_least_s, 592e-9, 40e-9);

    auto near = exact;
    move_pcr(near, at, sign * nanoseconds_400);
    expect_good(watch(near), Indicator::pcr_accuracy);
    Options own;
    own.limits.pcr_accuracy = 300ns;
    EXPECT_EQ(watch(near, own).board().count(Indicator::pcr_accuracy), 1u);
  }
}

TEST(Clock, ExactPcrs) {
  const auto watched = watch(make_stream(13s));
  expect_good(watched, Indicator::pcr_accuracy);
  const auto& figures = watched.monitor().state(video_pid).pcr->figures();
  EXPECT_FALSE(figures.variable_rate);
  // Whole ticks of 37 ns.
  EXPECT_LT(*figures.accuracy_greatest_s, 38e-9);
  EXPECT_GT(*figures.accuracy_least_s, -38e-9);
  EXPECT_NEAR(*figures.interval_mean_s, 0.030, 0.002);
  EXPECT_LE(*figures.interval_greatest_s, 0.040);
}

// Null packets taken out: packets between PCRs do not come at a constant rate, there is no place to be off.
TEST(Clock, VariableRate) {
  auto packets = make_stream(13s).packets();
  std::erase_if(packets, [](const ts::Packet& packet) { return packet.pid() == ts::null_pid; });
  Watch watched;
  watched.feed(packets, 1'000'000);
  watched.finish();
  expect_good(watched);
  EXPECT_EQ(watched.board().unmeasured(Indicator::pcr_accuracy), "no constant rate between PCRs");
  const auto& figures = watched.monitor().state(video_pid).pcr->figures();
  EXPECT_TRUE(figures.variable_rate);
  EXPECT_FALSE(figures.accuracy_greatest_s.has_value());
}

// One measured block, then a variable rate: what was measured stays measured.
TEST(Clock, ConstantRateThenVariable) {
  auto packets = make_stream(20s).packets();
  std::vector<ts::Packet> mixed{packets.begin(), packets.begin() + 6000};
  for (std::size_t i = 6000; i < packets.size(); ++i) {
    if (packets[i].pid() != ts::null_pid) mixed.push_back(packets[i]);
  }
  Watch watched;
  watched.feed(mixed, 1'000'000);
  watched.finish();
  expect_good(watched, Indicator::pcr_accuracy);
}

// A file of two seconds at 10 PCRs a second is enough, one of half a second is not.
TEST(Clock, TooFewPcrsAreNotMeasured) {
  const auto watched = watch(make_stream(200ms));
  EXPECT_EQ(watched.board().unmeasured(Indicator::pcr_accuracy), "too few PCRs at a constant rate");
  EXPECT_EQ(watched.board().count(Indicator::pcr_accuracy), 0u);
}

// A lost packet shifts positions against time: no PCR is blamed for it.
TEST(Clock, LossIsNoInaccuracy) {
  auto packets = make_stream(17s).packets();
  const auto lost = std::ranges::find_if(packets.begin() + 5000, packets.end(),
                                         [](const ts::Packet& p) { return p.pid() == second_audio_pid; });
  packets.erase(lost);
  Watch watched;
  watched.feed(packets, 1'000'000);
  watched.finish();
  EXPECT_EQ(watched.board().count(Indicator::continuity), 1u);
  EXPECT_EQ(watched.board().total(), 1u) << watched.told();
}

// A constant offset of the clock's frequency is not against 2.4 (ISO/IEC 13818-1 2.4.2.1: 30 ppm).
TEST(Clock, WrongFrequencyIsNoInaccuracy) {
  auto stream = make_stream(13s);
  std::optional<ts::Pcr> first;
  stream.change(video_pid, 0s, 13s, [&](ts::Packet& packet) {
    const auto pcr = packet.pcr();
    if (!pcr) return;
    if (!first) first = pcr;
    packet.set_pcr(*pcr + ts::distance(*first, *pcr) * 25 / 1'000'000);
  });
  expect_good(watch(stream), Indicator::pcr_accuracy);
}

TEST(Clock, PtsTooFarApart) {
  for (const auto gap : {Seconds{600ms}, Seconds{900ms}}) {
    SCOPED_TRACE(gap.count());
    auto stream = make_stream(14s);
    const auto begins = [&](std::uint64_t at) { return stream.packet(at).unit_start(); };
    auto last = stream.last(second_audio_pid, 3s);
    while (!begins(last)) last = stream.last(second_audio_pid, stream.time(last));
    auto back = stream.first(second_audio_pid, stream.time(last) + gap);
    while (!begins(back)) back = stream.first(second_audio_pid, stream.time(back + 1));
    // PES packets go on, without time stamps: their five bytes are stuffing.
    stream.change(second_audio_pid, stream.time(last + 1), stream.time(back), [](ts::Packet& packet) {
      const auto payload = packet.payload();
      if (packet.unit_start()) payload[7] &= 0x3F;
    });
    const auto watched = watch(stream);
    if (gap < 700ms) {
      expect_good(watched, Indicator::pts);
    } else {
      expect_one(watched, {Indicator::pts,
                           {.pid = second_audio_pid, .service = service},
                           stream.time(last) + 700ms,
                           stream.time(back)});
    }
  }
}

TEST(Clock, ScrambledPtsIsNotMeasured) {
  auto options = support::ServiceOptions::numbered(1);
  options.descriptors = {support::ca_descriptor(0x0B00, ts::Pid{0x0180})};
  options.section_pids = {ts::Pid{0x0180}};
  auto stream = make_stream(6s, {.cat = true, .first = options});
  for (const auto pid : {video_pid, audio_pid, second_audio_pid}) {
    stream.change(pid, 0s, 6s, [](ts::Packet& packet) { packet.bytes[3] |= 0x80; });
  }
  const auto watched = watch(stream);
  expect_good(watched, Indicator::stalled);
  EXPECT_EQ(watched.board().unmeasured(Indicator::pts), "no PTS in the clear");
}

// Nothing to measure time by: what needs it is not measured, the rest is.
TEST(Clock, FileWithoutPcrs) {
  auto stream = make_stream(6s);
  remove_pcrs(stream, 0s, 6s);
  stream.packet(stream.first(second_audio_pid, 3s)) = ts::Packet::null();
  const auto watched = watch(stream);
  EXPECT_EQ(watched.board().total(), 1u) << watched.told();
  EXPECT_EQ(watched.board().count(Indicator::continuity), 1u);
  for (const auto& row : tsmon::indicators()) {
    const auto timeless = tsmon::parse_indicators("1.1,1.2,1.4,2.1,2.2,scrambled");
    if (timeless[static_cast<std::size_t>(row.indicator)]) {
      EXPECT_EQ(watched.board().unmeasured(row.indicator), "") << row.code;
    } else {
      EXPECT_NE(watched.board().unmeasured(row.indicator), "") << row.code;
    }
  }
}

}  // namespace
}  // namespace tsmon_test
