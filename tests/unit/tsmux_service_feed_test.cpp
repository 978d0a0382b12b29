#include "tools/tsmux/service_feed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "common/mux/multiplexer.hpp"
#include "common/ts/pes.hpp"
#include "tests/support/si_section.hpp"
#include "tests/support/stream_builder.hpp"
#include "tests/unit/tsmux_receiver.hpp"

namespace tsmux {
namespace {

using namespace std::chrono_literals;
using ts::Ticks27;
using ts::Ticks90;

constexpr Ticks27 ticks(std::chrono::nanoseconds time) { return std::chrono::duration_cast<Ticks27>(time); }
constexpr ts::SteadyTime start_time{1000h};
const psi::ServiceId service_id{0x0101};
constexpr ts::Pid video{0x101}, audio{0x102}, out_video{0x201}, out_audio{0x202};

support::ServiceOptions one_service() {
  auto options = support::ServiceOptions::numbered(1);
  options.audio.pop_back();
  return options;
}

// PIDs of the source move by 0x100.
ServiceFeed::Program program_of(const psi::Pmt& pmt) {
  ServiceFeed::Program program{
      .source_pcr_pid = pmt.pcr_pid, .pcr_pid = ts::Pid{pmt.pcr_pid.value() + 0x100u}, .components = {}};
  for (const auto& stream : pmt.streams) program.components.push_back({stream, ts::Pid{stream.pid.value() + 0x100u}});
  return program;
}

// Feeds of files, as fast as they go.
class Bench {
 public:
  explicit Bench(const ServiceFeed::Program& program) {
    feed = std::make_unique<ServiceFeed>(multiplexer, output, time_base,
                                         ServiceFeed::Options{.live = false, .ahead = ahead});
    feed->set_program(program);
  }
  void play(const std::vector<ts::Packet>& packets) {
    for (const ts::Packet& packet : packets) {
      const std::uint64_t at = position++;
      if (!feed->wants(packet.pid())) continue;
      collect(packet, source);
      feed->feed(packet, at, {});
      while (feed->is_running() && feed->fed_until() > multiplexer.now() + ticks(300ms)) run(20ms);
    }
  }
  void run(std::chrono::nanoseconds duration) {
    out.clear();
    const std::uint64_t first = multiplexer.position();
    multiplexer.run(multiplexer.rate().packet_at(multiplexer.now() + ticks(duration)) - first, out);
    for (std::size_t i = 0; i < out.size(); ++i) received.take(out[i], multiplexer.rate().time_of(first + i));
  }
  void finish() {
    feed->finish();
    run(15s);
  }
  // By how much time stamps were moved.
  std::vector<std::int64_t> moves(ts::Pid pid) const {
    std::vector<std::int64_t> moves;
    const auto& in = source.at(pid);
    const auto found = received.stamps.find(ts::Pid{pid.value() + 0x100u});
    if (found == received.stamps.end()) return moves;
    for (std::size_t i = 0; i < std::min(in.size(), found->second.size()); ++i) {
      moves.push_back(distance(in[i], found->second[i]).count());
    }
    return moves;
  }

