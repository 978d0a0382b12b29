#include "tools/tsmux/event_guide.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "common/psi/service_tracker.hpp"
#include "tests/support/captures.hpp"
#include "tests/support/si_section.hpp"

namespace tsmux {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr psi::ServiceId source{5}, service{0x0101};
constexpr psi::EitIds ids{service, 0x0007, 0x20FA};
constexpr std::uint8_t present_following = 0x4E, today = 0x50;

mux::MultiplexTime at(ts::Ticks27 time) { return mux::MultiplexTime{time}; }

// As the input sends it; `content` tells sections apart.
psi::SectionBytes sent(std::uint8_t table, std::uint8_t number, std::uint8_t last, std::uint8_t version = 0,
                       std::uint16_t content = 1) {
  const std::vector<support::Event> events{
      {.id = content, .start = {}, .duration = minutes{5}, .name = "N", .text = ""}};
  return support::eit_section(
      {.table = table, .extension = source.value(), .version = version, .number = number, .last_number = last}, 1, 2,
      events);
}

psi::SectionBytes expected(const psi::SectionBytes& section, const psi::EitIds& wanted = ids) {
  return psi::with_ids(ts::Section{section}, wanted);
}

class Guide : public testing::Test {
 protected:
  Guide() { guide.carry(ids, psi::EitMode::schedule); }

  void feed(const psi::SectionBytes& section, ts::Ticks27 now = {}) {
    guide.feed(service, ts::Section{section}, at(now));
  }
  // The sections of a table, by the changes until now.
  std::vector<psi::SectionBytes> shown(std::uint8_t table, ts::Ticks27 now = {}) {
    for (auto& change : guide.take_changes(at(now))) {
      ++changes;
      tables[change.key] = std::move(change.sections);
    }
    return tables[event_table_key(service, table)];
  }

