// An endpoint with keys of the calling tool, which stand among the endpoint's own in any order:
// udp://239.1.1.1:5000,newsid=0x0101,iface=eth1
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "common/io/endpoint.hpp"

namespace io {

struct KeyedEndpoint {
  Endpoint endpoint;
  std::string place;                        // the text without the tool's keys: what the endpoint is known by
  std::string name;                         // the same without its secrets, for messages and files
  std::map<std::string, std::string> keys;  // the tool's, as given

  // Throws std::invalid_argument as Endpoint::parse() does, and for a key of the tool that is given twice.
  static KeyedEndpoint parse(std::string_view text, std::span<const std::string_view> tool_keys);
};

}  // namespace io
