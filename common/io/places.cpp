#include "common/io/places.hpp"

#include <unistd.h>

#include <map>
#include <optional>
#include <stdexcept>
#include <tuple>

#include "common/io/file_identity.hpp"

namespace io {
namespace {

// Where datagrams go, whatever else is said of them.
using NetworkPlace = std::tuple<std::string, std::uint16_t, std::string>;

// Empty unless it is UDP or RTP: SRT has a connection for each output.
std::optional<NetworkPlace> network_place(const Endpoint& endpoint) {
  if (endpoint.kind != Endpoint::Kind::udp && endpoint.kind != Endpoint::Kind::rtp) return std::nullopt;
  return NetworkPlace{endpoint.host, endpoint.port, endpoint.interface};
}

void check_network_places(std::span<const NamedEndpoint> inputs, std::span<const NamedEndpoint> outputs) {
  std::map<NetworkPlace, std::string> sources, names;
  for (const auto& [endpoint, name] : inputs) {
    // One sender of a group only is heard (source@): not this host, or it is meant.
    const auto place = endpoint.source.empty() ? network_place(endpoint) : std::nullopt;
    if (place) sources.emplace(*place, name);
  }
  for (const auto& [endpoint, name] : outputs) {
    const auto place = network_place(endpoint);
    if (!place) continue;
    if (const auto source = sources.find(*place); source != sources.end()) {
      throw std::invalid_argument("output " + name + " is sent where input " + source->second + " is received");
    }
    if (const auto [other, is_new] = names.emplace(*place, name); !is_new) {
      throw std::invalid_argument("outputs " + other->second + " and " + name + " are one address");
    }
  }
}

void check_file_places(std::span<const NamedEndpoint> inputs, std::span<const NamedEndpoint> outputs) {
  std::map<FileIdentity, std::string> sources, names;
  for (const auto& [endpoint, name] : inputs) {
    if (const auto file = file_identity(endpoint, STDIN_FILENO)) sources.emplace(*file, name);
  }
  for (const auto& [endpoint, name] : outputs) {
    const auto file = file_identity(endpoint, STDOUT_FILENO);
    if (!file) continue;
    if (const auto source = sources.find(*file); source != sources.end()) {
      throw std::invalid_argument("input " + source->second + " and output " + name + " are one file");
    }
    if (const auto [other, is_new] = names.emplace(*file, name); !is_new) {
      throw std::invalid_argument("outputs " + other->second + " and " + name + " are one file");
    }
  }
}

}  // namespace

void check_places(std::span<const NamedEndpoint> inputs, std::span<const NamedEndpoint> outputs) {
  check_network_places(inputs, outputs);
  check_file_places(inputs, outputs);
}

}  // namespace io
