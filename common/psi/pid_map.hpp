// Which PID what comes on one PID is sent on. A PID that is not in the map keeps its number.
#pragma once

#include <map>

#include "common/psi/descriptor.hpp"
#include "common/ts/packet.hpp"

namespace psi {

using PidMap = std::map<ts::Pid, ts::Pid>;

ts::Pid mapped(const PidMap& map, ts::Pid pid);
// The CA_PIDs of CA descriptors (ISO/IEC 13818-1 2.6.16), where ECMs or EMMs are; the rest of them as it is.
void map_ca_pids(Descriptors& descriptors, const PidMap& map);

}  // namespace psi
