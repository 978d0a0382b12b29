#include "tools/tsmux/local_time.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <stdexcept>
#include <string>

#include "tests/support/temporary_directory.hpp"
#include "tools/tsmux/country_code.hpp"

namespace tsmux {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_seconds;

constexpr sys_seconds at(int year, unsigned month, unsigned day, std::chrono::seconds time = 0s) {
  return std::chrono::sys_days{std::chrono::year{year} / static_cast<int>(month) / static_cast<int>(day)} + time;
}

constexpr sys_seconds spring = at(2026, 3, 29, 1h), autumn = at(2026, 10, 25, 1h);

TEST(LocalTime, OfParisChangesWithEurope) {
  const TimeZone paris{"Europe/Paris"};
  EXPECT_EQ(paris.at(at(2026, 1, 1)), (LocalTime{1h, spring, 2h}));
  EXPECT_EQ(paris.at(spring - 1s), (LocalTime{1h, spring, 2h}));
  EXPECT_EQ(paris.at(spring), (LocalTime{2h, autumn, 1h}));
  EXPECT_EQ(paris.at(autumn - 1s), (LocalTime{2h, autumn, 1h}));
  EXPECT_EQ(paris.at(autumn), (LocalTime{1h, at(2027, 3, 28, 1h), 2h}));
  // Beyond what files of a zone list one by one.
  EXPECT_EQ(paris.at(at(2062, 7, 1)), (LocalTime{2h, at(2062, 10, 29, 1h), 1h}));
  EXPECT_EQ(paris.country(), "FRA");
  EXPECT_EQ(paris.name(), "Europe/Paris");
}

TEST(LocalTime, OfSaintJohnsIsBehindAndHasHalfHours) {
  const TimeZone zone{"America/St_Johns"};
  // At 2 in the morning of local time.
  const sys_seconds begins = at(2026, 3, 8, 5h + 30min), ends = at(2026, 11, 1, 4h + 30min);
  EXPECT_EQ(zone.at(begins - 1s), (LocalTime{-210min, begins, -150min}));
  EXPECT_EQ(zone.at(spring), (LocalTime{-150min, ends, -210min}));
  EXPECT_EQ(zone.at(autumn), (LocalTime{-150min, ends, -210min}));
  EXPECT_EQ(zone.at(ends).offset, -210min);
  EXPECT_EQ(zone.country(), "CAN");
}

TEST(LocalTime, OfSydneyHasItsSummerOverTheNewYear) {
  const TimeZone sydney{"Australia/Sydney"};
  const sys_seconds ends = at(2026, 4, 4, 16h), begins = at(2026, 10, 3, 16h);
  EXPECT_EQ(sydney.at(at(2026, 1, 1)), (LocalTime{11h, ends, 10h}));
  EXPECT_EQ(sydney.at(spring), (LocalTime{11h, ends, 10h}));
  EXPECT_EQ(sydney.at(ends), (LocalTime{10h, begins, 11h}));
  EXPECT_EQ(sydney.at(autumn), (LocalTime{11h, at(2027, 4, 3, 16h), 10h}));
  EXPECT_EQ(sydney.at(at(2050, 1, 1)).offset, 11h);
  EXPECT_EQ(sydney.country(), "AUS");
}

TEST(LocalTime, OfZonesWithoutSummerTimeHasNoChange) {
  const TimeZone utc{"UTC"};
  for (const sys_seconds time : {spring, autumn, at(2062, 7, 1)}) EXPECT_EQ(utc.at(time), (LocalTime{0h, {}, 0h}));
  EXPECT_EQ(utc.country(), std::nullopt);
  EXPECT_EQ(TimeZone{"Asia/Kathmandu"}.at(spring), (LocalTime{345min, {}, 345min}));
  EXPECT_EQ(TimeZone{"Asia/Tokyo"}.at(at(2062, 7, 1)), (LocalTime{9h, {}, 9h}));
}

std::string refusal(const std::string& name) {
  try {
    TimeZone{name};
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return {};
}

TEST(LocalTime, OfAZoneThatIsNotThereIsRefusedByName) {
  for (const std::string name : {"Europe/Atlantis", "", "Europe", "../zoneinfo/UTC", "/usr/share/zoneinfo/UTC"}) {
    EXPECT_NE(refusal(name).find("'" + name + "'"), std::string::npos) << name << ": " << refusal(name);
    EXPECT_NE(refusal(name).find("Europe/Paris"), std::string::npos) << name;
  }
}

TEST(LocalTime, OfTheSystemIsThatOfTz) {
  // No other thread runs in this test.
  ASSERT_EQ(setenv("TZ", ":Asia/Tokyo", 1), 0);
  EXPECT_EQ(TimeZone::system().name(), "Asia/Tokyo");
  ASSERT_EQ(setenv("TZ", "Europe/Atlantis", 1), 0);
  EXPECT_THROW(TimeZone::system(), std::invalid_argument);
  ASSERT_EQ(unsetenv("TZ"), 0);
  EXPECT_NO_THROW(TimeZone::system().at(spring));
}

// A file as new versions of the database have it: a change in 1970 to its one offset, and a rule.
std::string zone_file(const std::string& rule, std::int8_t hours, char type = 0) {
  const auto header = [](char times) {
    return "TZif2" + std::string(15 + 3 * 4, '\0') + std::string{0, 0, 0, times, 0, 0, 0, 1, 0, 0, 0, 4};
  };
  const char sign = hours < 0 ? '\xFF' : '\0';
  const std::string types{
      sign, sign, static_cast<char>(hours * 3600 >> 8), static_cast<char>(hours * 3600), '\0', '\0', 'A', 'B',
      'C',  '\0'};
  return header(0) + types + header(1) + std::string(8, '\0') + type + types + "\n" + rule + "\n";
}

TEST(LocalTime, IsThatOfTheRuleAfterAllChanges) {
  const test::TemporaryDirectory directory;
  std::ofstream{directory.path() / "Rule"} << zone_file("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", -2);
  const TimeZone nuuk{"Rule", directory.path()};
  EXPECT_EQ(nuuk.at(spring - 1s), (LocalTime{-2h, spring, -1h}));
  EXPECT_EQ(nuuk.at(spring), (LocalTime{-1h, autumn, -2h}));
  std::ofstream{directory.path() / "Fixed"} << zone_file("ABC-3", 3);
  EXPECT_EQ((TimeZone{"Fixed", directory.path()}.at(spring)), (LocalTime{3h, {}, 3h}));
}

TEST(LocalTime, OfADamagedFileIsRefused) {
  const test::TemporaryDirectory directory;
  const std::string whole = zone_file("CET-1CEST,M3.5.0,M10.5.0/3", 1);
  const std::size_t footer = whole.find('\n');
  for (std::size_t size = 0; size < footer; ++size) {
    std::ofstream{directory.path() / "Cut"} << whole.substr(0, size);
    EXPECT_THROW((TimeZone{"Cut", directory.path()}), std::runtime_error) << size;
  }
  std::ofstream{directory.path() / "Type"} << zone_file("CET-1", 1, 1);
  EXPECT_THROW((TimeZone{"Type", directory.path()}), std::runtime_error);
  for (std::size_t at = 20; at < footer; ++at) {
    std::string damaged = whole;
    damaged[at] = '\x7F';
    std::ofstream{directory.path() / "Damaged"} << damaged;
    try {
      TimeZone{"Damaged", directory.path()}.at(spring);
    } catch (const std::runtime_error&) {
    }
  }
}

sys_seconds first_change(std::string_view rule, int year) {
  const auto zone = PosixZone::parse(rule);
  if (!zone) return {};
  const auto changes = zone->changes(std::chrono::year{year});
  return changes.empty() ? sys_seconds{} : changes.front().at;
}

TEST(PosixZone, HasEveryKindOfDay) {
  EXPECT_EQ(first_change("EST5EDT,M3.2.0,M11.1.0", 2026), at(2026, 3, 8, 7h));
  EXPECT_EQ(first_change("EST5EDT,J60,J300", 2026), at(2026, 3, 1, 7h));
  EXPECT_EQ(first_change("EST5EDT,J60,J300", 2028), at(2028, 3, 1, 7h));
  EXPECT_EQ(first_change("EST5EDT,J59,J300", 2028), at(2028, 2, 28, 7h));
  EXPECT_EQ(first_change("EST5EDT,59,300", 2028), at(2028, 2, 29, 7h));
  EXPECT_EQ(first_change("EST5EDT4:30,0/0,J365/25", 2026), at(2026, 1, 1, 5h));
  EXPECT_EQ(first_change("IST-1GMT0,M10.5.0,M3.5.0/1", 2026), spring);
  EXPECT_EQ(PosixZone::parse("EST5EDT4:30,0/0,J365/25")->changes(std::chrono::year{2026}).front().offset, -270min);
  EXPECT_EQ(PosixZone::parse("<+0545>-5:45")->standard_offset(), 345min);
  EXPECT_TRUE(PosixZone::parse("<+0545>-5:45")->changes(std::chrono::year{2026}).empty());
}

TEST(PosixZone, IsNotReadFromAnythingElse) {
  for (const char* text : {"", "CET", "CE-1", "<CET-1", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
                           "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,J0,J300",
                           "CET-1CEST,M3.5.0,M10.5.0/3x", "CET-168", "CET-1:60", "CET-99999999999"}) {
    EXPECT_FALSE(PosixZone::parse(text)) << text;
  }
}

TEST(LocalTimeOffset, SaysThatNothingChangesForTwoYears) {
  const auto offset = local_time_offset({345min, {}, 345min}, "NPL", at(2026, 12, 31, 23h));
  EXPECT_EQ(offset.country, "NPL");
  EXPECT_EQ(offset.offset, 345min);
  EXPECT_EQ(offset.next_offset, 345min);
  EXPECT_EQ(offset.change, at(2028, 1, 1));
  EXPECT_EQ(local_time_offset({1h, spring, 2h}, "FRA", at(2026, 1, 1)).change, spring);
}

TEST(CountryCode, HasThreeLettersForTwo) {
  EXPECT_EQ(alpha_3("AD"), "AND");
  EXPECT_EQ(alpha_3("DE"), "DEU");
  EXPECT_EQ(alpha_3("ZW"), "ZWE");
  EXPECT_EQ(alpha_3("AF"), "AFG");
  EXPECT_EQ(alpha_3("XX"), std::nullopt);
  EXPECT_EQ(alpha_3(""), std::nullopt);
}

}  // namespace
}  // namespace tsmux
