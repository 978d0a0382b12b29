#include "tools/tsmux/posix_zone.hpp"

#include <algorithm>
#include <cctype>

namespace tsmux {

using namespace std::chrono_literals;

// Takes one part after another off the front of the text; says if the part is there and right.
class PosixZone::Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool at_end() const { return text_.empty(); }
  bool next_is(char c) const { return !text_.empty() && text_.front() == c; }
  bool take(char c) {
    if (!next_is(c)) return false;
    text_.remove_prefix(1);
    return true;
  }

  // "CET" or "<-03>".
  bool take_name() {
    const bool quoted = take('<');
    std::size_t size = 0;
    const auto belongs = [quoted](char c) {
      return quoted ? c != '>' : std::isalpha(static_cast<unsigned char>(c)) != 0;
    };
    while (size < text_.size() && belongs(text_[size])) ++size;
    text_.remove_prefix(size);
    return size >= 3 && (!quoted || take('>'));
  }

  bool take_number(unsigned least, unsigned greatest, unsigned& value) {
    std::size_t size = 0;
    value = 0;
    while (size < text_.size() && size < 4 && text_[size] >= '0' && text_[size] <= '9') {
      value = value * 10 + static_cast<unsigned>(text_[size++] - '0');
    }
    text_.remove_prefix(size);
    return size > 0 && value >= least && value <= greatest;
  }

  // [+-]hh[:mm[:ss]], to 167 hours (RFC 8536 3.3.1).
  bool take_time(std::chrono::seconds& time) {
    const bool negative = take('-');
    if (!negative) take('+');
    unsigned hours = 0, minutes = 0, seconds = 0;
    if (!take_number(0, 167, hours)) return false;
    if (take(':')) {
      if (!take_number(0, 59, minutes)) return false;
      if (take(':') && !take_number(0, 59, seconds)) return false;
    }
    time = std::chrono::hours{hours} + std::chrono::minutes{minutes} + std::chrono::seconds{seconds};
    if (negative) time = -time;
    return true;
  }

  bool take_day(Day& day) {
    if (take('M')) {
      day.kind = Day::Kind::weekday;
      if (!take_number(1, 12, day.month) || !take('.') || !take_number(1, 5, day.week) || !take('.') ||
          !take_number(0, 6, day.weekday)) {
        return false;
      }
    } else if (take('J')) {
      day.kind = Day::Kind::day_without_29_february;
      if (!take_number(1, 365, day.day)) return false;
    } else {
      day.kind = Day::Kind::day;
      if (!take_number(0, 365, day.day)) return false;
    }
    return !take('/') || take_time(day.time);
  }

 private:
  std::string_view text_;
};

std::optional<PosixZone> PosixZone::parse(std::string_view text) {
  PosixZone zone;
  Reader reader{text};
  // West of Greenwich is positive there.
  if (!reader.take_name() || !reader.take_time(zone.standard_)) return std::nullopt;
  zone.standard_ = -zone.standard_;
  if (reader.at_end()) return zone;

  zone.summer_ = zone.standard_ + 1h;
  if (!reader.take_name()) return std::nullopt;
  if (!reader.next_is(',')) {
    if (!reader.take_time(zone.summer_)) return std::nullopt;
    zone.summer_ = -zone.summer_;
  }
  Day begin, end;
  const bool right = reader.take(',') && reader.take_day(begin) && reader.take(',') && reader.take_day(end);
  if (!right || !reader.at_end()) return std::nullopt;
  zone.summer_time_.emplace(begin, end);
  return zone;
}

std::chrono::sys_seconds PosixZone::Day::in(std::chrono::year year) const {
  using namespace std::chrono;
  const sys_days first{year / January / 1};
  switch (kind) {
    case Kind::day:
      return first + days{day} + time;
    case Kind::day_without_29_february: {
      constexpr unsigned last_of_february = 59;
      const bool after_29 = year.is_leap() && day > last_of_february;
      return first + days{day - (after_29 ? 0 : 1)} + time;
    }
    case Kind::weekday:
      break;
  }
  const std::chrono::month in_month{month};
  const std::chrono::weekday on{weekday};
  return (week == 5 ? sys_days{year / in_month / on[last]} : sys_days{year / in_month / on[week]}) + time;
}

std::vector<OffsetChange> PosixZone::changes(std::chrono::year year) const {
  if (!summer_time_) return {};
  std::vector<OffsetChange> out{{summer_time_->first.in(year)-standard_, summer_},
                                {summer_time_->second.in(year)-summer_, standard_}};
  std::ranges::sort(out, {}, &OffsetChange::at);
  return out;
}

}  // namespace tsmux
