#include "tools/dvbrecv/service_list.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <chrono>
#include <cmath>
#include <set>
#include <vector>

#include "common/cli/table.hpp"
#include "common/cli/values.hpp"
#include "common/psi/elementary_stream.hpp"

namespace dvbrecv {
namespace {

using Json = nlohmann::ordered_json;

std::set<ts::Pid> component_pids(const psi::Service& service) {
  std::set<ts::Pid> pids;
  if (!service.pmt) return pids;
  for (const auto& stream : service.pmt->streams) pids.insert(stream.pid);
  if (service.pmt->pcr_pid != ts::null_pid) pids.insert(service.pmt->pcr_pid);
  return pids;
}

std::optional<psi::ServiceName> name_of(const psi::Service& service) {
  return service.sdt ? psi::service_name(service.sdt->descriptors) : std::nullopt;
}

std::string hex(unsigned value) { return fmt::format("0x{:04x}", value); }

std::string yes_or_no(std::optional<bool> value) { return !value ? "-" : *value ? "yes" : "no"; }

std::string rate_text(std::optional<double> rate) {
  return rate ? cli::human_rate(static_cast<std::int64_t>(*rate)) : "-";
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json rate_json(std::optional<double> rate) { return rate ? Json(std::llround(*rate)) : Json(); }

}  // namespace

void ServiceList::feed(const io::Chunk& chunk) {
  if (chunk.after_loss) tracker_.interrupt();
  for (const ts::Packet& packet : chunk.packets) {
    if (packet.has_sync() && !packet.transport_error()) take(packet);
    ++packets_;
  }
}

void ServiceList::take(const ts::Packet& packet) {
  auto& count = counts_[packet.pid().value()];
  ++count.packets;
  if (packet.scrambling() != 0) ++count.scrambled;
  tracker_.feed(packet);
  clock_.feed(packet, packets_, std::nullopt);
}

std::optional<bool> ServiceList::is_scrambled(ts::Pid pid) const {
  const auto& count = counts_[pid.value()];
  if (count.packets == 0) return std::nullopt;
  return count.scrambled > 0;
}

std::optional<double> ServiceList::bit_rate(ts::Pid pid) const {
  const auto whole = clock_.bit_rate();
  if (!whole) return std::nullopt;
  return *whole * static_cast<double>(counts_[pid.value()].packets) / static_cast<double>(packets_);
}

std::optional<bool> ServiceList::is_scrambled(const psi::Service& service) const {
  std::optional<bool> result;
  for (const ts::Pid pid : component_pids(service)) {
    if (const auto scrambled = is_scrambled(pid)) result = result.value_or(false) || *scrambled;
  }
  return result;
}

std::optional<double> ServiceList::bit_rate(const psi::Service& service) const {
  if (!service.pmt || !clock_.bit_rate()) return std::nullopt;
  double rate = 0;
  for (const ts::Pid pid : component_pids(service)) rate += bit_rate(pid).value_or(0);
  return rate;
}

std::string ServiceList::text() const {
  using Align = cli::Table::Align;
  cli::Table table{
      {{"SERVICE"}, {"NAME"}, {"PROVIDER"}, {"TYPE"}, {"PID"}, {"LANGUAGE"}, {"SCRAMBLED"}, {"RATE", Align::right}}};
  for (const auto& [id, service] : tracker_.services()) {
    const auto name = name_of(service);
    table.add_row({fmt::format("0x{0:04x} ({0})", id.value()), name ? name->name : "-", name ? name->provider : "-",
                   name ? psi::service_type_name(name->service_type) : "-", "", "", yes_or_no(is_scrambled(service)),
                   rate_text(bit_rate(service))});
    table.add_row({"", "", "", service.pmt ? "PMT" : "PMT (not seen)", cli::to_text(service.pmt_pid)});
    if (!service.pmt) continue;
    const ts::Pid pcr_pid = service.pmt->pcr_pid;
    bool pcr_in_component = false;
    for (const auto& stream : service.pmt->streams) {
      const auto what = psi::describe(stream);
      pcr_in_component |= stream.pid == pcr_pid;
      table.add_row({"", "", "",
                     fmt::format("{}{}{}", psi::to_string(what.kind),
                                 what.codec == psi::to_string(what.kind) ? "" : " " + what.codec,
                                 stream.pid == pcr_pid ? ", PCR" : ""),
                     cli::to_text(stream.pid), joined(what.languages), yes_or_no(is_scrambled(stream.pid)),
                     rate_text(bit_rate(stream.pid))});
    }
    if (!pcr_in_component && pcr_pid != ts::null_pid) {
      table.add_row({"", "", "", "PCR", cli::to_text(pcr_pid), "", "", rate_text(bit_rate(pcr_pid))});
    }
  }
  std::string head = "transport stream " + hex(tracker_.pat() ? tracker_.pat()->transport_stream_id : 0u);
  if (tracker_.sdt()) head += ", original network " + hex(tracker_.sdt()->original_network_id);
  const std::size_t services = tracker_.services().size();
  head += fmt::format(", {} {}", services, services == 1 ? "service" : "services");
  if (const auto rate = clock_.bit_rate()) {
    const auto seen = std::chrono::duration_cast<std::chrono::milliseconds>(duration());
    head += fmt::format(", {} over {}", rate_text(rate), cli::human_duration(seen));
  } else {
    head += ", no program clock";
  }
  return head + "\n\n" + table.text();
}

Json ServiceList::json() const {
  Json out;
  out["transport_stream_id"] = tracker_.pat() ? Json(tracker_.pat()->transport_stream_id) : Json();
  out["original_network_id"] = tracker_.sdt() ? Json(tracker_.sdt()->original_network_id) : Json();
  out["packets"] = packets_;
  out["bit_rate"] = rate_json(clock_.bit_rate());
  out["services"] = Json::array();
  for (const auto& [id, service] : tracker_.services()) out["services"].push_back(json(service));
  return out;
}

Json ServiceList::json(const psi::Service& service) const {
  const auto name = name_of(service);
  Json out;
  out["service_id"] = service.id.value();
  out["name"] = name ? Json(name->name) : Json();
  out["provider"] = name ? Json(name->provider) : Json();
  out["service_type"] = name ? Json(name->service_type) : Json();
  out["type"] = name ? Json(psi::service_type_name(name->service_type)) : Json();
  out["pmt_pid"] = service.pmt_pid.value();
  out["pcr_pid"] = service.pmt && service.pmt->pcr_pid != ts::null_pid ? Json(service.pmt->pcr_pid.value()) : Json();
  out["scrambled"] = or_null(is_scrambled(service));
  out["bit_rate"] = rate_json(bit_rate(service));
  out["components"] = service.pmt ? Json::array() : Json();
  if (!service.pmt) return out;
  for (const auto& stream : service.pmt->streams) {
    const auto what = psi::describe(stream);
    Json component;
    component["pid"] = stream.pid.value();
    component["kind"] = psi::to_string(what.kind);
    component["codec"] = what.codec;
    component["languages"] = what.languages;
    component["stream_type"] = stream.type;
    component["scrambled"] = or_null(is_scrambled(stream.pid));
    component["bit_rate"] = rate_json(bit_rate(stream.pid));
    out["components"].push_back(std::move(component));
  }
  return out;
}

}  // namespace dvbrecv
