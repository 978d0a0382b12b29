#include "common/mux/multiplexer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "common/ts/continuity.hpp"
#include "common/ts/tstd.hpp"
#include "tests/support/si_section.hpp"

namespace mux {
namespace {

using namespace std::chrono_literals;

constexpr ts::Ticks27 ticks(std::chrono::nanoseconds time) { return std::chrono::duration_cast<ts::Ticks27>(time); }
constexpr MultiplexTime at(std::chrono::nanoseconds time) { return MultiplexTime{ticks(time)}; }

ts::TstdLimits video_limits() {
  ts::TstdLimits limits;  // MPEG-2 main profile at main level
  limits.transport_rate = 18'000'000;
  limits.multiplex_rate = 15'000'000;
  limits.multiplex_size = 10'000;
  limits.elementary_size = 229'376;
  limits.longest_delay = ticks(1s);
  return limits;
}
ts::TstdLimits audio_limits() {
  ts::TstdLimits limits;
  limits.transport_rate = 2'000'000;
  limits.elementary_size = 3584;
  limits.elementary_holds_headers = true;
  limits.longest_delay = ticks(1s);
  return limits;
}

// A packet whose payload tells which it is.
ts::Packet numbered(ts::Pid pid, unsigned counter, std::uint32_t number, bool with_pcr = false) {
  auto packet = ts::Packet::null();
  packet.bytes[1] = 0;
  packet.set_pid(pid);
  packet.set_continuity(counter);
  if (with_pcr) {
    packet.bytes[3] |= 0x20;
    packet.bytes[4] = 7;
    packet.bytes[5] = 0x10;
  }
  std::memcpy(&packet.bytes[ts::packet_size - sizeof number], &number, sizeof number);
  return packet;
}
std::uint32_t number_of(const ts::Packet& packet) {
  std::uint32_t number = 0;
  std::memcpy(&number, &packet.bytes[ts::packet_size - sizeof number], sizeof number);
  return number;
}

// Access units of one stream, pushed in bursts, and what a decoder makes of what is sent.
class Load {
 public:
  struct Options {
    ts::Pid pid;
    ts::TstdLimits limits;
    ts::Ticks27 period;       // of access units
    std::size_t unit_bytes;   // mean
    ts::Ticks27 lead;         // from when the last byte is due until it is decoded
    ts::Ticks27 burst;        // packets are due up to so much earlier than evenly spread
    bool brings_pcr = false;
  };
  Load(Multiplexer::Program& program, const Options& options, unsigned seed)
      : options_(options), random_(seed), stream_(&program.add_stream(options.pid)), tstd_(options.limits) {
    stream_->set_limits(options.limits);
  }

  void push_unit() {
    const std::size_t bytes = options_.unit_bytes / 2 + random_() % options_.unit_bytes;
    const MultiplexTime decoded = at(1s) + options_.period * static_cast<std::int64_t>(units_++);
    stream_->begin_unit(offset_, decoded);
    const ts::Ticks27 early{static_cast<std::int64_t>(random_()) % options_.burst.count()};
    due_ = std::max(due_, decoded - options_.lead - early);
    const std::uint64_t end = offset_ + bytes;
    for (bool first = true; offset_ < end; first = false) {
      const std::size_t header = first ? 14 : 0, free = options_.brings_pcr ? 176 : 184;
      DecoderBuffer::Part part{offset_, std::min<std::size_t>(end - offset_, free - header), header};
      const auto number = static_cast<std::uint32_t>(parts_.size());
      stream_->push(numbered(options_.pid, counter_++ & 15, number, options_.brings_pcr), due_, part);
      parts_.push_back({part, decoded, first ? bytes : 0});
      offset_ += part.stream_bytes;
    }
  }
  std::size_t queued() const { return stream_->queued(); }
  MultiplexTime next_decoded() const {
    return at(1s) + options_.period * static_cast<std::int64_t>(units_);
  }

