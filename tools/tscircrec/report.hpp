// What is recorded in a directory, for --status.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/ring/recording.hpp"

namespace tscircrec {

struct Report {
  struct Service {
    std::uint16_t id = 0;
    std::string name, provider;
    std::vector<std::string> codecs;
  };
  struct Event {
    std::optional<ts::WallTime> seen;  // became the present one; none: earlier than was looked
    std::uint16_t service = 0, id = 0;
    std::optional<std::chrono::sys_seconds> start;
    std::optional<std::chrono::seconds> duration;
    std::string name;
  };
  // What has a segment's name and not its contents.
  struct Stranger {
    std::string file, what;
  };
  struct ClockStep {
    std::optional<ts::WallTime> date;
    std::chrono::nanoseconds step{0};
  };

  std::filesystem::path directory;
  bool being_written = false;
  std::optional<int> process;
  std::optional<ts::WallTime> first, last;
  std::optional<std::chrono::nanoseconds> silence;  // since the last packet, if being written
  std::chrono::nanoseconds recorded{0};
  std::size_t segments = 0;
  std::uint64_t packets = 0, bytes = 0;
  std::optional<std::int64_t> rate;  // bit/s, mean
  std::optional<std::uint64_t> disk_free;
  std::vector<ring::Span> coverage;
  std::vector<ring::Gap> gaps;
  std::vector<ClockStep> clock_steps;
  std::vector<Stranger> strangers;
  std::vector<Service> services;
  std::vector<Event> events;  // the last ones, oldest first

  std::string text() const;
  nlohmann::ordered_json json() const;
};

// Throws as ring::open_ring() does.
Report look_at(const std::filesystem::path& directory, ts::WallTime now);

}  // namespace tscircrec
