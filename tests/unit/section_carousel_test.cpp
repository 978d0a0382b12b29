#include "common/mux/section_carousel.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/ts/tstd.hpp"
#include "tests/support/si_section.hpp"

namespace mux {
namespace {

using namespace std::chrono_literals;
using Bytes = psi::SectionBytes;

constexpr ts::Pid pmt_pid{0x100};
constexpr auto interval_psi = ts::Ticks27{100ms}, interval_si = ts::Ticks27{2s}, interval_schedule = ts::Ticks27{10s};

// `count` sections of a table, each of `size` bytes.
std::vector<Bytes> make_table(const TableKey& key, std::size_t count, std::size_t size, std::uint8_t version = 0) {
  std::vector<Bytes> out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(support::long_section({.table = key.table_id,
                                         .extension = key.extension,
                                         .version = version,
                                         .number = static_cast<std::uint8_t>(i),
                                         .last_number = static_cast<std::uint8_t>(count - 1)},
                                        Bytes(size - 12, static_cast<std::uint8_t>(i))));
  }
  return out;
}

struct SentPacket {
  MultiplexTime at;
  ts::Packet packet;
};
struct SentSection {
  MultiplexTime first, end;  // when the packet of the first byte begins, and that of the last byte ends
  std::uint8_t version = 0, number = 0;
};

// A multiplex of tables alone.
class Bench {
 public:
  explicit Bench(std::int64_t rate = 20'000'000) : rate_(rate) {}

  // `every`: only each so many of the slots is for tables.
  void run(ts::Ticks27 duration, std::uint64_t every = 1) {
    const std::uint64_t end = rate_.packet_at(now() + duration);
    for (; slot_ < end; slot_ += every) {
      const MultiplexTime time = now();
      if (carousel.next() > time) continue;
      record(time, carousel.take(time));
    }
  }
  MultiplexTime now() const { return rate_.time_of(slot_); }

  SectionCarousel carousel;
  std::vector<SentPacket> packets;
  std::map<TableKey, std::vector<SentSection>> sections;
  unsigned damaged = 0;
  unsigned dropped() const {
    unsigned sum = 0;
    for (const auto& [pid, stream] : streams_) sum += static_cast<unsigned>(stream.assembler.dropped());
    return sum;
  }
  std::size_t count(ts::Pid pid) const { return streams_.contains(pid) ? streams_.at(pid).times.size() : 0; }

 private:
  struct Stream {
    ts::SectionAssembler assembler;
    std::vector<MultiplexTime> times;
    int counter = 0;
  };

  void record(MultiplexTime time, const ts::Packet& packet) {
    packets.push_back({time, packet});
    Stream& stream = streams_[packet.pid()];
    stream.times.push_back(time);
    if (packet.pid() == ts::null_pid) return;
    EXPECT_EQ(packet.continuity(), stream.counter);
    stream.counter = (stream.counter + 1) % 16;
    stream.assembler.feed(packet, [&](const ts::Section& section) {
      const bool has_header = section.has_long_header();
      if (has_header && !section.crc_ok()) ++damaged;
      const TableKey key{packet.pid(), section.table_id(), has_header ? section.extension() : std::uint16_t{0}};
      sections[key].push_back({.first = stream.times[stream.times.size() - section.packets()],
                               .end = rate_.time_of(slot_ + 1),
                               .version = has_header ? section.version() : std::uint8_t{0},
                               .number = has_header ? section.number() : std::uint8_t{0}});
    });
  }