  void take(const ts::Packet& packet, MultiplexTime now, double length) {
    const ts::ProgramTime time{now.time_since_epoch()};
    if (!packet.has_payload()) {
      tstd_.feed(time, length, 0, 0);
    } else {
      const Sent& sent = parts_.at(number_of(packet));
      EXPECT_EQ(number_of(packet), next_++) << "in order, none missing";
      tstd_.feed(time, length, sent.part.stream_bytes, sent.part.header_bytes);
      const ts::ProgramTime decoded{sent.decoded.time_since_epoch()};
      if (sent.unit_bytes > 0) tstd_.add(sent.part.offset, sent.unit_bytes, decoded);
    }
    for (const ts::TstdEvent& event : tstd_.events()) {
      if (event.kind == ts::TstdEvent::Kind::transport_not_empty) continue;
      if (event.kind == ts::TstdEvent::Kind::multiplex_not_empty) continue;
      ADD_FAILURE() << "PID " << options_.pid.value() << " event " << static_cast<int>(event.kind) << " amount "
                    << event.amount << " at tick " << event.at.time_since_epoch().count();
    }
    tstd_.clear_events();
  }
  const ts::Tstd::Figures& figures() const { return tstd_.figures(); }

 private:
  struct Sent {
    DecoderBuffer::Part part;
    MultiplexTime decoded;
    std::size_t unit_bytes;  // of the unit that begins in it
  };
  Options options_;
  std::mt19937 random_;
  Multiplexer::Stream* stream_;
  ts::Tstd tstd_;
  std::vector<Sent> parts_;
  std::uint64_t offset_ = 0, units_ = 0;
  unsigned counter_ = 0;
  std::uint32_t next_ = 0;
  MultiplexTime due_{};
};

class MultiplexerTest : public testing::Test {
 protected:
  void make(std::int64_t rate, ts::Ticks27 pcr_interval = ticks(36ms)) {
    multiplexer_ = std::make_unique<Multiplexer>(
        Multiplexer::Options{.bit_rate = rate, .pcr_interval = pcr_interval, .ahead = ticks(50ms)}, tables_);
  }
  std::vector<ts::Packet> run(std::size_t count) {
    std::vector<ts::Packet> out;
    multiplexer_->run(count, out);
    return out;
  }
  std::vector<ts::Packet> run_until(MultiplexTime time) {
    const std::uint64_t end = multiplexer_->rate().packet_at(time);
    return run(end - std::min(end, multiplexer_->position()));
  }
  Multiplexer& multiplexer() { return *multiplexer_; }

