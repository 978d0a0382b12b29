// Damaged streams: whatever comes, time and counts go on, alarms pair, and what is kept is bounded.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "common/ts/synchronizer.hpp"
#include "tests/support/captures.hpp"
#include "tests/unit/tsmon_fixture.hpp"
#include "tools/tsmon/table_watch.hpp"

namespace tsmon_test {
namespace {

using Bytes = std::vector<std::uint8_t>;

// As it comes out of a source, in chunks of a datagram.
void watch_bytes(const Bytes& bytes, bool live, Monitor::Clock clock) {
  Options options;
  options.clock = clock;
  Watch watched{options, live};
  ts::Synchronizer synchronizer;
  const auto take = [&](std::span<const ts::Packet> packets) {
    while (!packets.empty()) {
      const auto time = watched.monitor().now().time;
      const auto total = watched.board().total();
      const auto& statistics = synchronizer.statistics();
      const bool skipped = statistics.skipped_bytes != watched.statistics.skipped_bytes;
      watched.statistics.skipped_bytes = statistics.skipped_bytes;
      watched.statistics.sync_losses = statistics.sync_losses;
      watched.pass(1ms);
      const auto part = packets.first(std::min(Watch::datagram, packets.size()));
      watched.feed_chunk(part, skipped);
      packets = packets.subspan(part.size());
      ASSERT_GE(watched.monitor().now().time, time);
      ASSERT_GE(watched.board().total(), total);
    }
  };
  for (std::size_t i = 0; i < bytes.size(); i += 64 * ts::packet_size) {
    const auto part = std::span{bytes}.subspan(i, std::min<std::size_t>(64 * ts::packet_size, bytes.size() - i));
    for (auto packets = synchronizer.feed(part); !packets.empty(); packets = synchronizer.feed({})) take(packets);
  }
  take(synchronizer.finish());
  watched.finish();
  EXPECT_EQ(watched.monitor().totals().packets, watched.statistics.packets);
  EXPECT_EQ(watched.starts.size(), watched.ends.size() + watched.board().active().size());
  EXPECT_LE(watched.board().history().size(), 1001 * tsmon::indicator_count);
  for (const auto& row : tsmon::indicators()) {
    EXPECT_FALSE(watched.board().count(row.indicator) > 0 && !watched.board().unmeasured(row.indicator).empty())
        << row.code << " was told and is not measured: " << watched.board().unmeasured(row.indicator);
  }
}

void watch_in_all_ways(const Bytes& bytes) {
  watch_bytes(bytes, false, Monitor::Clock::pcr);
  watch_bytes(bytes, true, Monitor::Clock::pcr);
  watch_bytes(bytes, true, Monitor::Clock::arrival);
}

// Bytes changed, taken out, put in twice, and zeroed.
Bytes damaged(Bytes bytes, unsigned seed, std::size_t faults) {
  std::mt19937 random{seed};
  const auto place = [&](std::size_t room) { return random() % (bytes.size() - room); };
  for (; faults > 0; --faults) {
    const std::size_t length = 1 + random() % 400;
    const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(place(length));
    const auto end = at + static_cast<std::ptrdiff_t>(length);
    switch (random() % 8) {
      case 0:
        bytes.erase(at, end);
        break;
      case 1: {
        const Bytes copy{at, end};
        bytes.insert(end, copy.begin(), copy.end());
        break;
      }
      case 2:
        std::fill(at, end, std::uint8_t{0});
        break;
      default:
        *at = static_cast<std::uint8_t>(random());
    }
  }
  return bytes;
}

TEST(Damage, OfAStreamThatIsRight) {
  const auto clean = test::to_bytes(make_stream(6s, {.services = 2, .cat = true}).packets());
  for (unsigned seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    watch_in_all_ways(damaged(clean, seed, seed * 60));
  }
}

// With good headers and sync bytes, so that it is not skipped as noise.
TEST(Damage, RandomPackets) {
  std::mt19937 random{7};
  Bytes bytes(20'000 * ts::packet_size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  for (std::size_t i = 0; i < bytes.size(); i += ts::packet_size) {
    bytes[i] = ts::sync_byte;
    // A quarter on the PIDs of tables and few others.
    if (random() % 4 == 0) {
      bytes[i + 1] &= 0x40;
      bytes[i + 2] = random() % 0x20;
    }
  }
  watch_in_all_ways(bytes);
}

TEST(Damage, Noise) {
  std::mt19937 random{8};
  Bytes bytes(400'000);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  watch_in_all_ways(bytes);
}

// Tables of more services and multiplexes than there are: what is kept is bounded, and goes when no more is sent.
TEST(Damage, MoreTablesThanThereAre) {
  const auto limits = tsmon::limits(tsmon::Profile::dvb);
  AlarmBoard board{tsmon::watched(tsmon::Profile::dvb), limits.hold};
  tsmon::TableWatch tables{board, limits};
  tables.set_timed(true);
  Moment now;
  const auto send = [&](std::uint16_t transport_stream, std::uint16_t service_id) {
    const auto bytes =
        support::eit_section({.table = psi::table_id::eit_pf_other, .extension = service_id}, transport_stream, 1, {});
    tables.section(ts::eit_pid, ts::Section{bytes}, now, now);
  };
  for (unsigned i = 0; i < 120'000; ++i) {
    now.time += ts::Ticks27{100us};
    ++now.position;
    send(static_cast<std::uint16_t>(i / 1000), static_cast<std::uint16_t>(i % 1000));
  }
  EXPECT_EQ(tables.kept(), 50'000u);
  for (int i = 0; i < 1000; ++i) {
    now.time += ts::Ticks27{1s};
    tables.poll(now);
  }
  EXPECT_EQ(tables.kept(), 0u);
  EXPECT_LE(board.history().size(), 3003u);
}

// A PAT of more programs than there are: each of its packets costs no more.
TEST(Damage, MoreProgramsThanThereAre) {
  constexpr unsigned programs = 1000;
  std::vector<ts::Packet> table;
  ts::SectionPacketizer packetizer{ts::pat_pid};
  for (std::uint8_t number = 0; number < 4; ++number) {
    Bytes body;
    for (unsigned i = 1; i <= programs / 4; ++i) {
      const unsigned program = number * programs / 4 + i, pid = 0x0100 + program;
      for (const unsigned byte : {program >> 8, program, 0xE0 | pid >> 8, pid}) {
        body.push_back(static_cast<std::uint8_t>(byte));
      }
    }
    packetizer.packetize(
        support::long_section({.table = psi::table_id::pat, .extension = 1, .number = number, .last_number = 3}, body),
        table);
  }
  Watch watched;
  // At 20 Mb/s, that no TBsys takes.
  for (unsigned i = 0; i < 100; ++i) {
    const ts::Pcr pcr{ts::Ticks27{ts::system_clock_hz * i / 500}};
    const auto clock = ts::Packet::pcr_only(ts::Pid{0x1000}, pcr, 0);
    watched.feed_chunk({&clock, 1});
    for (ts::Packet& packet : table) {
      packet.set_continuity(packet.continuity() + static_cast<unsigned>(table.size()) * (i > 0 ? 1 : 0));
      watched.feed_chunk({&packet, 1});
    }
  }
  watched.finish();
  EXPECT_EQ(watched.monitor().tracker().services().size(), programs);
  const auto is_buffer = [](const auto& entry) { return entry.second.indicator == Indicator::buffer; };
  EXPECT_EQ(std::ranges::count_if(watched.board().history(), is_buffer), 256);
}

TEST(Damage, OfCaptures) {
  bool any = false;
  for (const auto* name : {"mpts-dvbt-22394kbps.ts", "hd1080i-h264-eac3-dvbsub.ts", "scrambled-tei-cc-errors.ts",
                           "eit-schedule.ts", "corrupt-sync.ts"}) {
    const auto bytes = test::read_capture(name);
    if (bytes.empty()) continue;
    any = true;
    SCOPED_TRACE(name);
    watch_in_all_ways(bytes);
    watch_in_all_ways(damaged(bytes, 1, 100));
    watch_in_all_ways(damaged(bytes, 2, 1000));
  }
  if (!any) GTEST_SKIP() << "no captures are here: set HEADEND_STREAMS";
}

}  // namespace
}  // namespace tsmon_test
