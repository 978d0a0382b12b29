// A service's entries in the tables of the multiplex, made from those of its input. Versions are TableVersion's matter:
// they are 0 here.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <vector>

#include "common/psi/pid_map.hpp"
#include "common/psi/tables.hpp"
#include "tools/tsmux/id_map.hpp"
#include "tools/tsmux/input_spec.hpp"

namespace tsmux {

// The PMT that is sent: `source` with the ids of the multiplex, also in CA descriptors, without what `ids` has no PID
// for, and with `grafted` components behind it; everything else as it was. One section holds it, or the last components
// are left out (psi::sections()).
psi::Pmt multiplex_pmt(const psi::Pmt& source, const InputSpec& input, const ServiceIds& ids,
                       std::span<const psi::Pmt::Stream> grafted);
// Components `pids` of a source's PMT, with all their descriptors and the PIDs of the multiplex. The CA descriptors of
// its programme loop, which speak of every component (ISO/IEC 13818-1 2.6.16), come to each of them.
std::vector<psi::Pmt::Stream> grafted_streams(const psi::Pmt& source, const std::set<ts::Pid>& pids,
                                              const psi::PidMap& map);

// What the SDT says of a service now.
struct ServiceState {
  bool running = true;                                       // false: its input is lost
  bool eit_present_following = false, eit_schedule = false;  // sent
};
// SDT actual's entry: that of the source (none: it has none) with the names and type that `input` gives. A service
// without either is called "Service N". `pmt` is the one that is sent.
psi::Sdt::Service sdt_entry(const std::optional<psi::Sdt::Service>& source, const InputSpec& input, const psi::Pmt& pmt,
                            const ServiceState& state);

// With the NIT's PID, services in order of their ids.
psi::Pat multiplex_pat(std::uint16_t transport_stream_id, std::vector<psi::Pat::Entry> services);

// One CAT of several: what they name, under the PIDs of the multiplex; what two of them have alike, once.
struct MappedCat {
  const psi::Cat* cat;
  psi::PidMap pids;
};
psi::Cat merged_cat(std::span<const MappedCat> cats);

}  // namespace tsmux
