#include "tools/dvbrecv/output_spec.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <tuple>

#include "common/cli/values.hpp"
#include "common/io/file_identity.hpp"

namespace dvbrecv {
namespace {

constexpr std::array<std::string_view, 5> keys{"ca", "eit", "newsid", "pid-map", "pids"};
// What lies below are the tables of MPEG and DVB (EN 300 468 table 1).
constexpr ts::Pid first_free_pid{0x20};

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string without_keys(std::string text) {
  for (const auto key : keys) {
    for (const char separator : {',', '?', '&'}) {
      const auto begin = text.find(fmt::format("{}{}=", separator, key));
      if (begin == std::string::npos) continue;
      const auto end = text.find_first_of(",&", begin + 1);
      // After '?' the separator stays where another key follows.
      const bool keeps = separator == '?' && end != std::string::npos;
      text.erase(keeps ? begin + 1 : begin, end == std::string::npos ? end : end - begin);
    }
  }
  return text;
}

psi::ServiceId parse_service(std::string_view text) {
  return psi::ServiceId{static_cast<std::uint16_t>(cli::parse_integer(text, 1, 0xFFFF))};
}

std::set<ts::Pid> parse_pids(std::string_view text) {
  std::set<ts::Pid> pids;
  for (const auto part : split(text, '+')) {
    ts::Pid pid;
    cli::parse_value(part, pid);
    pids.insert(pid);
  }
  return pids;
}

ts::Pid parse_component(std::string_view text) {
  ts::Pid pid;
  cli::parse_value(text, pid);
  if (pid < first_free_pid || pid == ts::null_pid) {
    throw std::invalid_argument(
        fmt::format("PID {} is no component's: 0x0020 to 0x1ffe can be mapped", cli::to_text(pid)));
  }
  return pid;
}

std::map<ts::Pid, ts::Pid> parse_pid_map(std::string_view text) {
  std::map<ts::Pid, ts::Pid> map;
  std::set<ts::Pid> targets;
  for (const auto part : split(text, '+')) {
    const auto colon = part.find(':');
    if (colon == std::string_view::npos) throw std::invalid_argument(fmt::format("\"{}\" is not FROM:TO", part));
    const ts::Pid from = parse_component(part.substr(0, colon));
    const ts::Pid to = parse_component(part.substr(colon + 1));
    if (!map.emplace(from, to).second) throw std::invalid_argument("PID " + cli::to_text(from) + " is mapped twice");
    if (!targets.insert(to).second) throw std::invalid_argument("two PIDs are mapped to " + cli::to_text(to));
  }
  return map;
}

EitMode parse_eit(std::string_view text) {
  for (const auto& [word, mode] : eit_modes) {
    if (word == text) return mode;
  }
  throw std::invalid_argument(fmt::format("\"{}\" is not none, pf or schedule", text));
}

void parse_conditional_access(std::string_view text, OutputSpec& spec) {
  if (text == "none") return;
  for (const auto part : split(text, '+')) {
    if (part == "ecm") {
      spec.ecm = true;
    } else if (part == "emm") {
      spec.emm = true;
    } else {
      throw std::invalid_argument(fmt::format("\"{}\" is not none, ecm, emm or ecm+emm", part));
    }
  }
}

void apply(const std::string& key, const std::string& value, OutputSpec& spec) {
  if (key == "pids") {
    spec.pids = parse_pids(value);
    return;
  }
  if (!spec.service) throw std::invalid_argument("is for single services; the multiplex passes as it is");
  if (key == "newsid") spec.new_id = parse_service(value);
  if (key == "pid-map") spec.pid_map = parse_pid_map(value);
  if (key == "eit") spec.eit = parse_eit(value);
  if (key == "ca") parse_conditional_access(value, spec);
}

// Where datagrams go, whatever else is said of them.
using NetworkPlace = std::tuple<std::string, std::uint16_t, std::string>;

// Empty unless it is UDP or RTP: SRT has a connection for each output.
std::optional<NetworkPlace> network_place(const io::Endpoint& endpoint) {
  if (endpoint.kind != io::Endpoint::Kind::udp && endpoint.kind != io::Endpoint::Kind::rtp) return std::nullopt;
  return NetworkPlace{endpoint.host, endpoint.port, endpoint.interface};
}

// Throws std::invalid_argument if an output comes back as the input, or two outputs mix at one address.
void check_network_places(const io::Endpoint& input, const std::vector<OutputSpec>& specs) {
  // One sender of a group only is heard (source@): not this host, or it is meant.
  const auto source = input.source.empty() ? network_place(input) : std::nullopt;
  std::map<NetworkPlace, std::string> names;
  for (const auto& spec : specs) {
    const auto place = network_place(spec.endpoint);
    if (!place) continue;
    if (place == source) {
      throw std::invalid_argument(fmt::format("output {} is sent where input {} is received", spec.name, input.text));
    }
    if (const auto [other, is_new] = names.emplace(*place, spec.name); !is_new) {
      throw std::invalid_argument(fmt::format("outputs {} and {} are one address", other->second, spec.name));
    }
  }
}

void check_file_places(const io::Endpoint& input, const std::vector<OutputSpec>& specs) {
  const auto source = file_identity(input, STDIN_FILENO);
  std::map<io::FileIdentity, std::string> files;
  for (const auto& spec : specs) {
    const auto file = file_identity(spec.endpoint, STDOUT_FILENO);
    if (!file) continue;
    if (file == source) {
      throw std::invalid_argument(fmt::format("input {} and output {} are one file", input.text, spec.name));
    }
    if (const auto [other, is_new] = files.emplace(*file, spec.name); !is_new) {
      throw std::invalid_argument(fmt::format("outputs {} and {} are one file", other->second, spec.name));
    }
  }
}

}  // namespace

OutputSpec OutputSpec::parse(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos || equals + 1 == text.size()) {
    throw std::invalid_argument(
        fmt::format("output \"{}\": SID=ENDPOINT or *=ENDPOINT is wanted, as in 0x0101=udp://239.1.1.1:5000", text));
  }
  OutputSpec spec;
  const auto name = text.substr(0, equals);
  std::multimap<std::string, std::string> options;
  try {
    if (name != "*") spec.service = parse_service(name);
    spec.endpoint = io::Endpoint::parse(text.substr(equals + 1), keys, options);
    spec.place = without_keys(std::string{text.substr(equals + 1)});
    spec.name = without_keys(spec.endpoint.text);
  } catch (const std::invalid_argument& e) {
    throw std::invalid_argument(fmt::format("output {}=...: {}", name, e.what()));
  }
  for (const auto& [key, value] : options) {
    try {
      if (options.count(key) > 1) throw std::invalid_argument("is given twice");
      apply(key, value, spec);
    } catch (const std::invalid_argument& e) {
      throw std::invalid_argument(fmt::format("output {}={}: {}: {}", name, spec.endpoint.text, key, e.what()));
    }
  }
  return spec;
}

void check_places(const io::Endpoint& input, const std::vector<OutputSpec>& specs) {
  std::set<std::string> places;
  for (const auto& spec : specs) {
    if (!places.insert(spec.place).second) throw std::invalid_argument("two outputs go to " + spec.name);
  }
  check_network_places(input, specs);
  check_file_places(input, specs);
}

std::string OutputSpec::subject() const {
  if (service) return fmt::format("service 0x{0:04x} ({0})", service->value());
  return pids.empty() ? "the multiplex" : "PIDs of the multiplex";
}

bool operator==(const OutputSpec& a, const OutputSpec& b) {
  const auto content = [](const OutputSpec& s) {
    return std::tie(s.service, s.pids, s.new_id, s.pid_map, s.eit, s.ecm, s.emm);
  };
  return a.place == b.place && content(a) == content(b);
}

}  // namespace dvbrecv
