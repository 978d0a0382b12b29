#include "tools/dvbrecv/service_tables.hpp"

#include <algorithm>
#include <span>

#include "common/psi/elementary_stream.hpp"
#include "common/ts/section.hpp"

namespace dvbrecv {
namespace {

psi::Pmt kept(psi::Pmt pmt, const OutputSpec& spec) {
  std::erase_if(pmt.streams, [&](const auto& stream) { return !spec.pids.empty() && !spec.pids.contains(stream.pid); });
  return pmt;
}

psi::Pmt changed(const psi::Pmt& source, const OutputSpec& spec) {
  psi::Pmt pmt = kept(source, spec);
  pmt.service = spec.new_id.value_or(pmt.service);
  pmt.pcr_pid = psi::mapped(spec.pid_map, pmt.pcr_pid);
  psi::map_ca_pids(pmt.descriptors, spec.pid_map);
  for (auto& stream : pmt.streams) {
    stream.pid = psi::mapped(spec.pid_map, stream.pid);
    psi::map_ca_pids(stream.descriptors, spec.pid_map);
  }
  return pmt;
}

}  // namespace

psi::Pat single_service_pat(const psi::Pat& source, const psi::Service& service, const OutputSpec& spec) {
  psi::Pat pat;
  pat.transport_stream_id = source.transport_stream_id;
  pat.version = source.version;
  pat.network_pid = source.network_pid;
  pat.services.push_back({spec.new_id.value_or(service.id), psi::mapped(spec.pid_map, service.pmt_pid)});
  return pat;
}

std::vector<psi::SectionBytes> service_pmt(const psi::Service& service, const OutputSpec& spec) {
  const psi::Pmt pmt = changed(*service.pmt, spec);
  return pmt == *service.pmt ? service.pmt_sections : psi::sections(pmt);
}

std::optional<psi::Sdt> single_service_sdt(const psi::Sdt& source, const psi::Service& service,
                                           const OutputSpec& spec) {
  if (!service.sdt) return std::nullopt;
  psi::Sdt sdt;
  sdt.transport_stream_id = source.transport_stream_id;
  sdt.original_network_id = source.original_network_id;
  sdt.version = source.version;
  sdt.services.push_back(*service.sdt);
  sdt.services.front().service = spec.new_id.value_or(service.id);
  return sdt;
}

std::set<ts::Pid> service_pids(const psi::Pmt& pmt, const OutputSpec& spec) {
  return psi::packet_pids(kept(pmt, spec), spec.ecm);
}

}  // namespace dvbrecv
