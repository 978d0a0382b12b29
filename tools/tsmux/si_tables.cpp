#include "tools/tsmux/si_tables.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "common/psi/network_descriptors.hpp"
#include "common/psi/time_tables.hpp"
#include "common/ts/packet.hpp"
#include "tools/tsmux/delivery_system.hpp"
#include "tools/tsmux/service_tables.hpp"

namespace tsmux {
namespace {

using namespace std::chrono_literals;

using mux::ticks;

// How often at least. TS 101 154 4.1.7 for PAT and PMT; TR 101 290 and TR 101 211 4.4 for the others.
constexpr auto psi_interval = 100ms, cat_interval = 500ms, sdt_interval = 2000ms, nit_interval = 10'000ms,
               time_interval = 25'000ms;
constexpr std::uint16_t no_extension = 0, cat_extension = 0xFFFF;
constexpr ts::Ticks27 look_interval = ticks(100ms);

mux::TableKey pmt_key(const Lineup::Service& service) {
  return {service.ids.pmt_pid, psi::table_id::pmt, service.ids.service.value()};
}

std::uint8_t service_type(const psi::Sdt::Service& entry) {
  const auto name = psi::service_name(entry.descriptors);
  return name ? name->service_type : std::uint8_t{0};
}

}  // namespace

SiTables::SiTables(const Options& options, mux::SectionCarousel& carousel, Utc utc)
    : carousel_(carousel), utc_(std::move(utc)) {
  configure(options);
}

void SiTables::configure(const Options& options) {
  delivery_.reset();
  if (!options.delivery.empty()) delivery_ = parse_delivery_system(options.delivery);
  if (options.xmltv != options_.xmltv) xmltv_.reset();
  if (!options.xmltv.empty() && !xmltv_) {
    xmltv_ = std::make_unique<XmltvGuide>(XmltvGuide::Options{.path = options.xmltv.string(), .reading = {}});
  }
  zone_ = options.time_zone.empty() ? TimeZone::system() : TimeZone{options.time_zone};
  country_ = options.country.empty() ? zone_->country().value_or("") : options.country;
  options_ = options;
  lineup_changes_ = ~std::uint64_t{0};
  make_time_tables();
}

void SiTables::feed(const Lineup::Service& service, const ts::Section& section, mux::MultiplexTime now) {
  if (service.input.xmltv.empty()) events_.feed(service.ids.service, section, now);
}

void SiTables::update(const Lineup& lineup, mux::MultiplexTime now) {
  const bool has_changed = std::exchange(lineup_changes_, lineup.changes()) != lineup.changes();
  if (!has_changed && now < next_look_) return;
  next_look_ = now + look_interval;
  if (has_changed) carry_events(lineup);
  for (EventTable& table : events_.take_changes(now)) {
    carousel_.set(table.key, std::move(table.sections), table.interval);
  }
  if (xmltv_) {
    for (EventTable& table : xmltv_->take_changes(utc_(now))) {
      carousel_.set(table.key, std::move(table.sections), table.interval);
    }
  }
  if (has_changed) make_program_tables(lineup);
  const bool flags_have_changed = std::ranges::any_of(lineup.services(), [&](const auto& service) {
    return flags_[service->ids.service] != flags(service->ids.service);
  });
  if (has_changed || flags_have_changed) make_service_tables(lineup);
}

void SiTables::carry_events(const Lineup& lineup) {
  std::set<psi::ServiceId> carried;
  for (const auto& service : lineup.services()) {
    if (!service->is_kept()) continue;  // the events that it begins with come before its clock
    const psi::EitIds ids{service->ids.service, options_.transport_stream_id, options_.original_network_id};
    carried.insert(ids.service);
    if (!service->input.xmltv.empty() && xmltv_) {
      xmltv_->carry(ids, service->input.xmltv, service->input.eit);
    } else {
      events_.carry(ids, service->input.eit);
    }
  }
  for (const psi::ServiceId service : carried_) {
    if (carried.contains(service)) continue;
    events_.drop(service);
    if (xmltv_) xmltv_->drop(service);
  }
  carried_ = std::move(carried);
}

EventFlags SiTables::flags(psi::ServiceId service) const {
  EventFlags flags = events_.flags(service);
  if (!xmltv_) return flags;
  const EventFlags others = xmltv_->flags(service);
  return {.schedule = flags.schedule || others.schedule,
          .present_following = flags.present_following || others.present_following};
}

void SiTables::set(const mux::TableKey& key, std::vector<psi::SectionBytes> sections,
                   std::chrono::milliseconds interval) {
  sent_.insert(key);
  carousel_.set(key, versions_[key].stamp(std::move(sections)), ticks(interval));
}

// PAT, PMTs and CAT. What is not made again is no longer sent.
void SiTables::make_program_tables(const Lineup& lineup) {
  const auto before = std::exchange(sent_, {});
  std::vector<psi::Pat::Entry> entries;
  for (const auto& service : lineup.services()) {
    if (!service->is_announced() || service->pmt.service == psi::ServiceId{}) continue;
    entries.push_back({service->ids.service, service->ids.pmt_pid});
    set(pmt_key(*service), psi::sections(service->pmt), psi_interval);
  }
  set({ts::pat_pid, psi::table_id::pat, options_.transport_stream_id},
      psi::sections(multiplex_pat(options_.transport_stream_id, std::move(entries))), psi_interval);
  make_cat(lineup);
  for (const mux::TableKey& key : before) {
    const bool is_service_information = key.pid == ts::sdt_pid || key.pid == ts::nit_pid;
    if (!is_service_information && !sent_.contains(key)) carousel_.remove(key);
  }
}

void SiTables::make_cat(const Lineup& lineup) {
  const auto cats = lineup.cats();
  if (!options_.cat) return;
  set({ts::cat_pid, psi::table_id::cat, cat_extension}, psi::sections(merged_cat(cats)), cat_interval);
}

void SiTables::make_service_tables(const Lineup& lineup) {
  psi::Sdt sdt;
  sdt.transport_stream_id = options_.transport_stream_id;
  sdt.original_network_id = options_.original_network_id;
  flags_.clear();
  for (const auto& service : lineup.services()) {
    const EventFlags events = flags_[service->ids.service] = flags(service->ids.service);
    if (!service->is_announced()) continue;
    const ServiceState state{.running = service->state == Lineup::Service::State::running,
                             .eit_present_following = events.present_following,
                             .eit_schedule = events.schedule};
    sdt.services.push_back(sdt_entry(service->sdt, service->input, service->pmt, state));
  }
  std::ranges::sort(sdt.services, {}, &psi::Sdt::Service::service);
  set({ts::sdt_pid, psi::table_id::sdt_actual, options_.transport_stream_id}, psi::sections(sdt), sdt_interval);
  make_network_table(sdt, lineup);
}

void SiTables::make_network_table(const psi::Sdt& sdt, const Lineup& lineup) {
  psi::Nit nit;
  nit.network_id = options_.network_id;
  nit.descriptors.push_back(psi::network_name_descriptor(options_.network_name));
  psi::Nit::Stream stream;
  stream.transport_stream_id = options_.transport_stream_id;
  stream.original_network_id = options_.original_network_id;
  std::vector<psi::ListedService> listed;
  for (const auto& entry : sdt.services) listed.push_back({entry.service, service_type(entry)});
  std::vector<psi::LogicalChannel> channels;
  for (const auto& service : lineup.services()) {
    if (service->input.channel && service->is_announced()) {
      channels.push_back({.service = service->ids.service, .number = *service->input.channel});
    }
  }
  const auto append = [&stream](psi::Descriptors descriptors) {
    stream.descriptors.insert(stream.descriptors.end(), descriptors.begin(), descriptors.end());
  };
  if (delivery_) stream.descriptors.push_back(*delivery_);
  if (!listed.empty()) append(psi::service_list_descriptors(listed));
  if (!channels.empty()) append(psi::logical_channel_descriptors(channels));
  nit.streams.push_back(std::move(stream));
  set({ts::nit_pid, psi::table_id::nit_actual, options_.network_id}, psi::sections(nit), nit_interval);
}

void SiTables::make_time_tables() {
  const mux::TableKey tdt{ts::tdt_pid, psi::table_id::tdt, no_extension},
      tot{ts::tdt_pid, psi::table_id::tot, no_extension};
  if (options_.no_time) {
    carousel_.remove(tdt);
    carousel_.remove(tot);
    return;
  }
  carousel_.set(
      tdt, [this](mux::MultiplexTime now) { return psi::tdt_section(utc_(now)); }, ticks(time_interval));
  carousel_.set(
      tot, [this](mux::MultiplexTime now) { return tot_section(now); }, ticks(time_interval));
}

// Without a country there is no local offset to tell.
psi::SectionBytes SiTables::tot_section(mux::MultiplexTime now) const {
  const auto utc = utc_(now);
  psi::Descriptors descriptors;
  if (!country_.empty()) {
    const std::array offsets{local_time_offset(zone_->at(utc), country_, utc)};
    descriptors.push_back(psi::local_time_offset_descriptor(offsets));
  }
  return psi::tot_section(utc, descriptors);
}

}  // namespace tsmux
