#include "tools/dvbrecv/output_spec.hpp"

#include <fmt/format.h>

#include <array>
#include <stdexcept>
#include <tuple>

#include "common/cli/pid_list.hpp"
#include "common/cli/values.hpp"
#include "common/io/keyed_endpoint.hpp"
#include "common/io/places.hpp"

namespace dvbrecv {
namespace {

constexpr std::array<std::string_view, 5> keys{"ca", "eit", "newsid", "pid-map", "pids"};

psi::ServiceId parse_service(std::string_view text) {
  return psi::ServiceId{static_cast<std::uint16_t>(cli::parse_integer(text, 1, 0xFFFF))};
}

void parse_conditional_access(std::string_view text, OutputSpec& spec) {
  if (text == "none") return;
  for (const auto part : cli::split(text, '+')) {
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
    spec.pids = cli::parse_pids(value);
    return;
  }
  if (!spec.service) throw std::invalid_argument("is for single services; the multiplex passes as it is");
  if (key == "newsid") spec.new_id = parse_service(value);
  if (key == "pid-map") spec.pid_map = cli::parse_pid_map(value);
  if (key == "eit") spec.eit = cli::parse_choice(value, psi::eit_modes);
  if (key == "ca") parse_conditional_access(value, spec);
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
  io::KeyedEndpoint keyed;
  try {
    if (name != "*") spec.service = parse_service(name);
    keyed = io::KeyedEndpoint::parse(text.substr(equals + 1), keys);
  } catch (const std::invalid_argument& e) {
    throw std::invalid_argument(fmt::format("output {}=...: {}", name, e.what()));
  }
  spec.endpoint = keyed.endpoint;
  spec.place = keyed.place;
  spec.name = keyed.name;
  for (const auto& [key, value] : keyed.keys) {
    try {
      apply(key, value, spec);
    } catch (const std::invalid_argument& e) {
      throw std::invalid_argument(fmt::format("output {}={}: {}: {}", name, spec.endpoint.text, key, e.what()));
    }
  }
  return spec;
}

void check_places(const io::Endpoint& input, const std::vector<OutputSpec>& specs) {
  std::set<std::string> places;
  std::vector<io::NamedEndpoint> outputs;
  for (const auto& spec : specs) {
    if (!places.insert(spec.place).second) throw std::invalid_argument("two outputs go to " + spec.name);
    outputs.push_back({spec.endpoint, spec.name});
  }
  io::check_places(std::array{io::NamedEndpoint{input, input.text}}, outputs);
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
