// Dates as people write them on a command line, and how they become moments.
//
//   2026-11-22T20:50:00+01:00   2026-11-22T19:50:00.5Z     with an offset: exact
//   2026-11-22 20:50[:30]       2026-11-22T20:50           local time, by the system's time zone
//   20:50[:30]                  local time of day, on the day that the context asks for
//   now  now-2h  now+30m  start+10m  end-5m
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "common/ts/time.hpp"

namespace cli {

struct RelativeTime {
  enum class Anchor { now, start, end };
  Anchor anchor = Anchor::now;
  std::chrono::nanoseconds offset{};  // negative: before
  friend bool operator==(const RelativeTime&, const RelativeTime&) = default;
};

struct TimeOfDay {
  std::chrono::nanoseconds since_midnight{};
  friend bool operator==(const TimeOfDay&, const TimeOfDay&) = default;
};

struct TimeExpression {
  std::variant<RelativeTime, TimeOfDay, ts::WallTime> when;
  std::string text;  // as given, for messages
};

// Throws std::invalid_argument, also for a local date that does not exist (30 February, or an hour that the clocks
// skip). Of a local date that comes twice, when the clocks go back, it is the first; an offset tells which.
void parse_value(std::string_view text, TimeExpression& value);
std::string to_text(const TimeExpression& value);

struct TimeContext {
  ts::WallTime now;
  std::optional<ts::WallTime> start, end;  // what start and end stand for; none: they are refused
  // A time of day is the next one after this; none: the last one that is not after now.
  std::optional<ts::WallTime> after;
};

// Throws std::invalid_argument for an anchor that the context does not have, and as parse_value() does.
ts::WallTime resolve(const TimeExpression& expression, const TimeContext& context);

// 2026-11-22T19:50:00Z and 2026-11-22T20:50:00+01:00, with milliseconds if there are any; parse_value() reads both.
std::string utc_text(ts::WallTime time);
std::string local_text(ts::WallTime time);

}  // namespace cli
