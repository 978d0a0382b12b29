// Says what was lost since it was last said: one message a place and kind of loss, so many a minute.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "common/cli/log.hpp"

namespace cli {

class LossLog {
 public:
  // "udp://239.1.1.1:5000: 12 packets dropped", if `total`, counted since the start, is more than at the last call with
  // this place and `what`.
  void tell(const std::string& place, const std::string& what, std::uint64_t total);

 private:
  std::map<std::pair<std::string, std::string>, std::uint64_t> told_;
  RateLimited limit_;
};

}  // namespace cli
