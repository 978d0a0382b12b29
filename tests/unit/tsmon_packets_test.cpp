// TR 101 290 1.1, 1.2, 1.4, 1.6, 2.1, 3.4, and what is watched beyond it.
#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/tsmon_fixture.hpp"

namespace tsmon_test {
namespace {

// Video, sound and PCR of a PID may be away for so long without further indicators.
Options patient() {
  Options options;
  options.limits.pts = options.limits.stall = 60s;
  return options;
}

TEST(Packets, StreamThatIsRight) {
  for (const unsigned services : {1u, 2u}) {
    const StreamOptions stream{.services = services, .cat = true};
    for (const auto profile : {tsmon::Profile::dvb, tsmon::Profile::mpeg, tsmon::Profile::strict}) {
      Options options;
      options.profile = profile;
      const auto watched = watch(make_stream(65s, stream), options, rate_of(stream));
      expect_good(watched);
      EXPECT_EQ(watched.monitor().totals().bad_sync, 0u);
      EXPECT_EQ(watched.monitor().lost_packets(), 0u);
      // What it has is measured, and what it has not is not.
      const auto measured = tsmon::parse_indicators("1,2,3.1.a,3.4.a,3.5.a,3.6.a,3.6.c,3.8,stalled");
      const auto unmeasured = tsmon::parse_indicators(
          "3.1.b,3.2,3.5.b,3.6.b,3.7,no-input,rtp-loss,socket-drop,black,freeze,silence,decode");
      for (const auto& row : tsmon::indicators()) {
        const auto bit = static_cast<std::size_t>(row.indicator);
        const std::string& reason = watched.board().unmeasured(row.indicator);
        EXPECT_FALSE(measured[bit] && !reason.empty()) << row.code << ": " << reason;
        EXPECT_FALSE(unmeasured[bit] && reason.empty()) << row.code;
      }
    }
  }
}

TEST(Packets, SyncLost) {
  const auto stream = make_stream(12s);
  const auto half = std::span{stream.packets()}.first(stream.position(3s));
  Watch watched;
  watched.feed(half, 1'000'000);
  expect_good(watched, Indicator::sync_loss);
  // What the source found out while it read what comes now.
  watched.statistics.sync_losses = 1;
  watched.feed(std::span{stream.packets()}.subspan(half.size()), 1'000'000);
  watched.finish();
  // Told when it was read; packets wait for the PCR that tells their time.
  expect_one(watched, {.indicator = Indicator::sync_loss, .subject = {}, .first = 3s, .last = 3s, .tolerance = 50ms});
}

TEST(Packets, SyncByteWrong) {
  auto stream = make_stream(12s);
  const auto at = stream.first(ts::null_pid, 3s);
  expect_good(watch(stream), Indicator::sync_byte);
  stream.packet(at).bytes[0] = 0x46;
  const auto watched = watch(stream);
  expect_one(watched, {Indicator::sync_byte, {}, stream.time(at), stream.time(at)});
  EXPECT_EQ(watched.starts[0].alarm.first.position, at);
  EXPECT_EQ(watched.monitor().totals().bad_sync, 1u);
}

TEST(Packets, TransportError) {
  auto stream = make_stream(12s);
  const auto at = stream.first(ts::null_pid, 3s);
  expect_good(watch(stream), Indicator::transport);
  stream.packet(at).bytes[1] |= 0x80;
  const auto watched = watch(stream);
  expect_one(watched, {Indicator::transport, {.pid = ts::null_pid}, stream.time(at), stream.time(at)});
  EXPECT_EQ(watched.starts[0].alarm.first.position, at);
}

// Nothing in the packet is believed but the indicator: not its PID, its scrambling or its PCR.
TEST(Packets, NothingElseIsReadInADamagedPacket) {
  auto stream = make_stream(12s);
  auto packet = test::make_packet({.pid = 0x1234, .scrambling = 2, .pcr = ts::Pcr{ts::Ticks27{5}}});
  packet.bytes[1] |= 0x80;
  const auto at = stream.insert(packet, 3s);
  const auto watched = watch(stream);
  expect_one(watched, {Indicator::transport, {.pid = ts::Pid{0x1234}}, stream.time(at), stream.time(at)});
  EXPECT_EQ(watched.monitor().totals().scrambled, 0u);
  EXPECT_FALSE(watched.monitor().pids().contains(ts::Pid{0x1234}));
}

TEST(Packets, OnePacketLost) {
  auto stream = make_stream(12s);
  const auto at = stream.first(second_audio_pid, 3s);
  const auto next = stream.first(second_audio_pid, stream.time(at + 1));
  expect_good(watch(stream), Indicator::continuity);
  stream.packet(at) = ts::Packet::null();
  const auto watched = watch(stream);
  // Seen at the packet after it.
  expect_one(watched, {Indicator::continuity, {.pid = second_audio_pid}, stream.time(next), stream.time(next)});
  EXPECT_EQ(watched.starts[0].alarm.first.position, next);
  EXPECT_EQ(watched.monitor().lost_packets(), 1u);
}

TEST(Packets, OutOfOrder) {
  auto stream = make_stream(12s);
  const auto at = stream.first(second_audio_pid, 3s);
  const auto next = stream.first(second_audio_pid, stream.time(at + 1));
  const auto third = stream.first(second_audio_pid, stream.time(next + 1));
  // Two packets of the middle of a PES packet, so that no time stamp moves.
  std::swap(stream.packet(at).bytes[3], stream.packet(next).bytes[3]);
  const auto watched = watch(stream);
  // The early one, the late one, and the one that does not follow it.
  expect_one(watched, {.indicator = Indicator::continuity,
                       .subject = {.pid = second_audio_pid},
                       .first = stream.time(at),
                       .last = stream.time(third),
                       .count = 3});
}

TEST(Packets, OnceMoreIsAllowedAndTwiceMoreIsNot) {
  for (const int copies : {1, 2}) {
    SCOPED_TRACE(copies);
    auto stream = make_stream(12s);
    // With a PCR, of which the copies bring no further ones; with room for them before the next packet.
    std::uint64_t at = 0, place = 0;
    for (Seconds from = 3s; place == 0; from = stream.time(at + 1)) {
      at = stream.first(video_pid, from);
      if (!stream.packet(at).pcr() || !stream.packet(at).has_payload()) continue;
      const auto following = stream.first(video_pid, stream.time(at + 1));
      const auto one = stream.first(ts::null_pid, stream.time(at + 1));
      const auto two = stream.first(ts::null_pid, stream.time(one + 1));
      if (two >= following) continue;
      stream.packet(one) = stream.packet(at);
      if (copies == 2) stream.packet(two) = stream.packet(at);
      place = copies == 1 ? one : two;
    }
    const auto watched = watch(stream);
    EXPECT_EQ(watched.monitor().state(video_pid).duplicates, 1u);
    if (copies == 1) {
      expect_good(watched, Indicator::continuity);
    } else {
      expect_one(watched, {Indicator::continuity, {.pid = video_pid}, stream.time(place), stream.time(place)});
    }
  }
}

// A jump of the counter that the packet announces, and packets without payload, which do not count.
TEST(Packets, CounterJumpsThatAreAllowed) {
  auto stream = make_stream(12s);
  const auto at = stream.first(video_pid, 3s);
  stream.change(video_pid, stream.time(at), 12s,
                [](ts::Packet& packet) { packet.set_continuity(packet.continuity() + 5u); });
  auto first = at;
  while (stream.packet(first).adaptation().empty()) first = stream.first(video_pid, stream.time(first + 1));
  ASSERT_EQ(first, at) << "the first packet has no flags: choose another time";
  stream.packet(at).set_discontinuity(true);
  expect_good(watch(stream), Indicator::continuity);
}

TEST(Packets, ReferencedPidAway) {
  auto stream = make_stream(20s);
  const auto last = stream.time(stream.last(second_audio_pid, 3s));
  const auto quiet = stream.remove(second_audio_pid, 3s, 7900ms);
  ASSERT_GT(quiet, 0u);
  expect_good(watch(stream, patient()), Indicator::pid);
  stream.remove(second_audio_pid, 3s, 9s);
  const auto back = stream.time(stream.first(second_audio_pid, 9s));
  expect_one(watch(stream, patient()), {.indicator = Indicator::pid,
                                        .subject = {.pid = second_audio_pid, .service = service},
                                        .first = last + 5s,
                                        .last = back,
                                        .tolerance = 25ms});
}

// One that never was there: the PMT asks for it from the start.
TEST(Packets, ReferencedPidNeverThere) {
  auto stream = make_stream(10s);
  stream.remove(second_audio_pid, 0s, 10s);
  const auto watched = watch(stream, patient());
  ASSERT_EQ(watched.starts.size(), 1u) << watched.told();
  EXPECT_EQ(watched.starts[0].alarm.indicator, Indicator::pid);
  EXPECT_EQ(watched.starts[0].alarm.subject, (Subject{.pid = second_audio_pid, .service = service}));
  EXPECT_NEAR(tsmon::seconds(watched.starts[0].alarm.first.time), 5.0, 0.05);
  ASSERT_EQ(watched.board().active().size(), 1u);
  EXPECT_TRUE(watched.board().active()[0]->lasting);
}

// Data and subtitles pause by their nature.
TEST(Packets, PidOfDataMayBeAway) {
  auto options = support::ServiceOptions::numbered(1);
  options.other_streams = {{0x06, ts::Pid{0x0107}, {}}};
  auto stream = make_stream(20s, {.first = options});
  ASSERT_GT(stream.remove(ts::Pid{0x0107}, 3s, 15s), 0u);
  expect_good(watch(stream), Indicator::pid);
}

TEST(Packets, NoPmtNoReferencedPid) {
  auto stream = make_stream(10s);
  stream.remove(pmt_pid, 0s, 10s);
  Options options;
  options.ignore = {tsmon::parse_indicators("1.5")};
  const auto watched = watch(stream, options);
  expect_good(watched);
  EXPECT_NE(watched.board().unmeasured(Indicator::pid), "");
  EXPECT_NE(watched.board().unmeasured(Indicator::unreferenced_pid), "");
}

StreamEditor with_packets_of(ts::Pid pid, Seconds from, Seconds to) {
  auto stream = make_stream(16s, {.cat = true});
  const std::vector<std::uint8_t> payload(184, 0x55);
  for (Seconds at = from; at < to; at += 50ms) stream.insert(test::make_packet({.pid = pid.value()}, payload), at);
  return stream;
}

TEST(Packets, PidThatNoTableNames) {
  const ts::Pid pid{0x0777};
  const auto stream = with_packets_of(pid, 3s, 5s);
  const auto first = stream.time(stream.first(pid, 3s)), last = stream.time(stream.last(pid, 16s));
  // From its first packet more than half a second after the first until five seconds after its last, when it has gone.
  const auto told = stream.time(stream.first(pid, first + 501ms));
  expect_one(watch(stream), {.indicator = Indicator::unreferenced_pid,
                             .subject = {.pid = pid},
                             .first = told,
                             .last = last + 5s,
                             .tolerance = 25ms});
}

// Less than half a second; the user's own; those that V1.4.1 exempts; and what CAT and PMT name.
TEST(Packets, PidsThatNeedNoName) {
  Options options;
  options.private_pids = {ts::Pid{0x0777}};
  expect_good(watch(with_packets_of(ts::Pid{0x0777}, 3s, 15s), options), Indicator::unreferenced_pid);
  for (const unsigned pid : {0x15u, 0x1Eu, 0x1Fu, 0x0500u, 0x1FFFu}) {
    SCOPED_TRACE(pid);
    const auto stream = with_packets_of(ts::Pid{pid}, 3s, 15s);
    ASSERT_GT(stream.last(ts::Pid{pid}, 16s), stream.position(14s));
    expect_good(watch(stream), Indicator::unreferenced_pid);
  }
  auto stream = with_packets_of(ts::Pid{0x0777}, 3s, 3400ms);
  expect_good(watch(stream), Indicator::unreferenced_pid);
}

// A PID that was gone for long has its half second again.
TEST(Packets, PidThatNoTableNamesComesAgain) {
  auto stream = with_packets_of(ts::Pid{0x0777}, 3s, 3400ms);
  const std::vector<std::uint8_t> payload(184, 0x55);
  for (Seconds at = 10s; at < 10400ms; at += 50ms) stream.insert(test::make_packet({.pid = 0x0777}, payload), at);
  expect_good(watch(stream), Indicator::unreferenced_pid);
}

// Taken out of the PMT at the same time or a little before its packets cease.
TEST(Packets, PidThatIsTakenAway) {
  for (const auto tail : {Seconds{300ms}, Seconds{1s}}) {
    SCOPED_TRACE(tail.count());
    support::StreamBuilder::Options options{.rate = 1'000'000};
    options.spread_sections = true;
    support::StreamBuilder builder{options};
    builder.add(support::ServiceOptions::numbered(1));
    auto packets = builder.make(3s);
    auto less = builder.service(service);
    less.audio.pop_back();
    builder.replace(less);
    const auto rest = builder.make(12s);
    packets.insert(packets.end(), rest.begin(), rest.end());
    StreamEditor stream{std::move(packets), options.rate};
    const std::vector<std::uint8_t> payload(184, 0x55);
    for (Seconds at = 3s; at < 3s + tail; at += 50ms) {
      stream.insert(test::make_packet({.pid = second_audio_pid.value()}, payload), at);
    }
    const auto watched = watch(stream);
    EXPECT_EQ(watched.board().count(Indicator::unreferenced_pid), tail < 500ms ? 0u : 1u) << watched.told();
    EXPECT_EQ(watched.board().total(), tail < 500ms ? 0u : 1u) << watched.told();
  }
}

// PES packets cease while packets of the PID go on.
TEST(Packets, ElementaryStreamStalls) {
  for (const auto gap : {Seconds{1900ms}, Seconds{3s}}) {
    SCOPED_TRACE(gap.count());
    auto stream = make_stream(16s);
    auto options = patient();
    options.limits.stall.reset();
    options.ignore = {tsmon::parse_indicators("3.3")};  // headers of PES packets are no sound
    const auto begins = [](const ts::Packet& packet) { return packet.unit_start(); };
    auto last = stream.last(second_audio_pid, 3s);
    while (!begins(stream.packet(last))) last = stream.last(second_audio_pid, stream.time(last));
    stream.change(second_audio_pid, stream.time(last + 1), stream.time(last) + gap,
                  [](ts::Packet& packet) { packet.bytes[1] &= 0xBF; });
    auto back = stream.first(second_audio_pid, stream.time(last) + gap);
    while (!begins(stream.packet(back))) back = stream.first(second_audio_pid, stream.time(back + 1));
    const auto watched = watch(stream, options);
    if (gap < 2s) {
      expect_good(watched, Indicator::stalled);
    } else {
      expect_one(watched, {Indicator::stalled,
                           {.pid = second_audio_pid, .service = service},
                           stream.time(last) + 2s,
                           stream.time(back)});
    }
  }
}

TEST(Packets, ScrambledThoughAnnouncedAsClear) {
  auto stream = make_stream(12s, {.cat = true});
  expect_good(watch(stream), Indicator::scrambled);
  const auto count = stream.change(second_audio_pid, 3s, 3300ms, [](ts::Packet& packet) { packet.bytes[3] |= 0x80; });
  const auto first = stream.first(second_audio_pid, 3s), last = stream.last(second_audio_pid, 3300ms);
  const auto watched = watch(stream);
  expect_one(watched, {.indicator = Indicator::scrambled,
                       .subject = {.pid = second_audio_pid, .service = service},
                       .first = stream.time(first),
                       .last = stream.time(last),
                       .count = count});
  EXPECT_EQ(watched.monitor().scrambled_pids(), 1u);
}

}  // namespace
}  // namespace tsmon_test