  EventGuide guide;
  std::map<mux::TableKey, std::vector<psi::SectionBytes>> tables;
  unsigned changes = 0;
};

using Sections = std::vector<psi::SectionBytes>;
using Numbers = std::vector<std::uint8_t>;

TEST_F(Guide, ShowsSectionsWithTheIdsOfTheMultiplex) {
  feed(sent(present_following, 1, 1));
  feed(sent(present_following, 0, 1));
  EXPECT_EQ(shown(present_following),
            (Sections{expected(sent(present_following, 0, 1)), expected(sent(present_following, 1, 1))}));
  EXPECT_EQ(changes, 1u);
}

TEST_F(Guide, AnswersWithChangesAlone) {
  feed(sent(present_following, 0, 1));
  shown(present_following);
  feed(sent(present_following, 0, 1), seconds{2});
  shown(present_following, seconds{2});
  EXPECT_EQ(changes, 1u) << "the same again";
  feed(sent(present_following, 0, 1, 1, 2), seconds{4});
  EXPECT_EQ(shown(present_following, seconds{4}), Sections{expected(sent(present_following, 0, 1, 1, 2))});
}

TEST_F(Guide, SaysHowOftenTablesAreToBeSent) {
  for (const std::uint8_t table : Numbers{0x4E, 0x50, 0x51, 0x52, 0x5F}) feed(sent(table, 0, 0));
  std::map<std::uint8_t, ts::Ticks27> intervals;
  for (const auto& change : guide.take_changes(at({}))) {
    EXPECT_EQ(change.key.pid, ts::eit_pid);
    EXPECT_EQ(change.key.extension, service.value());
    intervals[change.key.table_id] = change.interval;
  }
  const std::map<std::uint8_t, ts::Ticks27> limits{
      {0x4E, seconds{2}}, {0x50, seconds{10}}, {0x51, seconds{10}}, {0x52, seconds{30}}, {0x5F, seconds{30}}};
  EXPECT_EQ(intervals, limits);
}

TEST_F(Guide, ReplacesTheSectionsOfANewVersionOneByOne) {
  feed(sent(present_following, 0, 1, 0));
  feed(sent(present_following, 1, 1, 0));
  feed(sent(present_following, 0, 1, 1, 2), seconds{1});
  EXPECT_EQ(shown(present_following),
            (Sections{expected(sent(present_following, 0, 1, 1, 2)), expected(sent(present_following, 1, 1, 0))}));
  feed(sent(present_following, 1, 1, 1, 3), seconds{1});
  EXPECT_EQ(shown(present_following),
            (Sections{expected(sent(present_following, 0, 1, 1, 2)), expected(sent(present_following, 1, 1, 1, 3))}));
}

TEST_F(Guide, DropsNumbersThatTheTableNoLongerHas) {
  for (const std::uint8_t number : Numbers{0, 8, 16}) feed(sent(today, number, 16, 0));
  EXPECT_EQ(shown(today).size(), 3u);
  feed(sent(today, 0, 8, 1), seconds{10});
  EXPECT_EQ(shown(today), (Sections{expected(sent(today, 0, 8, 1)), expected(sent(today, 8, 16, 0))}));
}

TEST_F(Guide, DropsNumbersThatTheSegmentNoLongerHas) {
  auto shorter = sent(today, 0, 16, 1);
  shorter[12] = 1;  // segment_last_section_number
  ts::seal_section(shorter);
  for (const std::uint8_t number : Numbers{0, 1, 2, 8}) feed(sent(today, number, 16, 0));
  feed(shorter, seconds{10});
  EXPECT_EQ(shown(today), (Sections{expected(shorter), expected(sent(today, 1, 16)), expected(sent(today, 8, 16))}));
}

TEST_F(Guide, DropsOldVersionsOnceTheNewOneCameRound) {
  for (const std::uint8_t number : Numbers{0, 8, 16}) feed(sent(today, number, 16, 0));
  feed(sent(today, 0, 16, 1), seconds{10});
  feed(sent(today, 16, 16, 1), seconds{15});
  EXPECT_EQ(shown(today, seconds{15}).size(), 3u);
  feed(sent(today, 0, 16, 1), seconds{20});
  EXPECT_EQ(shown(today, seconds{20}), (Sections{expected(sent(today, 0, 16, 1)), expected(sent(today, 16, 16, 1))}));
}

TEST_F(Guide, KeepsATableWhoseSectionsCountVersionsEachForItself) {
  for (unsigned round = 0; round < 5; ++round) {
    feed(sent(today, 0, 8, 3), seconds{10 * round});
    feed(sent(today, 8, 8, 9), seconds{10 * round + 5});
    EXPECT_EQ(shown(today, seconds{10 * round + 5}).size(), 2u);
  }
  EXPECT_EQ(changes, 1u);
}

TEST_F(Guide, ForgetsPresentFollowingAfterHalfAMinute) {
  feed(sent(present_following, 0, 1));
  feed(sent(present_following, 1, 1), seconds{2});
  EXPECT_EQ(shown(present_following, seconds{30}).size(), 2u) << "a short silence";
  EXPECT_EQ(shown(present_following, seconds{31}), Sections{expected(sent(present_following, 1, 1))});
  EXPECT_TRUE(guide.flags(service).present_following);
  EXPECT_TRUE(shown(present_following, seconds{33}).empty());
  EXPECT_FALSE(guide.flags(service).present_following);
}

TEST_F(Guide, KeepsAScheduleForThreeOfItsCyclesOrThreeMinutes) {
  feed(sent(today, 0, 8));
  feed(sent(today, 8, 8));
  feed(sent(today, 8, 8), minutes{2});
  EXPECT_EQ(shown(today, minutes{3}).size(), 2u);
  EXPECT_EQ(shown(today, minutes{3} + seconds{1}), Sections{expected(sent(today, 8, 8))});
  EXPECT_EQ(shown(today, minutes{8}).size(), 1u);
  EXPECT_TRUE(shown(today, minutes{8} + seconds{1}).empty());
}

TEST_F(Guide, ForgetsAServiceWhenToldTo) {
  feed(sent(present_following, 0, 1));
  feed(sent(today, 0, 0));
  shown(today);
  guide.forget(service);
  EXPECT_TRUE(shown(today).empty());
  EXPECT_TRUE(shown(present_following).empty());
  EXPECT_EQ(changes, 4u);
  feed(sent(today, 0, 0));
  EXPECT_EQ(shown(today).size(), 1u) << "its input is back";
  guide.drop(service);
  EXPECT_TRUE(shown(today).empty());
  feed(sent(today, 0, 0));
  EXPECT_TRUE(shown(today).empty()) << "not carried";
}

TEST_F(Guide, TakesWhatTheModeOfTheServiceSays) {
  guide.carry(ids, psi::EitMode::present_following);
  feed(sent(today, 0, 0));
  feed(sent(present_following, 0, 1));
  EXPECT_TRUE(shown(today).empty());
  EXPECT_EQ(shown(present_following).size(), 1u);
  EXPECT_EQ(guide.flags(service), (EventFlags{.schedule = false, .present_following = true}));

  guide.carry(ids, psi::EitMode::schedule);
  feed(sent(today, 0, 0));
  EXPECT_EQ(shown(today).size(), 1u);
  EXPECT_EQ(guide.flags(service), (EventFlags{.schedule = true, .present_following = true}));

  guide.carry(ids, psi::EitMode::none);
  EXPECT_TRUE(shown(today).empty());
  EXPECT_TRUE(shown(present_following).empty());
  EXPECT_EQ(guide.flags(service), EventFlags{});
}

TEST_F(Guide, GivesWhatItHasTheNewIds) {
  feed(sent(today, 0, 0));
  shown(today);
  constexpr psi::EitIds others{service, 0x0099, 0x0001};
  guide.carry(others, psi::EitMode::schedule);
  EXPECT_EQ(shown(today), Sections{expected(sent(today, 0, 0), others)});
}

TEST_F(Guide, IgnoresWhatIsNoEventOfTheActualStream) {
  for (const std::uint8_t table : Numbers{0x42, 0x4F, 0x60, 0x6F, 0x70}) feed(sent(table, 0, 0));
  feed(sent(today, 3, 2));              // a number above the last
  feed(sent(present_following, 2, 2));  // neither present nor following
  feed(support::long_section({.table = today}, std::vector<std::uint8_t>{1, 2, 3}));
  feed(support::long_section({.table = today, .current = false}, std::vector<std::uint8_t>(6)));
  EXPECT_TRUE(guide.take_changes(at({})).empty());
}

TEST_F(Guide, KeepsSoManySectionsOfAServiceAndNoMore) {
  testing::internal::CaptureStderr();
  for (unsigned table = 0x50; table <= 0x5F; ++table) {
    for (unsigned number = 0; number < 256; ++number) {
      feed(sent(static_cast<std::uint8_t>(table), static_cast<std::uint8_t>(number), 255));
    }
  }
  std::size_t kept = 0;
  for (const auto& change : guide.take_changes(at({}))) kept += change.sections.size();
  EXPECT_EQ(kept, EventGuide::most_sections);
  EXPECT_EQ(guide.left_out(), 16 * 256 - EventGuide::most_sections);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("service 0x0101 (257): more than 1024 EIT sections"), std::string::npos) << said;
  EXPECT_EQ(std::ranges::count(said, '\n'), 1);

