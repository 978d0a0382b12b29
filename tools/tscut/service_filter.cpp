#include "tools/tscut/service_filter.hpp"

namespace tscut {
namespace {

bool begins_table(const ts::Packet& packet, std::uint8_t table) {
  const auto payload = packet.payload();
  if (!packet.unit_start() || payload.empty()) return false;
  const std::size_t first = 1u + payload[0];
  return first < payload.size() && payload[first] == table;
}

}  // namespace

void ServiceFilter::update(const psi::ServiceTracker& tables) {
  pat_sections_.clear();
  sdt_sections_.clear();
  for (auto& table : tables_in_force(tables, service_)) {
    if (table.pid == ts::pat_pid) pat_sections_ = std::move(table.sections);
    if (table.pid == ts::sdt_pid) sdt_sections_ = std::move(table.sections);
  }
}

void ServiceFilter::number(std::vector<ts::Packet>& packets) {
  for (auto& packet : packets) {
    if (packet.pid() != ts::pat_pid && packet.pid() != ts::sdt_pid) continue;
    auto& packetizer = packet.pid() == ts::pat_pid ? pat_ : sdt_;
    packet.set_continuity(packetizer.next_counter());
    packetizer.set_next_counter(packetizer.next_counter() + 1);
  }
}

void ServiceFilter::take(const ts::Packet& packet, const StreamMap& map, std::vector<ts::Packet>& out) {
  const ts::Pid pid = packet.pid();
  if (pid == ts::pat_pid) {
    if (packet.unit_start()) pat_.packetize(pat_sections_, out);
  } else if (pid == ts::sdt_pid) {
    if (begins_table(packet, psi::table_id::sdt_actual)) sdt_.packetize(sdt_sections_, out);
  } else if (map.lists(pid) || pid.value() < 0x20) {  // PIDs below are reserved for tables (EN 300 468 table 1)
    out.push_back(packet);
  }
}

}  // namespace tscut
