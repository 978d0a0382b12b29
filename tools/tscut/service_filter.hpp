// One service out of a multiplex: its PIDs, a PAT and an SDT of its own, and the other tables as they are.
#pragma once

#include <vector>

#include "common/psi/service_tracker.hpp"
#include "common/ts/packet.hpp"
#include "common/ts/section.hpp"
#include "tools/tscut/stream_map.hpp"

namespace tscut {

class ServiceFilter {
 public:
  explicit ServiceFilter(psi::ServiceId service) : service_(service) {}

  // The tables have changed.
  void update(const psi::ServiceTracker& tables);
  // Gives packets of PAT and SDT that were made elsewhere the next counters of these PIDs.
  void number(std::vector<ts::Packet>& packets);
  // Appends what the packet becomes.
  void take(const ts::Packet& packet, const StreamMap& map, std::vector<ts::Packet>& out);

 private:
  psi::ServiceId service_;
  std::vector<psi::SectionBytes> pat_sections_, sdt_sections_;
  ts::SectionPacketizer pat_{ts::pat_pid}, sdt_{ts::sdt_pid};
};

}  // namespace tscut