  ConstantRate rate_;
  std::uint64_t slot_ = 0;
  std::map<ts::Pid, Stream> streams_;
};

// The longest time from the first byte of a section to that of the same one again.
ts::Ticks27 longest_gap(const std::vector<SentSection>& sections) {
  std::map<unsigned, MultiplexTime> last;
  ts::Ticks27 longest{};
  for (const SentSection& section : sections) {
    const auto [found, is_new] = last.try_emplace(section.number, section.first);
    if (!is_new) longest = std::max(longest, section.first - found->second);
    found->second = section.first;
  }
  return longest;
}

ts::Ticks27 shortest_rest(const std::vector<SentSection>& sections) {
  ts::Ticks27 shortest = ts::Ticks27::max();
  for (std::size_t i = 1; i < sections.size(); ++i) {
    shortest = std::min(shortest, sections[i].first - sections[i - 1].end);
  }
  return shortest;
}

ts::Ticks27 least_rest_of_all(const Bench& bench) {
  ts::Ticks27 shortest = ts::Ticks27::max();
  for (const auto& [key, sections] : bench.sections) shortest = std::min(shortest, shortest_rest(sections));
  return shortest;
}

constexpr TableKey pat_key{ts::pat_pid, psi::table_id::pat, 1};
constexpr TableKey cat_key{ts::cat_pid, psi::table_id::cat, 0xFFFF};
constexpr TableKey pmt_key{pmt_pid, psi::table_id::pmt, 1};
constexpr TableKey sdt_key{ts::sdt_pid, psi::table_id::sdt_actual, 1};
constexpr TableKey nit_key{ts::nit_pid, psi::table_id::nit_actual, 1};
constexpr TableKey tdt_key{ts::tdt_pid, psi::table_id::tdt, 0};

TableKey eit_key(std::uint16_t service, std::uint8_t table = psi::table_id::eit_pf_actual) {
  return {ts::eit_pid, table, service};
}

void set(Bench& bench, const TableKey& key, std::size_t count, std::size_t size, ts::Ticks27 interval,
         std::uint8_t version = 0) {
  bench.carousel.set(key, make_table(key, count, size, version), interval);
}

Bytes make_tdt(MultiplexTime now) {
  return support::tdt_section(std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} +
                              std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()));
}

// Tables such as a multiplex of 20 services has.
void set_whole_multiplex(Bench& bench) {
  set(bench, pat_key, 1, 100, interval_psi);
  set(bench, cat_key, 1, 40, interval_si);
  for (std::uint16_t i = 1; i <= 20; ++i) {
    set(bench, {ts::Pid{0x100u + i}, psi::table_id::pmt, i}, 1, 150 + 20u * i, interval_psi);
    set(bench, eit_key(i), 2, 200 + 10u * i, interval_si);
    set(bench, eit_key(i, 0x50), 16, 700, interval_schedule);
  }
  set(bench, sdt_key, 2, 900, interval_si);
  set(bench, nit_key, 3, 1000, interval_schedule);
  bench.carousel.set(tdt_key, make_tdt, ts::Ticks27{30s});
}

ts::Ticks27 interval_of(const TableKey& key) {
  if (key.table_id == psi::table_id::pat || key.table_id == psi::table_id::pmt) return interval_psi;
  if (key.table_id == 0x50 || key.table_id == psi::table_id::nit_actual) return interval_schedule;
  return key.table_id == psi::table_id::tdt ? ts::Ticks27{30s} : interval_si;
}

TEST(SectionCarousel, HasNothingToSendAtFirst) { EXPECT_EQ(SectionCarousel{}.next(), MultiplexTime::max()); }

TEST(SectionCarousel, SendsEverySectionWithinItsIntervalAndNotMuchOftener) {
  for (const std::int64_t rate : {2'000'000, 38'000'000}) {
    Bench bench{rate};
    set_whole_multiplex(bench);
    bench.run(60s);
    EXPECT_EQ(bench.sections.size(), 1u + 1 + 20 * 3 + 1 + 1 + 1);
    for (const auto& [key, sections] : bench.sections) {
      const ts::Ticks27 interval = interval_of(key);
      EXPECT_LE(longest_gap(sections), interval) << +key.table_id << ' ' << key.extension << " at " << rate;
      const auto numbers = 1u + std::ranges::max(sections, {}, &SentSection::number).number;
      EXPECT_LE(sections.size(), numbers * static_cast<std::size_t>(1 + 60s / (interval * 0.85)))
          << +key.table_id << ' ' << key.extension;
    }
    EXPECT_EQ(bench.damaged, 0u);
    EXPECT_EQ(bench.dropped(), 0u);
    for (const auto& turn : bench.carousel.turns()) EXPECT_LE(turn.ratio(), 1) << turn.table.pid.value();
  }
}

