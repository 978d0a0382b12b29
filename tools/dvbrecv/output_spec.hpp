// One output as asked for: --service SID=ENDPOINT[,key=value]...
//
//   0x0101=udp://239.1.1.1:5000,newsid=1        one service
//   *=srt://host:9000                           the whole multiplex, as it is
//   *=dump.ts,pids=0x100+0x101                  these PIDs of the multiplex, as they are
#pragma once

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

namespace dvbrecv {

using psi::EitMode;

struct OutputSpec {
  io::Endpoint endpoint;
  // The endpoint's text without the keys of this tool: where the output goes; and that without its secrets.
  std::string place, name;
  std::optional<psi::ServiceId> service;  // none: the multiplex
  std::set<ts::Pid> pids;                 // empty: all
  std::optional<psi::ServiceId> new_id;
  psi::PidMap pid_map;
  std::optional<EitMode> eit;  // none: as --eit says
  bool ecm = false, emm = false;

  // Throws std::invalid_argument.
  static OutputSpec parse(std::string_view text);
  // "service 0x0101 (257)", "the multiplex" or "PIDs of the multiplex", for messages.
  std::string subject() const;
  // Same place, same content.
  friend bool operator==(const OutputSpec& a, const OutputSpec& b);
};

// Throws std::invalid_argument if two outputs go to one place, or one to the file that is the input: opening it for
// writing would empty it.
void check_places(const io::Endpoint& input, const std::vector<OutputSpec>& specs);

}  // namespace dvbrecv
