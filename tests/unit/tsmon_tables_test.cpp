// TR 101 290 1.3, 1.5, 2.2, 2.6, 3.1, 3.2, 3.5 to 3.8.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "tests/unit/tsmon_fixture.hpp"

namespace tsmon_test {
namespace {

namespace id = psi::table_id;
using support::long_section;
using support::section_start;

// Section `number` of a table that nothing is known of but its header.
psi::SectionBytes section_of(std::uint8_t table, std::uint16_t extension, std::uint8_t number = 0) {
  static constexpr std::array<std::uint8_t, 4> body{0xF0, 0x00, 0xF0, 0x00};
  return long_section({.table = table, .extension = extension, .number = number, .last_number = number}, body);
}

psi::SectionBytes event_section(std::uint8_t table, std::uint16_t service_id, std::uint8_t number) {
  return support::eit_section({.table = table, .extension = service_id, .number = number, .last_number = 1}, 2, 0x20FA,
                              {});
}

constexpr std::chrono::sys_seconds noon{std::chrono::sys_days{std::chrono::year{2026} / 1 / 15} +
                                        std::chrono::hours{12}};

constexpr std::array<std::uint8_t, 2> section_numbers{0, 1};

// A table away for `gap` from 3 s on: where it was last, and where it is back.
struct Absence {
  StreamEditor stream;
  Seconds last, back;
};
Absence absence(ts::Pid pid, Seconds gap, Seconds duration, const StreamEditor::Predicate& which = {}) {
  auto stream = make_stream(duration);
  const auto is_it = [&](std::uint64_t position) { return !which || which(stream.packet(position)); };
  auto last = stream.last(pid, 3s);
  while (!is_it(last)) last = stream.last(pid, stream.time(last));
  const auto end = stream.time(last) + gap;
  stream.remove(pid, stream.time(last + 1), end, which);
  auto back = stream.first(pid, stream.time(last + 1));
  while (!is_it(back)) back = stream.first(pid, stream.time(back + 1));
  const auto last_time = stream.time(last), back_time = stream.time(back);
  return {std::move(stream), last_time, back_time};
}

// Of a table that must come within `limit`: one alarm where it is away for longer, none where it is not.
void expect_absence_told(ts::Pid pid, Seconds limit, Indicator indicator, const Subject& subject,
                         const StreamEditor::Predicate& which = {}) {
  const auto late = absence(pid, limit + 100ms, limit + 14s, which);
  ASSERT_GT(late.back - late.last, limit);
  expect_one(watch(late.stream), {indicator, subject, late.last + limit, late.back});
  const auto in_time = absence(pid, limit * 0.75, limit + 14s, which);
  ASSERT_GT(in_time.back - in_time.last, limit / 2);
  ASSERT_LE(in_time.back - in_time.last, limit);
  expect_good(watch(in_time.stream), indicator);
}

TEST(Tables, PatAway) { expect_absence_told(ts::pat_pid, 500ms, Indicator::pat, {.pid = ts::pat_pid}); }

TEST(Tables, PmtAway) { expect_absence_told(pmt_pid, 500ms, Indicator::pmt, {.pid = pmt_pid, .service = service}); }

TEST(Tables, NitAway) { expect_absence_told(ts::nit_pid, 10s, Indicator::nit_actual, {.pid = ts::nit_pid}); }

TEST(Tables, SdtAway) { expect_absence_told(ts::sdt_pid, 2s, Indicator::sdt_actual, {.pid = ts::sdt_pid}); }

TEST(Tables, TdtAway) { expect_absence_told(ts::tdt_pid, 30s, Indicator::tdt, {.pid = ts::tdt_pid}); }

// Of two programmes, the one whose PMT is away; the network PID, program 0 in the PAT, is none.
TEST(Tables, PmtOfOneServiceAway) {
  const StreamOptions two{.services = 2};
  auto stream = make_stream(10s, two);
  const ts::Pid second{0x0200};
  const auto last = stream.last(second, 3s);
  stream.remove(second, 3s, 3800ms);
  expect_one(watch(stream, {}, rate_of(two)), {Indicator::pmt,
                                               {.pid = second, .service = psi::ServiceId{0x0102}},
                                               stream.time(last) + 500ms,
                                               stream.time(stream.first(second, 3800ms))});
}

// Two services whose PMTs share a PID: the one that is away is told though packets of the PID go on.
TEST(Tables, PmtAwayOnASharedPid) {
  const auto away = [](bool gone) {
    support::StreamBuilder::Options options{.rate = 2'000'000};
    options.spread_sections = true;
    support::StreamBuilder builder{options};
    auto second = support::ServiceOptions::numbered(2);
    second.pmt_pid = pmt_pid;
    builder.add(support::ServiceOptions::numbered(1));
    builder.add(second);
    StreamEditor shared{builder.make(10s), 2'000'000};
    if (gone) {
      shared.remove(pmt_pid, 3s, 4s, [](const ts::Packet& packet) {
        const auto payload = packet.payload();
        return payload.size() > 5 && payload[5] == 0x02;  // program_number 0x0102
      });
    }
    return watch(shared, {}, 2'000'000);
  };
  const auto told = away(true);
  ASSERT_EQ(told.starts.size(), 1u) << told.told();
  EXPECT_EQ(told.starts[0].alarm.indicator, Indicator::pmt);
  EXPECT_EQ(told.starts[0].alarm.subject.service, psi::ServiceId{0x0102});
  expect_good(away(false), Indicator::pmt);
}

// A table on the PID of another.
struct Misplaced {
  ts::Pid pid;
  std::uint8_t table;
  Indicator indicator;
};
constexpr std::array misplaced{
    Misplaced{ts::pat_pid, 0x02, Indicator::pat},        Misplaced{ts::pat_pid, 0x80, Indicator::pat},
    Misplaced{ts::cat_pid, 0x00, Indicator::cat},        Misplaced{ts::cat_pid, 0x80, Indicator::cat},
    Misplaced{ts::nit_pid, 0x46, Indicator::nit_actual}, Misplaced{ts::nit_pid, 0x4A, Indicator::nit_actual},
    Misplaced{ts::nit_pid, 0x80, Indicator::nit_actual}, Misplaced{ts::sdt_pid, 0x41, Indicator::sdt_actual},
    Misplaced{ts::sdt_pid, 0x4F, Indicator::sdt_actual}, Misplaced{ts::sdt_pid, 0x50, Indicator::sdt_actual},
    Misplaced{ts::eit_pid, 0x4A, Indicator::eit_actual}, Misplaced{ts::eit_pid, 0x4D, Indicator::eit_actual},
    Misplaced{ts::eit_pid, 0x70, Indicator::eit_actual}, Misplaced{ts::rst_pid, 0x73, Indicator::rst},
    Misplaced{ts::rst_pid, 0x80, Indicator::rst},        Misplaced{ts::tdt_pid, 0x71, Indicator::tdt},
    Misplaced{ts::tdt_pid, 0x46, Indicator::tdt},
};

TEST(Tables, TableIdThatDoesNotBelong) {
  // Longer than the repetition limits of what is misplaced: it need not come again there.
  const auto clean = make_stream(16s, {.cat = true});
  for (const auto& [pid, table, indicator] : misplaced) {
    SCOPED_TRACE(fmt::format("table 0x{:02x} on PID 0x{:04x}", table, pid.value()));
    auto stream = clean;
    const auto at = stream.insert(pid, section_of(table, 7), 3s);
    expect_one(watch(stream),
               {indicator, {.pid = pid, .service = {}, .table = table}, stream.time(at), stream.time(at)});
  }
}

TEST(Tables, TableIdsThatBelong) {
  auto stream = make_stream(16s, {.cat = true});
  for (const auto pid : {ts::nit_pid, ts::sdt_pid, ts::eit_pid, ts::rst_pid, ts::tdt_pid}) {
    stream.insert(pid, {id::stuffing, 0x70, 1, 0xFF}, 3s);
  }
  stream.insert(ts::rst_pid, support::rst_section(0x0101, 16), 3s);
  const auto watched = watch(stream);
  for (const auto i : {Indicator::cat, Indicator::nit_actual, Indicator::sdt_actual, Indicator::eit_actual,
                       Indicator::rst, Indicator::tdt}) {
    expect_good(watched, i);
  }
}

TEST(Tables, ScrambledTable) {
  for (const auto& [pid, indicator] : {std::pair{ts::pat_pid, Indicator::pat}, std::pair{pmt_pid, Indicator::pmt},
                                       std::pair{ts::sdt_pid, Indicator::sdt_actual}}) {
    SCOPED_TRACE(pid.value());
    auto stream = make_stream(12s, {.cat = true});
    const auto at = stream.first(pid, 3s);
    stream.packet(at).bytes[3] |= 0x80;
    expect_one(watch(stream), {indicator, {.pid = pid}, stream.time(at), stream.time(at)});
  }
}

TEST(Tables, ScheduleMayBeScrambled) {
  auto stream = make_stream(12s, {.cat = true});
  stream.packet(stream.insert(ts::eit_pid, event_section(0x50, service.value(), 0), 3s)).bytes[3] |= 0x80;
  expect_good(watch(stream), Indicator::eit_actual);
}

// 2.2: each table that the clause names, wherever it may be.
TEST(Tables, WrongCrc) {
  const std::vector<std::pair<ts::Pid, psi::SectionBytes>> sections{
      {ts::pat_pid, section_of(id::pat, 1)},
      {ts::cat_pid, section_of(id::cat, 0xFFFF)},
      {pmt_pid, section_of(id::pmt, service.value())},
      {ts::nit_pid, section_of(id::nit_actual, 1)},
      {ts::nit_pid, section_of(id::nit_other, 2)},
      {ts::sdt_pid, section_of(id::sdt_actual, 1)},
      {ts::sdt_pid, section_of(id::sdt_other, 2)},
      {ts::sdt_pid, section_of(id::bat, 3)},
      {ts::eit_pid, event_section(id::eit_pf_actual, 0x0101, 0)},
      {ts::eit_pid, event_section(id::eit_pf_other, 0x0201, 0)},
      {ts::eit_pid, event_section(0x50, 0x0101, 0)},
      {ts::eit_pid, event_section(0x6F, 0x0201, 0)},
      {ts::tdt_pid, support::tot_section(noon)},
  };
  const auto clean = make_stream(12s, {.cat = true});
  for (auto [pid, section] : sections) {
    SCOPED_TRACE(fmt::format("table 0x{:02x}", section[0]));
    section.back() ^= 0x01;
    auto stream = clean;
    const auto at = stream.insert(pid, section, 3s);
    const Subject subject{.pid = pid, .service = {}, .table = section[0]};
    expect_one(watch(stream), {Indicator::crc, subject, stream.time(at), stream.time(at)});
  }
}

// Right ones, tables that have none, and what the clause does not name.
TEST(Tables, NoWrongCrc) {
  auto stream = make_stream(12s, {.cat = true});
  stream.insert(ts::rst_pid, support::rst_section(0x0101, 16), 3s);
  stream.insert(pmt_pid, section_of(0x80, 1), 3s);
  auto damaged = section_of(0x80, 1);
  damaged.back() ^= 0x01;
  stream.insert(pmt_pid, damaged, 4s);
  expect_good(watch(stream), Indicator::crc);
}

// 2.6: scrambled packets of a service whose PMT and SDT say that it is, with and without a CAT.
StreamEditor scrambled_service(bool cat) {
  auto options = support::ServiceOptions::numbered(1);
  options.descriptors = {support::ca_descriptor(0x0B00, ts::Pid{0x0180})};
  options.section_pids = {ts::Pid{0x0180}};
  auto stream = make_stream(20s, {.cat = cat, .first = options});
  stream.change(second_audio_pid, 3s, 9s, [](ts::Packet& packet) { packet.bytes[3] |= 0x80; });
  return stream;
}

TEST(Tables, ScrambledWithoutCat) {
  const auto stream = scrambled_service(false);
  const auto first = stream.time(stream.first(second_audio_pid, 3s)),
             last = stream.time(stream.last(second_audio_pid, 9s));
  // Given two seconds, found within half a second; and so long after the last scrambled packet.
  expect_one(watch(stream), {.indicator = Indicator::cat,
                             .subject = {.pid = ts::cat_pid},
                             .first = first + 2250ms,
                             .last = last + 2250ms,
                             .tolerance = 300ms});
}

TEST(Tables, ScrambledWithCat) { expect_good(watch(scrambled_service(true)), Indicator::cat); }

TEST(Tables, NothingScrambledIsNotMeasuredByTheCat) {
  const auto watched = watch(make_stream(4s));
  expect_good(watched);
  EXPECT_EQ(watched.board().unmeasured(Indicator::cat), "nothing is scrambled");
}

// EN 300 468 5.1.4.1: 25 ms from the last byte of a section to the first of the next one of the same table_id and
// table_id_extension, whatever their numbers.
struct Pair {
  ts::Pid pid;
  psi::SectionBytes first, second;
  Indicator indicator;
};
std::vector<Pair> pairs_of_a_table() {
  return {
      {ts::nit_pid, section_of(id::nit_actual, 9), section_of(id::nit_actual, 9, 1), Indicator::nit_actual},
      {ts::sdt_pid, section_of(id::sdt_actual, 9), section_of(id::sdt_actual, 9), Indicator::sdt_actual},
      {ts::eit_pid, event_section(id::eit_pf_actual, 9, 0), event_section(id::eit_pf_actual, 9, 1),
       Indicator::eit_actual},
      {ts::rst_pid, support::rst_section(0x0101, 16), support::rst_section(0x0102, 16), Indicator::rst},
      {ts::tdt_pid, support::tdt_section(noon), support::tdt_section(noon), Indicator::tdt},
  };
}

TEST(Tables, TwoSectionsOfATableTooClose) {
  Options options;
  options.ignore = {tsmon::parse_indicators("3.6.c")};  // the service of the EIT sections is sent once
  for (const auto& [pid, first, second, indicator] : pairs_of_a_table()) {
    SCOPED_TRACE(fmt::format("table 0x{:02x}", first[0]));
    for (const auto gap : {0ms, 20ms, 27ms}) {
      SCOPED_TRACE(gap.count());
      auto stream = make_stream(12s);
      // Where the stream's own are far.
      const auto begin = stream.time(stream.first(pid == ts::rst_pid ? ts::sdt_pid : pid, 3s)) + 120ms;
      const auto at = stream.insert(pid, first, begin);
      const auto next = stream.insert(pid, second, stream.time(at) + gap);
      const bool close = stream.time(next) - stream.time(at) < 25ms;
      EXPECT_EQ(close, gap < 25ms);
      const Subject subject{.pid = pid, .service = {}, .table = first[0]};
      const auto watched = watch(stream, options);
      if (close) {
        expect_one(watched, {indicator, subject, stream.time(next), stream.time(next)});
      } else {
        expect_good(watched, indicator);
      }
    }
  }
}

// What has no indicator of its own is told by 3.2: BAT and EIT schedule.
TEST(Tables, TwoSectionsOfOtherTablesTooClose) {
  for (const auto& [pid, table] : {std::pair{ts::sdt_pid, id::bat}, std::pair{ts::eit_pid, std::uint8_t{0x50}}}) {
    SCOPED_TRACE(table);
    auto stream = make_stream(10s);
    const auto section = pid == ts::eit_pid ? event_section(table, 1, 0) : section_of(table, 1);
    const auto at = stream.insert(pid, section, 3s);
    const auto next = stream.insert(pid, section, stream.time(at) + 10ms);
    expect_one(
        watch(stream),
        {Indicator::si_repetition, {.pid = pid, .service = {}, .table = table}, stream.time(next), stream.time(next)});
  }
}

// Another extension or table_id, or a table of PSI: the clause does not speak of them.
TEST(Tables, SectionsOfDifferentTablesMayBeClose) {
  auto stream = make_stream(12s, {.cat = true});
  const auto both = [&](ts::Pid pid, const psi::SectionBytes& a, const psi::SectionBytes& b) {
    const auto begin = stream.time(stream.first(pid, 3s)) + 200ms;
    stream.insert(pid, b, stream.time(stream.insert(pid, a, begin)));
  };
  both(ts::sdt_pid, section_of(id::sdt_other, 1), section_of(id::sdt_other, 2));
  both(ts::sdt_pid, section_of(id::bat, 1), section_of(id::bat, 2));
  both(ts::nit_pid, section_of(id::nit_other, 1), section_of(id::nit_other, 2));
  both(ts::eit_pid, event_section(0x50, 1, 0), event_section(0x51, 1, 0));
  both(ts::tdt_pid, support::tdt_section(noon), support::tot_section(noon));
  both(pmt_pid, section_of(0x80, 1), section_of(0x80, 1));
  Options options;
  options.ignore = {tsmon::parse_indicators("3.1.b,3.5.b,3.2")};  // of what is sent once; the gaps are told elsewhere
  const auto only_gaps = watch(stream, options);
  expect_good(only_gaps);
}

// What must come again section by section, with the longest time that it may take.
struct Repeated {
  ts::Pid pid;
  psi::SectionBytes section;
  Indicator indicator;
  Seconds limit;
};
std::vector<Repeated> repeated_sections() {
  return {
      {ts::nit_pid, section_of(id::nit_other, 9), Indicator::nit_other, 10s},
      {ts::nit_pid, section_of(id::nit_other, 9, 3), Indicator::nit_other, 10s},
      {ts::sdt_pid, section_of(id::sdt_other, 9), Indicator::sdt_other, 10s},
      {ts::sdt_pid, section_of(id::bat, 9), Indicator::si_repetition, 10s},
      {ts::tdt_pid, support::tot_section(noon), Indicator::si_repetition, 30s},
      // The first eight days, of this and of other multiplexes; later days.
      {ts::eit_pid, event_section(0x50, 9, 0), Indicator::si_repetition, 10s},
      {ts::eit_pid, event_section(0x51, 9, 8), Indicator::si_repetition, 10s},
      {ts::eit_pid, event_section(0x61, 9, 0), Indicator::si_repetition, 10s},
      {ts::eit_pid, event_section(0x52, 9, 0), Indicator::si_repetition, 30s},
      {ts::eit_pid, event_section(0x6F, 9, 0), Indicator::si_repetition, 30s},
  };
}

TEST(Tables, SectionThatComesTooLate) {
  for (const auto& [pid, section, indicator, limit] : repeated_sections()) {
    SCOPED_TRACE(fmt::format("table 0x{:02x}", section[0]));
    auto stream = make_stream(2 * limit + 14s);
    const auto at = stream.insert(pid, section, 2s);
    const auto again = stream.insert(pid, section, 2s + limit + 1s);
    stream.repeat(pid, section, 3s + 1.4 * limit, 0.4 * limit, 2 * limit + 14s);
    const Subject subject{.pid = pid, .service = {}, .table = section[0]};
    expect_one(watch(stream), {indicator, subject, stream.time(at) + limit, stream.time(again)});
  }
}

TEST(Tables, SectionThatComesInTime) {
  for (const auto& [pid, section, indicator, limit] : repeated_sections()) {
    SCOPED_TRACE(fmt::format("table 0x{:02x}", section[0]));
    auto stream = make_stream(2 * limit + 14s);
    stream.repeat(pid, section, 2s, limit - 200ms, 2 * limit + 14s);
    expect_good(watch(stream), indicator);
  }
}

// Each section by its number: one that comes often does not stand for another that does not.
TEST(Tables, AnotherSectionOfTheTableDoesNotCount) {
  auto stream = make_stream(30s);
  stream.repeat(ts::sdt_pid, section_of(id::sdt_other, 9, 0), 2s, 5s, 30s);
  const auto at = stream.insert(ts::sdt_pid, section_of(id::sdt_other, 9, 1), 3s);
  const auto again = stream.insert(ts::sdt_pid, section_of(id::sdt_other, 9, 1), 15s);
  stream.insert(ts::sdt_pid, section_of(id::sdt_other, 9, 1), 24s);
  const Subject subject{.pid = ts::sdt_pid, .service = {}, .table = id::sdt_other};
  expect_one(watch(stream), {Indicator::sdt_other, subject, stream.time(at) + 10s, stream.time(again)});
}

// 3.6.a: section 0 and section 1, each.
TEST(Tables, EventsAway) {
  for (const std::uint8_t number : section_numbers) {
    SCOPED_TRACE(int{number});
    const auto which = [number](const ts::Packet& packet) {
      const auto start = section_start(packet);
      return start && start->table == id::eit_pf_actual && start->number == number;
    };
    // Long enough for 3.6.a (2 s), not for 3.6.c.
    expect_absence_told(ts::eit_pid, 2s, Indicator::eit_actual, {.pid = ts::eit_pid}, which);
  }
}

// One service's events, while the other's go on.
TEST(Tables, EventsOfOneServiceAway) {
  const StreamOptions two{.services = 2};
  auto stream = make_stream(20s, two);
  // The sections of both services follow each other; from 3 s on, only the first's.
  const auto of_first = [&](std::uint8_t number) {
    return support::eit_section({.table = id::eit_pf_actual, .extension = 0x0101, .number = number, .last_number = 1},
                                1, 0x20FA, {});
  };
  const auto last = stream.last(ts::eit_pid, 3s);
  stream.remove(ts::eit_pid, 3s, 6s);
  for (Seconds at = 3200ms; at < 6s; at += 500ms) {
    stream.insert(ts::eit_pid, of_first(0), at);
    stream.insert(ts::eit_pid, of_first(1), at + 100ms);
  }
  Options options;
  options.ignore = {tsmon::parse_indicators("3.6.c")};
  const auto watched = watch(stream, options, rate_of(two));
  // Present and following are both told, as one alarm of the service.
  const Subject subject{.pid = ts::eit_pid, .service = psi::ServiceId{0x0102}};
  expect_one(watched, {.indicator = Indicator::eit_actual,
                       .subject = subject,
                       .first = stream.time(last) + 2s - 100ms,
                       .last = stream.time(stream.first(ts::eit_pid, 6s)) + 50ms,
                       .count = 2,
                       .tolerance = 120ms});
}

// A service that the SDT does not announce events for needs none.
TEST(Tables, EventsThatAreNotAnnounced) {
  auto options = support::ServiceOptions::numbered(1);
  options.present.reset();
  options.following.reset();
  const auto watched = watch(make_stream(10s, {.first = options}));
  expect_good(watched);
  EXPECT_EQ(watched.board().unmeasured(Indicator::eit_actual), "no such table");
  EXPECT_EQ(watched.board().unmeasured(Indicator::eit_present_following), "no such table");
}

// 3.6.b: section 0 and section 1 of other multiplexes, each; further sections are not spoken of.
TEST(Tables, EventsOfOthersTooLate) {
  for (const std::uint8_t number : section_numbers) {
    SCOPED_TRACE(int{number});
    auto stream = make_stream(32s);
    const auto other = static_cast<std::uint8_t>(1 - number);
    stream.repeat(ts::eit_pid, event_section(id::eit_pf_other, 9, other), 2s, 4s, 32s);
    const auto at = stream.insert(ts::eit_pid, event_section(id::eit_pf_other, 9, number), 3s);
    const auto again = stream.insert(ts::eit_pid, event_section(id::eit_pf_other, 9, number), 15s);
    stream.repeat(ts::eit_pid, event_section(id::eit_pf_other, 9, number), 19s, 4s, 32s);
    const Subject subject{.pid = ts::eit_pid, .service = {}, .table = id::eit_pf_other};
    expect_one(watch(stream), {Indicator::eit_other, subject, stream.time(at) + 10s, stream.time(again)});
  }
}

TEST(Tables, EventsOfOthersInTime) {
  auto stream = make_stream(32s);
  stream.repeat(ts::eit_pid, event_section(id::eit_pf_other, 9, 0), 2s, 9800ms, 32s);
  stream.repeat(ts::eit_pid, event_section(id::eit_pf_other, 9, 1), 3s, 9800ms, 32s);
  stream.insert(ts::eit_pid, event_section(id::eit_pf_other, 9, 2), 4s);
  expect_good(watch(stream), Indicator::eit_other);
}

// 3.6.c: section 0 without section 1, and the reverse, of a service of this or another multiplex.
TEST(Tables, PresentWithoutFollowing) {
  for (const std::uint8_t number : section_numbers) {
    SCOPED_TRACE(int{number});
    auto stream = make_stream(50s);
    stream.repeat(ts::eit_pid, event_section(id::eit_pf_other, 9, number), 2s, 5s, 50s);
    const auto other = static_cast<std::uint8_t>(1 - number);
    stream.repeat(ts::eit_pid, event_section(id::eit_pf_other, 9, other), 34s, 5s, 50s);
    const Subject subject{.pid = ts::eit_pid, .service = psi::ServiceId{9}, .table = id::eit_pf_other};
    // Found after twice the limit, within half a second.
    expect_one(watch(stream), {.indicator = Indicator::eit_present_following,
                               .subject = subject,
                               .first = 22250ms,
                               .last = 34250ms,
                               .tolerance = 300ms});
  }
}

TEST(Tables, PresentWithFollowing) {
  auto stream = make_stream(50s);
  for (const std::uint8_t number : section_numbers) {
    const Seconds first = number == 0 ? 2s : 7s;
    stream.repeat(ts::eit_pid, event_section(id::eit_pf_other, 9, number), first, 9500ms, 50s);
  }
  expect_good(watch(stream), Indicator::eit_present_following);
}

TEST(Tables, WhatIsNotSentIsNotMeasured) {
  const auto watched = watch(make_stream(4s));
  for (const auto i :
       {Indicator::nit_other, Indicator::si_repetition, Indicator::sdt_other, Indicator::eit_other, Indicator::rst}) {
    EXPECT_EQ(watched.board().unmeasured(i), "no such table") << tsmon::info(i).code;
  }
}

}  // namespace
}  // namespace tsmon_test
