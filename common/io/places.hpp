// Whether the places that a tool reads and writes keep out of each other's way.
#pragma once

#include <span>
#include <string>

#include "common/io/endpoint.hpp"

namespace io {

struct NamedEndpoint {
  Endpoint endpoint;
  std::string name;  // for messages
};

// Throws std::invalid_argument if an output comes back as an input, is sent to the file that is one (opening it for
// writing would empty it), or if two outputs mix at one address or in one file.
void check_places(std::span<const NamedEndpoint> inputs, std::span<const NamedEndpoint> outputs);

}  // namespace io
