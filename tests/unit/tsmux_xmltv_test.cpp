#include "tools/tsmux/xmltv.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/psi/event_tables.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tools/tsmux/xmltv_guide.hpp"
#include "tools/tsmux/xmltv_words.hpp"

namespace tsmux {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr sys_seconds midnight = std::chrono::sys_days{std::chrono::year{2026} / 1 / 15};
const std::string channel = "france3.fr";

// ---- Values

TEST(XmltvTime, IsReadWithItsZone) {
  EXPECT_EQ(parse_xmltv_time("20260115120000 +0100"), midnight + hours{11});
  EXPECT_EQ(parse_xmltv_time("20260115120000 -0330"), midnight + hours{15} + minutes{30});
  EXPECT_EQ(parse_xmltv_time("20260115120000+01:00"), midnight + hours{11});
  EXPECT_EQ(parse_xmltv_time("20260115120000 CEST"), midnight + hours{10});
  EXPECT_EQ(parse_xmltv_time("20260115120030 UTC"), midnight + hours{12} + seconds{30});
  EXPECT_EQ(parse_xmltv_time("20260115120000Z"), midnight + hours{12});
  EXPECT_EQ(parse_xmltv_time("20260115120000"), midnight + hours{12}) << "no zone: UTC";
}

TEST(XmltvTime, MayBeShort) {
  EXPECT_EQ(parse_xmltv_time("202601151200"), midnight + hours{12});
  EXPECT_EQ(parse_xmltv_time("202601151200 +0100"), midnight + hours{11});
  EXPECT_EQ(parse_xmltv_time("2026011512"), midnight + hours{12});
  EXPECT_EQ(parse_xmltv_time("20260115"), midnight);
  EXPECT_EQ(parse_xmltv_time("202601"), midnight - days{14});
  EXPECT_EQ(parse_xmltv_time("2026"), midnight - days{14});
}

TEST(XmltvTime, ThatIsNoDateIsRefused) {
  for (const char* text : {"", "now", "20", "20261315", "20260230", "2026011524", "202601151260", "2026011512000",
                           "20260115120000 +1", "20260115120000 +0160", "20260115120000 +9900", "20260115120000 XYZ",
                           "20260115120000 +0100 x", "19000101", "20380101", "-2026", "2026-01-15 12:00"}) {
    EXPECT_FALSE(parse_xmltv_time(text)) << text;
  }
}

TEST(XmltvWords, LanguagesAreIso639Part2) {
  EXPECT_EQ(language_of("fr"), "fra");
  EXPECT_EQ(language_of("de-AT"), "deu");
  EXPECT_EQ(language_of("pt_BR"), "por");
  EXPECT_EQ(language_of("FR"), "fra");
  EXPECT_EQ(language_of("fre"), "fre");
  EXPECT_FALSE(language_of(""));
  EXPECT_FALSE(language_of("xx"));
  EXPECT_FALSE(language_of("\x1b[2"));
}

TEST(XmltvWords, GenresAreThoseOfDvb) {
  const std::map<std::string, std::uint8_t> genres{{"Movie / Drama", 0x10},
                                                   {"News / Current affairs", 0x20},
                                                   {"Show / Game show", 0x30},
                                                   {"Sports", 0x40},
                                                   {"Children's / Youth programmes", 0x50},
                                                   {"Music / Ballet / Dance", 0x60},
                                                   {"Arts / Culture (without music)", 0x70},
                                                   {"Social / Political issues / Economics", 0x80},
                                                   {"Education / Science / Factual topics", 0x90},
                                                   {"Leisure hobbies", 0xA0},
                                                   {"Documentary", 0x23},
                                                   {"série policière", 0x11},
                                                   {"SÉRIE", 0x10},
                                                   {"magazine culinaire", 0xA5},
                                                   {"science fiction", 0x13},
                                                   {"Fußball", 0x43},
                                                   {"Nachrichten", 0x20},
                                                   {"película", 0x10}};
  for (const auto& [word, nibbles] : genres) EXPECT_EQ(genre_of(word), nibbles) << word;
  for (const char* word : {"", "/", "(film)", "xyzzy", " ", "\xC3", "///", "((("}) EXPECT_FALSE(genre_of(word)) << word;
}

TEST(XmltvWords, RatingsAreAges) {
  EXPECT_EQ(age_of("-12"), 12u);
  EXPECT_EQ(age_of("FSK 16"), 16u);
  EXPECT_EQ(age_of("PG-13"), 13u);
  for (const char* text : {"", "Tout public", "0", "3", "19", "99999999999999999999"})
    EXPECT_FALSE(age_of(text)) << text;
  EXPECT_EQ(country_of_rating("CSA"), "FRA");
  EXPECT_EQ(country_of_rating("fsk"), "DEU");
  EXPECT_FALSE(country_of_rating("?"));
}

// ---- Files

std::string xmltv(const std::string& programmes) {
  return R"(<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE tv SYSTEM "xmltv.dtd">
<tv><channel id="france3.fr"><display-name>F3</display-name></channel>
)" + programmes +
         "</tv>\n";
}