  static constexpr Ticks27 ahead = ticks(50ms);
  TimeBase time_base;
  mux::SectionCarousel carousel;
  mux::Multiplexer multiplexer{{.bit_rate = 3'000'000, .ahead = ahead}, carousel};
  mux::Multiplexer::Program& output{multiplexer.add_program(0)};
  std::unique_ptr<ServiceFeed> feed;
  std::uint64_t position = 0;
  Stamps source;
  Receiver received;
  std::vector<ts::Packet> out;
};

class ServiceFeedTest : public testing::Test {
 protected:
  explicit ServiceFeedTest(const support::ServiceOptions& options = one_service()) { builder.add(options); }
  support::StreamBuilder builder{{.rate = 1'200'000}};
  psi::Pmt pmt() const { return builder.pmt(service_id); }
};

std::set<std::int64_t> set_of(const std::vector<std::int64_t>& values) { return {values.begin(), values.end()}; }

TEST_F(ServiceFeedTest, LeavesTimeStampsAloneWhereNothingMoves) {
  Bench bench{program_of(pmt())};
  bench.play(builder.make(20s));
  bench.finish();
  EXPECT_EQ(bench.source[video].size(), 500u);
  EXPECT_EQ(bench.received.stamps[out_video].size(), 500u);
  EXPECT_EQ(bench.received.stamps[out_audio], bench.source[audio]);
  EXPECT_EQ(bench.received.stamps[out_video], bench.source[video]);
  EXPECT_EQ(bench.received.all_lost(), 0u);
  EXPECT_EQ(bench.feed->figures().unclocked, 0u);
  EXPECT_EQ(bench.feed->lag_now(), Ticks27{0});
  for (const double lead : bench.received.leads[out_video]) EXPECT_NEAR(lead, 0.44 + 0.025, 0.035);
  EXPECT_EQ(bench.output.queued(), 0u);
}

TEST_F(ServiceFeedTest, GoesOverTheWrapOfAllCounters) {
  auto options = one_service();
  builder.remove(service_id);
  options.start_pcr = ts::Pcr{Ticks27{-ticks(3s).count()}};
  builder.add(options);
  Bench bench{program_of(pmt())};
  bench.play(builder.make(10s));
  bench.finish();
  EXPECT_EQ(bench.received.stamps[out_video], bench.source[video]);
  EXPECT_EQ(bench.received.stamps[out_audio], bench.source[audio]);
  EXPECT_EQ(bench.received.all_lost(), 0u);
}

TEST_F(ServiceFeedTest, JoinsJumpsOfTheTimeBase) {
  const std::vector<Ticks27> jumps{ticks(1h),     ticks(-40s), ticks(13h),
                                   ticks(-333ms), ticks(100h), Ticks27{7'654'321'987}};
  for (const bool signalled : {true, false}) {
    for (const Ticks27 jump : jumps) {
      support::StreamBuilder stream{{.rate = 1'200'000}};
      stream.add(one_service());
      Bench bench{program_of(stream.pmt(service_id))};
      bench.play(stream.make(5s));
      stream.jump(service_id, jump, signalled);
      bench.play(stream.make(5s));
      bench.finish();
      // Each time stamp goes with the pictures around it, to the tick; no matter in which packets the PCRs are.
      const auto& out = bench.received.stamps[out_video];
      ASSERT_EQ(out.size(), 250u);
      for (std::size_t i = 1; i < out.size(); ++i) {
        ASSERT_LE(std::abs(distance(out[i - 1], out[i]).count() - 3600), 1) << jump.count() << " picture " << i;
      }
      // Sound and picture keep their distance.
      auto moves = set_of(bench.moves(video));
      EXPECT_EQ(moves, set_of(bench.moves(audio)));
      EXPECT_EQ(moves.size(), 2u);
      EXPECT_TRUE(moves.contains(0));
      EXPECT_EQ(bench.feed->figures().jumps, 1u);
      EXPECT_EQ(bench.received.all_lost(), 0u);
      for (const double lead : bench.received.leads[out_video]) ASSERT_NEAR(lead, 0.44 + 0.025, 0.035);
    }
  }
}

TEST_F(ServiceFeedTest, TakesNoJumpFromAnIndicatorAlone) {
  Bench bench{program_of(pmt())};
  bench.play(builder.make(5s));
  builder.jump(service_id, Ticks27{0}, true);
  bench.play(builder.make(5s));
  bench.finish();
  EXPECT_EQ(set_of(bench.moves(video)), std::set<std::int64_t>{0});
  EXPECT_EQ(bench.feed->figures().jumps, 0u);
}

TEST_F(ServiceFeedTest, ALostSecondStaysAGapAndALongerOneIsClosed) {
  for (const auto lost : {900ms, 4000ms}) {
    support::StreamBuilder stream{{.rate = 1'200'000}};
    stream.add(one_service());
    Bench bench{program_of(stream.pmt(service_id))};
    bench.play(stream.make(5s));
    stream.make(lost);
    bench.play(stream.make(5s));
    bench.finish();
    const auto moves = set_of(bench.moves(video));
    EXPECT_EQ(moves, set_of(bench.moves(audio)));
    EXPECT_EQ(moves.size(), lost == 900ms ? 1u : 2u);
    EXPECT_NEAR(static_cast<double>(*moves.begin()), lost == 900ms ? 0 : -4.0 * 90'000, 0.035 * 90'000);
    EXPECT_GT(bench.received.all_lost(), 0u);
    EXPECT_EQ(bench.received.all_lost(), bench.feed->figures().lost);
  }
}

// Time stamps of all packets from one on are that much earlier.
void make_late(std::vector<ts::Packet>& packets, std::chrono::milliseconds by) {
  for (auto& packet : packets) {
    if (packet.pid() == video || packet.pid() == audio) ts::move_timestamps(packet, -Ticks90{by.count() * 90});
  }
}

// What has one time stamp in the source has one after it, whichever stream it is of.
void expect_together(Bench& bench) {
  std::map<std::int64_t, std::int64_t> moved;
  std::size_t compared = 0;
  const auto moves_video = bench.moves(video), moves_audio = bench.moves(audio);
  for (std::size_t i = 0; i < moves_video.size(); ++i) moved[bench.source[video][i].ticks()] = moves_video[i];
  for (std::size_t i = 0; i < moves_audio.size(); ++i) {
    const auto same = moved.find(bench.source[audio][i].ticks());
    if (same == moved.end()) continue;
    ++compared;
    ASSERT_EQ(same->second, moves_audio[i]) << i;
  }
  EXPECT_GT(compared, 50u);
}

TEST_F(ServiceFeedTest, WhatComesTooLateIsShownLaterFromTheStart) {
  auto packets = builder.make(10s);
  make_late(packets, 420ms);  // pictures have -20 ms
  Bench bench{program_of(pmt())};
  bench.play(packets);
  bench.finish();
  // By the PCRs; what the first second did not show comes later.
  const auto moves = bench.moves(video);
  EXPECT_EQ(moves.front(), 0);
  EXPECT_LT(moves.back(), 90 * 15);
  expect_together(bench);
  EXPECT_GT(bench.feed->lag_now(), ticks(60ms));
  EXPECT_LT(bench.feed->lag_now(), ticks(200ms));
  for (const double lead : bench.received.leads[out_audio]) EXPECT_GT(lead, 0.0);
}

TEST_F(ServiceFeedTest, ALagGrowsSoThatNobodyNoticesAndTheSameForAll) {
  Bench bench{program_of(pmt())};
  bench.play(builder.make(5s));
  auto packets = builder.make(120s);
  make_late(packets, 400ms);
  bench.play(packets);
  bench.finish();
  expect_together(bench);
  const auto moves = bench.moves(video);
  for (std::size_t i = 1; i < moves.size(); ++i) {
    ASSERT_LE(std::abs(moves[i] - moves[i - 1]), 5) << i;  // 40 us in 40 ms, and a tick
  }
  EXPECT_GT(moves.back(), 30 * 90);
  EXPECT_GT(bench.received.leads[out_audio].back(), 0.0);
  EXPECT_EQ(bench.received.all_lost(), 0u);
}

TEST_F(ServiceFeedTest, MuchLagIsTakenAtOnce) {
  Bench bench{program_of(pmt())};
  bench.play(builder.make(5s));
  auto packets = builder.make(20s);
  make_late(packets, 1000ms);
  bench.play(packets);
  bench.finish();
  expect_together(bench);
  EXPECT_GT(bench.received.leads[out_video].back(), 0.04);
  EXPECT_GT(bench.received.leads[out_audio].back(), 0.0);
  EXPECT_LE(set_of(bench.moves(video)).size(), 400u);
}

TEST_F(ServiceFeedTest, ADamagedTimeStampMovesAndHoldsUpNothing) {
  for (const auto error : {-2500ms, 10'000ms, 3'600'000ms}) {
    support::StreamBuilder stream{{.rate = 1'200'000}};
    stream.add(one_service());
    Bench bench{program_of(stream.pmt(service_id))};
    bench.play(stream.make(5s));
    auto packets = stream.make(10s);
    const auto damaged =
        std::ranges::find_if(packets, [](const auto& packet) { return packet.pid() == video && packet.unit_start(); });
    ts::move_timestamps(*damaged, Ticks90{error.count() * 90});
    bench.play(packets);
    bench.finish();
    EXPECT_EQ(bench.feed->lag_now(), Ticks27{0}) << error.count();
    EXPECT_EQ(bench.received.stamps[out_audio], bench.source[audio]);
    EXPECT_EQ(bench.received.stamps[out_video], bench.source[video]);
    EXPECT_LT(bench.output.figures().worst_lateness, ticks(5ms));
    const auto& leads = bench.received.leads[out_video];
    for (std::size_t i = 130; i < leads.size(); ++i) ASSERT_GT(leads[i], 0.35) << "none was held up";
  }
}

TEST_F(ServiceFeedTest, KeepsGapsAndLeavesOutDuplicates) {
  auto packets = builder.make(5s);
  EXPECT_EQ(support::lose(packets, video, 200, 3), 3u);
  EXPECT_EQ(support::lose(packets, audio, 100, 1), 1u);
  std::vector<ts::Packet> doubled;
  std::size_t duplicates = 0;
  for (const auto& packet : packets) {
    doubled.push_back(packet);
    if (packet.pid() == audio && packet.has_payload() && packet.continuity() == 5) {
      doubled.push_back(packet);
      ++duplicates;
    }
  }
  Bench bench{program_of(pmt())};
  bench.play(doubled);
  bench.finish();
  // Of the three at least two have a payload, and count.
  EXPECT_GE(bench.received.lost[out_video], 2u);
  EXPECT_EQ(bench.received.lost[out_audio], 1u);
  EXPECT_EQ(bench.feed->figures().lost, bench.received.all_lost());
  EXPECT_EQ(bench.feed->figures().duplicates, duplicates);
  EXPECT_GT(duplicates, 5u);
}

TEST_F(ServiceFeedTest, AGapStaysWhereAPacketThatIsLeftOutShowsIt) {
  auto packets = builder.make(5s);
  // The first video packet after 2 s is lost, and the next one of the PID has a PCR alone, with the counter of the lost
  // one.
  const auto lost = std::ranges::find_if(packets.begin() + 1600, packets.end(), [](const auto& packet) {
    return packet.pid() == video && packet.has_payload() && !packet.pcr();
  });
  const std::size_t position = static_cast<std::size_t>(lost - packets.begin());
  *lost = ts::Packet::pcr_only(video, builder.pcr(service_id, position), lost->continuity());
  Bench bench{program_of(pmt())};
  bench.play(packets);
  bench.finish();
  EXPECT_EQ(bench.received.lost[out_video], 1u);
}

TEST_F(ServiceFeedTest, PassesPacketsWithErrorsWithoutCountingThem) {
  auto packets = builder.make(5s);
  std::size_t errors = 0;
  for (std::size_t i = 1500; i < packets.size(); i += 10) {
    if (packets[i].pid() != audio) continue;
    packets[i].bytes[1] |= 0x80;
    ++errors;
  }
  ASSERT_GT(errors, 2u);
  Bench bench{program_of(pmt())};
  bench.play(packets);
  bench.finish();
  EXPECT_EQ(bench.feed->figures().errors, errors);
  // Those who leave them out see them missing.
  EXPECT_EQ(bench.feed->figures().lost, errors);
}

// Two PCRs one behind another say nothing of the rate of what follows them.
TEST_F(ServiceFeedTest, KeepsTimeAfterPcrsThatStandTogether) {
  Bench bench{program_of(pmt())};
  std::vector<ts::Packet> packets;
  for (const ts::Packet& packet : builder.make(10s)) {
    if (packet.pid() == ts::null_pid) continue;
    packets.push_back(packet);
    if (!packet.pcr()) continue;
    packets.push_back(ts::Packet::pcr_only(packet.pid(), *packet.pcr() + ts::Ticks27{29ms}, packet.continuity()));
  }
  bench.play(packets);
  bench.finish();
  EXPECT_EQ(bench.feed->figures().lag, ts::Ticks27{0});
  EXPECT_EQ(bench.received.stamps[out_video], bench.source[video]);
}

TEST_F(ServiceFeedTest, GoesOnWithoutPcrs) {
  Bench bench{program_of(pmt())};
  bench.play(builder.make(5s));
  auto packets = builder.make(30s);
  for (auto& packet : packets) {
    if (packet.pcr()) packet.bytes[5] &= 0xEF;
  }
  bench.play(packets);
  EXPECT_LT(bench.feed->queued(), 2000u);
  bench.finish();
  EXPECT_EQ(bench.received.stamps[out_video], bench.source[video]);
  EXPECT_EQ(bench.received.stamps[out_audio], bench.source[audio]);
  EXPECT_EQ(bench.feed->figures().unclocked, 0u);
  EXPECT_EQ(bench.received.all_lost(), 0u);
}

TEST_F(ServiceFeedTest, KeepsNothingForEverOfAStreamWithoutPcrsOrWhoseTimeStandsStill) {
  for (const bool stands_still : {false, true}) {
    support::StreamBuilder stream{{.rate = 1'200'000}};
    stream.add(one_service());
    Bench bench{program_of(stream.pmt(service_id))};
    std::int64_t n = 0;
    for (int i = 0; i < 20; ++i) {
      auto packets = stream.make(10s);
      for (auto& packet : packets) {
        if (!packet.pcr()) continue;
        if (stands_still) {
          packet.set_pcr(ts::Pcr{Ticks27{n++}});
        } else {
          packet.bytes[5] &= 0xEF;
        }
      }
      bench.play(packets);
      if (stands_still) bench.run(10s);
      ASSERT_LT(bench.feed->queued(), 60'000u);
    }
    EXPECT_EQ(bench.feed->figures().unclocked > 0, !stands_still);
  }
}

TEST_F(ServiceFeedTest, AChangeOfThePmtLeavesWhatStaysAsItIs) {
  auto options = one_service();
  Bench bench{program_of(pmt())};
  bench.play(builder.make(5s));
  // Another language of the sound, and a stream more.
  auto changed = pmt();
  changed.streams[1].descriptors = {support::language_descriptor("deu")};
  changed.streams.push_back({.type = 0x06, .pid = ts::Pid{0x109}, .descriptors = {}});
  bench.feed->set_program(program_of(changed));
  bench.play(builder.make(5s));
  bench.feed->set_program(program_of(pmt()));
  bench.play(builder.make(5s));
  bench.finish();
  EXPECT_EQ(bench.received.all_lost(), 0u);
  EXPECT_EQ(bench.received.stamps[out_audio], bench.source[audio]);
  EXPECT_EQ(bench.received.stamps[out_video], bench.source[video]);
}

TEST_F(ServiceFeedTest, AComponentThatComesBackAtOnceGoesOn) {
  Bench bench{program_of(pmt())};
  bench.play(builder.make(5s));
  auto without = program_of(pmt());
  without.components.pop_back();
  bench.feed->set_program(without);
  bench.feed->set_program(program_of(pmt()));
  bench.play(builder.make(5s));
  bench.finish();
  EXPECT_EQ(bench.received.all_lost(), 0u);
  EXPECT_EQ(bench.received.stamps[out_audio], bench.source[audio]);
}

TEST_F(ServiceFeedTest, AComponentOfAnotherKindOnItsPidGoesOnCounting) {
  Bench bench{program_of(pmt())};
  bench.play(builder.make(5s));
  auto changed = pmt();
  changed.streams[1].type = 0x06;
  bench.feed->set_program(program_of(changed));
  bench.play(builder.make(5s));
  bench.finish();
  EXPECT_EQ(bench.received.all_lost(), 0u);
  EXPECT_EQ(bench.received.stamps[out_audio], bench.source[audio]);
}

TEST_F(ServiceFeedTest, AChangeOfThePmtAtTheStartLosesNothingOfWhatStays) {
  Bench bench{program_of(pmt())};
  bench.play(builder.make(500ms));
  ASSERT_FALSE(bench.feed->is_running());
  auto changed = program_of(pmt());
  std::swap(changed.components[0], changed.components[1]);
  bench.feed->set_program(changed);
  bench.play(builder.make(5s));
  bench.finish();
  EXPECT_EQ(bench.received.all_lost(), 0u);
  EXPECT_EQ(bench.received.stamps[out_audio], bench.source[audio]);
  EXPECT_EQ(bench.received.stamps[out_video], bench.source[video]);
}

TEST_F(ServiceFeedTest, RemovesItsStreamsWithItself) {
  Bench bench{program_of(pmt())};
  bench.play(builder.make(5s));
  EXPECT_GT(bench.output.queued(), 0u);
  bench.feed.reset();
  EXPECT_EQ(bench.output.queued(), 0u);
  bench.received = {};
  bench.run(1s);
  EXPECT_TRUE(bench.received.packets.empty());
}

// Live inputs by simulated time.
class LiveBench {
 public:
  struct Input {
    Input(support::StreamBuilder& its_builder, std::int64_t its_rate, double ppm)
        : builder(its_builder), rate(its_rate), drift(ppm * 1e-6) {}
    ts::SteadyTime arrival() const {
      const double seconds = static_cast<double>(position) * 1504 / static_cast<double>(rate) / (1 + drift);
      return start_time + std::chrono::nanoseconds{std::llround(seconds * 1e9)} + delay;
    }
    support::StreamBuilder& builder;
    std::int64_t rate;
    double drift;
    std::chrono::nanoseconds delay{0};
    ServiceFeed* feed = nullptr;
    std::uint64_t position = 0;
    bool off = false;
    Stamps source;
    std::vector<ts::Packet> packets{};
    std::size_t next = 0;
  };

  explicit LiveBench(std::int64_t rate = 3'000'000) : multiplexer({.bit_rate = rate, .ahead = ticks(50ms)}, carousel) {}

  std::unique_ptr<ServiceFeed> make_feed(const ServiceFeed* target = nullptr) {
    return std::make_unique<ServiceFeed>(
        multiplexer, output, time_base,
        ServiceFeed::Options{.live = true, .latency = ticks(200ms), .ahead = ticks(50ms)}, target);
  }
  void run(std::chrono::nanoseconds duration) {
    for (const ts::SteadyTime end = now + duration; now < end; now += 5ms) {
      for (Input* input : inputs) take(*input);
      out.clear();
      const std::uint64_t first = multiplexer.position();
      multiplexer.run(multiplexer.rate().packet_at(time_base.at(now + 30ms)) - first, out);
      for (std::size_t i = 0; i < out.size(); ++i) {
        const auto time = multiplexer.rate().time_of(first + i);
        received.take(out[i], time);
      }
    }
  }

  ts::SteadyTime now = start_time;
  TimeBase time_base{start_time};
  mux::SectionCarousel carousel;
  mux::Multiplexer multiplexer;
  mux::Multiplexer::Program& output{multiplexer.add_program(0)};
  std::vector<Input*> inputs;
  Receiver received;

 private:
  void take(Input& input) {
    while (input.arrival() <= now) {
      if (input.next == input.packets.size()) {
        input.packets = input.builder.make_packets(100);
        input.next = 0;
      }
      const auto& packet = input.packets[input.next++];
      const auto arrival = input.arrival();
      const std::uint64_t position = input.position++;
      if (input.off || !input.feed->wants(packet.pid())) continue;
      collect(packet, input.source);
      input.feed->feed(packet, position, arrival);
    }
    input.feed->poll(now);
  }
  std::vector<ts::Packet> out;
};

support::ServiceOptions radio() {
  auto options = one_service();
  options.video_pid.reset();
  options.pcr_pid = audio;
  options.present.reset();
  options.following.reset();
  return options;
}

// Greatest distance of PCRs from the line through the first and the last of four seconds.
double worst_accuracy(const std::vector<Receiver::Sample>& pcrs) {
  double worst = 0;
  for (std::size_t begin = 0; begin + 200 < pcrs.size(); begin += 50) {
    std::size_t end = begin;
    while (end + 1 < pcrs.size() && pcrs[end].at - pcrs[begin].at < ticks(4s)) ++end;
    const auto x = [&](std::size_t i) { return static_cast<double>((pcrs[i].at - pcrs[begin].at).count()); };
    const auto y = [&](std::size_t i) { return static_cast<double>(distance(pcrs[begin].pcr, pcrs[i].pcr).count()); };
    for (std::size_t i = begin; i <= end; ++i) worst = std::max(worst, std::abs(y(i) - x(i) * y(end) / x(end)));
  }
  return worst / 27e6;
}

TEST(ServiceFeedLiveTest, FollowsAClockThatDrifts) {
  for (const double ppm : {30.0, -30.0}) {
    support::StreamBuilder builder{{.rate = 250'000}};
    builder.add(radio());
    LiveBench bench{500'000};
    const auto feed = bench.make_feed();
    feed->set_program(program_of(builder.pmt(service_id)));
    LiveBench::Input input{builder, 250'000, ppm};
    input.feed = feed.get();
    bench.inputs = {&input};
    bench.run(2h);
    const auto& pcrs = bench.received.pcrs;
    const std::size_t last = pcrs.size() - 1, hour = last / 2;
    const double rate = static_cast<double>(distance(pcrs[hour].pcr, pcrs[last].pcr).count()) /
                            static_cast<double>((pcrs[last].at - pcrs[hour].at).count()) -
                        1;
    EXPECT_NEAR(rate * 1e6, ppm, 0.5);
    EXPECT_NEAR(feed->figures().drift_ppm, ppm, 0.5);
    EXPECT_EQ(feed->figures().shifts, 0u);
    EXPECT_EQ(feed->figures().early, 0u);
    ASSERT_TRUE(feed->figures().margin);
    EXPECT_GT(*feed->figures().margin, ticks(20ms));
    EXPECT_LT(*feed->figures().margin, ticks(200ms));
    EXPECT_LT(worst_accuracy(pcrs), 500e-9);
    EXPECT_EQ(bench.received.all_lost(), 0u);
    auto& in = input.source[audio];
    auto& out = bench.received.stamps[out_audio];
    ASSERT_GT(out.size(), 290'000u);
    in.resize(out.size());
    EXPECT_EQ(in, out) << "time stamps stay";
  }
}

class OneLive {
 public:
  OneLive() : input(builder, 1'200'000, 0) {
    builder.add(one_service());
    feed = bench.make_feed();
    feed->set_program(program_of(builder.pmt(service_id)));
    input.feed = feed.get();
    bench.inputs = {&input};
  }
  support::StreamBuilder builder{{.rate = 1'200'000}};
  LiveBench bench;
  LiveBench::Input input;
  std::unique_ptr<ServiceFeed> feed;
};

TEST(ServiceFeedLiveTest, MovesAServiceThatComesTooLate) {
  OneLive live;
  live.bench.run(20s);
  EXPECT_EQ(live.feed->figures().shifts, 0u);
  live.input.delay = 350ms;
  live.bench.run(20s);
  const auto shifts = live.feed->figures().shifts;
  EXPECT_GE(shifts, 1u);
  EXPECT_LE(shifts, 3u);
  live.bench.run(60s);
  EXPECT_EQ(live.feed->figures().shifts, shifts) << "once";
  EXPECT_GT(*live.feed->figures().margin, Ticks27{0});
  EXPECT_EQ(live.bench.received.all_lost(), 0u);
}

TEST(ServiceFeedLiveTest, LosesNothingOfABurstAfterAStall) {
  OneLive live;
  live.bench.run(20s);
  // Two seconds nothing comes, then all at once.
  live.input.delay = 2s;
  live.bench.run(2s);
  live.input.delay = 0s;
  live.bench.run(20s);
  EXPECT_EQ(live.bench.received.all_lost(), 0u);
  EXPECT_EQ(live.bench.output.figures().dropped, 0u);
  EXPECT_EQ(live.feed->figures().shifts, 1u);
  const auto& leads = live.bench.received.leads[out_video];
  EXPECT_GT(leads.back(), 0.3);
}

TEST(ServiceFeedLiveTest, GoesOnAfterAPause) {
  OneLive live;
  live.bench.run(10s);
  live.input.off = true;
  live.bench.run(2s);
  live.feed->pause(false);
  live.bench.run(500ms);
  const auto pcrs = live.bench.received.pcrs.size();
  live.bench.run(10s);
  EXPECT_EQ(live.bench.received.pcrs.size(), pcrs) << "none while it is paused";
  live.input.off = false;
  live.bench.run(10s);
  EXPECT_GT(live.bench.received.pcrs.size(), pcrs + 250);
  EXPECT_EQ(live.feed->figures().shifts, 0u);
  // It jumped, as far as can be told: by no more than its packets come early or late, and all alike.
  const auto last = [&](ts::Pid pid) {
    const auto& out = live.bench.received.stamps[ts::Pid{pid.value() + 0x100u}];
    const auto& in = live.input.source[pid];
    return distance(in[out.size() - 1], out.back()).count();
  };
  EXPECT_EQ(last(video), last(audio));
  EXPECT_LT(std::abs(last(video)), 90 * 50);
}

TEST(ServiceFeedLiveTest, KeepsTimeWhilePcrsAreMissing) {
  OneLive live;
  live.bench.run(10s);
  // The service's PCRs are on another PID from here on, but nobody says so.
  auto options = one_service();
  options.pcr_pid = ts::Pid{0x10F};
  live.builder.replace(options);
  live.bench.run(20s);
  EXPECT_EQ(live.feed->figures().unclocked, 0u);
  EXPECT_GT(live.bench.received.stamps[out_video].size(), 720u);
  for (const double lead : live.bench.received.leads[out_video]) ASSERT_NEAR(lead, 0.46, 0.1);
}

TEST(ServiceFeedLiveTest, ASourceThatRunsTooFastDoesNotFillTheMemory) {
  OneLive live;
  live.input.drift = 1;  // twice as fast
  live.bench.run(60s);
  EXPECT_GT(live.feed->figures().early, 1000u);
  EXPECT_LT(live.feed->queued(), 6000u);
  // It goes on, and its time stamps fit its clock.
  const auto& leads = live.bench.received.leads[out_video];
  EXPECT_GT(leads.size(), 500u);
  EXPECT_GT(leads.back(), 0.2);
  EXPECT_LT(leads.back(), 0.7);
}

TEST(ServiceFeedLiveTest, AGraftStaysInTimeWithItsTarget) {
  support::StreamBuilder builder{{.rate = 250'000}}, other{{.rate = 250'000}};
  builder.add(radio());
  auto options = radio();
  options.start_pcr = ts::Pcr{ticks(20h)};
  options.other_streams = {{.type = 0x06, .pid = ts::Pid{0x150}, .descriptors = {{.tag = 0x56, .data = {}}}}};
  other.add(options);
  LiveBench bench{900'000};
  const auto feed = bench.make_feed();
  feed->set_program(program_of(builder.pmt(service_id)));
  const auto graft = bench.make_feed(feed.get());
  graft->set_program(
      {.source_pcr_pid = audio, .pcr_pid = {}, .components = {{options.other_streams[0], ts::Pid{0x350}}}});
  LiveBench::Input target{builder, 250'000, 30}, source{other, 250'000, -30};
  target.feed = feed.get();
  source.feed = graft.get();
  // The target comes three seconds later.
  target.off = true;
  bench.inputs = {&target, &source};
  bench.run(3s);
  EXPECT_FALSE(graft->is_running());
  target.off = false;
  bench.run(1h);
  EXPECT_TRUE(graft->is_running());
  EXPECT_EQ(graft->figures().shifts + feed->figures().shifts, 0u);
  EXPECT_EQ(bench.received.all_lost(), 0u);
  const auto& leads = bench.received.leads[ts::Pid{0x350}];
  ASSERT_GT(leads.size(), 35'000u);
  // 60 ppm make 216 ms in an hour. It came with 400 ms, and does so to the end.
  for (std::size_t i = 0; i < leads.size(); ++i) ASSERT_NEAR(leads[i], 0.425, 0.045) << i;
}

}  // namespace
}  // namespace tsmux
