// Local time for the TOT, from the system's tz database.
//
// The database's files are read here (RFC 8536): the C library would do it only for the one zone of the process, by
// setenv(), which threads that run must not see.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include "common/psi/time_tables.hpp"
#include "tools/tsmux/posix_zone.hpp"

namespace tsmux {

struct LocalTime {
  std::chrono::minutes offset{};  // ahead of UTC
  std::optional<std::chrono::sys_seconds> change;
  std::chrono::minutes next_offset{};  // from `change` on; `offset` if there is none
  friend bool operator==(const LocalTime&, const LocalTime&) = default;
};

class TimeZone {
 public:
  // "Europe/Paris". Throws std::invalid_argument if `database` has no such zone, std::runtime_error if its file is
  // damaged.
  explicit TimeZone(const std::string& name, const std::filesystem::path& database = "/usr/share/zoneinfo");
  // That of TZ, or of /etc/localtime where TZ names none; UTC where that is no link into the database.
  static TimeZone system();

  const std::string& name() const { return name_; }
  // Three letters (ISO 3166-1 alpha-3); none of zones that belong to no single country, such as UTC, or that are other
  // names of one (Asia/Calcutta).
  std::optional<std::string> country() const;
  LocalTime at(std::chrono::sys_seconds utc) const;

 private:
  std::string name_;
  std::filesystem::path database_;
  std::chrono::seconds first_offset_{};
  std::vector<OffsetChange> changes_;  // in order
  std::optional<PosixZone> rule_;      // what comes after those
};

// What the TOT says. Of a zone without a change to come: that nothing changes on 1 January in two years.
psi::LocalTimeOffset local_time_offset(const LocalTime& local, const std::string& country,
                                       std::chrono::sys_seconds now);

}  // namespace tsmux