TEST(SectionCarousel, SpreadsTheSectionsOfATableOverTheInterval) {
  Bench bench;
  set(bench, nit_key, 10, 500, interval_schedule);
  bench.run(30s);
  const auto& sent = bench.sections[nit_key];
  for (std::size_t i = 1; i < sent.size(); ++i) {
    const auto step = sent[i].first - sent[i - 1].first;
    EXPECT_GE(step, 890ms);
    EXPECT_LE(step, 1s);
  }
}

TEST(SectionCarousel, KeepsSectionsOfATable25MsApart) {
  Bench bench;
  set_whole_multiplex(bench);
  set(bench, eit_key(30, 0x51), 256, 300, interval_schedule);
  bench.run(30s);
  EXPECT_GE(least_rest_of_all(bench), 25ms);
  EXPECT_LE(longest_gap(bench.sections[eit_key(30, 0x51)]), interval_schedule);
}

TEST(SectionCarousel, KeepsSectionsOfATable25MsApartInASlowMultiplex) {
  Bench bench{752'000};
  set(bench, pat_key, 4, 1000, interval_psi);
  set(bench, eit_key(1, 0x50), 256, 1000, interval_schedule);
  bench.run(10s);
  EXPECT_GE(least_rest_of_all(bench), 25ms);
}

TEST(SectionCarousel, KeepsSectionsOfATable25MsApartWhateverIsSet) {
  Bench bench;
  for (unsigned i = 0; i < 2000; ++i) {
    const auto version = static_cast<std::uint8_t>(i % 32);
    if (i % 3 == 2) bench.carousel.remove(pat_key);
    if (i % 3 != 2) set(bench, pat_key, 1 + i % 3, 20 + i % 900, interval_psi, version);
    set(bench, sdt_key, 1 + i % 5, 20 + i % 900, interval_si, version);
    bench.run(i % 2 == 0 ? 7ms : 900us);
  }
  EXPECT_GE(least_rest_of_all(bench), 25ms);
  EXPECT_GE(bench.sections[pat_key].size(), 100u);
  EXPECT_EQ(bench.dropped(), 0u);
}

// As in decoders: each PID of SI by itself, PAT, CAT and PMT of a program together and with Bsys.
void expect_no_overflow(const Bench& bench, std::int64_t rate) {
  std::set<ts::Pid> pids;
  for (const auto& [key, sections] : bench.sections) pids.insert(key.pid);
  for (const ts::Pid pid : pids) {
    const bool si = pid >= ts::nit_pid && pid <= ts::tdt_pid;
    ts::TstdLimits limits = ts::TstdLimits::sections(static_cast<double>(rate));
    if (si) limits.multiplex_rate = 0;
    ts::Tstd decoder{limits};
    for (const SentPacket& sent : bench.packets) {
      const ts::Pid its = sent.packet.pid();
      if (its != pid && (si || (its != ts::pat_pid && its != ts::cat_pid))) continue;
      const ts::ProgramTime at{sent.at.time_since_epoch()};
      decoder.feed(at, ConstantRate{rate}.ticks_per_packet(), sent.packet.payload().size(), 0);
    }
    for (const auto& event : decoder.events()) {
      EXPECT_NE(event.kind, ts::TstdEvent::Kind::transport_overflow) << pid.value();
      EXPECT_NE(event.kind, ts::TstdEvent::Kind::multiplex_overflow) << pid.value();
    }
  }
}

TEST(SectionCarousel, OverflowsNoBufferOfADecoder) {
  for (const std::int64_t rate : {1'500'000, 38'000'000}) {
    Bench bench{rate};
    set_whole_multiplex(bench);
    // More than 1 Mb/s.
    for (std::uint16_t i = 100; i < 200; ++i) set(bench, eit_key(i, 0x50), 8, 4096, interval_schedule);
    // More than Bsys takes.
    set(bench, pmt_key, 1, 1024, interval_psi);
    set(bench, pat_key, 2, 1024, interval_psi);
    set(bench, cat_key, 3, 1024, interval_psi);
    bench.run(20s);
    expect_no_overflow(bench, rate);
  }
}

TEST(SectionCarousel, PacksSectionsThatAreDueTogether) {
  Bench bench;
  for (std::uint16_t i = 1; i <= 30; ++i) set(bench, eit_key(i), 2, 190, interval_si);
  bench.run(18s);
  // 30 x 20 sections of more than a packet, with pointer_field.
  EXPECT_NEAR(static_cast<double>(bench.count(ts::eit_pid)), 30 * 20 * 190 / 183.5, 40);
  for (const auto& [key, sections] : bench.sections) EXPECT_LE(longest_gap(sections), interval_si);
}

// Of EIT p/f the input may bring the following event first.
TEST(SectionCarousel, LetsNoSectionWaitForOneThatComesBeforeIt) {
  Bench bench;
  const auto sections = make_table(eit_key(1), 2, 190);
  bench.carousel.set(eit_key(1), {sections[1]}, interval_si);
  bench.run(3500ms);  // just before its next turn
  bench.carousel.set(eit_key(1), sections, interval_si);
  bench.run(10s);
  EXPECT_LE(longest_gap(bench.sections.at(eit_key(1))), interval_si);
}

TEST(SectionCarousel, PacksManySectionsIntoOnePacket) {
  Bench bench;
  for (std::uint16_t i = 1; i <= 9; ++i) set(bench, eit_key(i), 1, 20, interval_si);
  bench.run(18s);
  EXPECT_EQ(bench.packets.size(), 10u);
  EXPECT_EQ(bench.sections.size(), 9u);
  for (const auto& [key, sections] : bench.sections) EXPECT_EQ(sections.size(), 10u);
}

TEST(SectionCarousel, BeginsASectionInAPacketOfItsOwnWhenAlone) {
  Bench bench;
  set(bench, sdt_key, 3, 250, interval_si);
  bench.run(10s);
  ASSERT_EQ(bench.packets.size() % 2, 0u);
  for (std::size_t i = 0; i < bench.packets.size(); i += 2) {
    EXPECT_TRUE(bench.packets[i].packet.unit_start());
    EXPECT_EQ(bench.packets[i].packet.payload()[0], 0);
    EXPECT_FALSE(bench.packets[i + 1].packet.unit_start());
  }
}

TEST(SectionCarousel, IsNotDisturbedByTheSameSectionsAgain) {
  Bench undisturbed, bench;
  for (unsigned i = 0; i < 1000; ++i) {
    if (i == 0) set_whole_multiplex(undisturbed);
    set(bench, sdt_key, 2, 900, interval_si);
    if (i == 0) set_whole_multiplex(bench);
    undisturbed.run(10ms);
    bench.run(10ms);
  }
  EXPECT_EQ(bench.packets.size(), undisturbed.packets.size());
  EXPECT_EQ(bench.sections[sdt_key].size(), undisturbed.sections[sdt_key].size());
}

// When the first section of a version came.
std::optional<MultiplexTime> first_of_version(const std::vector<SentSection>& sections, unsigned version) {
  const auto found = std::ranges::find(sections, version, &SentSection::version);
  return found == sections.end() ? std::nullopt : std::optional{found->first};
}

TEST(SectionCarousel, SendsANewVersionAtOnce) {
  Bench bench;
  set_whole_multiplex(bench);
  bench.run(1s + 13ms);
  const MultiplexTime changed = bench.now();
  set(bench, pat_key, 1, 300, interval_psi, 1);
  set(bench, cat_key, 3, 300, interval_si, 1);
  set(bench, nit_key, 3, 1000, interval_schedule, 1);
  bench.run(100ms);
  for (const TableKey& key : {pat_key, cat_key, nit_key}) {
    ASSERT_TRUE(first_of_version(bench.sections[key], 1)) << key.pid.value();
    EXPECT_LE(*first_of_version(bench.sections[key], 1) - changed, 40ms) << key.pid.value();
  }
  // All sections of PSI.
  EXPECT_EQ(std::ranges::count(bench.sections[cat_key], 1, &SentSection::version), 3);
}

TEST(SectionCarousel, SendsEverySectionOfATableThatChangesOften) {
  Bench bench;
  for (unsigned i = 0; i < 400; ++i) {
    set(bench, sdt_key, 8, 300, interval_si, static_cast<std::uint8_t>(i % 32));
    bench.run(70ms);
  }
  EXPECT_LE(longest_gap(bench.sections[sdt_key]), interval_si);
  EXPECT_EQ(std::ranges::max(bench.sections[sdt_key], {}, &SentSection::number).number, 7);
}

TEST(SectionCarousel, SendsWhatItBeganOfATableThatIsRemoved) {
  Bench bench;
  set(bench, nit_key, 1, 1000, interval_schedule);
  bench.run(2ms);
  ASSERT_TRUE(bench.sections.empty());
  bench.carousel.remove(nit_key);
  bench.run(20s);
  EXPECT_EQ(bench.sections[nit_key].size(), 1u);
  EXPECT_EQ(bench.carousel.next(), MultiplexTime::max());
  bench.carousel.remove(nit_key);
  set(bench, nit_key, 1, 1000, interval_schedule);
  bench.run(20s);
  EXPECT_EQ(bench.sections[nit_key].size(), 1u + 3);
  set(bench, nit_key, 0, 0, interval_schedule);
  EXPECT_EQ(bench.carousel.next(), MultiplexTime::max());
  EXPECT_EQ(bench.dropped(), 0u);
}

TEST(SectionCarousel, MakesATableAnewEachTimeItIsSent) {
  Bench bench;
  std::vector<MultiplexTime> asked;
  bench.carousel.set(
      tdt_key,
      [&asked](MultiplexTime now) {
        asked.push_back(now);
        return make_tdt(now);
      },
      ts::Ticks27{30s});
  bench.run(60s);
  ASSERT_EQ(bench.packets.size(), 3u);
  ASSERT_EQ(asked.size(), 3u);
  for (std::size_t i = 0; i < asked.size(); ++i) EXPECT_EQ(bench.packets[i].at, asked[i]);
  const auto seconds = [&bench](std::size_t i) { return bench.packets[i].packet.payload()[8]; };  // BCD
  EXPECT_EQ(seconds(0), 0x00);
  EXPECT_EQ(seconds(1), 0x27);
}

TEST(SectionCarousel, SendsANullPacketWhereNothingIsMade) {
  Bench bench;
  bench.carousel.set(
      tdt_key, [](MultiplexTime) { return Bytes{}; }, ts::Ticks27{30s});
  bench.run(60s);
  EXPECT_EQ(bench.count(ts::null_pid), bench.packets.size());
  EXPECT_EQ(bench.packets.size(), 3u);
}

TEST(SectionCarousel, GivesFewSlotsToPsiFirst) {
  Bench bench{24'000'000};
  set_whole_multiplex(bench);
  // 21 tables of PSI in 100 ms are 60 packets; 400 kb/s are 26 in 100 ms.
  bench.run(20s, 60);
  // What is left over for others is nothing.
  EXPECT_EQ(bench.count(ts::eit_pid), 0u);
  EXPECT_EQ(bench.count(ts::sdt_pid), 0u);
  const auto turns = bench.carousel.turns();
  ASSERT_FALSE(turns.empty());
  const auto worst = std::ranges::max(turns, {}, &SectionCarousel::Turn::ratio);
  EXPECT_GT(worst.ratio(), 5);  // SI has waited for 20 s
}

TEST(SectionCarousel, CatchesUpAfterAStall) {
  Bench bench;
  set_whole_multiplex(bench);
  bench.run(10s);
  bench.run(3s, 1'000'000);
  const MultiplexTime stall_ends = bench.now();
  bench.run(30s);
  for (auto& [key, sections] : bench.sections) {
    if (key.table_id == 0x50) continue;
    std::erase_if(sections, [&](const SentSection& section) { return section.first < stall_ends + ts::Ticks27{1s}; });
    EXPECT_LE(longest_gap(sections), interval_of(key)) << +key.table_id << ' ' << key.extension;
  }
  EXPECT_GE(least_rest_of_all(bench), 25ms);
}

TEST(SectionCarousel, TellsAnOverloadAndSlowsAllOfTheScheduleAlike) {
  Bench bench;
  for (std::uint16_t i = 0; i < 30; ++i) {
    set(bench, eit_key(i), 2, 300, interval_si);
    set(bench, eit_key(i, 0x50), 100, 600, interval_schedule);
    set(bench, eit_key(i, 0x51), 10u + i, 600, interval_schedule);
  }
  set(bench, sdt_key, 2, 900, interval_si);
  bench.run(120s);
  // 3735 sections of 600 bytes and at most 125 000 bytes a second, of which present/following take 10 000.
  ts::Ticks27 shortest = ts::Ticks27::max(), longest{};
  std::size_t sent = 0;
  for (const auto& [key, sections] : bench.sections) {
    if (key.table_id < 0x50) {
      EXPECT_LE(longest_gap(sections), interval_si) << key.extension;
      continue;
    }
    shortest = std::min(shortest, longest_gap(sections));
    longest = std::max(longest, longest_gap(sections));
    sent += sections.size();
  }
  EXPECT_GE(shortest, 19s);
  EXPECT_LE(longest, 24s);
  EXPECT_GE(static_cast<double>(sent), 0.9 * 110'000 / 600 * 120);
  const auto turns = bench.carousel.turns();
  ASSERT_EQ(turns.size(), 2u);
  EXPECT_EQ(turns[0].table.pid, ts::sdt_pid);
  EXPECT_LE(turns[0].ratio(), 1);
  EXPECT_EQ(turns[1].table.pid, ts::eit_pid);
  EXPECT_NEAR(turns[1].ratio(), 2.1, 0.3);
}

TEST(SectionCarousel, TellsAnOverloadOfTheSectionsOfOneTable) {
  Bench bench;
  set(bench, sdt_key, 100, 100, interval_si);
  bench.run(10s);
  EXPECT_NEAR(bench.carousel.turns()[0].ratio(), 1.4, 0.1);  // 100 x 27 ms and more
  bench.carousel.clear_turns();
  set(bench, sdt_key, 3, 100, interval_si);
  bench.run(10s);
  bench.carousel.clear_turns();
  bench.run(10s);
  EXPECT_LE(bench.carousel.turns()[0].ratio(), 1);
}

TEST(SectionCarousel, SendsAllOfThousandsOfTables) {
  Bench bench;
  for (std::uint16_t i = 0; i < 5000; ++i) set(bench, eit_key(i, 0x50), 4, 500, interval_schedule);
  bench.run(100s);
  std::size_t whole = 0;
  for (const auto& [key, sections] : bench.sections) whole += sections.size() >= 4 ? 1u : 0u;
  EXPECT_EQ(whole, 5000u);
  EXPECT_EQ(bench.damaged, 0u);
  EXPECT_EQ(bench.dropped(), 0u);
}

}  // namespace
}  // namespace mux
