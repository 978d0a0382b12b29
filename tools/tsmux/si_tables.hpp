// The tables of the multiplex: made from what it carries and from the options, and given to the carousel.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/mux/section_carousel.hpp"
#include "common/psi/tables.hpp"
#include "tools/tsmux/event_guide.hpp"
#include "tools/tsmux/lineup.hpp"
#include "tools/tsmux/local_time.hpp"
#include "tools/tsmux/options.hpp"
#include "tools/tsmux/table_version.hpp"
#include "tools/tsmux/xmltv_guide.hpp"

namespace tsmux {

class SiTables {
 public:
  // What the clocks of viewers show as a packet leaves.
  using Utc = std::function<std::chrono::sys_seconds(mux::MultiplexTime now)>;

  SiTables(const Options& options, mux::SectionCarousel& carousel, Utc utc);

  void configure(const Options& options);
  // A section of EIT actual that the service's input sends.
  void feed(const Lineup::Service& service, const ts::Section& section, mux::MultiplexTime now);
  // Brings the carousel up to date. Cheap where nothing has changed.
  void update(const Lineup& lineup, mux::MultiplexTime now);

 private:
  void carry_events(const Lineup& lineup);
  EventFlags flags(psi::ServiceId service) const;
  void make_program_tables(const Lineup& lineup);
  void make_service_tables(const Lineup& lineup);
  void make_network_table(const psi::Sdt& sdt, const Lineup& lineup);
  void make_cat(const Lineup& lineup);
  void make_time_tables();
  psi::SectionBytes tot_section(mux::MultiplexTime now) const;
  void set(const mux::TableKey& key, std::vector<psi::SectionBytes> sections, std::chrono::milliseconds interval);

  Options options_;
  mux::SectionCarousel& carousel_;
  Utc utc_;
  std::optional<psi::Descriptor> delivery_;
  std::optional<TimeZone> zone_;
  std::string country_;  // of the zone; empty: none
  EventGuide events_;
  std::unique_ptr<XmltvGuide> xmltv_;

  std::uint64_t lineup_changes_ = ~std::uint64_t{0};
  mux::MultiplexTime next_look_{};
  std::map<psi::ServiceId, EventFlags> flags_;  // as in the SDT
  std::map<mux::TableKey, TableVersion> versions_;
  std::set<mux::TableKey> sent_;  // of those made here
  std::set<psi::ServiceId> carried_;
};

}  // namespace tsmux
