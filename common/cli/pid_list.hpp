// PIDs in the keys of an endpoint, which end at a comma: 0x100+0x101, and 0x100:0x200+0x101:0x201.
//
// All throw std::invalid_argument with a message that quotes the text.
#pragma once

#include <map>
#include <set>
#include <string_view>
#include <vector>

#include "common/ts/packet.hpp"

namespace cli {

// "a+b" at '+': a, b. One part at least, which may be empty.
std::vector<std::string_view> split(std::string_view text, char separator);

std::set<ts::Pid> parse_pids(std::string_view text);
// A PID that a component may have: 0x0020 to 0x1ffe. What lies below are the tables of MPEG and DVB (EN 300 468
// table 1).
ts::Pid parse_component_pid(std::string_view text);
// FROM:TO+FROM:TO of component PIDs, each FROM and each TO once.
std::map<ts::Pid, ts::Pid> parse_pid_map(std::string_view text);

}  // namespace cli