  SectionCarousel tables_;
  std::unique_ptr<Multiplexer> multiplexer_;
};

void expect_nothing_but(const std::vector<ts::Packet>& packets, const std::set<ts::Pid>& pids) {
  for (const auto& packet : packets) EXPECT_TRUE(pids.contains(packet.pid())) << packet.pid().value();
}

TEST_F(MultiplexerTest, SendsBurstsOfAnyKindWithinTheBuffersOfADecoder) {
  for (unsigned seed = 1; seed <= 10; ++seed) {
    make(16'000'000, ticks(seed % 3 == 0 ? 10ms : 36ms));
    auto& program = multiplexer().add_program(0);
    const OutputClock clock{MultiplexTime{}, ts::ProgramTime{}, ts::Pcr{}};
    // In every third round PCRs come among sound, whose TB drains slowly.
    program.set_clock(&clock, ts::Pid{seed % 3 == 0 ? 0x102u : 0x101u});
    std::map<ts::Pid, std::unique_ptr<Load>> loads;
    const auto add = [&](const Load::Options& options) {
      loads[options.pid] = std::make_unique<Load>(program, options, seed * 100 + options.pid.value());
    };
    add({ts::Pid{0x101}, video_limits(), ticks(40ms), 30'000, ticks(60ms), ticks(700ms), seed % 2 == 0});
    add({ts::Pid{0x102}, audio_limits(), ticks(24ms), 576, ticks(40ms), ticks(600ms)});
    add({ts::Pid{0x103}, audio_limits(), ticks(24ms), 576, ticks(40ms), ticks(50ms)});
    add({ts::Pid{0x104}, ts::TstdLimits::teletext(), ticks(40ms), 600, ticks(50ms), ticks(300ms)});
    for (int step = 0; step < 1000; ++step) {
      for (const auto& [pid, load] : loads) {
        while (load->next_decoded() < multiplexer().now() + ts::Ticks27{1s}) load->push_unit();
      }
      const std::uint64_t first = multiplexer().position();
      const auto packets = run(100);
      for (std::size_t i = 0; i < packets.size(); ++i) {
        const auto load = loads.find(packets[i].pid());
        if (load == loads.end()) continue;
        const auto& rate = multiplexer().rate();
        load->second->take(packets[i], rate.time_of(first + i), rate.ticks_per_packet());
      }
      if (HasFailure()) FAIL() << "seed " << seed << ", step " << step;
    }
    EXPECT_EQ(program.figures().dropped, 0u);
    for (const auto& [pid, load] : loads) EXPECT_GT(load->figures().units, 200u) << pid.value();
    // The test has teeth: the buffers were used.
    EXPECT_GT(loads.at(ts::Pid{0x102})->figures().transport, 250);
    EXPECT_GT(loads.at(ts::Pid{0x101})->figures().elementary, 100'000);
    EXPECT_GT(loads.at(ts::Pid{0x102})->figures().elementary, 3000);
  }
}

// Many with pictures decoded at the same moments, and buffers filled as far as they go: all are let go at once.
TEST_F(MultiplexerTest, LosesNothingWhereFullBuffersOfManyLetGoAtOnce) {
  make(8'000'000);
  auto limits = video_limits();
  limits.elementary_size = 60'000;
  std::vector<std::unique_ptr<Load>> loads;
  for (unsigned i = 0; i < 4; ++i) {  // 1.4 Mb/s each, and headers
    auto& program = multiplexer().add_program(i);
    loads.push_back(std::make_unique<Load>(
        program, Load::Options{ts::Pid{0x101 + i}, limits, ticks(120ms), 21'000, ticks(500ms), ticks(300ms)}, 1));
    for (int unit = 0; unit < 200; ++unit) loads.back()->push_unit();
  }
  while (std::ranges::any_of(loads, [](const auto& load) { return load->queued() > 0; })) {
    const std::uint64_t first = multiplexer().position();
    const auto packets = run(100);
    for (std::size_t i = 0; i < packets.size(); ++i) {
      if (packets[i].pid() == ts::null_pid) continue;
      loads.at(packets[i].pid().value() - 0x101)
          ->take(packets[i], multiplexer().rate().time_of(first + i), multiplexer().rate().ticks_per_packet());
    }
    ASSERT_FALSE(HasFailure());
  }
  for (const auto& load : loads) EXPECT_GT(load->figures().elementary, 50'000);
}

TEST_F(MultiplexerTest, SendsPcrsInTimeThatAreExactToATick) {
  // Ten programs at a rate that is low, and no multiple of anything.
  make(3'141'593, ticks(40ms));
  std::vector<std::unique_ptr<OutputClock>> clocks;
  for (unsigned i = 0; i < 10; ++i) {
    const ts::Pcr first{ts::Ticks27{1'000'000'007LL * i}};
    clocks.push_back(std::make_unique<OutputClock>(at(0ms), ts::ProgramTime{}, first));
    auto& program = multiplexer().add_program(i);
    program.set_clock(clocks.back().get(), ts::Pid{0x100 + i});
    if (i % 2 == 0) {  // the others have PCRs alone
      auto& stream = program.add_stream(ts::Pid{0x100 + i});
      for (unsigned n = 0; n < 300; ++n) {
        stream.push(numbered(stream.pid(), n, n, n % 3 == 0), at(20ms * n), {});
      }
    }
  }
  const auto packets = run_until(at(5s));
  std::map<ts::Pid, std::size_t> last;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    const auto pcr = packets[i].pcr();
    if (!pcr) continue;
    const ts::Pid pid = packets[i].pid();
    // The exact time of packet i x 10^7, in ticks.
    const auto exact = static_cast<long double>(i) * 1504 * 27'000'000 / 3'141'593;
    const auto shown = static_cast<long double>(pcr->ticks() - 1'000'000'007LL * (pid.value() - 0x100));
    ASSERT_LE(exact - shown, 1.0L);
    ASSERT_GE(exact - shown, 0.0L);  // always rounded the same way: half a tick to either side of the middle
    if (const auto before = last.find(pid); before != last.end()) {
      ASSERT_LE(multiplexer().rate().time_of(i) - multiplexer().rate().time_of(before->second), ticks(40ms));
    }
    last[pid] = i;
  }
  ASSERT_EQ(last.size(), 10u);
  for (const auto& [pid, i] : last) EXPECT_GT(i + 100, packets.size()) << "to the end";
}

TEST_F(MultiplexerTest, CountsContinuouslyOverPacketsMadeForPcrs) {
  make(2'000'000);
  const OutputClock clock{at(0ms), ts::ProgramTime{}, ts::Pcr{}};
  auto& program = multiplexer().add_program(0);
  program.set_clock(&clock, ts::Pid{0x100});
  auto& stream = program.add_stream(ts::Pid{0x100});
  for (unsigned n = 0; n < 100; ++n) stream.push(numbered(stream.pid(), n, n), at(100ms + 10ms * n), {});
  ts::Continuity continuity;
  unsigned alone = 0;
  for (const auto& packet : run_until(at(1s))) {
    ASSERT_FALSE(ts::Continuity::is_error(continuity.check(packet).verdict));
    if (packet.pid() == stream.pid() && !packet.has_payload()) ++alone;
  }
  EXPECT_GT(alone, 20u);
  EXPECT_EQ(program.figures().pcr_packets, alone);
  EXPECT_EQ(program.figures().packets, alone + stream.sent());
}

TEST_F(MultiplexerTest, TakesNoPcrFromAPacketWithAnError) {
  make(2'000'000);
  const OutputClock clock{at(0ms), ts::ProgramTime{}, ts::Pcr{}};
  auto& program = multiplexer().add_program(0);
  auto& stream = program.add_stream(ts::Pid{0x100});
  program.set_clock(&clock, ts::Pid{0x100});
  auto packet = numbered(stream.pid(), 0, 0, true);
  packet.bytes[1] |= 0x80;
  stream.push(packet, at(0ms), {});
  const auto packets = run(10);
  ASSERT_TRUE(packets[0].pcr());
  EXPECT_FALSE(packets[0].transport_error());
  EXPECT_EQ(packets[1], packet) << "as it came";
}

TEST_F(MultiplexerTest, SendsWhatIsDueFirstFirst) {
  make(10'000'000);
  std::vector<Multiplexer::Stream*> streams;
  for (unsigned i = 0; i < 8; ++i) {
    streams.push_back(&multiplexer().add_program(i).add_stream(ts::Pid{0x100 + i}));
  }
  std::mt19937 random{7};
  std::vector<MultiplexTime> dues;
  std::vector<MultiplexTime> last(8, at(45ms));
  for (std::uint32_t n = 0; n < 300; ++n) {
    const unsigned i = random() % 8;
    last[i] += ts::Ticks27{static_cast<std::int64_t>(random() % 27'000)};
    dues.push_back(last[i]);
    streams[i]->push(numbered(streams[i]->pid(), 0, n), last[i], {});
  }
  // They all may leave from here on.
  MultiplexTime before{};
  std::vector<ts::Packet> packets = run_until(at(46ms));
  const auto first = packets.size();
  const auto more = run(400);
  packets.insert(packets.end(), more.begin(), more.end());
  std::size_t sent = 0;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    if (packets[i].pid() == ts::null_pid) continue;
    ++sent;
    const MultiplexTime due = dues.at(number_of(packets[i]));
    EXPECT_GE(multiplexer().rate().time_of(i) + ticks(50ms), due) << "not so early";
    EXPECT_TRUE(i <= first || due >= before);
    before = due;
  }
  EXPECT_EQ(sent, 300u);
}

TEST_F(MultiplexerTest, SendsNullPacketsOnlyIfNothingMayLeave) {
  make(10'000'000);
  auto& stream = multiplexer().add_program(0).add_stream(ts::Pid{0x100});
  for (unsigned n = 0; n < 50; ++n) stream.push(numbered(stream.pid(), n, n), at(100ms), {});
  const auto packets = run(1000);
  const std::uint64_t first = multiplexer().rate().packet_at(at(50ms));
  for (std::uint64_t i = 0; i < packets.size(); ++i) {
    ASSERT_EQ(packets[i].pid() == ts::null_pid, i < first || i >= first + 50) << i;
  }
  EXPECT_EQ(multiplexer().null_packets(), 950u);
  EXPECT_EQ(stream.sent(), 50u);
}

TEST_F(MultiplexerTest, SendsTablesBeforeStreams) {
  tables_.set({ts::pat_pid, 0, 1}, {support::long_section({.table = 0, .extension = 1}, psi::SectionBytes(8))},
              ticks(100ms));
  make(2'000'000);
  auto& stream = multiplexer().add_program(0).add_stream(ts::Pid{0x100});
  for (unsigned n = 0; n < 2000; ++n) stream.push(numbered(stream.pid(), n, n), at(0ms), {});
  const auto packets = run(1000);
  EXPECT_EQ(packets[0].pid(), ts::pat_pid);
  std::size_t tables = 0, last = 0;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    if (packets[i].pid() != ts::pat_pid) continue;
    ++tables;
    EXPECT_LE(multiplexer().rate().time_of(i) - multiplexer().rate().time_of(last), ticks(100ms));
    last = i;
  }
  EXPECT_GT(tables, 7u);
  EXPECT_EQ(multiplexer().table_packets(), tables);
}

// Each of 4 Mb/s, a packet every 376 us, for a second.
void push_second(Multiplexer::Stream& stream, std::int64_t bit_rate, std::chrono::nanoseconds from = 0ms) {
  const ConstantRate rate{bit_rate};
  for (std::uint64_t n = 0; n < rate.packet_at(at(1s)); ++n) {
    stream.push(numbered(stream.pid(), n & 15, static_cast<std::uint32_t>(n)), rate.time_of(n) + ticks(from), {});
  }
}

TEST_F(MultiplexerTest, LosesOnlyPacketsOfTheHighestRankInAnOverload) {
  // 4 + 4 + 4 Mb/s into 10: the third program loses 2 Mb/s at least, the others nothing.
  make(10'000'000);
  std::vector<Multiplexer::Program*> programs;
  for (const unsigned rank : {2u, 0u, 1u}) programs.push_back(&multiplexer().add_program(rank));
  std::vector<Multiplexer::Stream*> streams;
  for (unsigned i = 0; i < 3; ++i) streams.push_back(&programs[i]->add_stream(ts::Pid{0x100 + i}));
  for (auto* stream : streams) push_second(*stream, 4'000'000);
  const auto pushed = streams[0]->queued();
  const auto packets = run_until(at(1200ms));
  expect_nothing_but(packets, {ts::Pid{0x100}, ts::Pid{0x101}, ts::Pid{0x102}, ts::null_pid});
  EXPECT_EQ(programs[1]->figures().dropped, 0u);
  EXPECT_EQ(programs[2]->figures().dropped, 0u);
  EXPECT_EQ(streams[1]->sent(), pushed);
  EXPECT_EQ(streams[2]->sent(), pushed);
  EXPECT_EQ(streams[0]->sent() + programs[0]->figures().dropped, pushed);
  // What did not fit: 2 Mb less 50 ms of the whole, which may leave before it is due.
  EXPECT_GE(programs[0]->figures().dropped, 2'000'000u / 1504 - 400);
  EXPECT_LE(programs[0]->figures().dropped, 2'000'000u / 1504 + 200);
  EXPECT_LE(programs[1]->figures().worst_lateness, ticks(3ms));
}

TEST_F(MultiplexerTest, SparesTheSecondRankAsLongAsTheThirdIsEnough) {
  // 0.128 Mb/s too much by a hundredth: the small one goes, and a backlog of tables makes nobody else pay.
  make(10'000'000);
  std::vector<Multiplexer::Program*> programs;
  for (const unsigned rank : {0u, 1u, 2u}) programs.push_back(&multiplexer().add_program(rank));
  std::vector<Multiplexer::Stream*> streams;
  for (unsigned i = 0; i < 3; ++i) streams.push_back(&programs[i]->add_stream(ts::Pid{0x100 + i}));
  for (int second = 0; second < 20; ++second) {
    push_second(*streams[0], 4'970'000, 1s * second);
    push_second(*streams[1], 4'970'000, 1s * second);
    push_second(*streams[2], 128'000, 1s * second);
    run_until(at(1s * (second + 1) - 200ms));
  }
  EXPECT_EQ(programs[0]->figures().dropped, 0u);
  EXPECT_EQ(programs[1]->figures().dropped, 0u);
  EXPECT_GT(programs[2]->figures().dropped, 100u);
}

TEST_F(MultiplexerTest, TakesFromTheSecondRankWhenTheThirdIsNotEnough) {
  make(5'000'000);
  std::vector<Multiplexer::Program*> programs;
  for (const unsigned rank : {0u, 1u, 2u}) programs.push_back(&multiplexer().add_program(rank));
  for (unsigned i = 0; i < 3; ++i) push_second(programs[i]->add_stream(ts::Pid{0x100 + i}), 4'000'000);
  run_until(at(1200ms));
  EXPECT_EQ(programs[0]->figures().dropped, 0u);
  EXPECT_GT(programs[1]->figures().dropped, 1000u);
  EXPECT_GT(programs[2]->figures().dropped, programs[1]->figures().dropped);
}

TEST_F(MultiplexerTest, AOnlyProgramLosesNoMoreThanDoesNotFit) {
  make(3'000'000);
  auto& program = multiplexer().add_program(0);
  push_second(program.add_stream(ts::Pid{0x100}), 4'000'000);
  run_until(at(1100ms));
  EXPECT_NEAR(static_cast<double>(program.figures().dropped), 1'000'000.0 / 1504, 150);
}

TEST_F(MultiplexerTest, AUnitDecodedInAnHourHoldsUpNothingForLong) {
  make(10'000'000);
  auto& stream = multiplexer().add_program(0).add_stream(ts::Pid{0x100});
  stream.set_limits(audio_limits());
  stream.begin_unit(0, at(1h));
  for (unsigned n = 0; n < 100; ++n) {
    stream.push(numbered(stream.pid(), n, n), at(10ms * n),
                {.offset = 184u * n, .stream_bytes = 184, .header_bytes = 0});
  }
  run_until(at(14s));
  EXPECT_GT(stream.sent(), 0u);
  EXPECT_LT(stream.queued(), 100u);
}

TEST_F(MultiplexerTest, ForgetsWhatIsQueuedOfStreamsAndProgramsThatAreRemoved) {
  make(4'000'000);
  const OutputClock clock{at(0ms), ts::ProgramTime{}, ts::Pcr{}};
  auto& first = multiplexer().add_program(0);
  auto& second = multiplexer().add_program(1);
  for (auto* program : {&first, &second}) {
    const unsigned base = program == &first ? 0x100 : 0x200;
    program->set_clock(&clock, ts::Pid{base});
    for (unsigned i = 0; i < 3; ++i) push_second(program->add_stream(ts::Pid{base + i}), 500'000);
  }
  run(300);
  auto& removed = first.add_stream(ts::Pid{0x110});
  push_second(removed, 500'000);
  run(10);
  first.remove_stream(removed);
  for (const auto& packet : run(300)) EXPECT_NE(packet.pid(), ts::Pid{0x110});
  multiplexer().remove_program(second);
  bool has_pcr = false;
  for (const auto& packet : run(600)) {
    EXPECT_TRUE(packet.pid() == ts::null_pid || (packet.pid().value() & 0xFF00) == 0x100);
    has_pcr = has_pcr || packet.pcr();
  }
  EXPECT_TRUE(has_pcr);
  multiplexer().remove_program(first);
  expect_nothing_but(run(100), {ts::null_pid});
}

TEST_F(MultiplexerTest, StopsPcrsWhenThereIsNoClock) {
  make(4'000'000);
  const OutputClock clock{at(0ms), ts::ProgramTime{}, ts::Pcr{}};
  auto& program = multiplexer().add_program(0);
  program.set_clock(&clock, ts::Pid{0x100});
  const auto first = run(1)[0];
  EXPECT_TRUE(first.pcr());
  EXPECT_FALSE(first.discontinuity());
  program.set_clock(nullptr, std::nullopt);
  expect_nothing_but(run(1000), {ts::null_pid});
  program.set_clock(&clock, ts::Pid{0x101});
  const auto packets = run(1000);
  EXPECT_EQ(packets[0].pid(), ts::Pid{0x101});
  EXPECT_TRUE(packets[0].discontinuity()) << "2.3.b: what comes after more than 100 ms";
  EXPECT_EQ(std::ranges::count_if(packets, [](const auto& packet) { return packet.discontinuity(); }), 1);
}

}  // namespace
}  // namespace mux
