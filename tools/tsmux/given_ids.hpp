// The service ids and PIDs that were given to what came in, and the file where they outlast a restart.
//
//   # kind, id in the multiplex, id in the input, input
//   service 0x0201 0x0101 udp://239.1.0.2:5000
//   pmt 0x0220 0x0201 udp://239.1.0.2:5000          of the service with that id in the multiplex
//   pid 0x0240 0x0140 udp://239.1.0.2:5000
#pragma once

#include <compare>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "common/psi/tables.hpp"
#include "common/ts/packet.hpp"

namespace tsmux {

inline constexpr std::uint16_t first_pid = ts::first_component_pid.value(), last_pid = ts::null_pid.value() - 1;
inline constexpr std::uint16_t first_service = 1, last_service = 0xFFFF;

// What an id is given to.
struct IdKey {
  enum class Kind : std::uint8_t { service, pmt, pid };
  Kind kind = Kind::pid;
  std::string input;         // a reception's name
  std::uint16_t number = 0;  // service: its id in the input; pmt: its service's id in the multiplex; pid: in the input
  friend auto operator<=>(const IdKey&, const IdKey&) = default;
};

// No two PIDs (of pmt and pid) alike, nor two service ids, each within its range.
using GivenIds = std::map<IdKey, std::uint16_t>;

struct RememberedIds {
  GivenIds ids;
  std::string trouble;  // why nothing of the file was taken, for a message; empty: it was, or there is none
};
// Of a regular file of at most 1 MiB.
RememberedIds read_ids(const std::filesystem::path& file);
// Replaces the file at once by the new one. Throws std::system_error.
void write_ids(const std::filesystem::path& file, const GivenIds& ids);

}  // namespace tsmux
