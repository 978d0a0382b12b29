// Follows the services of a multiplex while they change: PAT, each PMT, CAT, SDT actual, EIT present/following.
//
// Fed with the packets of one stream. Cheap for packets of other PIDs: wants() is one table look-up.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "common/psi/table_collector.hpp"
#include "common/psi/tables.hpp"
#include "common/ts/packet.hpp"
#include "common/ts/section.hpp"

namespace psi {

// All that is known of one service now.
struct Service {
  ServiceId id;
  ts::Pid pmt_pid;
  std::optional<Pmt> pmt;                  // not yet seen, or gone
  std::vector<SectionBytes> pmt_sections;  // as sent
  std::optional<Sdt::Service> sdt;         // SDT actual's entry
  std::optional<EitEvent> present, following;
};

class ServiceTracker {
 public:
  enum class Change : std::uint8_t {
    pat,  // services came or went: services() is up to date, PMTs of new ones not yet known
    pmt,  // `service` has a new PMT
    cat,
    sdt,
    event,  // present or following event of `service`
  };
  struct Options {
    bool events = true;  // decode EIT present/following
  };
  // `service` is none for pat, cat and sdt. Called from feed(); must not feed or reset this tracker.
  using ChangeHandler = std::function<void(Change change, std::optional<ServiceId> service)>;
  // Every section seen with a good CRC (or a short one: TDT), whatever its table, of the tracked PIDs; called before
  // the changes that it brings. The view lives for the call.
  using SectionHandler = std::function<void(ts::Pid pid, const ts::Section& section)>;

  explicit ServiceTracker(ChangeHandler on_change = {}) : ServiceTracker(std::move(on_change), Options{}) {}
  ServiceTracker(ChangeHandler on_change, Options options);
  ~ServiceTracker();
  void on_section(SectionHandler handler) { on_section_ = std::move(handler); }
  // Every section with a wrong CRC, or too short for one.
  void on_damaged_section(SectionHandler handler) { on_damaged_section_ = std::move(handler); }

  // True for the PIDs whose packets feed() looks at: PAT, CAT, NIT, SDT, EIT, RST, TDT, and each PMT PID.
  bool wants(ts::Pid pid) const { return assemblers_[pid.value()] != nullptr; }
  void feed(const ts::Packet& packet);
  // Data was lost or the source changed: sections begun are dropped, what is known stays.
  void interrupt();
  void reset();

  const std::optional<Pat>& pat() const { return pat_; }
  // As sent; empty before the first whole table.
  const std::vector<SectionBytes>& pat_sections() const { return pat_collector_.sections(); }
  const std::optional<Cat>& cat() const { return cat_; }
  const std::optional<Sdt>& sdt() const { return sdt_; }
  const std::vector<SectionBytes>& sdt_sections() const { return sdt_collector_.sections(); }
  const std::map<ServiceId, Service>& services() const { return services_; }
  const Service* find(ServiceId id) const;
  // The last UTC of TDT or TOT. Sections without CRC can be damaged: do not set a clock by it.
  std::optional<std::chrono::sys_seconds> utc() const { return utc_; }
  std::uint64_t crc_errors() const { return crc_errors_; }

 private:
  // What is kept of a service beside what others may see.
  struct Memory {
    TableCollector pmt;
    std::array<SectionBytes, 2> events;  // the last EIT sections: present, following
  };

  void follow(ts::Pid pid);
  void assemble_only_known();
  void take(ts::Pid pid, const ts::Section& section);
  void take_pat(const ts::Section& section);
  void take_pmt(ts::Pid pid, const ts::Section& section);
  void take_cat(const ts::Section& section);
  void take_sdt(const ts::Section& section);
  void take_events(const ts::Section& section);
  void update_services();
  void update_descriptions();
  void changed(Change change, std::optional<ServiceId> service = std::nullopt) const;

  ChangeHandler on_change_;
  SectionHandler on_section_, on_damaged_section_;
  Options options_;
  std::array<std::unique_ptr<ts::SectionAssembler>, ts::Pid::count> assemblers_;
  std::optional<Pat> pat_;
  std::optional<Cat> cat_;
  std::optional<Sdt> sdt_;
  TableCollector pat_collector_, cat_collector_, sdt_collector_;
  std::map<ServiceId, Service> services_;
  std::map<ServiceId, Memory> memories_;  // of the same services
  std::optional<std::chrono::sys_seconds> utc_;
  std::uint64_t crc_errors_ = 0;
};

}  // namespace psi
