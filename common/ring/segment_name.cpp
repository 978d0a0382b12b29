#include "common/ring/segment_name.hpp"

#include <charconv>
#include <cstdio>

namespace ring {
namespace {

// All of `text` as decimal digits.
std::optional<std::uint64_t> digits(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.front() == '-') return std::nullopt;
  return value;
}

}  // namespace

std::string SegmentName::stem() const {
  const auto day = std::chrono::floor<std::chrono::days>(date);
  const std::chrono::year_month_day ymd{day};
  const std::chrono::hh_mm_ss time{date - day};
  char text[64];
  std::snprintf(text, sizeof text, "%04d%02u%02uT%02d%02d%02dZ_%08llu", static_cast<int>(ymd.year()),
                static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()), static_cast<unsigned long long>(sequence));
  return text;
}

std::optional<SegmentName> SegmentName::parse_stem(std::string_view stem) {
  constexpr std::size_t date_size = 16;  // YYYYMMDDTHHMMSSZ
  if (stem.size() < date_size + 9 || stem[8] != 'T' || stem[15] != 'Z' || stem[16] != '_') return std::nullopt;
  const auto year = digits(stem.substr(0, 4)), month = digits(stem.substr(4, 2)), day = digits(stem.substr(6, 2));
  const auto hour = digits(stem.substr(9, 2)), minute = digits(stem.substr(11, 2)), second = digits(stem.substr(13, 2));
  const auto sequence = digits(stem.substr(date_size + 1));
  if (!year || !month || !day || !hour || !minute || !second || !sequence) return std::nullopt;
  const std::chrono::year_month_day ymd{std::chrono::year{static_cast<int>(*year)},
                                        std::chrono::month{static_cast<unsigned>(*month)},
                                        std::chrono::day{static_cast<unsigned>(*day)}};
  if (!ymd.ok() || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  SegmentName name;
  name.date = std::chrono::sys_days{ymd} + std::chrono::hours{*hour} + std::chrono::minutes{*minute} +
              std::chrono::seconds{*second};
  name.sequence = *sequence;
  if (name.stem() != stem) return std::nullopt;
  return name;
}

}  // namespace ring