  feed(sent(today, 0, 255, 1, 2));
  EXPECT_EQ(shown(today).front(), expected(sent(today, 0, 255, 1, 2))) << "what is kept follows its input still";
}

TEST_F(Guide, TakesAnySections) {
  std::mt19937 random{1};
  const auto any = [&random](unsigned below) { return static_cast<std::uint8_t>(random() % below); };
  for (int i = 0; i < 20'000; ++i) {
    std::vector<std::uint8_t> body(any(16));
    for (auto& byte : body) byte = any(256);
    const auto table = static_cast<std::uint8_t>(0x4E + any(4));
    feed(support::long_section({.table = table, .version = any(32), .number = any(20), .last_number = any(20)}, body),
         seconds{i});
    for (const auto& change : guide.take_changes(at(seconds{i}))) {
      EXPECT_LE(change.sections.size(), 256u);
      for (const auto& section : change.sections) EXPECT_TRUE(ts::Section{section}.crc_ok());
    }
  }
}

TEST_F(Guide, ShowsAWholeScheduleButForTheIds) {
  std::vector<psi::EitEvent> events;
  for (std::uint16_t i = 0; i < 8 * 48; ++i) {
    events.push_back({.event_id = i,
                      .start = std::chrono::sys_seconds{} + minutes{30} * i,
                      .duration = minutes{30},
                      .running_status = 0,
                      .free_ca_mode = false,
                      .descriptors = psi::event_descriptors({"fra", "Titre", "Court", std::string(1000, 'x')})});
  }
  const psi::EitIds of_source{source, 1, 2};
  const auto schedule = psi::schedule_tables(of_source, events, {}).tables;
  ASSERT_EQ(schedule.size(), 2u);
  for (const auto& table : schedule) {
    for (const auto& section : table) feed(section);
  }
  EXPECT_EQ(shown(0x50), psi::schedule_tables(ids, events, {}).tables[0]);
  EXPECT_EQ(shown(0x51), psi::schedule_tables(ids, events, {}).tables[1]);
  EXPECT_GT(shown(0x50).size(), 32u);
}

