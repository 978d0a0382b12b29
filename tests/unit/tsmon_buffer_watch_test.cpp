#include "tools/tsmon/buffer_watch.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/ts/pes.hpp"
#include "tests/support/packet_builder.hpp"
#include "tests/support/stream_builder.hpp"

namespace tsmon {
namespace {

const psi::ServiceId service{0x0101};
constexpr std::int64_t rate = 4'000'000;
constexpr double ticks_per_packet = 188 * 8 * 27e6 / rate;

// One service of a stream at a constant rate, and the watches on all its streams and tables.
class Bench {
 public:
  // The small H.264 pictures name a level whose TB would not take their packets; MPEG-2's is main level.
  explicit Bench(std::int64_t clock_ahead = 0, ts::VideoCodec codec = ts::VideoCodec::mpeg2)
      : clock_ahead_(clock_ahead) {
    IndicatorSet all;
    all.set();
    board = std::make_unique<AlarmBoard>(all, std::chrono::seconds{1});
    for (const Indicator i : {Indicator::buffer, Indicator::empty_buffer, Indicator::data_delay}) {
      board->set_unmeasured(i, "not yet");
    }
    board->on_alarm([this](AlarmBoard::Edge edge, const Alarm& alarm) {
      if (edge == AlarmBoard::Edge::start) alarms.push_back(alarm);
    });
    auto options = support::ServiceOptions::numbered(1);
    options.codec = codec;
    builder.add(options);
    const psi::Pmt pmt = builder.pmt(service);
    pcr_pid = pmt.pcr_pid;
    for (const auto& stream : pmt.streams) {
      watches[stream.pid] = std::make_unique<BufferWatch>(service, stream, *board);
    }
    tables = std::make_unique<PsiBufferWatch>(service, builder.service(service).pmt_pid, *board);
  }

  void feed(const ts::Packet& packet, double slot = ticks_per_packet) {
    const Moment at{ts::ProgramTime{ts::Ticks27{static_cast<std::int64_t>(now)}}, position};
    if (const auto pcr = packet.pcr(); pcr && packet.pid() == pcr_pid) {
      const ts::Pcr sent = *pcr + ts::Ticks27{clock_ahead_};
      offset = clock.feed(sent, position, packet.discontinuity()).time - at.time;
    }
    if (const auto watch = watches.find(packet.pid()); watch != watches.end()) {
      watch->second->feed(packet, at, slot, clock, offset);
    }
    if (packet.pid().value() <= 1 || packet.pid() == builder.service(service).pmt_pid) tables->feed(packet, at, slot);
    now += ticks_per_packet;
    ++position;
  }
  // `change` gets each packet that starts a PES packet of `pid`.
  void run(std::chrono::milliseconds duration, ts::Pid pid = {}, ts::Ticks90 move = {}) {
    for (ts::Packet& packet : builder.make(duration)) {
      if (packet.pid() == pid) ts::move_timestamps(packet, move);
      feed(packet);
    }
  }
  std::uint64_t count(Indicator indicator) const { return board->count(indicator); }
  std::uint64_t count() const {
    return count(Indicator::buffer) + count(Indicator::empty_buffer) + count(Indicator::data_delay);
  }
  BufferWatch& watch(unsigned pid) { return *watches.at(ts::Pid{pid}); }

  support::StreamBuilder builder{{.rate = rate}};
  std::unique_ptr<AlarmBoard> board;
  std::vector<Alarm> alarms;
  std::map<ts::Pid, std::unique_ptr<BufferWatch>> watches;
  std::unique_ptr<PsiBufferWatch> tables;
  ts::Pid pcr_pid;
  ts::ProgramClock clock;
  ts::Ticks27 offset{0};
  double now = 0;
  std::uint64_t position = 0;

