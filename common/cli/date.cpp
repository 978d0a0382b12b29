#include "common/cli/date.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <stdexcept>
#include <vector>

#include "common/cli/values.hpp"

namespace cli {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using std::chrono::local_days;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// A date and time of day with no zone: only the system's rules, or an offset, make a moment of it.
struct CivilTime {
  local_days day;
  nanoseconds since_midnight{};
};

[[noreturn]] void refuse(std::string_view text) {
  throw std::invalid_argument(
      fmt::format("not a date: '{}' (try 2026-11-22T20:50:00+01:00, '2026-11-22 20:50', 20:50, now-2h)", text));
}

// Reads the fixed shapes that dates are made of. A failed step leaves nothing to go on with, so callers refuse.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // Exactly `digits` of them.
  std::optional<int> number(std::size_t digits) {
    if (rest_.size() < digits) return {};
    int value = 0;
    for (const char c : rest_.substr(0, digits)) {
      if (c < '0' || c > '9') return {};
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(digits);
    return value;
  }
  // One to nine digits after a decimal point.
  std::optional<nanoseconds> fraction() {
    nanoseconds value{};
    nanoseconds place = 100ms;
    std::size_t digits = 0;
    for (auto digit = number(1); digit; digit = number(1), ++digits) {
      value += *digit * place;
      place /= 10;
    }
    if (digits == 0 || digits > 9) return {};
    return value;
  }

 private:
  std::string_view rest_;
};

// hh:mm[:ss[.fraction]]
std::optional<nanoseconds> read_time_of_day(Reader& reader) {
  const auto hour = reader.number(2);
  if (!hour || *hour > 23 || !reader.take(':')) return {};
  const auto minute = reader.number(2);
  if (!minute || *minute > 59) return {};
  nanoseconds total = std::chrono::hours{*hour} + std::chrono::minutes{*minute};
  if (!reader.take(':')) return total;
  const auto second = reader.number(2);
  if (!second || *second > 59) return {};
  total += seconds{*second};
  if (!reader.take('.')) return total;
  const auto fraction = reader.fraction();
  if (!fraction) return {};
  return total + *fraction;
}

// Z, +01:00, +0100 or +01. Seconds east of UTC.
std::optional<seconds> read_zone(Reader& reader) {
  if (reader.take('Z')) return 0s;
  const bool west = reader.take('-');
  if (!west && !reader.take('+')) return {};
  const auto hours = reader.number(2);
  if (!hours || *hours > 23) return {};
  int minutes = 0;
  if (!reader.done()) {
    reader.take(':');
    const auto given = reader.number(2);
    if (!given || *given > 59) return {};
    minutes = *given;
  }
  const seconds east = std::chrono::hours{*hours} + std::chrono::minutes{minutes};
  return west ? -east : east;
}

seconds zone_at(seconds since_epoch) {
  const std::time_t time = since_epoch.count();
  std::tm fields{};
  localtime_r(&time, &fields);
  return seconds{fields.tm_gmtoff};
}

seconds as_if_utc(const CivilTime& civil) {
  return std::chrono::floor<seconds>(civil.day.time_since_epoch() + civil.since_midnight);
}

ts::WallTime moment(const CivilTime& civil, seconds zone) {
  return ts::WallTime{civil.day.time_since_epoch() + civil.since_midnight - zone};
}

// All the moments that local clocks show as `civil`, in order: one, or none or two where the clocks are changed. A
// zone's offset changes by less than a day, so the offsets a day to either side are the only candidates.
std::vector<ts::WallTime> local_moments(const CivilTime& civil) {
  const seconds guess = as_if_utc(civil);
  std::vector<ts::WallTime> moments;
  for (const seconds zone : {zone_at(guess - days{1}), zone_at(guess + days{1})}) {
    const ts::WallTime candidate = moment(civil, zone);
    if (zone_at(guess - zone) == zone) moments.push_back(candidate);
  }
  std::sort(moments.begin(), moments.end());
  moments.erase(std::unique(moments.begin(), moments.end()), moments.end());
  return moments;
}

std::string date_text(local_days day) {
  const std::chrono::year_month_day date{day};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()));
}

[[noreturn]] void refuse_skipped(std::string_view text, local_days day) {
  throw std::invalid_argument(
      fmt::format("no such date: '{}' (the clocks go forward over it on {})", text, date_text(day)));
}

CivilTime local_civil(ts::WallTime time) {
  const auto since_epoch = std::chrono::floor<seconds>(time.time_since_epoch());
  const auto local = time.time_since_epoch() + zone_at(since_epoch);
  const auto day = std::chrono::floor<days>(local);
  return {local_days{day}, local - day};
}

std::optional<RelativeTime> read_relative(std::string_view text) {
  using Anchor = RelativeTime::Anchor;
  struct Name {
    std::string_view name;
    Anchor anchor;
  };
  for (const auto& [name, anchor] :
       {Name{"now", Anchor::now}, Name{"start", Anchor::start}, Name{"end", Anchor::end}}) {
    if (!text.starts_with(name)) continue;
    std::string_view rest = text.substr(name.size());
    if (rest.empty()) return RelativeTime{anchor, 0ns};
    const char sign = rest.front();
    if (sign != '+' && sign != '-') return {};
    nanoseconds offset{};
    parse_value(rest.substr(1), offset);
    return RelativeTime{anchor, sign == '-' ? -offset : offset};
  }
  return {};
}

