#include "common/cli/pid_list.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "common/cli/values.hpp"

namespace cli {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::set<ts::Pid> parse_pids(std::string_view text) {
  std::set<ts::Pid> pids;
  for (const auto part : split(text, '+')) {
    ts::Pid pid;
    parse_value(part, pid);
    pids.insert(pid);
  }
  return pids;
}

ts::Pid parse_component_pid(std::string_view text) {
  ts::Pid pid;
  parse_value(text, pid);
  if (pid < ts::first_component_pid || pid == ts::null_pid) {
    throw std::invalid_argument(fmt::format("PID {} is no component's: 0x0020 to 0x1ffe can be mapped", to_text(pid)));
  }
  return pid;
}

std::map<ts::Pid, ts::Pid> parse_pid_map(std::string_view text) {
  std::map<ts::Pid, ts::Pid> map;
  std::set<ts::Pid> targets;
  for (const auto part : split(text, '+')) {
    const auto colon = part.find(':');
    if (colon == std::string_view::npos) throw std::invalid_argument(fmt::format("\"{}\" is not FROM:TO", part));
    const ts::Pid from = parse_component_pid(part.substr(0, colon));
    const ts::Pid to = parse_component_pid(part.substr(colon + 1));
    if (!map.emplace(from, to).second) throw std::invalid_argument("PID " + to_text(from) + " is mapped twice");
    if (!targets.insert(to).second) throw std::invalid_argument("two PIDs are mapped to " + to_text(to));
  }
  return map;
}

}  // namespace cli