// Most of the capture's tables are of other streams: they become those of the actual one.
psi::SectionBytes as_actual(const ts::Section& section) {
  psi::SectionBytes out(section.bytes().begin(), section.bytes().end());
  out[0] = psi::table_id::eit_pf_actual;
  ts::seal_section(out);
  return out;
}

TEST(EventGuideOfACapture, ShowsEverySectionButForTheIds) {
  CAPTURE_OR_SKIP(bytes, "eit-schedule.ts");
  EventGuide guide;
  std::map<std::tuple<unsigned, unsigned, unsigned>, psi::ServiceId> services;  // by network, stream, service
  std::map<std::pair<unsigned, unsigned>, psi::SectionBytes> last;              // by new service, number
  mux::MultiplexTime now;
  psi::ServiceTracker tracker{{}};
  tracker.on_section([&](ts::Pid pid, const ts::Section& section) {
    if (pid != ts::eit_pid || section.table_id() > psi::table_id::eit_pf_other) return;
    const auto sent = as_actual(section);
    const auto eit = psi::parse_eit_section(sent);
    ASSERT_TRUE(eit);
    const psi::ServiceId next{static_cast<std::uint16_t>(services.size() + 1)};
    const auto known =
        services.try_emplace({eit->original_network_id, eit->transport_stream_id, eit->service.value()}, next);
    const psi::ServiceId id = known.first->second;
    guide.carry({id, 0x1111, 0x2222}, psi::EitMode::schedule);
    guide.feed(id, ts::Section{sent}, now);
    last[{id.value(), eit->number}] = sent;
  });
  for (const ts::Packet& packet : ts::packets_in(std::span<const std::uint8_t>{bytes})) {
    tracker.feed(packet);
    now += ts::Ticks27{27'000};
  }

  std::size_t count = 0;
  for (const auto& change : guide.take_changes(now)) {
    for (const auto& section : change.sections) {
      const auto& before = last.at({change.key.extension, ts::Section{section}.number()});
      const auto sent = psi::parse_eit_section(before);
      const auto shown = psi::parse_eit_section(section);
      ASSERT_TRUE(sent && shown);
      EXPECT_EQ(shown->service.value(), change.key.extension);
      EXPECT_EQ(shown->transport_stream_id, 0x1111);
      EXPECT_EQ(shown->original_network_id, 0x2222);
      EXPECT_EQ(shown->events, sent->events);
      const psi::EitIds back{sent->service, sent->transport_stream_id, sent->original_network_id};
      EXPECT_EQ(psi::with_ids(ts::Section{section}, back), before);
      ++count;
    }
  }
  EXPECT_EQ(count, last.size());
  EXPECT_GT(count, 300u);
}

}  // namespace
}  // namespace tsmux
