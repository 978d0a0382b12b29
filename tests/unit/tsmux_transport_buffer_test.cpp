#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "common/mux/multiplexer.hpp"
#include "common/psi/tables.hpp"
#include "tests/support/packet_builder.hpp"
#include "tools/tsmux/service_feed.hpp"

namespace {

using mux::MultiplexTime;
using std::chrono::milliseconds;
using ts::Ticks27;

constexpr ts::Pid audio_pid{0x101}, clock_pid{0x100};
constexpr std::int64_t bit_rate = 38'000'000;
constexpr double audio_rate = 2e6;  // ISO/IEC 13818-1 2.4.2.3

constexpr MultiplexTime at(milliseconds time) { return MultiplexTime{Ticks27{time}}; }

// The most bytes of a PID's packets in a buffer that drains at this rate.
double greatest_fill(const std::vector<ts::Packet>& packets, ts::Pid pid, double rate) {
  const double drained_a_packet = 188.0 * rate / static_cast<double>(bit_rate);
  double fill = 0, greatest = 0;
  for (const ts::Packet& packet : packets) {
    if (packet.pid() == pid) fill += 188;
    fill = std::max(0.0, fill - drained_a_packet);
    greatest = std::max(greatest, fill);
  }
  return greatest;
}

std::vector<ts::Packet> run(mux::Multiplexer& multiplexer, milliseconds length) {
  std::vector<ts::Packet> packets;
  multiplexer.run(static_cast<std::size_t>(multiplexer.rate().packet_at(at(length))), packets);
  return packets;
}

ts::Packet packet_of(ts::Pid pid, unsigned counter, std::optional<ts::Pcr> pcr = {}) {
  const std::vector<std::uint8_t> payload(pcr ? 0 : 184, 0x55);
  return test::make_packet({.pid = pid.value(), .counter = counter & 15, .pcr = pcr}, payload);
}

// A PCR that cannot wait goes in a packet of its own, into the same buffer.
TEST(TransportBuffer, HasRoomForAPcrBetweenThePacketsOfItsPid) {
  mux::SectionCarousel tables;
  mux::Multiplexer multiplexer{{.bit_rate = bit_rate, .pcr_interval = Ticks27{milliseconds{10}}}, tables};
  auto& program = multiplexer.add_program(0);
  const mux::OutputClock clock{MultiplexTime{}, ts::ProgramTime{}, ts::Pcr{}};
  auto& stream = program.add_stream(audio_pid);
  program.set_clock(&clock, audio_pid);
  ts::TstdLimits limits;
  limits.transport_rate = static_cast<std::uint64_t>(audio_rate);
  stream.set_limits(limits);
  for (unsigned i = 0; i < 300; ++i) {  // 226 ms at the rate of the buffer
    stream.push(packet_of(audio_pid, i), MultiplexTime{}, {.offset = i * 184u, .stream_bytes = 184});
  }
  const auto packets = run(multiplexer, milliseconds{300});
  EXPECT_EQ(stream.queued(), 0u);
  EXPECT_GE(program.figures().pcr_packets, 20u);
  EXPECT_LE(greatest_fill(packets, audio_pid, audio_rate), 512);
}

TEST(TransportBuffer, OfAudioIsKeptThoughNoFrameIsFound) {
  mux::SectionCarousel tables;
  mux::Multiplexer multiplexer{{.bit_rate = bit_rate}, tables};
  auto& program = multiplexer.add_program(0);
  const tsmux::TimeBase offline;
  tsmux::ServiceFeed feed{multiplexer, program, offline, {}};
  psi::Pmt::Stream audio;
  audio.pid = audio_pid;
  audio.type = 0x04;
  feed.set_program({.source_pcr_pid = clock_pid, .pcr_pid = clock_pid, .components = {{audio, audio_pid}}});
  // Twenty packets at once every 40 ms: 752 kb/s.
  std::uint64_t position = 0;
  unsigned counter = 0;
  for (int burst = 0; burst < 50; ++burst) {
    feed.feed(packet_of(clock_pid, 0, ts::Pcr{Ticks27{milliseconds{40 * burst}}}), position++, {});
    for (int i = 0; i < 20; ++i) feed.feed(packet_of(audio_pid, counter++), position++, {});
    position += 1000;
  }
  feed.finish();
  const auto packets = run(multiplexer, milliseconds{2500});
  EXPECT_GE(std::ranges::count(packets, audio_pid, &ts::Packet::pid), 900);
  EXPECT_LE(greatest_fill(packets, audio_pid, audio_rate), 512);
}

}  // namespace
