// 30 hours: PCR and PTS wrap, at different times in different programs, and nothing is to be told of it.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <span>
#include <string>
#include <vector>

#include "tests/support/packet_builder.hpp"
#include "tests/unit/tsmon_fixture.hpp"

namespace tsmon_test {
namespace {

constexpr auto long_time = 30h;
// A packet of each program takes turns with the others' every 40 ms.
constexpr ts::Ticks27 slot{40ms};

// One program with sound only, so slow that 30 hours are soon over: PCR every 80 ms, PAT and PMT every 400 ms, PES
// packets every 480 ms at the most, SDT and EIT every 1.6 s, NIT and TDT every 8 s.
class SlowProgram {
 public:
  // Program `n` of `count`, whose PCR wraps after `to_wrap`. The counter is of the PID that all programs' EIT share.
  SlowProgram(unsigned n, unsigned count, ts::Ticks27 to_wrap, unsigned& eit_counter)
      : offset_(ts::Pcr::modulus - to_wrap.count()), has_tables_(n == 1), eit_counter_(eit_counter) {
    const auto id = static_cast<std::uint16_t>(n);
    pcr_pid_ = ts::Pid{0x100 * n};
    psi::Pat pat{.transport_stream_id = 1, .version = 0, .network_pid = ts::nit_pid, .services = {}};
    psi::Sdt sdt{.transport_stream_id = 1, .original_network_id = 2, .version = 0, .services = {}};
    for (unsigned i = 1; i <= count; ++i) {
      const psi::ServiceId service_id{static_cast<std::uint16_t>(i)};
      pat.services.push_back({service_id, ts::Pid{0x100 * i + 1}});
      sdt.services.push_back({.service = service_id,
                              .eit_schedule = false,
                              .eit_present_following = true,
                              .running_status = 4,
                              .free_ca_mode = false,
                              .descriptors = {}});
    }
    add(ts::pat_pid, psi::sections(pat).front());
    const psi::Pmt pmt{.service = psi::ServiceId{id},
                       .version = 0,
                       .pcr_pid = pcr_pid_,
                       .descriptors = {},
                       .streams = {{0x03, ts::Pid{0x100 * n + 2}, {}}}};
    add(ts::Pid{0x100 * n + 1}, psi::sections(pmt).front());
    for (const std::uint8_t number : {std::uint8_t{0}, std::uint8_t{1}}) {
      add(ts::eit_pid,
          support::eit_section({.table = 0x4E, .extension = id, .number = number, .last_number = 1}, 1, 2, {}));
    }
    add(ts::sdt_pid, psi::sections(sdt).front());
    add(ts::nit_pid, support::nit_section(2, "n"));
    add(ts::tdt_pid, support::tdt_section(std::chrono::sys_days{std::chrono::year{2026} / 1 / 15}));
  }

  // The packet of a slot, at this time of the stream.
  ts::Packet packet(std::uint64_t n, ts::Ticks27 now) {
    if (n % 2 == 0) return ts::Packet::pcr_only(pcr_pid_, ts::Pcr{offset_ + now}, 0);
    const auto turn = n / 2;  // of 80 ms
    switch (turn % 5) {
      case 0:
        if (has_tables_) return table(0);
        break;
      case 1:
        return table(1);
      case 2:
        if (turn % 20 == 2) return table(2);
        if (turn % 20 == 7) return table(3);
        if (turn % 20 == 12 && has_tables_) return table(4);
        if (turn % 100 == 17 && has_tables_) return table(5);
        if (turn % 100 == 37 && has_tables_) return table(6);
        break;
      case 3:
        return sound(now);
      default:
        break;
    }
    return ts::Packet::null();
  }

 private:
  void add(ts::Pid pid, const psi::SectionBytes& section) {
    std::vector<ts::Packet> packets;
    ts::SectionPacketizer{pid}.packetize(section, packets);
    EXPECT_EQ(packets.size(), 1u);
    tables_.push_back(packets.front());
  }
  ts::Packet table(std::size_t i) {
    auto packet = tables_[i];
    auto& counter = packet.pid() == ts::eit_pid ? eit_counter_ : counters_[i];
    packet.set_continuity(counter++);
    return packet;
  }
  ts::Packet sound(ts::Ticks27 now) {
    const ts::Timestamp pts{ts::Ticks90{ts::Pcr{offset_ + now + ts::Ticks27{200ms}}.base()}};
    const auto pes = support::pes_packet(0xC0, pts, pts, std::vector<std::uint8_t>(100, 0x55));
    return test::make_packet({.pid = pcr_pid_.value() + 2u, .counter = sound_counter_++, .unit_start = true}, pes);
  }

  ts::Ticks27 offset_;
  bool has_tables_;
  ts::Pid pcr_pid_;
  std::vector<ts::Packet> tables_;
  std::array<unsigned, 8> counters_{};
  unsigned sound_counter_ = 0;
  unsigned& eit_counter_;
};

// All of them, in chunks of 80 ms, each with the arrival of its last packet.
void feed(Watch& watched, std::span<SlowProgram> programs, std::chrono::nanoseconds jitter) {
  const auto step = slot / static_cast<std::int64_t>(programs.size());
  const auto count = static_cast<std::uint64_t>(ts::Ticks27{long_time} / step);
  std::vector<ts::Packet> chunk;
  std::uint64_t chunks = 0;
  const std::size_t chunk_size = 2 * programs.size();
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto now = static_cast<std::int64_t>(i) * step;
    chunk.push_back(programs[i % programs.size()].packet(i / programs.size(), now));
    if (chunk.size() < chunk_size) continue;
    const auto late = chunks % 3 == 0 ? jitter : 0ns;
    watched.pass(2 * slot.count() * 1000ns / 27 + late);
    watched.feed_chunk(chunk);
    watched.pass(-late);
    chunk.clear();
    ++chunks;
  }
  watched.finish();
}

void expect_thirty_hours(bool live, unsigned count) {
  std::vector<SlowProgram> programs;
  unsigned eit_counter = 0;
  programs.emplace_back(1, count, 20h, eit_counter);
  if (count == 2) programs.emplace_back(2, count, 10h + 1s, eit_counter);
  Watch watched{Options{}, live};
  feed(watched, programs, live ? 5ms : 0ns);
  expect_good(watched);
  const auto& monitor = watched.monitor();
  EXPECT_NEAR(std::chrono::duration<double>(monitor.duration()).count(),
              std::chrono::duration<double>(long_time).count(), 1.0);
  for (unsigned n = 1; n <= count; ++n) {
    const auto& meter = *monitor.state(ts::Pid{0x100 * n}).pcr;
    EXPECT_EQ(meter.jumps(), 0u);
    EXPECT_NEAR(*meter.figures().interval_greatest_s, 0.080, 1e-6);
    EXPECT_LT(*meter.figures().accuracy_greatest_s, 1e-7);
    EXPECT_GT(*meter.figures().accuracy_least_s, -1e-7);
  }
  for (const auto i : {Indicator::pcr_discontinuity, Indicator::pcr_accuracy, Indicator::pts, Indicator::stalled}) {
    EXPECT_EQ(watched.board().unmeasured(i), "");
  }
}

TEST(LongStream, WrapsOfOneProgramInAFile) { expect_thirty_hours(false, 1); }
TEST(LongStream, WrapsOfTwoProgramsInAFile) { expect_thirty_hours(false, 2); }
TEST(LongStream, WrapsOfOneProgramLive) { expect_thirty_hours(true, 1); }
TEST(LongStream, WrapsOfTwoProgramsLive) { expect_thirty_hours(true, 2); }

}  // namespace
}  // namespace tsmon_test
