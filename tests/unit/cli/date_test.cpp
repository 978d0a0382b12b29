#include "common/cli/date.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace cli {
namespace {

using namespace std::chrono_literals;

// Clocks in Paris went forward on 2026-03-29 at 02:00 and back on 2026-10-25 at 03:00.
class Date : public testing::Test {
 protected:
  Date() {
    setenv("TZ", "Europe/Paris", 1);
    tzset();
  }

  static TimeExpression read(std::string_view text) {
    TimeExpression value;
    parse_value(text, value);
    return value;
  }
  static ts::WallTime at(std::string_view text, const TimeContext& context = {}) {
    return resolve(read(text), context);
  }
  static std::string utc(std::string_view text, const TimeContext& context = {}) { return utc_text(at(text, context)); }
  static std::string refusal(std::string_view text, const TimeContext& context = {}) {
    try {
      return "accepted as " + utc(text, context);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
  }
  static TimeContext now(std::string_view text) { return {.now = at(text), .start = {}, .end = {}, .after = {}}; }
  static TimeContext after(std::string_view text) {
    return {.now = at(text), .start = {}, .end = {}, .after = at(text)};
  }
};

TEST_F(Date, WithAnOffsetIsExact) {
  EXPECT_EQ(utc("2026-11-22T20:50:00+01:00"), "2026-11-22T19:50:00Z");
  EXPECT_EQ(utc("2026-11-22T20:50:00+0100"), "2026-11-22T19:50:00Z");
  EXPECT_EQ(utc("2026-11-22T20:50-05"), "2026-11-23T01:50:00Z");
  EXPECT_EQ(utc("2026-11-22T20:50:00.25Z"), "2026-11-22T20:50:00.250Z");
  EXPECT_EQ(at("2026-11-22T20:50:00.123456789Z").time_since_epoch() % 1s, 123456789ns);
}

TEST_F(Date, WithoutAnOffsetIsLocal) {
  EXPECT_EQ(utc("2026-11-22 20:50"), "2026-11-22T19:50:00Z");
  EXPECT_EQ(utc("2026-07-14T20:50:30"), "2026-07-14T18:50:30Z");
}

TEST_F(Date, ThatDoesNotExistIsRefused) {
  EXPECT_EQ(refusal("2026-02-30 10:00"), "no such date: '2026-02-30 10:00' (the calendar has no 2026-02-30)");
  EXPECT_EQ(refusal("2026-03-29 02:30"),
            "no such date: '2026-03-29 02:30' (the clocks go forward over it on 2026-03-29)");
  EXPECT_EQ(utc("2026-03-29 01:59:59"), "2026-03-29T00:59:59Z");
  EXPECT_EQ(utc("2026-03-29 03:00"), "2026-03-29T01:00:00Z");
  EXPECT_EQ(utc("2028-02-29 10:00"), "2028-02-29T09:00:00Z");
}

TEST_F(Date, ThatComesTwiceIsTheFirst) {
  EXPECT_EQ(utc("2026-10-25 02:30"), "2026-10-25T00:30:00Z");
  EXPECT_EQ(utc("2026-10-25T02:30+01:00"), "2026-10-25T01:30:00Z");
  EXPECT_EQ(utc("2026-10-25 03:00"), "2026-10-25T02:00:00Z");
}

TEST_F(Date, OfAnyOtherShapeIsRefused) {
  for (const auto* text : {"", "yesterday", "20:60", "24:00", "2026-11-22", "2026-11-22T", "2026-11-22 20",
                           "2026-1-2 20:50", "2026-11-22 20:50:60", "2026-11-22 20:50:00.", "2026-11-22T20:50:00+1",
                           "2026-11-22T20:50Zx", "20:50Z", "nowish", "now2h", "2026-11-22T20:50:00.1234567891Z"}) {
    EXPECT_EQ(refusal(text), std::string{"not a date: '"} + text +
                                 "' (try 2026-11-22T20:50:00+01:00, '2026-11-22 20:50', 20:50, now-2h)");
  }
  EXPECT_EQ(refusal("now-2"), "not a duration: '2' (try 90s, 1h30m, 500ms)");
  EXPECT_EQ(refusal("9999-01-01 00:00"), "out of range: '9999-01-01 00:00' (1970 to 2200)");
  EXPECT_EQ(refusal("now+290d", now("2026-11-22T20:50Z")), "accepted as 2027-09-08T20:50:00Z");
  EXPECT_EQ(refusal("now+2562047h"), "not a duration: '2562047h' (longer than 30 years or finer than a nanosecond)");
  EXPECT_EQ(refusal("now+10980d", now("2200-12-31T23:59Z")), "accepted as 2231-01-23T23:59:00Z");
  EXPECT_EQ(refusal("now+10980d", {.now = ts::WallTime::max(), .start = {}, .end = {}, .after = {}}),
            "out of range: 'now+10980d' (1970 to 2200)");
}

TEST_F(Date, TimeOfDayIsTheLastOneThatWas) {
  EXPECT_EQ(utc("20:50", now("2026-11-22 21:00")), "2026-11-22T19:50:00Z");
  EXPECT_EQ(utc("20:50", now("2026-11-22 20:50")), "2026-11-22T19:50:00Z");
  EXPECT_EQ(utc("20:50:01", now("2026-11-22 20:50")), "2026-11-21T19:50:01Z");
  EXPECT_EQ(utc("23:59", now("2026-01-01 00:00")), "2025-12-31T22:59:00Z");
}

TEST_F(Date, TimeOfDayAfterAnotherIsTheNextOneThatComes) {
  EXPECT_EQ(utc("22:35", after("2026-11-22 20:50")), "2026-11-22T21:35:00Z");
  EXPECT_EQ(utc("00:10", after("2026-11-22 20:50")), "2026-11-22T23:10:00Z");
  EXPECT_EQ(utc("20:50", after("2026-11-22 20:50")), "2026-11-23T19:50:00Z");
  // 02:45 before the clocks go back; the next 02:30 is after.
  EXPECT_EQ(utc("02:30", after("2026-10-25T02:45+02:00")), "2026-10-25T01:30:00Z");
}

TEST_F(Date, TimeOfDayThatTheClocksSkipIsNotAnotherDays) {
  EXPECT_EQ(refusal("02:30", now("2026-03-29 12:00")),
            "no such date: '02:30' (the clocks go forward over it on 2026-03-29)");
  EXPECT_EQ(refusal("02:30", now("2026-03-30 01:00")),
            "no such date: '02:30' (the clocks go forward over it on 2026-03-29)");
  EXPECT_EQ(utc("02:30", now("2026-03-29 01:00")), "2026-03-28T01:30:00Z");
  EXPECT_EQ(refusal("02:30", after("2026-03-29 01:00")),
            "no such date: '02:30' (the clocks go forward over it on 2026-03-29)");
  EXPECT_EQ(utc("02:30", after("2026-03-29 12:00")), "2026-03-30T00:30:00Z");
}

TEST_F(Date, RelativeCountsFromItsAnchor) {
  const TimeContext context{
      .now = at("2026-11-22T20:50Z"), .start = at("2026-11-22T10:00Z"), .end = at("2026-11-22T12:00Z"), .after = {}};
  EXPECT_EQ(utc("now", context), "2026-11-22T20:50:00Z");
  EXPECT_EQ(utc("now-2h", context), "2026-11-22T18:50:00Z");
  EXPECT_EQ(utc("now+30m", context), "2026-11-22T21:20:00Z");
  EXPECT_EQ(utc("start+10m", context), "2026-11-22T10:10:00Z");
  EXPECT_EQ(utc("end-5m", context), "2026-11-22T11:55:00Z");
  // Elapsed time, not clock faces: across the change of clocks too.
  EXPECT_EQ(utc("now-24h", now("2026-03-29 12:00")), "2026-03-28T10:00:00Z");
}

TEST_F(Date, AnchorThatIsNotKnownIsRefused) {
  EXPECT_EQ(refusal("start+10m"), "'start+10m' has no meaning here: the start is not known");
  EXPECT_EQ(refusal("end"), "'end' has no meaning here: the end is not known");
}

TEST_F(Date, IsWrittenAsItIsRead) {
  for (const auto* text : {"2026-11-22T20:50:00+01:00", "2026-07-14T20:50:00.500+02:00"}) {
    EXPECT_EQ(local_text(at(text)), text);
  }
  setenv("TZ", "America/St_Johns", 1);
  tzset();
  EXPECT_EQ(local_text(at("2026-01-01T00:00:00Z")), "2025-12-31T20:30:00-03:30");
}

}  // namespace
}  // namespace cli
