// The tables of a single-service stream, made from those of the multiplex that it is taken from.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "common/psi/service_tracker.hpp"
#include "common/psi/tables.hpp"
#include "tools/dvbrecv/output_spec.hpp"

namespace dvbrecv {

// PAT: the service alone, and the network PID.
psi::Pat single_service_pat(const psi::Pat& source, const psi::Service& service, const OutputSpec& spec);
// PMT: as sent where `spec` changes nothing in it.
std::vector<psi::SectionBytes> service_pmt(const psi::Service& service, const OutputSpec& spec);
// SDT actual with this service's entry; nothing if it has none.
std::optional<psi::Sdt> single_service_sdt(const psi::Sdt& source, const psi::Service& service, const OutputSpec& spec);

// The PIDs that the service's packets are on and that `spec` lets through: components, PCR, ECMs if wanted.
std::set<ts::Pid> service_pids(const psi::Pmt& pmt, const OutputSpec& spec);

}  // namespace dvbrecv