ts::WallTime read_date(std::string_view text) {
  Reader reader{text};
  const auto year = reader.number(4);
  if (!year || !reader.take('-')) refuse(text);
  const auto month = reader.number(2);
  if (!month || !reader.take('-')) refuse(text);
  const auto day = reader.number(2);
  if (!day || (!reader.take('T') && !reader.take(' '))) refuse(text);
  const auto time = read_time_of_day(reader);
  if (!time) refuse(text);

  const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) {
    throw std::invalid_argument(fmt::format("no such date: '{}' (the calendar has no {})", text, text.substr(0, 10)));
  }
  // Nanoseconds since 1970 fit 64 bits until 2262.
  if (*year < 1970 || *year > 2200) throw std::invalid_argument(fmt::format("out of range: '{}' (1970 to 2200)", text));

  const CivilTime civil{local_days{date}, *time};
  if (!reader.done()) {
    const auto zone = read_zone(reader);
    if (!zone || !reader.done()) refuse(text);
    return moment(civil, *zone);
  }
  const auto moments = local_moments(civil);
  if (moments.empty()) refuse_skipped(text, civil.day);
  return moments.front();
}

// The last moment not after `now` that local clocks show the time of day. A day whose clocks skip it is an error if
// it is the day meant, rather than quietly the day before.
ts::WallTime last_time_of_day(const TimeExpression& expression, nanoseconds time, ts::WallTime now) {
  const CivilTime today = local_civil(now);
  for (const int back : {0, 1}) {
    const CivilTime civil{today.day - days{back}, time};
    const auto moments = local_moments(civil);
    if (moments.empty() && moment(civil, zone_at(as_if_utc(civil) - days{1})) <= now) {
      refuse_skipped(expression.text, civil.day);
    }
    if (!moments.empty() && moments.front() <= now) return moments.front();
  }
  refuse_skipped(expression.text, today.day - days{1});
}

ts::WallTime next_time_of_day(const TimeExpression& expression, nanoseconds time, ts::WallTime after) {
  const CivilTime reference = local_civil(after);
  for (const int ahead : {0, 1}) {
    const CivilTime civil{reference.day + days{ahead}, time};
    const auto moments = local_moments(civil);
    for (const auto candidate : moments) {
      if (candidate > after) return candidate;
    }
    if (moments.empty() && time > reference.since_midnight) refuse_skipped(expression.text, civil.day);
  }
  refuse_skipped(expression.text, reference.day + days{1});
}

std::string date_and_time(nanoseconds shifted) {
  const auto day = std::chrono::floor<days>(shifted);
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(shifted - day).count();
  const auto whole = milliseconds / 1000;
  std::string text =
      fmt::format("{}T{:02}:{:02}:{:02}", date_text(local_days{day}), whole / 3600, whole / 60 % 60, whole % 60);
  if (milliseconds % 1000 != 0) text += fmt::format(".{:03}", milliseconds % 1000);
  return text;
}

}  // namespace

void parse_value(std::string_view text, TimeExpression& value) {
  value.text = text;
  if (const auto relative = read_relative(text)) {
    value.when = *relative;
    return;
  }
  Reader reader{text};
  const auto time = read_time_of_day(reader);
  if (time && reader.done()) {
    value.when = TimeOfDay{*time};
    return;
  }
  value.when = read_date(text);
}

std::string to_text(const TimeExpression& value) { return value.text; }

ts::WallTime resolve(const TimeExpression& expression, const TimeContext& context) {
  if (const auto* date = std::get_if<ts::WallTime>(&expression.when)) return *date;
  if (const auto* time = std::get_if<TimeOfDay>(&expression.when)) {
    return context.after ? next_time_of_day(expression, time->since_midnight, *context.after)
                         : last_time_of_day(expression, time->since_midnight, context.now);
  }
  const auto& relative = std::get<RelativeTime>(expression.when);
  using Anchor = RelativeTime::Anchor;
  const std::optional<ts::WallTime> anchor = relative.anchor == Anchor::now     ? context.now
                                             : relative.anchor == Anchor::start ? context.start
                                                                                : context.end;
  if (!anchor) {
    throw std::invalid_argument(fmt::format("'{}' has no meaning here: the {} is not known", expression.text,
                                            relative.anchor == Anchor::start ? "start" : "end"));
  }
  nanoseconds::rep sum = 0;
  if (__builtin_add_overflow(anchor->time_since_epoch().count(), relative.offset.count(), &sum)) {
    throw std::invalid_argument(fmt::format("out of range: '{}' (1970 to 2200)", expression.text));
  }
  return ts::WallTime{nanoseconds{sum}};
}

std::string utc_text(ts::WallTime time) { return date_and_time(time.time_since_epoch()) + "Z"; }

std::string local_text(ts::WallTime time) {
  const seconds zone = zone_at(std::chrono::floor<seconds>(time.time_since_epoch()));
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(std::chrono::abs(zone)).count();
  return fmt::format("{}{}{:02}:{:02}", date_and_time(time.time_since_epoch() + zone), zone < 0s ? '-' : '+',
                     minutes / 60, minutes % 60);
}

}  // namespace cli
