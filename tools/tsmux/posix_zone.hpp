// The rule of a time zone as POSIX writes it in TZ (and RFC 8536 at the end of a zone's file):
// CET-1CEST,M3.5.0,M10.5.0/3
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace tsmux {

struct OffsetChange {
  std::chrono::sys_seconds at;
  std::chrono::seconds offset{};  // ahead of UTC, from then on
};

class PosixZone {
 public:
  // Nothing where it is not such a rule, or leaves open when summer time is.
  static std::optional<PosixZone> parse(std::string_view text);

  // Ahead of UTC, outside of summer time.
  std::chrono::seconds standard_offset() const { return standard_; }
  // Both changes of a year, in order; none if there is no summer time.
  std::vector<OffsetChange> changes(std::chrono::year year) const;

 private:
  struct Day {
    enum class Kind : std::uint8_t { weekday, day_without_29_february, day };
    Kind kind = Kind::weekday;
    unsigned month = 1, week = 1, weekday = 0;  // 5th week: the last
    unsigned day = 0;                           // 1 to 365, or 0 to 365 with 29 February
    std::chrono::seconds time{std::chrono::hours{2}};

    std::chrono::sys_seconds in(std::chrono::year year) const;  // of local time
  };
  class Reader;

  std::chrono::seconds standard_{}, summer_{};
  std::optional<std::pair<Day, Day>> summer_time_;  // begin and end
};

}  // namespace tsmux
