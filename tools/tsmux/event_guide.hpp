// Events that the inputs send of the services that the multiplex carries, with the multiplex's ids.
//
// Sections are kept one by one and sent on as they came, version included, so that receivers see what the source would
// have shown them. A section goes when its table says that it has no such number any more, when its table has a new
// version and came round without it, and when it has not been seen for long.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "common/mux/time.hpp"
#include "common/psi/event_tables.hpp"
#include "common/ts/section.hpp"
#include "tools/tsmux/event_table.hpp"

namespace tsmux {

class EventGuide {
 public:
  // Sections kept of one service: the schedule of 16 days, if none is saved.
  static constexpr std::size_t most_sections = 1024;

  // The multiplex has this service, whose sections get these ids. Again with other ids or another mode: what is kept is
  // sent with the new ids, and what the mode leaves out goes.
  void carry(const psi::EitIds& ids, psi::EitMode mode);
  // No longer.
  void drop(psi::ServiceId service);
  // The service's events go, as its input is lost; it may send others.
  void forget(psi::ServiceId service);

  // A section of the input's EIT for this service, by its id in the multiplex, with a good CRC. What is no EIT actual,
  // not current, against the numbering of sections, or of a service that is not carried, is ignored.
  void feed(psi::ServiceId service, const ts::Section& section, mux::MultiplexTime now);

  // The tables that differ from what the last call gave. Forgets what has not been seen for long; to be called some
  // times a second.
  std::vector<EventTable> take_changes(mux::MultiplexTime now);

  EventFlags flags(psi::ServiceId service) const;
  // Sections of the services of now that were above most_sections.
  std::uint64_t left_out() const { return left_out_; }

 private:
  struct Entry {
    psi::SectionBytes bytes;  // with the ids of the multiplex
    mux::MultiplexTime seen;
    ts::Ticks27 cycle{};  // between the last two times; 0: seen once
  };
  using Table = std::map<std::uint8_t, Entry>;  // by section_number, never empty
  struct Service {
    psi::EitIds ids;
    psi::EitMode mode = psi::EitMode::none;
    std::map<std::uint8_t, Table> tables;  // by table_id
    bool is_full = false;                  // said
  };

  void store(Service& service, const ts::Section& section, mux::MultiplexTime now);
  bool has_room(Service& service);
  void remove_table(Service& service, std::uint8_t table);
  void expire(Service& service, mux::MultiplexTime now);
  void changed(const Service& service, std::uint8_t table) { changed_.emplace(service.ids.service, table); }

  std::map<psi::ServiceId, Service> services_;
  std::set<std::pair<psi::ServiceId, std::uint8_t>> changed_;  // tables, by id
  std::uint64_t left_out_ = 0;
};

}  // namespace tsmux
