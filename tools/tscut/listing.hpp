// What a recording holds: --list.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/psi/service_tracker.hpp"
#include "common/ring/recording.hpp"
#include "tools/tscut/timeline.hpp"

namespace tscut {

class Listing {
 public:
  // Reads the indexes of the whole recording, which must have packets.
  Listing(ring::Recording& recording, ts::WallTime now);

  std::string table() const;
  std::string json() const;

 private:
  struct Stretch {
    Point from, to;
    std::uint64_t packets = 0;
  };
  struct Service {
    psi::ServiceId id;
    std::string name, streams;
    std::size_t access_points = 0;
    std::chrono::nanoseconds mean_spacing{0}, largest_spacing{0};  // 0: fewer than two access points
  };
  struct Event {
    psi::ServiceId service;
    std::uint16_t id = 0;
    std::chrono::sys_seconds start;
    std::optional<std::chrono::seconds> duration;
    std::string title;
  };

  void find_stretches();
  void find_services();
  void measure_access_points(const std::vector<ring::AccessEntry>& entries);
  void find_events();
  void take_event(psi::ServiceId service, const std::optional<psi::EitEvent>& event);
  std::string stretches_table() const;
  std::string services_table() const;
  std::string gaps_table() const;
  std::string events_table() const;

  ring::Recording& recording_;
  Timeline timeline_;
  std::vector<Stretch> stretches_;
  std::vector<Service> services_;
  std::vector<ring::Gap> gaps_;
  std::vector<Event> events_;
};

}  // namespace tscut
