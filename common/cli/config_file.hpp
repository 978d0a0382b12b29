// A --config file: the long options by their names without dashes, as INI and TOML write them.
//
//   keep = 24h
//   input = udp://239.1.1.1:5000,iface=eth1    # up to a comment; spaces and commas are part of it
//   channel = "France 3"
//   service = ["0x0101=udp://239.1.0.1:5000", "0x0102=udp://239.1.0.2:5000"]
//   service = 0x0103=udp://239.1.0.3:5000      # a key may come again
//   loop
#pragma once

#include <istream>
#include <string>
#include <vector>

namespace cli {

struct ConfigEntry {
  std::string key;
  std::vector<std::string> values;  // none: a key alone
  int line = 0;                     // the first one of this key
};

// Each key once, in the file's order; a byte order mark at the start is no part of it. Throws UsageError
// ("NAME:3: ...").
std::vector<ConfigEntry> read_config(std::istream& input, const std::string& name);

}  // namespace cli
