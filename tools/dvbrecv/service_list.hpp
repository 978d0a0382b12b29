// What a multiplex carries: its services, their components, codecs and languages, and how many bits each takes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "common/io/source.hpp"
#include "common/psi/service_tracker.hpp"
#include "tools/dvbrecv/multiplex_clock.hpp"

namespace dvbrecv {

class ServiceList {
 public:
  ServiceList() : tracker_({}, {.events = false}) {}
  void feed(const io::Chunk& chunk);

  std::uint64_t packets() const { return packets_; }
  bool has_pat() const { return tracker_.pat().has_value(); }
  // How much of it was seen, by its clock; 0 without one.
  ts::Ticks27 duration() const { return clock_.measured(); }

  std::string text() const;
  nlohmann::ordered_json json() const;

 private:
  struct PidCount {
    std::uint64_t packets = 0, scrambled = 0;
  };

  void take(const ts::Packet& packet);
  // Nothing where no packet was seen, or no rate is known.
  std::optional<bool> is_scrambled(ts::Pid pid) const;
  std::optional<double> bit_rate(ts::Pid pid) const;
  std::optional<bool> is_scrambled(const psi::Service& service) const;
  std::optional<double> bit_rate(const psi::Service& service) const;
  nlohmann::ordered_json json(const psi::Service& service) const;

  psi::ServiceTracker tracker_;
  MultiplexClock clock_;
  std::array<PidCount, ts::Pid::count> counts_{};
  std::uint64_t packets_ = 0;
};

}  // namespace dvbrecv
