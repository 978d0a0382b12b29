#include "tools/tscut/listing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "common/cli/json.hpp"
#include "common/cli/table.hpp"
#include "common/cli/values.hpp"
#include "common/psi/elementary_stream.hpp"

namespace tscut {
namespace {

// Shorter gaps do not end a stretch.
constexpr std::chrono::seconds join{1};

using Align = cli::Table::Align;

std::uint64_t packets_between(const ring::Recording& recording, ring::Position from, ring::Position to) {
  std::uint64_t packets = 0;
  for (const auto& segment : recording.segments()) {
    if (segment.sequence < from.segment || segment.sequence > to.segment) continue;
    const auto first = segment.sequence == from.segment ? from.packet : 0;
    const auto last = segment.sequence == to.segment ? std::min(to.packet, segment.packets) : segment.packets;
    packets += last - std::min(first, last);
  }
  return packets;
}

std::string streams_text(const psi::Pmt& pmt) {
  std::string text;
  for (const auto& stream : pmt.streams) {
    const auto description = psi::describe(stream);
    if (!text.empty()) text += ' ';
    text += description.codec;
    for (std::size_t i = 0; i < description.languages.size(); ++i) {
      text += (i == 0 ? ":" : ",") + description.languages[i];
    }
  }
  return text;
}

double to_seconds(std::chrono::nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }

std::string spacing_text(std::chrono::nanoseconds spacing) {
  return spacing.count() == 0 ? "" : fmt::format("{:.2f} s", to_seconds(spacing));
}

std::string id_text(psi::ServiceId id) { return fmt::format("0x{0:04X} ({0})", id.value()); }

}  // namespace

Listing::Listing(ring::Recording& recording, ts::WallTime now) : recording_(recording), timeline_(recording, now) {
  const ring::Position first{recording.segments().front().sequence, 0};
  gaps_ = recording.gaps(first, recording.end());
  find_stretches();
  find_services();
  measure_access_points(recording.access_points(first, recording.end()));
  find_events();
}

void Listing::find_stretches() {
  if (!timeline_.is_dated()) {
    const ring::Position first{recording_.segments().front().sequence, 0};
    stretches_.push_back({timeline_.first(), timeline_.last(), packets_between(recording_, first, recording_.end())});
    return;
  }
  for (const auto& span : recording_.coverage(join)) {
    stretches_.push_back({span.from, span.to, packets_between(recording_, span.begin, span.end)});
  }
}

void Listing::find_services() {
  const auto tables = recording_.tables_at(recording_.end());
  for (const auto& [id, service] : tables->services()) {
    Service entry{id, "", "", 0, {}, {}};
    if (service.sdt) {
      if (const auto name = psi::service_name(service.sdt->descriptors)) entry.name = name->name;
    }
    if (service.pmt) entry.streams = streams_text(*service.pmt);
    services_.push_back(std::move(entry));
  }
}

void Listing::measure_access_points(const std::vector<ring::AccessEntry>& entries) {
  struct Spacing {
    std::size_t points = 0, intervals = 0;
    std::optional<ts::Timestamp> last;
    ts::Ticks90 total{0}, largest{0};
  };
  std::map<ts::Pid, Spacing> spacings;
  for (const auto& entry : entries) {
    Spacing& spacing = spacings[entry.pid];
    ++spacing.points;
    if (spacing.last && entry.pts) {
      const ts::Ticks90 step = ts::distance(*spacing.last, *entry.pts);
      // Across a jump of the clock there is no distance.
      if (step > ts::Ticks90{0} && step < std::chrono::minutes{1}) {
        ++spacing.intervals;
        spacing.total += step;
        spacing.largest = std::max(spacing.largest, step);
      }
    }
    if (entry.pts) spacing.last = entry.pts;
  }
  const auto tables = recording_.tables_at(recording_.end());
  for (auto& service : services_) {
    const auto* known = tables->find(service.id);
    if (known == nullptr || !known->pmt) continue;
    for (const auto& stream : known->pmt->streams) {
      const auto found = spacings.find(stream.pid);
      if (found == spacings.end() || service.access_points > 0) continue;
      const Spacing& spacing = found->second;
      service.access_points = spacing.points;
      if (spacing.intervals == 0) continue;
      const auto intervals = static_cast<std::int64_t>(spacing.intervals);
      service.mean_spacing = std::chrono::duration_cast<std::chrono::nanoseconds>(spacing.total / intervals);
      service.largest_spacing = std::chrono::duration_cast<std::chrono::nanoseconds>(spacing.largest);
    }
  }
}

// Present and following at each segment's start and at the end: every event that is longer than a segment.
void Listing::find_events() {
  std::vector<ring::Position> positions;
  for (const auto& segment : recording_.segments()) positions.push_back({segment.sequence, 0});
  positions.push_back(recording_.end());
  for (const auto& position : positions) {
    const auto tables = recording_.tables_at(position);
    for (const auto& [id, service] : tables->services()) {
      take_event(id, service.present);
      take_event(id, service.following);
    }
  }
  std::sort(events_.begin(), events_.end(),
            [](const Event& a, const Event& b) { return std::tie(a.start, a.service) < std::tie(b.start, b.service); });
}

void Listing::take_event(psi::ServiceId service, const std::optional<psi::EitEvent>& event) {
  if (!event || !event->start) return;
  const auto text = psi::short_event(event->descriptors);
  const Event entry{service, event->event_id, *event->start, event->duration, text ? text->name : ""};
  const auto known = std::find_if(events_.begin(), events_.end(),
                                  [&](const Event& e) { return e.service == service && e.id == entry.id; });
  if (known == events_.end()) {
    events_.push_back(entry);
  } else {
    *known = entry;  // what was said last holds
  }
}

std::string Listing::stretches_table() const {
  cli::Table table{{{"FROM"}, {"TO"}, {"DURATION", Align::right}, {"SIZE", Align::right}}};
  for (const auto& stretch : stretches_) {
    table.add_row({timeline_.text(stretch.from), timeline_.text(stretch.to),
                   cli::human_duration(stretch.to - stretch.from), cli::human_size(stretch.packets * ts::packet_size)});
  }
  return table.text();
}

std::string Listing::services_table() const {
  cli::Table table{{{"SERVICE"},
                    {"NAME"},
                    {"STREAMS"},
                    {"ACCESS POINTS", Align::right},
                    {"MEAN", Align::right},
                    {"LARGEST", Align::right}}};
  for (const auto& service : services_) {
    table.add_row({id_text(service.id), service.name, service.streams, std::to_string(service.access_points),
                   spacing_text(service.mean_spacing), spacing_text(service.largest_spacing)});
  }
  return table.text();
}

std::string Listing::gaps_table() const {
  cli::Table table{{{"GAP FROM"}, {"TO"}, {"DURATION", Align::right}, {"PACKETS", Align::right}, {"CAUSE"}}};
  for (const auto& gap : gaps_) {
    table.add_row({timeline_.text(gap.from), timeline_.text(gap.to), cli::human_duration(gap.to - gap.from),
                   gap.packets > 0 ? std::to_string(gap.packets) : "", ring::to_string(gap.cause)});
  }
  return table.text();
}

std::string Listing::events_table() const {
  cli::Table table{{{"EVENT"}, {"SERVICE"}, {"DURATION", Align::right}, {"TITLE"}}};
  for (const auto& event : events_) {
    table.add_row({cli::local_text(event.start), id_text(event.service),
                   event.duration ? cli::human_duration(*event.duration) : "", event.title});
  }
  return table.text();
}

std::string Listing::table() const {
  std::string text = stretches_table();
  if (!services_.empty()) text += '\n' + services_table();
  if (!gaps_.empty()) text += '\n' + gaps_table();
  if (!events_.empty()) text += '\n' + events_table();
  return text;
}

std::string Listing::json() const {
  using json_value = nlohmann::ordered_json;
  const auto point = [this](Point p) {
    return timeline_.is_dated() ? json_value(cli::utc_text(p)) : json_value(to_seconds(p.time_since_epoch()));
  };
  json_value root;
  root["dated"] = timeline_.is_dated();
  root["being_written"] = recording_.being_written();
  root["stretches"] = json_value::array();
  for (const auto& stretch : stretches_) {
    root["stretches"].push_back({{"from", point(stretch.from)},
                                 {"to", point(stretch.to)},
                                 {"duration_seconds", to_seconds(stretch.to - stretch.from)},
                                 {"bytes", stretch.packets * ts::packet_size}});
  }
  root["services"] = json_value::array();
  for (const auto& service : services_) {
    json_value entry{{"id", service.id.value()},
                     {"name", service.name},
                     {"streams", service.streams},
                     {"access_points", service.access_points}};
    if (service.mean_spacing.count() > 0) {
      entry["access_point_spacing_mean_seconds"] = to_seconds(service.mean_spacing);
      entry["access_point_spacing_largest_seconds"] = to_seconds(service.largest_spacing);
    }
    root["services"].push_back(std::move(entry));
  }
  root["gaps"] = json_value::array();
  for (const auto& gap : gaps_) {
    root["gaps"].push_back({{"from", point(gap.from)},
                            {"to", point(gap.to)},
                            {"cause", ring::to_string(gap.cause)},
                            {"packets", gap.packets}});
  }
  root["events"] = json_value::array();
  for (const auto& event : events_) {
    json_value entry{{"start", cli::utc_text(event.start)}, {"service", event.service.value()}, {"id", event.id}};
    if (event.duration) entry["duration_seconds"] = event.duration->count();
    entry["title"] = event.title;
    root["events"].push_back(std::move(entry));
  }
  return cli::json_text(root);
}

}  // namespace tscut