 private:
  std::int64_t clock_ahead_;
};

constexpr unsigned video = 0x0101, sound = 0x0102;

TEST(BufferWatch, FindsNoFaultInASoundStream) {
  Bench bench;
  bench.run(std::chrono::seconds{20});
  for (const Alarm& alarm : bench.alarms) ADD_FAILURE() << to_text(alarm.subject) << ": " << alarm.detail;
  for (const Indicator i : {Indicator::buffer, Indicator::empty_buffer, Indicator::data_delay}) {
    EXPECT_EQ(bench.board->unmeasured(i), "");
  }
  // Sent 400 ms before their time, sound 360 ms.
  EXPECT_NEAR(seconds(bench.watch(video).figures().delay), 0.4, 0.02);
  EXPECT_NEAR(seconds(bench.watch(sound).figures().delay), 0.36, 0.02);
  EXPECT_NEAR(bench.watch(sound).figures().elementary, 3060, 180);
  EXPECT_GT(bench.watch(video).access_units(), 480u);
  EXPECT_GT(bench.watch(video).figures().units, 470u);
  EXPECT_EQ(bench.watch(video).figures().units_late, 0u);
  ASSERT_TRUE(bench.watch(video).video());
  EXPECT_EQ(bench.watch(video).video()->width, 16u);
  ASSERT_TRUE(bench.watch(sound).audio());
  EXPECT_EQ(bench.watch(sound).audio()->bit_rate, 64'000u);
  EXPECT_EQ(bench.watch(sound).limits()->elementary_size, 3584u);
  EXPECT_GT(bench.tables->figures().multiplex, 0);
}

TEST(BufferWatch, MeasuresByTheProgramsOwnClock) {
  // PCRs begin at 1 h; here two seconds before they wrap.
  Bench bench{-3602 * ts::system_clock_hz};
  bench.now = 1e9;  // the stream's timeline has nothing to do with it
  for (ts::Packet& packet : bench.builder.make(std::chrono::seconds{5})) {
    ts::move_timestamps(packet, ts::Ticks90{-3602 * 90'000});
    bench.feed(packet);
  }
  EXPECT_EQ(bench.count(), 0u);
  EXPECT_NEAR(seconds(bench.watch(video).figures().delay), 0.4, 0.02);
}

TEST(BufferWatch, TellsOfAccessUnitsThatAreNotThereInTime) {
  Bench bench;
  bench.run(std::chrono::seconds{2});
  ASSERT_EQ(bench.count(), 0u);
  bench.run(std::chrono::seconds{2}, ts::Pid{sound}, ts::Ticks90{-45'000});
  EXPECT_GE(bench.count(Indicator::buffer), 1u);
  ASSERT_EQ(bench.alarms.size(), 1u);
  EXPECT_EQ(bench.alarms[0].indicator, Indicator::buffer);
  EXPECT_EQ(bench.alarms[0].subject, (Subject{.pid = ts::Pid{sound}, .service = service}));
  EXPECT_EQ(bench.alarms[0].detail, "access unit not whole at its DTS, 192 bytes missing");
  EXPECT_GT(bench.watch(sound).figures().units_late, 10u);
}

// Half a second longer in B than it can hold.
TEST(BufferWatch, TellsOfAnOverflow) {
  Bench bench;
  bench.run(std::chrono::seconds{2});
  bench.run(std::chrono::seconds{2}, ts::Pid{sound}, ts::Ticks90{45'000});
  ASSERT_EQ(bench.alarms.size(), 1u);
  EXPECT_EQ(bench.alarms[0].indicator, Indicator::buffer);
  EXPECT_EQ(bench.alarms[0].detail.substr(0, 22), "buffer B overflows by ");
  EXPECT_EQ(bench.count(Indicator::data_delay), 0u);
}

TEST(BufferWatch, TellsOfDataThatWaitsTooLong) {
  for (const auto& [move, expected] : {std::pair{0.55, false}, std::pair{0.65, true}}) {
    Bench bench;
    bench.run(std::chrono::seconds{1});
    bench.run(std::chrono::seconds{1}, ts::Pid{sound}, ts::Ticks90{static_cast<std::int64_t>(move * 90'000)});
    EXPECT_EQ(bench.count(Indicator::data_delay) > 0, expected) << move;
  }
}

TEST(BufferWatch, TellsOfATransportBufferThatIsFilledTooFast) {
  Bench bench;
  bench.run(std::chrono::seconds{2});
  ASSERT_EQ(bench.count(), 0u);
  // Packets of the sound without payload, back to back at 4 Mb/s: twice what its TB lets go.
  for (int i = 0; i < 6; ++i) bench.feed(test::make_packet({.pid = sound, .payload = false}));
  ASSERT_EQ(bench.alarms.size(), 1u);
  EXPECT_EQ(bench.alarms[0].detail, "buffer TB overflows by 52 bytes");
}

TEST(BufferWatch, ALossIsNoFaultOfTheBuffers) {
  Bench bench;
  bench.run(std::chrono::seconds{2});
  auto packets = bench.builder.make(std::chrono::seconds{2});
  EXPECT_GT(support::lose(packets, ts::Pid{video}, 20, 15), 0u);
  EXPECT_GT(support::lose(packets, ts::Pid{sound}, 20, 15), 0u);
  std::map<ts::Pid, std::size_t> seen;
  for (const ts::Packet& packet : packets) {
    const ts::Pid pid = packet.pid();
    if (seen[pid]++ == 20 && bench.watches.contains(pid)) bench.watches[pid]->reset();
    bench.feed(packet);
  }
  EXPECT_EQ(bench.count(), 0u);
}

TEST(BufferWatch, AJumpOfTheClockBeginsAnew) {
  Bench bench;
  bench.run(std::chrono::seconds{2});
  bench.builder.jump(service, ts::Ticks27{-20 * ts::system_clock_hz}, true);
  bench.run(std::chrono::seconds{3});
  EXPECT_EQ(bench.count(), 0u);
}

TEST(BufferWatch, MeasuresNothingWithoutTime) {
  Bench bench;
  for (const ts::Packet& packet : bench.builder.make(std::chrono::seconds{2})) bench.feed(packet, 0);
  for (const ts::Packet& packet : bench.builder.make(std::chrono::seconds{2})) {
    const Moment at{{}, 0};
    if (const auto watch = bench.watches.find(packet.pid()); watch != bench.watches.end()) {
      watch->second->feed(packet, at, ticks_per_packet, nullptr);
    }
  }
  for (const Indicator i : {Indicator::buffer, Indicator::empty_buffer, Indicator::data_delay}) {
    EXPECT_EQ(bench.board->unmeasured(i), "not yet");
  }
  EXPECT_TRUE(bench.watch(video).video()) << "what the headers say is known";
  EXPECT_FALSE(bench.watch(video).limits());
}

TEST(BufferWatch, MeasuresNothingThatIsScrambled) {
  Bench bench;
  for (ts::Packet& packet : bench.builder.make(std::chrono::seconds{2})) {
    if (bench.watches.contains(packet.pid())) packet.bytes[3] |= 0x80;
    bench.feed(packet);
  }
  EXPECT_FALSE(bench.watch(video).limits());
  EXPECT_EQ(bench.watch(sound).access_units(), 0u);
  EXPECT_EQ(bench.count(), 0u);
}

std::optional<ts::TstdLimits> limits_of(const psi::Pmt::Stream& stream) {
  Bench bench{0, ts::VideoCodec::h264};
  BufferWatch watch{service, stream, *bench.board};
  ts::ProgramClock clock;
  clock.feed(ts::Pcr{}, 0, false);
  double now = 0;
  for (const ts::Packet& packet : bench.builder.make(std::chrono::seconds{1})) {
    const Moment at{ts::ProgramTime{ts::Ticks27{static_cast<std::int64_t>(now)}}, 0};
    now += ticks_per_packet;
    if (packet.pid() == stream.pid) watch.feed(packet, at, ticks_per_packet, clock, {});
  }
  return watch.limits();
}

TEST(BufferWatch, ReadsTheDescriptorsOfTheStream) {
  const psi::Pmt::Stream plain{.type = 0x1B, .pid = ts::Pid{video}, .descriptors = {}};
  const auto leak = limits_of(plain);
  ASSERT_TRUE(leak);
  EXPECT_GT(leak->multiplex_rate, 0u);
  EXPECT_EQ(leak->longest_delay, ts::Ticks27{10 * ts::system_clock_hz});

  auto stream = plain;
  stream.descriptors = {{0x2A, {0x80}}};  // AVC timing and HRD: hrd_management_valid
  const auto managed = limits_of(stream);
  ASSERT_TRUE(managed);
  EXPECT_EQ(managed->multiplex_rate, 0u);
  EXPECT_EQ(managed->elementary_size, leak->elementary_size + leak->multiplex_size);
  stream.descriptors = {{0x11, {0xFE}}};  // STD: not leak_valid
  EXPECT_EQ(limits_of(stream)->multiplex_rate, 0u);
  stream.descriptors = {{0x11, {0xFF}}};
  EXPECT_GT(limits_of(stream)->multiplex_rate, 0u);
  stream.descriptors = {{0x28, {100, 0, 40, 0x80}}};  // AVC video: still pictures
  EXPECT_EQ(limits_of(stream)->longest_delay, ts::Ticks27{60 * ts::system_clock_hz});
  stream.type = 0x20;  // MVC
  EXPECT_FALSE(limits_of(stream));
  stream.type = 0x42;
  EXPECT_FALSE(limits_of(stream));
}

TEST(BufferWatch, KnowsSubtitlesForHd) {
  psi::Pmt::Stream stream{
      .type = 0x06, .pid = ts::Pid{video}, .descriptors = {{psi::tag::subtitling, {'f', 'r', 'a', 0x10, 0, 1, 0, 1}}}};
  EXPECT_EQ(limits_of(stream)->transport_rate, 192'000u);
  stream.descriptors[0].data[3] = 0x24;
  EXPECT_EQ(limits_of(stream)->transport_rate, 400'000u);
  stream.descriptors = {{psi::tag::teletext, {'f', 'r', 'a', 0x09, 0x00}}};
  EXPECT_EQ(limits_of(stream)->transport_size, 480u);
}

TEST(PsiBufferWatch, TellsOfTablesThatComeTooFast) {
  Bench bench;
  bench.run(std::chrono::seconds{2});
  ASSERT_EQ(bench.count(), 0u);
  const std::vector<std::uint8_t> payload(184, 0);
  for (int i = 0; i < 12; ++i) {
    bench.feed(test::make_packet({.pid = 0}, payload));
    for (int k = 0; k < 3; ++k) bench.feed(ts::Packet::null());  // 1 Mb/s: TBsys takes it
  }
  ASSERT_EQ(bench.alarms.size(), 1u);
  EXPECT_EQ(bench.alarms[0].detail.substr(0, 25), "buffer Bsys overflows by ");
  EXPECT_EQ(bench.alarms[0].subject, (Subject{.pid = bench.builder.service(service).pmt_pid, .service = service}));
}

}  // namespace
}  // namespace tsmon
