// What goes into the multiplex, as asked for: --input ENDPOINT[,key=value]... and --component ENDPOINT,key=value...
//
//   udp://239.1.0.1:5000,newsid=0x202           the only service of that stream, under another id
//   mux.ts,service=257,priority=1,loop=yes      a service of a file
//   srt://:9000,service=all                     every service that comes there
//   udp://239.1.0.9:5000,pid=0x300,to=0x202     a component for the service that has this id in the multiplex
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/io/endpoint.hpp"
#include "common/psi/eit_mode.hpp"
#include "common/psi/pid_map.hpp"
#include "common/psi/tables.hpp"
#include "common/ts/packet.hpp"

namespace tsmux {

using Latency = std::chrono::milliseconds;

// How often a file is played.
struct Plays {
  static constexpr std::uint32_t for_ever = 0;
  std::uint32_t count = 1;
  friend bool operator==(Plays, Plays) = default;
};

// Where a stream is received, and how, as one --input or --component says it.
struct SourceSpec {
  io::Endpoint endpoint;
  // The endpoint's text without the keys of this tool, and that without its secrets.
  std::string place, name;
  std::optional<bool> live;
  std::optional<Plays> loop;
  std::optional<Latency> latency;
};

// One reception: what several inputs take their services and components from.
struct Reception {
  io::Endpoint endpoint;
  std::string place, name;
  bool live = false;   // comes at its own pace, through a jitter buffer; otherwise read as needed
  Plays plays;         // of a file
  Latency latency{0};  // of the jitter buffer

  // Received in the same way from the same place: can go on as it is.
  friend bool operator==(const Reception& a, const Reception& b);
};

enum class OnLoss : std::uint8_t { keep, remove };

struct InputSpec {
  SourceSpec source;
  bool all_services = false;
  std::optional<psi::ServiceId> service;  // none: all, or the only one
  std::optional<psi::ServiceId> new_id;
  std::optional<std::string> service_name, provider;  // UTF-8
  std::optional<std::uint8_t> service_type;
  OnLoss on_loss = OnLoss::keep;
  unsigned priority = 0;                 // 0: the last to go when there is too much
  std::optional<std::uint16_t> channel;  // logical channel number
  std::set<ts::Pid> dropped;             // components left out, by their PIDs in the source
  psi::PidMap pid_map;                   // source to multiplex, also of PMT and PCR
  std::optional<ts::Pid> pmt_pid;
  psi::EitMode eit = psi::EitMode::schedule;
  std::string xmltv;  // the channel in the --xmltv file; empty: none

  // Set when all inputs are known.
  std::size_t reception = 0;  // index
  unsigned number = 0;        // from 1 on: of the first input with that reception, whose block of PIDs it has

  // Throws std::invalid_argument.
  static InputSpec parse(std::string_view text);
  // "input udp://239.1.0.1:5000, service 0x0101 (257)", for messages.
  std::string subject() const;
  // The PMT of the source without the components that are left out.
  psi::Pmt without_dropped(psi::Pmt pmt) const;
  // The same service of the same place with the same content; how it is received is the reception's.
  friend bool operator==(const InputSpec& a, const InputSpec& b);
  // The same service with the same ids: what else may differ (names, priority ...) changes without a break.
  bool is_same_service(const InputSpec& other) const;
};

struct ComponentSpec {
  SourceSpec source;
  std::set<ts::Pid> pids;                 // in the source
  psi::ServiceId target;                  // the service's id in the multiplex
  std::optional<psi::ServiceId> service;  // of the source; none: the only one
  psi::PidMap pid_map;

  std::size_t reception = 0;
  unsigned number = 0;  // as of inputs, which come first

  static ComponentSpec parse(std::string_view text);
  std::string subject() const;
  friend bool operator==(const ComponentSpec& a, const ComponentSpec& b);
};

// Throws std::invalid_argument for a jitter buffer that is too short to be one, or too long.
void check_latency(Latency latency);

// Gives every input and component its reception and its number, and the receptions. Inputs and components of one place
// are one reception. Throws std::invalid_argument where they contradict one another: in how a place is received, or in
// an id or PID that two of them ask for.
std::vector<Reception> join(std::vector<InputSpec>& inputs, std::vector<ComponentSpec>& components, Latency latency);

}  // namespace tsmux
