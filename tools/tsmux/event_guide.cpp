#include "tools/tsmux/event_guide.hpp"

#include <algorithm>
#include <iterator>

#include "common/cli/log.hpp"

namespace tsmux {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t eit_header_size = 6;  // between the long header and the events
constexpr unsigned sections_of_segment = 8;

bool is_sent(psi::EitMode mode, std::uint8_t table) {
  if (table == psi::table_id::eit_pf_actual) return mode != psi::EitMode::none;
  return psi::is_eit_schedule_actual(table) && mode == psi::EitMode::schedule;
}

// Numbers as EN 300 468 5.2.4 has them; what breaks them could not be told from what is to go.
bool is_well_numbered(const ts::Section& section) {
  if (section.body().size() < eit_header_size || section.number() > section.last_number()) return false;
  if (section.table_id() == psi::table_id::eit_pf_actual) return section.number() <= 1;
  return true;
}

// Whether the table that `section` is of has no section `number`.
bool rules_out(const ts::Section& section, unsigned number) {
  if (number > section.last_number()) return true;
  const bool same_segment = number / sections_of_segment == section.number() / sections_of_segment;
  const unsigned segment_last = psi::segment_last_section_number(section);
  return same_segment && segment_last >= section.number() && number > segment_last;
}

// How long a section is kept that is not seen again. A schedule may come as slowly as its input likes.
ts::Ticks27 patience(std::uint8_t table, ts::Ticks27 cycle) {
  if (table == psi::table_id::eit_pf_actual) return seconds{30};
  return std::max<ts::Ticks27>(minutes{3}, 3 * cycle);
}

}  // namespace

void EventGuide::carry(const psi::EitIds& ids, psi::EitMode mode) {
  Service& service = services_[ids.service];
  const bool renamed = service.ids != ids;
  service.ids = ids;
  service.mode = mode;
  std::vector<std::uint8_t> unwanted;
  for (auto& [id, table] : service.tables) {
    if (!is_sent(mode, id)) unwanted.push_back(id);
    if (!renamed) continue;
    for (auto& [number, entry] : table) entry.bytes = psi::with_ids(ts::Section{entry.bytes}, ids);
    changed(service, id);
  }
  for (const std::uint8_t id : unwanted) remove_table(service, id);
}

void EventGuide::drop(psi::ServiceId service) {
  forget(service);
  services_.erase(service);
}

void EventGuide::forget(psi::ServiceId service) {
  const auto found = services_.find(service);
  if (found == services_.end()) return;
  for (const auto& [id, table] : found->second.tables) changed(found->second, id);
  found->second.tables.clear();
}

void EventGuide::feed(psi::ServiceId service, const ts::Section& section, mux::MultiplexTime now) {
  const auto found = services_.find(service);
  if (found == services_.end() || !section.has_long_header() || !section.is_current()) return;
  if (!is_sent(found->second.mode, section.table_id()) || !is_well_numbered(section)) return;
  store(found->second, section, now);
}

void EventGuide::store(Service& service, const ts::Section& section, mux::MultiplexTime now) {
  const std::uint8_t id = section.table_id();
  const auto found = service.tables.find(id);
  const bool is_new = found == service.tables.end() || !found->second.contains(section.number());
  if (is_new && !has_room(service)) return;
  Table& table = service.tables[id];
  Entry& entry = table[section.number()];
  psi::SectionBytes bytes = psi::with_ids(section, service.ids);
  const bool repeated = entry.bytes == bytes;
  const auto before = entry.seen;

  if (!repeated) changed(service, id);
  entry.cycle = is_new ? ts::Ticks27{} : now - entry.seen;
  entry.seen = now;
  entry.bytes = std::move(bytes);

  // One came round: those of another version that did not are of the past.
  const auto is_gone = [&](const auto& numbered) {
    const auto& [number, other] = numbered;
    const bool is_old = ts::Section{other.bytes}.version() != section.version();
    return rules_out(section, number) || (repeated && is_old && other.seen < before);
  };
  if (std::erase_if(table, is_gone) > 0) changed(service, id);
}

bool EventGuide::has_room(Service& service) {
  std::size_t count = 0;
  for (const auto& [id, table] : service.tables) count += table.size();
  if (count < most_sections) return true;
  ++left_out_;
  if (!service.is_full) {
    cli::log(cli::Priority::warning, "service 0x{0:04x} ({0}): more than {1} EIT sections, the others are left out",
             service.ids.service.value(), most_sections);
  }
  service.is_full = true;
  return false;
}

void EventGuide::remove_table(Service& service, std::uint8_t table) {
  service.tables.erase(table);
  changed(service, table);
}

void EventGuide::expire(Service& service, mux::MultiplexTime now) {
  for (auto it = service.tables.begin(); it != service.tables.end();) {
    auto& [id, table] = *it;
    const auto is_stale = [&, table_id = id](const auto& numbered) {
      const Entry& entry = numbered.second;
      return now - entry.seen > patience(table_id, entry.cycle);
    };
    if (std::erase_if(table, is_stale) > 0) changed(service, id);
    it = table.empty() ? service.tables.erase(it) : std::next(it);
  }
}

std::vector<EventTable> EventGuide::take_changes(mux::MultiplexTime now) {
  for (auto& [id, service] : services_) expire(service, now);
  std::vector<EventTable> out;
  for (const auto& [service, table] : std::exchange(changed_, {})) {
    EventTable& change = out.emplace_back();
    change.key = event_table_key(service, table);
    change.interval = event_interval(table);
    const auto found = services_.find(service);
    if (found == services_.end()) continue;
    const auto entries = found->second.tables.find(table);
    if (entries == found->second.tables.end()) continue;
    for (const auto& [number, entry] : entries->second) change.sections.push_back(entry.bytes);
  }
  return out;
}

EventFlags EventGuide::flags(psi::ServiceId service) const {
  const auto found = services_.find(service);
  if (found == services_.end()) return {};
  const auto& tables = found->second.tables;
  const bool present_following = tables.contains(psi::table_id::eit_pf_actual);
  return {.schedule = tables.size() > (present_following ? 1 : 0), .present_following = present_following};
}

}  // namespace tsmux
