// Event information of the multiplex, as its sources hand it to the carousel.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "common/mux/section_carousel.hpp"
#include "common/psi/eit_mode.hpp"
#include "common/psi/event_tables.hpp"
#include "common/psi/tables.hpp"
#include "common/ts/packet.hpp"
#include "common/ts/time.hpp"

namespace tsmux {

// One EIT sub-table that is to be sent from now on as it is here; without sections: that is to go.
struct EventTable {
  mux::TableKey key;
  std::vector<psi::SectionBytes> sections;
  ts::Ticks27 interval{};
};

// What the service's entry in the SDT says (EN 300 468 5.2.3).
struct EventFlags {
  bool schedule = false;
  bool present_following = false;
  friend bool operator==(const EventFlags&, const EventFlags&) = default;
};

inline mux::TableKey event_table_key(psi::ServiceId service, std::uint8_t table) {
  return {.pid = ts::eit_pid, .table_id = table, .extension = service.value()};
}

// The longest time from one sending of a section to the next (TR 101 211 4.4): the schedule's first two tables are
// those of the first eight days.
constexpr ts::Ticks27 event_interval(std::uint8_t table) {
  if (table == psi::table_id::eit_pf_actual) return std::chrono::seconds{2};
  return std::chrono::seconds{table < psi::table_id::eit_schedule_actual_first + 2 ? 10 : 30};
}

}  // namespace tsmux