std::string programme(const std::string& start, const std::string& stop, const std::string& inner) {
  return "<programme channel=\"france3.fr\" start=\"" + start + "\"" + (stop.empty() ? "" : " stop=\"" + stop + "\"") +
         ">" + inner + "</programme>\n";
}

std::string titled(const std::string& start, const std::string& stop, const std::string& title) {
  return programme(start, stop, "<title lang=\"fr\">" + title + "</title>");
}

Xmltv read(const std::string& text, const XmltvOptions& options = {}, sys_seconds since = midnight) {
  return parse_xmltv(text, {channel}, since, options);
}

std::vector<psi::EitEvent> events_of(const std::string& programmes, const XmltvOptions& options = {},
                                     sys_seconds since = midnight) {
  auto content = read(xmltv(programmes), options, since);
  return content.events[channel];
}

std::string name_of(const psi::EitEvent& event) { return psi::short_event(event.descriptors)->name; }

// "20:00+45 Name" of each, the start as time of day.
std::vector<std::string> summary(const std::vector<psi::EitEvent>& events) {
  std::vector<std::string> out;
  for (const auto& event : events) {
    const std::chrono::hh_mm_ss time{*event.start - std::chrono::floor<days>(*event.start)};
    char start[40];
    std::snprintf(start, sizeof start, "%02d:%02d+%d ", static_cast<int>(time.hours().count()),
                  static_cast<int>(time.minutes().count()), static_cast<int>(*event.duration / minutes{1}));
    out.push_back(start + name_of(event));
  }
  return out;
}

using Lines = std::vector<std::string>;

