#include "common/psi/pid_map.hpp"

namespace psi {

ts::Pid mapped(const PidMap& map, ts::Pid pid) {
  const auto found = map.find(pid);
  return found == map.end() ? pid : found->second;
}

void map_ca_pids(Descriptors& descriptors, const PidMap& map) {
  for (auto& [tag, data] : descriptors) {
    // CA_PID: 13 bits after the 16 of CA_system_id.
    if (tag != tag::conditional_access || data.size() < 4) continue;
    const unsigned pid = mapped(map, ts::Pid{static_cast<unsigned>(data[2] << 8 | data[3])}).value();
    data[2] = static_cast<std::uint8_t>((data[2] & 0xE0) | pid >> 8);
    data[3] = static_cast<std::uint8_t>(pid);
  }
}

}  // namespace psi
