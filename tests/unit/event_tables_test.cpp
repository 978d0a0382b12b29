#include "common/psi/event_tables.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "tests/support/si_section.hpp"

namespace psi {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr EitIds ids{ServiceId{0x0101}, 0x0007, 0x20FA};
constexpr sys_seconds midnight = std::chrono::sys_days{std::chrono::year{2026} / 1 / 15};

EitEvent event(std::uint16_t id, sys_seconds start, seconds duration,
               const EventText& text = {"fra", "Titre", "", ""}) {
  return {.event_id = id,
          .start = start,
          .duration = duration,
          .running_status = 0,
          .free_ca_mode = false,
          .descriptors = event_descriptors(text)};
}

EitEvent large_event(std::uint16_t id, sys_seconds start, std::size_t size) {
  return event(id, start, minutes{5}, {"fra", "Titre", "Sous-titre", std::string(size, 'x')});
}

std::vector<EitSection> parsed(const std::vector<SectionBytes>& sections) {
  std::vector<EitSection> out;
  for (const auto& section : sections) {
    const auto eit = parse_eit_section(section);
    EXPECT_TRUE(eit.has_value());
    if (eit) out.push_back(*eit);
  }
  return out;
}

std::vector<std::vector<SectionBytes>> schedule(const std::vector<EitEvent>& events, sys_seconds now) {
  return schedule_tables(ids, events, now).tables;
}

std::vector<unsigned> numbers(const std::vector<SectionBytes>& sections) {
  std::vector<unsigned> out;
  for (const auto& section : sections) out.push_back(ts::Section{section}.number());
  return out;
}

// All descriptions of extended event descriptors, put together as a receiver does.
std::string description(const Descriptors& descriptors) {
  std::string out;
  for (const auto& [tag, data] : descriptors) {
    if (tag == tag::extended_event) out += text(std::span{data}.subspan(6));
  }
  return out;
}

TEST(EventDescriptors, PutAShortDescriptionBesideTheName) {
  const auto descriptors = event_descriptors({"fra", "Météo", "", "Le temps de demain."});
  ASSERT_EQ(descriptors.size(), 1u);
  const auto brief = short_event(descriptors);
  ASSERT_TRUE(brief);
  EXPECT_EQ(brief->language, "fra");
  EXPECT_EQ(brief->name, "Météo");
  EXPECT_EQ(brief->text, "Le temps de demain.");
}

TEST(EventDescriptors, KeepSubtitleAndDescriptionApart) {
  const auto descriptors = event_descriptors({"eng", "News", "Evening edition", "The day."});
  ASSERT_EQ(descriptors.size(), 2u);
  EXPECT_EQ(short_event(descriptors)->text, "Evening edition");
  EXPECT_EQ(description(descriptors), "The day.");
}

TEST(EventDescriptors, SplitALongDescriptionBetweenCharacters) {
  std::string letters;
  for (int i = 0; i < 700; ++i) letters += i % 3 == 0 ? "é" : i % 3 == 1 ? "€" : "a";
  const auto descriptors = event_descriptors({"fra", "Titre", "", letters});
  EXPECT_EQ(short_event(descriptors)->text, "");
  EXPECT_EQ(description(descriptors), letters);
  ASSERT_EQ(descriptors.size(), 7u);
  for (std::size_t i = 1; i < descriptors.size(); ++i) {
    EXPECT_EQ(descriptors[i].tag, tag::extended_event);
    EXPECT_EQ(descriptors[i].data[0], (i - 1) << 4 | 5) << "descriptor_number, last_descriptor_number";
    EXPECT_LE(descriptors[i].data.size(), 255u);
    EXPECT_EQ(descriptors[i].data[5] + 6u, descriptors[i].data.size());
  }
}

TEST(EventDescriptors, CutADescriptionAtSixteenDescriptors) {
  const auto descriptors = event_descriptors({"fra", "Titre", "", std::string(10'000, 'x')});
  EXPECT_EQ(descriptors.size(), 17u);
  EXPECT_EQ(description(descriptors), std::string(16 * 249, 'x'));
}

TEST(EventDescriptors, CutANameThatIsTooLong) {
  const auto descriptors = event_descriptors({"fra", std::string(300, 'n'), "text", ""});
  const auto brief = short_event(descriptors);
  ASSERT_TRUE(brief);
  EXPECT_EQ(brief->name, std::string(250, 'n'));
  EXPECT_EQ(brief->text, "");
  EXPECT_EQ(descriptors.front().data.size(), 255u);
}

TEST(EventDescriptors, TakeTextThatIsNoUtf8) {
  const std::string bytes(1000, '\x80');
  for (const auto& descriptor : event_descriptors({"x", bytes, bytes, bytes})) {
    EXPECT_LE(descriptor.data.size(), 255u);
  }
}

TEST(EventDescriptors, SayGenresAndAges) {
  const std::vector<std::uint8_t> genres{0x14, 0x23};
  EXPECT_EQ(content_descriptor(genres), (Descriptor{0x54, {0x14, 0, 0x23, 0}}));
  EXPECT_EQ(parental_rating_descriptor("FRA", 12), (Descriptor{0x55, {'F', 'R', 'A', 9}}));
}

TEST(PresentFollowing, HasBothSectionsWithOrWithoutEvents) {
  const auto now = event(1, midnight, hours{1});
  const auto next = event(2, midnight + hours{1}, minutes{90});
  const auto both = present_following_sections(ids, &now, &next);
  ASSERT_EQ(both.size(), 2u);
  const auto eits = parsed(both);
  for (std::uint8_t i = 0; i < 2; ++i) {
    EXPECT_EQ(eits[i].table, 0x4E);
    EXPECT_EQ(eits[i].service, ids.service);
    EXPECT_EQ(eits[i].transport_stream_id, 7);
    EXPECT_EQ(eits[i].original_network_id, 0x20FA);
    EXPECT_EQ(eits[i].number, i);
    const ts::Section section{both[i]};
    EXPECT_EQ(section.last_number(), 1);
    EXPECT_EQ(segment_last_section_number(section), 1);
    EXPECT_EQ(section.body()[5], 0x4E) << "last_table_id";
  }
  EXPECT_EQ(eits[0].events, std::vector{now});
  EXPECT_EQ(eits[1].events, std::vector{next});

  const auto none = parsed(present_following_sections(ids, nullptr, nullptr));
  ASSERT_EQ(none.size(), 2u);
  EXPECT_TRUE(none[0].events.empty() && none[1].events.empty());
}

TEST(PresentFollowing, KeepsTheNameOfAnEventThatIsTooLarge) {
  auto huge = event(1, midnight, hours{1}, {"fra", "Titre", "Court", std::string(4000, 'x')});
  const auto english = event_descriptors({"eng", "Title", "Short", std::string(4000, 'x')});
  huge.descriptors.insert(huge.descriptors.end(), english.begin(), english.end());
  const auto sections = present_following_sections(ids, &huge, nullptr);
  const auto eit = parsed(sections);
  ASSERT_EQ(eit[0].events.size(), 1u);
  EXPECT_EQ(short_event(eit[0].events[0].descriptors)->text, "Court");
  EXPECT_EQ(eit[0].events[0].descriptors.size(), 2u) << "no half of an extended event";
}

TEST(Schedule, NumbersSectionsByThreeHourSegments) {
  const std::vector events{event(1, midnight + hours{1}, hours{1}), event(2, midnight + hours{2}, hours{4}),
                           event(3, midnight + hours{9}, hours{1})};
  const auto tables = schedule(events, midnight);
  ASSERT_EQ(tables.size(), 1u);
  EXPECT_EQ(numbers(tables[0]), (std::vector{0u, 8u, 16u, 24u})) << "empty sections for the segments between";
  const auto eits = parsed(tables[0]);
  EXPECT_EQ(eits[0].events, (std::vector{events[0], events[1]}));
  EXPECT_TRUE(eits[1].events.empty());
  EXPECT_TRUE(eits[2].events.empty());
  EXPECT_EQ(eits[3].events, std::vector{events[2]});
  for (const auto& bytes : tables[0]) {
    const ts::Section section{bytes};
    EXPECT_EQ(section.table_id(), 0x50);
    EXPECT_EQ(section.last_number(), 24);
    EXPECT_EQ(segment_last_section_number(section), section.number());
    EXPECT_EQ(section.body()[5], 0x50);
  }
}

TEST(Schedule, PutsFourDaysIntoATable) {
  const std::vector events{event(1, midnight + days{4} - seconds{1}, hours{1}), event(2, midnight + days{4}, hours{1}),
                           event(3, midnight + days{8}, hours{1})};
  const auto tables = schedule(events, midnight + hours{23});
  ASSERT_EQ(tables.size(), 3u);
  EXPECT_EQ(tables[0].size(), 32u);
  EXPECT_EQ(tables[1].size(), 32u);
  EXPECT_EQ(tables[2].size(), 1u);
  EXPECT_EQ(parsed(tables[0]).back().events, std::vector{events[0]});
  EXPECT_EQ(parsed(tables[1]).front().events, std::vector{events[1]});
  EXPECT_EQ(parsed(tables[2]).front().events, std::vector{events[2]});
  for (std::size_t i = 0; i < 3; ++i) {
    for (const auto& bytes : tables[i]) {
      EXPECT_EQ(bytes[0], 0x50 + i);
      EXPECT_EQ(ts::Section{bytes}.body()[5], 0x52) << "last_table_id";
    }
  }
}

TEST(Schedule, CarriesEventsOverToTheNextSectionOfTheSegment) {
  std::vector<EitEvent> events;
  for (std::uint16_t i = 0; i < 20; ++i) events.push_back(large_event(i, midnight + minutes{5} * i, 1200));
  std::ranges::reverse(events);
  const auto tables = schedule(events, midnight);
  ASSERT_EQ(tables.size(), 1u);
  EXPECT_EQ(numbers(tables[0]), (std::vector{0u, 1u, 2u, 3u, 4u, 5u, 6u}));
  std::uint16_t next = 0;
  for (const auto& eit : parsed(tables[0])) {
    for (const auto& sent : eit.events) {
      EXPECT_EQ(sent.event_id, next++) << "in order of start";
      EXPECT_EQ(description(sent.descriptors).size(), 1200u);
    }
  }
  EXPECT_EQ(next, 20);
  for (const auto& section : tables[0]) {
    EXPECT_LE(section.size(), 4096u);
    EXPECT_EQ(segment_last_section_number(ts::Section{section}), 6);
  }
}

TEST(Schedule, CutsTextsOfASegmentThatIsTooFull) {
  std::vector<EitEvent> events;
  for (std::uint16_t i = 0; i < 36; ++i) events.push_back(large_event(i, midnight + minutes{5} * i, 3000));
  const auto eits = parsed(schedule(events, midnight).at(0));
  std::size_t count = 0;
  for (const auto& eit : eits) {
    for (const auto& sent : eit.events) {
      ++count;
      EXPECT_EQ(short_event(sent.descriptors)->text, "Sous-titre");
      EXPECT_EQ(description(sent.descriptors), "");
    }
  }
  EXPECT_EQ(count, 36u);
  EXPECT_EQ(schedule_tables(ids, events, midnight).shortened, 36u);
  EXPECT_EQ(schedule_tables(ids, events, midnight).left_out, 0u);
}

TEST(Schedule, NeverHasMoreThanEightSectionsInASegment) {
  std::vector<EitEvent> events;
  for (std::uint16_t i = 0; i < 10'000; ++i) {
    events.push_back(event(i, midnight + seconds{i}, seconds{1}, {"fra", std::string(200, 'n'), "t", ""}));
  }
  const auto tables = schedule(events, midnight);
  ASSERT_EQ(tables.size(), 1u);
  EXPECT_EQ(tables[0].size(), 8u);
  const auto eits = parsed(tables[0]);
  EXPECT_EQ(eits.front().events.front().event_id, 0);
  EXPECT_EQ(short_event(eits.front().events.front().descriptors)->text, "");
}

TEST(Schedule, ForgetsWhatWasOverBeforeTheSegmentOfNow) {
  const std::vector events{event(1, midnight, hours{2}), event(2, midnight + hours{2}, hours{6}),
                           event(3, midnight + hours{8}, minutes{10}), event(4, midnight + hours{10}, hours{1})};
  const auto tables = schedule(events, midnight + hours{7});
  ASSERT_EQ(tables.size(), 1u);
  const auto eits = parsed(tables[0]);
  ASSERT_EQ(eits.size(), 4u);
  EXPECT_EQ(eits[0].events, std::vector{events[1]}) << "still running in the segment of now";
  EXPECT_EQ(eits[2].events, std::vector{events[2]});
  EXPECT_EQ(schedule(events, midnight + hours{8} + minutes{59}), tables) << "changes at the segment's end alone";
  EXPECT_NE(schedule(events, midnight + hours{9}), tables);
}

TEST(Schedule, BeginsAgainAtMidnightUtc) {
  const std::vector events{event(1, midnight + hours{23}, hours{2}), event(2, midnight + hours{25}, hours{1})};
  EXPECT_EQ(numbers(schedule(events, midnight + days{1} - seconds{1}).at(0)).back(), 64u);
  const auto next_day = schedule(events, midnight + days{1});
  EXPECT_EQ(numbers(next_day.at(0)), std::vector{0u});
  EXPECT_EQ(parsed(next_day[0])[0].events, std::vector{events[1]});
}

TEST(Schedule, LeavesOutWhatHasNoPlaceInIt) {
  auto undefined = event(1, midnight, hours{1});
  undefined.start.reset();
  const std::vector events{undefined, event(2, midnight - seconds{1}, hours{9}),
                           event(3, midnight + days{64}, hours{1})};
  EXPECT_TRUE(schedule(events, midnight).empty());
  EXPECT_TRUE(schedule({}, midnight).empty());
}

TEST(EitOfOtherIds, DiffersInTheIdsAlone) {
  const std::vector<support::Event> events{
      {.id = 9, .start = midnight, .duration = hours{1}, .name = "A", .text = "B"}};
  const auto sent = support::eit_section({.table = 0x4E, .extension = 5, .version = 7}, 1, 2, events);
  const auto changed = with_ids(ts::Section{sent}, ids);
  const auto before = parse_eit_section(sent);
  const auto after = parse_eit_section(changed);
  ASSERT_TRUE(before && after);
  EXPECT_EQ(after->service, ids.service);
  EXPECT_EQ(after->transport_stream_id, ids.transport_stream_id);
  EXPECT_EQ(after->original_network_id, ids.original_network_id);
  EXPECT_EQ(after->version, 7);
  EXPECT_EQ(after->events, before->events);
  EXPECT_EQ(with_ids(ts::Section{changed}, {ServiceId{5}, 1, 2}), sent);
}

TEST(EitOfOtherIds, TakesASectionThatIsTooShort) {
  const std::vector<std::uint8_t> body{0x12, 0x34};
  const auto sent = support::long_section({.table = 0x4E, .extension = 5}, body);
  const auto changed = with_ids(ts::Section{sent}, ids);
  EXPECT_EQ(changed.size(), sent.size());
  EXPECT_TRUE(ts::Section{changed}.crc_ok());
  EXPECT_EQ(ts::Section{changed}.extension(), 0x0101);
}

}  // namespace
}  // namespace psi