TEST(Xmltv, GivesEventsWithAllThatIsSaidOfThem) {
  const auto events = events_of(programme("20260115210000 +0100", "20260115223000 +0100", R"(
    <title lang="fr">Le film &amp; l'&#233;t&#xE9;</title>
    <sub-title lang="fr">Première
      partie</sub-title>
    <desc lang="fr">Une longue histoire.</desc>
    <category lang="fr">Film</category><category lang="fr">Comédie</category><category>Documentaire</category>
    <rating system="CSA"><value>-12</value></rating>)"));
  ASSERT_EQ(events.size(), 1u);
  const auto& event = events.front();
  EXPECT_EQ(event.start, midnight + hours{20});
  EXPECT_EQ(event.duration, minutes{90});
  const auto brief = psi::short_event(event.descriptors);
  EXPECT_EQ(brief->language, "fra");
  EXPECT_EQ(brief->name, "Le film & l'été");
  EXPECT_EQ(brief->text, "Première partie");
  const auto* description = psi::find(event.descriptors, psi::tag::extended_event);
  ASSERT_NE(description, nullptr);
  EXPECT_EQ(psi::text(std::span{description->data}.subspan(6)), "Une longue histoire.");
  EXPECT_EQ(*psi::find(event.descriptors, psi::tag::content), (psi::Descriptor{0x54, {0x14, 0, 0x23, 0}}))
      << "comedy says that it is a film";
  EXPECT_EQ(*psi::find(event.descriptors, psi::tag::parental_rating), (psi::Descriptor{0x55, {'F', 'R', 'A', 9}}));
}

TEST(Xmltv, TellsLanguagesApart) {
  const auto events = events_of(programme("2026011520", "2026011521", R"(
    <title lang="fr">Titre</title><title lang="en">Title</title><title lang="fr">Autre</title>
    <desc lang="en">In English.</desc><desc lang="fr">En français.</desc>)"));
  ASSERT_EQ(events.size(), 1u);
  ASSERT_EQ(events[0].descriptors.size(), 2u);
  const auto french = psi::short_event({events[0].descriptors[0]});
  const auto english = psi::short_event({events[0].descriptors[1]});
  EXPECT_EQ(french->language + french->name + french->text, "fraTitreEn français.");
  EXPECT_EQ(english->language + english->name + english->text, "engTitleIn English.");
}

TEST(Xmltv, TakesTheLanguageThatTheOptionsSayWhereTheFileSaysNone) {
  const std::string text = programme("2026011520", "2026011521", "<title>T</title><desc lang='fr'>D</desc>");
  EXPECT_EQ(psi::short_event(events_of(text).at(0).descriptors)->language, "und");
  const auto brief = psi::short_event(events_of(text, {.language = "bre", .country = ""}).at(0).descriptors);
  EXPECT_EQ(brief->language, "bre");
  EXPECT_EQ(brief->text, "D");
}

TEST(Xmltv, TakesTheCountryOfTheOptionsForUnknownRatings) {
  const std::string text =
      programme("2026011520", "2026011521", "<title>T</title><rating system='?'><value>16</value></rating>");
  EXPECT_EQ(psi::find(events_of(text).at(0).descriptors, psi::tag::parental_rating), nullptr);
  const auto events = events_of(text, {.language = "fra", .country = "BEL"});
  EXPECT_EQ(*psi::find(events.at(0).descriptors, psi::tag::parental_rating),
            (psi::Descriptor{0x55, {'B', 'E', 'L', 13}}));
}

TEST(Xmltv, PutsProgrammesInOrder) {
  EXPECT_EQ(
      summary(events_of(titled("202601152200", "202601152300", "C") + titled("202601152000", "202601152100", "A") +
                        titled("202601152100", "202601152200", "B"))),
      (Lines{"20:00+60 A", "21:00+60 B", "22:00+60 C"}));
}

TEST(Xmltv, EndsEventsWhereTheNextBegins) {
  EXPECT_EQ(
      summary(events_of(titled("202601152000", "202601152130", "overlaps") + titled("202601152100", "", "has no end") +
                        titled("202601152145", "202601152100", "ends early") +
                        titled("202601152200", "202601152200", "is empty") + titled("202601152300", "", "is last"))),
      (Lines{"20:00+60 overlaps", "21:00+45 has no end", "21:45+15 ends early", "22:00+60 is empty",
             "23:00+60 is last"}));
}

TEST(Xmltv, KeepsGapsAndCutsWhatLastsForDays) {
  EXPECT_EQ(summary(events_of(titled("20260115", "2026011501", "A") + titled("2026011503", "2026011504", "B") +
                              titled("2026011505", "20260120", "C"))),
            (Lines{"00:00+60 A", "03:00+60 B", "05:00+1440 C"}));
}

TEST(Xmltv, TakesTheFirstOfTwoThatStartTogether) {
  EXPECT_EQ(summary(events_of(titled("2026011520", "2026011521", "A") + titled("2026011520", "2026011522", "B"))),
            Lines{"20:00+60 A"});
}

TEST(Xmltv, DropsWhatIsOver) {
  EXPECT_EQ(
      summary(events_of(titled("20250101", "2025010101", "past") + titled("2026011423", "20260115", "just over") +
                        titled("202601142350", "202601150030", "runs") + titled("20270101", "2027010101", "far"))),
      (Lines{"23:50+40 runs", "00:00+60 far"}));
}

TEST(Xmltv, CountsWhatCannotBeUsed) {
  const auto content =
      read(xmltv(titled("yesterday", "", "no start") + programme("2026011520", "", "<desc>no title</desc>") +
                 programme("2026011521", "", "<title> </title>") + titled("2026011522", "", "good")));
  EXPECT_EQ(content.refused, 3u);
  EXPECT_EQ(content.events.at(channel).size(), 1u);
}

TEST(Xmltv, ReadsTheChannelsAskedForAlone) {
  const auto content = parse_xmltv(xmltv(titled("2026011520", "", "A")), {"another"}, midnight, {});
  EXPECT_TRUE(content.events.empty());
  EXPECT_TRUE(parse_xmltv("<tv/>", {channel}, midnight, {}).events.empty());
}

TEST(Xmltv, GivesAnEventTheSameIdInEveryFile) {
  const std::string past = titled("202601142000", "202601142100", "past");
  const std::string rest = titled("202601152000", "202601152100", "A") + titled("202601152100", "202601152200", "B");
  const auto before = events_of(past + rest);
  const auto after = events_of(titled("202601151900", "202601152000", "new") + rest);
  ASSERT_EQ(before.size(), 2u);
  ASSERT_EQ(after.size(), 3u);
  EXPECT_EQ(before[0].event_id, after[1].event_id);
  EXPECT_EQ(before[1].event_id, after[2].event_id);
}

TEST(Xmltv, GivesNoIdTwice) {
  std::string programmes;
  for (int i = 0; i < 60; ++i) {
    programmes += titled("202601152000" + std::string(i < 10 ? "0" : "") + std::to_string(i), "", "A");
  }
  std::set<std::uint16_t> ids;
  for (const auto& event : events_of(programmes + titled("202601152001", "", "B"))) ids.insert(event.event_id);
  EXPECT_EQ(ids.size(), 61u);
}

TEST(Xmltv, KeepsControlCharactersAndBadUtf8OutOfTexts) {
  const auto events = events_of(titled("2026011520", "", "a&#27;[31m\xFF\xC3 b&#x85;\tc\r\n d"));
  EXPECT_EQ(name_of(events.at(0)), "a[31m\xEF\xBF\xBD\xEF\xBF\xBD b c d");
}

TEST(Xmltv, ReadsLatin1AsItSays) {
  const auto content =
      read("<?xml version='1.0' encoding='ISO-8859-1'?><tv>" + titled("2026011520", "", "\xE9t\xE9") + "</tv>");
  EXPECT_EQ(name_of(content.events.at(channel).at(0)), "été");
}

std::string error_of(const std::string& text) {
  try {
    read(text);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return {};
}

TEST(Xmltv, SaysWhichLineIsNoXml) {
  EXPECT_EQ(error_of("<tv>\n<programme>\n</programm>\n</tv>").substr(0, 7), "line 3:");
  EXPECT_EQ(error_of("").substr(0, 7), "line 1:");
  EXPECT_EQ(error_of("<html/>"), "no XMLTV: the root element is <html>, not <tv>");
}

TEST(Xmltv, DoesNotExpandEntities) {
  std::string bomb = "<!DOCTYPE tv [<!ENTITY a0 \"ha\">";
  for (int i = 1; i < 30; ++i) {
    const std::string before = "&a" + std::to_string(i - 1) + ";";
    bomb += "<!ENTITY a" + std::to_string(i) + " \"" + before + before + "\">";
  }
  bomb += "<!ENTITY file SYSTEM \"file:///etc/passwd\">]><tv>" + titled("2026011520", "", "&a29;&file;") + "</tv>";
  EXPECT_EQ(name_of(read(bomb).events.at(channel).at(0)), "&a29;&file;");
}

TEST(Xmltv, TakesWhatIsMadeToHurt) {
  std::string deep = "<tv>";
  for (int i = 0; i < 1'000'000; ++i) deep += "<a>";
  EXPECT_FALSE(error_of(deep).empty());
  std::string doctype;
  for (int i = 0; i < 1'000'000; ++i) doctype += "<![";
  EXPECT_FALSE(error_of("<!DOCTYPE tv [" + doctype).empty());

  std::string wide;
  for (int i = 0; i < 200'000; ++i) wide += "<title lang='fr'/><category>x y z</category>";
  EXPECT_EQ(read(xmltv(programme("2026011520", "", wide))).refused, 1u);
  std::string long_title(10 << 20, 'x');
  EXPECT_EQ(name_of(events_of(titled("2026011520", "", long_title)).at(0)).size(), 250u);
  std::string many;
  for (int i = 0; i < 30'000; ++i) many += titled("20260115200000", "", "A");
  EXPECT_EQ(events_of(many).size(), 1u);
}

TEST(Xmltv, TakesAnyDamage) {
  const std::string whole =
      xmltv(titled("20260115200000 +0100", "20260115210000 +0100", "&#233;t&#xE9;") +
            programme("202601152100", "",
                      "<title>T</title><desc lang='fr'><![CDATA[D]]></desc><category>Film</category>"
                      "<rating system='CSA'><value>-12</value></rating>"));
  std::mt19937 random{1};
  unsigned refused = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string damaged = whole;
    for (int n = 0; n < 4; ++n) damaged[random() % damaged.size()] = static_cast<char>(random());
    try {
      read(damaged);
    } catch (const std::runtime_error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 0u);
  EXPECT_LT(refused, 5000u);
}

// ---- The guide

constexpr psi::ServiceId service{0x0101};
constexpr psi::EitIds ids{service, 7, 0x20FA};

class XmltvGuideTest : public testing::Test {
 protected:
  // By another name first, so that it is another file whatever the clock shows.
  void write(const std::string& text) {
    std::ofstream{path + ".new"} << text;
    std::filesystem::rename(path + ".new", path);
  }
  void write_programmes(const std::string& programmes) { write(xmltv(programmes)); }

  void poll(sys_seconds utc) {
    for (auto& change : guide.take_changes(utc)) {
      ++changes;
      EXPECT_EQ(change.key.pid, ts::eit_pid);
      EXPECT_EQ(change.key.extension, service.value());
      tables[change.key.table_id] = std::move(change.sections);
    }
  }
  // The file is looked at; what is read of it is taken.
  void poll_after_reading(sys_seconds utc) {
    poll(utc);
    guide.finish_reading();
    poll(utc);
  }

  std::vector<psi::EitSection> parsed(std::uint8_t table) {
    std::vector<psi::EitSection> out;
    for (const auto& section : tables[table]) out.push_back(psi::parse_eit_section(section).value());
    return out;
  }
  // Name of the present event or the following one, "-" for none.
  std::string now_or_next(std::size_t number) {
    const auto sections = parsed(0x4E);
    if (sections.size() != 2) return "no section";
    const auto& events = sections[number].events;
    return events.empty() ? "-" : name_of(events.front());
  }
  std::string moment() { return now_or_next(0) + " " + now_or_next(1); }
  // Names of the events of a schedule's table.
  std::string scheduled(std::uint8_t table) {
    std::string out;
    for (const auto& section : parsed(table)) {
      for (const auto& event : section.events) out += name_of(event) + " ";
    }
    return out;
  }
  unsigned version(std::uint8_t table) { return ts::Section{tables[table].at(0)}.version(); }

  test::TemporaryDirectory directory;
  std::string path = (directory.path() / "guide.xml").string();
  XmltvGuide guide{{.path = path, .reading = {}}};
  std::map<unsigned, std::vector<psi::SectionBytes>> tables;
  unsigned changes = 0;
};

const std::string evening = titled("2026011520", "2026011521", "A") + titled("2026011521", "2026011522", "B") +
                            titled("2026011523", "20260116", "C");

TEST_F(XmltvGuideTest, ChangesPresentAndFollowingAsEventsBegin) {
  write_programmes(evening);
  guide.carry(ids, channel, psi::EitMode::schedule);
  poll(midnight + hours{19});
  EXPECT_EQ(moment(), "- A");
  EXPECT_EQ(scheduled(0x50), "A B C ");
  EXPECT_EQ(changes, 2u);
  poll(midnight + hours{20} - seconds{1});
  EXPECT_EQ(changes, 2u);
  const unsigned first = version(0x4E);
  poll(midnight + hours{20});
  EXPECT_EQ(moment(), "A B");
  EXPECT_EQ(version(0x4E), (first + 1) % 32);
  EXPECT_EQ(parsed(0x4E)[0].events[0].running_status, 4) << "running";
  EXPECT_EQ(parsed(0x4E)[1].events[0].running_status, 1) << "not running";
  EXPECT_EQ(changes, 3u) << "the schedule is as it was";
  poll(midnight + hours{21});
  EXPECT_EQ(moment(), "B C");
  poll(midnight + hours{22});
  EXPECT_EQ(moment(), "- C") << "a gap";
  poll(midnight + hours{23});
  EXPECT_EQ(moment(), "C -");
  poll(midnight + hours{24});
  EXPECT_EQ(moment(), "- -");
  EXPECT_EQ(version(0x4E), (first + 5) % 32);
  EXPECT_TRUE(tables[0x50].empty());
}

TEST_F(XmltvGuideTest, MakesTheScheduleAgainAtTheEndOfASegmentAndAtMidnight) {
  write_programmes(evening + titled("2026011601", "2026011602", "D"));
  guide.carry(ids, channel, psi::EitMode::schedule);
  poll(midnight + hours{20});
  const unsigned first = version(0x50);
  EXPECT_EQ(scheduled(0x50), "A B C D ");
  EXPECT_EQ(ts::Section{tables[0x50].back()}.number(), 8 * 8);
  poll(midnight + hours{21} - seconds{1});
  EXPECT_EQ(scheduled(0x50), "A B C D ");
  poll(midnight + hours{21});
  EXPECT_EQ(scheduled(0x50), "B C D ") << "A was over before this segment";
  poll(midnight + days{1});
  EXPECT_EQ(scheduled(0x50), "D ");
  EXPECT_EQ(ts::Section{tables[0x50].back()}.number(), 0);
  EXPECT_EQ(version(0x50), (first + 2) % 32);
}

TEST_F(XmltvGuideTest, SendsEightDays) {
  write_programmes(titled("20260115", "2026011501", "A") + titled("20260119", "2026011901", "B") +
                   titled("2026012223", "20260123", "C") + titled("20260123", "2026012301", "D"));
  guide.carry(ids, channel, psi::EitMode::schedule);
  poll(midnight);
  EXPECT_EQ(scheduled(0x50) + scheduled(0x51), "A B C ");
  EXPECT_TRUE(tables[0x52].empty());
  poll(midnight + days{1});
  EXPECT_EQ(scheduled(0x50) + scheduled(0x51), "B C D ");
}

TEST_F(XmltvGuideTest, ReadsTheFileAgainWhenItIsAnother) {
  write_programmes(evening);
  guide.carry(ids, channel, psi::EitMode::schedule);
  poll(midnight + hours{20});
  const unsigned events_version = version(0x4E), schedule_version = version(0x50);
  const auto id = parsed(0x4E)[1].events[0].event_id;
  write_programmes(titled("2026011520", "202601152030", "A") + titled("2026011521", "2026011522", "B2"));
  poll_after_reading(midnight + hours{20} + seconds{4});
  EXPECT_EQ(moment(), "A B") << "not looked at yet";
  poll_after_reading(midnight + hours{20} + seconds{5});
  EXPECT_EQ(moment(), "A B2");
  EXPECT_EQ(scheduled(0x50), "A B2 ");
  EXPECT_EQ(version(0x4E), (events_version + 1) % 32);
  EXPECT_EQ(version(0x50), (schedule_version + 1) % 32);
  EXPECT_EQ(parsed(0x4E)[1].events[0].event_id, id);
  const unsigned before = changes;
  poll_after_reading(midnight + hours{20} + seconds{10});
  EXPECT_EQ(changes, before);
}

TEST_F(XmltvGuideTest, SaysNothingNewWhereTheFileDoesNot) {
  write_programmes(evening);
  guide.carry(ids, channel, psi::EitMode::schedule);
  poll(midnight + hours{20});
  write_programmes(evening + "<!-- written again -->");
  const unsigned before = changes;
  poll_after_reading(midnight + hours{20} + seconds{5});
  EXPECT_EQ(changes, before);
}

TEST_F(XmltvGuideTest, KeepsTheEventsOfAFileThatBreaksAndSaysSoOnce) {
  write_programmes(evening);
  guide.carry(ids, channel, psi::EitMode::schedule);
  poll(midnight + hours{20});
  testing::internal::CaptureStderr();
  sys_seconds now = midnight + hours{20};
  for (int i = 0; i < 3; ++i) {
    write("<tv>\n<programme");
    poll_after_reading(now += seconds{5});
  }
  EXPECT_EQ(moment(), "A B");
  const std::string broken = testing::internal::GetCapturedStderr();
  EXPECT_NE(broken.find(path + ": line 2: "), std::string::npos) << broken;
  EXPECT_EQ(std::ranges::count(broken, '\n'), 1) << broken;

  testing::internal::CaptureStderr();
  std::filesystem::remove(path);
  for (int i = 0; i < 3; ++i) poll_after_reading(now += seconds{5});
  const std::string missing = testing::internal::GetCapturedStderr();
  EXPECT_NE(missing.find("open " + path + ": No such file"), std::string::npos) << missing;
  EXPECT_EQ(std::ranges::count(missing, '\n'), 1) << missing;
  poll(midnight + hours{21});
  EXPECT_EQ(moment(), "B C") << "time goes on";

  testing::internal::CaptureStderr();
  write_programmes(titled("2026011521", "2026011522", "B2"));
  poll_after_reading(midnight + hours{21} + seconds{5});
  EXPECT_EQ(moment(), "B2 -");
  EXPECT_NE(testing::internal::GetCapturedStderr().find("can be read again"), std::string::npos);
}

TEST_F(XmltvGuideTest, SendsEmptyPresentAndFollowingWithoutAFile) {
  testing::internal::CaptureStderr();
  guide.carry(ids, channel, psi::EitMode::schedule);
  poll(midnight);
  poll(midnight + seconds{1});
  EXPECT_EQ(moment(), "- -");
  EXPECT_EQ(std::ranges::count(testing::internal::GetCapturedStderr(), '\n'), 1);
  EXPECT_EQ(guide.flags(service), (EventFlags{.schedule = false, .present_following = true}));
}

TEST_F(XmltvGuideTest, RefusesWhatIsNoRegularFile) {
  testing::internal::CaptureStderr();
  std::filesystem::create_directory(path);
  guide.carry(ids, channel, psi::EitMode::schedule);
  poll(midnight);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("no regular file"), std::string::npos);
}

TEST_F(XmltvGuideTest, SaysWhichChannelTheFileDoesNotHave) {
  testing::internal::CaptureStderr();
  write_programmes(evening);
  guide.carry(ids, "arte.fr", psi::EitMode::schedule);
  poll(midnight);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("no programmes of channel 'arte.fr', for service 0x0101 (257)"), std::string::npos) << said;
}

// A programme a minute from 20:00 on.
std::string programmes(unsigned count, const std::string& title, const std::string& description) {
  std::string out;
  for (unsigned i = 0; i < count; ++i) {
    char start[16];
    std::snprintf(start, sizeof start, "20260115%02u%02u", 20 + i / 60, i % 60);
    out += programme(start, "", "<title>" + title + "</title><desc>" + description + "</desc>");
  }
  return out;
}

TEST_F(XmltvGuideTest, SaysOnceForEachReadingWhatAScheduleCannotCarry) {
  // 12 + 7 + 150 bytes each: 24 in a section of 4078, so 192 in a segment.
  testing::internal::CaptureStderr();
  write_programmes(programmes(240, std::string(150, 'x'), ""));
  guide.carry(ids, channel, psi::EitMode::schedule);
  poll(midnight);
  poll(midnight + hours{3});
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "") << "60 and 180 events fit";

  const std::string long_names = programmes(240, std::string(240, 'x'), "");
  testing::internal::CaptureStderr();
  write_programmes(long_names);
  poll_after_reading(midnight + hours{3} + seconds{5});
  poll(midnight + hours{6});
  const std::string first = testing::internal::GetCapturedStderr();
  // 15 in a section, so 120 of the 180 from 21:00 on.
  EXPECT_NE(first.find(path + ": channel france3.fr: 60 of 240 programmes left out: more than a schedule can carry\n"),
            std::string::npos)
      << first;
  EXPECT_EQ(std::ranges::count(first, '\n'), 1) << first;

  testing::internal::CaptureStderr();
  write_programmes(long_names + titled("20260116", "", "A"));
  poll_after_reading(midnight + hours{6} + seconds{5});
  const std::string second = testing::internal::GetCapturedStderr();
  EXPECT_NE(second.find(": 60 of 241 programmes left out: "), std::string::npos) << second;
}

TEST_F(XmltvGuideTest, SaysHowManyProgrammesLoseTheirTexts) {
  testing::internal::CaptureStderr();
  write_programmes(programmes(240, "A", std::string(200, 'x')));
  guide.carry(ids, channel, psi::EitMode::schedule);
  poll(midnight);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find(": channel france3.fr: 180 of 240 programmes sent without all of their texts: more than a"),
            std::string::npos)
      << said;
  EXPECT_EQ(std::ranges::count(said, '\n'), 1) << said;
}

TEST_F(XmltvGuideTest, SaysHowManyProgrammesAreTooMany) {
  std::string file;
  for (int i = 0; i < 20'003; ++i) file += titled("2026011520", "", "A");
  testing::internal::CaptureStderr();
  write_programmes(file);
  guide.carry(ids, channel, psi::EitMode::schedule);
  poll(midnight);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find(": 3 of 4 programmes left out: "), std::string::npos) << said;
}

TEST_F(XmltvGuideTest, ReadsForAServiceThatComesLater) {
  write_programmes(evening + "<programme channel='arte.fr' start='2026011520'><title>X</title></programme>");
  guide.carry(ids, channel, psi::EitMode::schedule);
  poll(midnight + hours{20});
  guide.carry(ids, "arte.fr", psi::EitMode::schedule);
  poll_after_reading(midnight + hours{20});
  EXPECT_EQ(moment(), "X -");
}

TEST_F(XmltvGuideTest, SendsWhatTheModeSays) {
  write_programmes(evening);
  guide.carry(ids, channel, psi::EitMode::present_following);
  poll(midnight + hours{20});
  EXPECT_EQ(moment(), "A B");
  EXPECT_TRUE(tables[0x50].empty());
  guide.carry(ids, channel, psi::EitMode::schedule);
  poll(midnight + hours{20});
  EXPECT_EQ(guide.flags(service), (EventFlags{.schedule = true, .present_following = true}));
  guide.carry(ids, channel, psi::EitMode::none);
  poll(midnight + hours{20});
  EXPECT_TRUE(tables[0x4E].empty() && tables[0x50].empty());
  EXPECT_EQ(guide.flags(service), EventFlags{});
}

TEST_F(XmltvGuideTest, RemovesTheTablesOfAServiceThatIsDropped) {
  write_programmes(evening);
  guide.carry(ids, channel, psi::EitMode::schedule);
  poll(midnight + hours{20});
  guide.drop(service);
  poll(midnight + hours{20});
  EXPECT_TRUE(tables[0x4E].empty() && tables[0x50].empty());
}

TEST_F(XmltvGuideTest, FollowsAClockThatIsSetBack) {
  write_programmes(evening);
  guide.carry(ids, channel, psi::EitMode::schedule);
  poll(midnight + hours{21});
  poll(midnight + hours{20});
  EXPECT_EQ(moment(), "A B");
}

TEST_F(XmltvGuideTest, SendsTheSameAfterARestart) {
  write_programmes(evening);
  guide.carry(ids, channel, psi::EitMode::schedule);
  poll(midnight + hours{20});
  XmltvGuide again{{.path = path, .reading = {}}};
  again.carry(ids, channel, psi::EitMode::schedule);
  for (const auto& change : again.take_changes(midnight + hours{20})) {
    EXPECT_EQ(change.sections, tables[change.key.table_id]);
  }
}

}  // namespace
}  // namespace tsmux
