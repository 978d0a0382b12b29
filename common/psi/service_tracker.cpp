#include "common/psi/service_tracker.hpp"

#include <algorithm>
#include <utility>

namespace psi {
namespace {

constexpr std::array fixed_pids{ts::pat_pid, ts::cat_pid, ts::nit_pid, ts::sdt_pid,
                                ts::eit_pid, ts::rst_pid, ts::tdt_pid};

SectionBytes copy_of(const ts::Section& section) { return {section.bytes().begin(), section.bytes().end()}; }

// Tables without section_syntax_indicator have no CRC, but for the TOT (EN 300 468 5.2.6).
bool has_crc(const ts::Section& section) {
  return (section.bytes()[1] & 0x80) != 0 || section.table_id() == table_id::tot;
}

bool is_sound(const ts::Section& section) {
  if (!has_crc(section)) return true;
  return (section.has_long_header() || section.table_id() == table_id::tot) && section.crc_ok();
}

}  // namespace

ServiceTracker::ServiceTracker(ChangeHandler on_change, Options options)
    : on_change_(std::move(on_change)), options_(options) {
  assemble_only_known();
}

ServiceTracker::~ServiceTracker() = default;

void ServiceTracker::feed(const ts::Packet& packet) {
  const ts::Pid pid = packet.pid();
  if (!wants(pid)) return;
  assemblers_[pid.value()]->feed(packet, [this, pid](const ts::Section& section) { take(pid, section); });
}

void ServiceTracker::interrupt() {
  for (const auto& assembler : assemblers_) {
    if (assembler) assembler->reset();
  }
}

void ServiceTracker::reset() {
  pat_.reset();
  cat_.reset();
  sdt_.reset();
  pat_collector_.reset();
  cat_collector_.reset();
  sdt_collector_.reset();
  services_.clear();
  memories_.clear();
  utc_.reset();
  interrupt();
  assemble_only_known();
}

const Service* ServiceTracker::find(ServiceId id) const {
  const auto found = services_.find(id);
  return found == services_.end() ? nullptr : &found->second;
}

void ServiceTracker::follow(ts::Pid pid) {
  auto& assembler = assemblers_[pid.value()];
  if (!assembler && pid != ts::null_pid) assembler = std::make_unique<ts::SectionAssembler>();
}

// Those of the fixed PIDs stay: one of them may be the caller.
void ServiceTracker::assemble_only_known() {
  std::vector<bool> known(ts::Pid::count);
  const auto add = [this, &known](ts::Pid pid) {
    known[pid.value()] = true;
    follow(pid);
  };
  std::ranges::for_each(fixed_pids, add);
  if (pat_ && pat_->network_pid) add(*pat_->network_pid);
  for (const auto& [id, service] : services_) add(service.pmt_pid);
  for (std::size_t pid = 0; pid < assemblers_.size(); ++pid) {
    if (!known[pid]) assemblers_[pid].reset();
  }
}

void ServiceTracker::take(ts::Pid pid, const ts::Section& section) {
  if (!is_sound(section)) {
    ++crc_errors_;
    if (on_damaged_section_) on_damaged_section_(pid, section);
    return;
  }
  if (on_section_) on_section_(pid, section);
  if (pid == ts::tdt_pid) {
    if (const auto utc = parse_time_section(copy_of(section))) utc_ = utc;
    return;
  }
  if (!section.has_long_header() || !section.is_current()) return;
  switch (section.table_id()) {
    case table_id::pat:
      if (pid == ts::pat_pid) take_pat(section);
      break;
    case table_id::cat:
      if (pid == ts::cat_pid) take_cat(section);
      break;
    case table_id::pmt:
      take_pmt(pid, section);
      break;
    case table_id::sdt_actual:
      if (pid == ts::sdt_pid) take_sdt(section);
      break;
    case table_id::eit_pf_actual:
      if (pid == ts::eit_pid && options_.events) take_events(section);
      break;
    default:
      break;
  }
}

void ServiceTracker::take_pat(const ts::Section& section) {
  if (!pat_collector_.feed(section)) return;
  auto pat = parse_pat(pat_collector_.sections());
  if (!pat) return;
  pat_ = std::move(pat);
  update_services();
  assemble_only_known();
  changed(Change::pat);
}

// services() as the PAT has them; of those that stay, what is known stays.
void ServiceTracker::update_services() {
  auto before = std::exchange(services_, {});
  auto memories = std::exchange(memories_, {});
  for (const Pat::Entry& entry : pat_->services) {
    if (services_.contains(entry.service)) continue;
    auto service = before.extract(entry.service);
    if (service.empty()) {
      services_.emplace(entry.service, Service{.id = entry.service,
                                               .pmt_pid = entry.pmt_pid,
                                               .pmt = {},
                                               .pmt_sections = {},
                                               .sdt = {},
                                               .present = {},
                                               .following = {}});
      memories_.try_emplace(entry.service);
    } else {
      service.mapped().pmt_pid = entry.pmt_pid;
      services_.insert(std::move(service));
      memories_.insert(memories.extract(entry.service));
    }
  }
  update_descriptions();
}

void ServiceTracker::update_descriptions() {
  for (auto& [id, service] : services_) service.sdt.reset();
  if (!sdt_) return;
  for (const Sdt::Service& description : sdt_->services) {
    const auto found = services_.find(description.service);
    if (found != services_.end()) found->second.sdt = description;
  }
}

// Several services may share a PMT PID: program_number tells their sections apart.
void ServiceTracker::take_pmt(ts::Pid pid, const ts::Section& section) {
  const ServiceId id{section.extension()};
  const auto found = services_.find(id);
  if (found == services_.end() || found->second.pmt_pid != pid) return;
  if (section.last_number() != 0) return;  // parse_pmt() would refuse what took much memory to collect
  TableCollector& collector = memories_[id].pmt;
  if (!collector.feed(section)) return;
  auto pmt = parse_pmt(collector.sections());
  if (!pmt) return;
  found->second.pmt = std::move(pmt);
  found->second.pmt_sections = collector.sections();
  changed(Change::pmt, id);
}

void ServiceTracker::take_cat(const ts::Section& section) {
  if (!cat_collector_.feed(section)) return;
  auto cat = parse_cat(cat_collector_.sections());
  if (!cat) return;
  cat_ = std::move(cat);
  changed(Change::cat);
}

void ServiceTracker::take_sdt(const ts::Section& section) {
  if (!sdt_collector_.feed(section)) return;
  auto sdt = parse_sdt(sdt_collector_.sections());
  if (!sdt) return;
  sdt_ = std::move(sdt);
  update_descriptions();
  changed(Change::sdt);
}

// Section 0 is the present event, section 1 the following one; either may be empty (EN 300 468 5.2.4).
void ServiceTracker::take_events(const ts::Section& section) {
  const ServiceId id{section.extension()};
  const auto found = services_.find(id);
  if (found == services_.end() || section.number() > 1) return;
  SectionBytes& last = memories_[id].events[section.number()];
  if (std::ranges::equal(last, section.bytes())) return;
  last = copy_of(section);
  const auto eit = parse_eit_section(last);
  if (!eit) return;
  auto& slot = section.number() == 0 ? found->second.present : found->second.following;
  auto event = eit->events.empty() ? std::nullopt : std::optional{eit->events.front()};
  if (slot == event) return;
  slot = std::move(event);
  changed(Change::event, id);
}

void ServiceTracker::changed(Change change, std::optional<ServiceId> service) const {
  if (on_change_) on_change_(change, service);
}

}  // namespace psi
