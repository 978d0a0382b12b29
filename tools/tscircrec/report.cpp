#include "tools/tscircrec/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>
#include <utility>

#include "common/cli/date.hpp"
#include "common/cli/table.hpp"
#include "common/cli/values.hpp"
#include "common/psi/elementary_stream.hpp"
#include "common/ring/segment_file.hpp"

namespace tscircrec {
namespace {

// A shorter hole does not end a stretch of the coverage; it is still listed as a gap.
constexpr std::chrono::seconds join{2};
constexpr std::size_t most_events = 10;
constexpr std::size_t most_rows = 20;
// How far back events are looked for: each segment's index is read for them.
constexpr std::size_t segments_of_events = 48;
// A recorder writes every second or so: less is not silence.
constexpr std::chrono::seconds least_silence{5};

std::vector<Report::Service> services_of(ring::Recording& ring) {
  std::vector<Report::Service> services;
  const auto tracker = ring.tables_at(ring.end());
  for (const auto& [id, service] : tracker->services()) {
    Report::Service found;
    found.id = id.value();
    if (service.sdt) {
      if (const auto name = psi::service_name(service.sdt->descriptors)) {
        found.name = name->name;
        found.provider = name->provider;
      }
    }
    if (service.pmt) {
      for (const auto& stream : service.pmt->streams) found.codecs.push_back(psi::describe(stream).codec);
    }
    services.push_back(std::move(found));
  }
  return services;
}

// Present events as they became known, from the last segments back until there are enough.
std::vector<Report::Event> events_of(ring::Recording& ring) {
  std::vector<Report::Event> events;
  const auto segments = ring.segments();
  std::size_t looked_at = 0;
  for (auto segment = segments.rbegin(); segment != segments.rend() && looked_at < segments_of_events; ++segment) {
    ++looked_at;
    const bool oldest = std::next(segment) == segments.rend();
    std::vector<Report::Event> found;
    const ring::Position from{segment->sequence, 0}, to{segment->sequence, segment->packets};
    ring.visit(from, to, [&](ring::Position position, const ring::Record& record) {
      const auto* table = std::get_if<ring::TableRecord>(&record);
      if (table == nullptr || table->pid != ts::eit_pid || table->sections.empty()) return;
      const auto section = psi::parse_eit_section(table->sections.front());
      if (!section || section->number != 0 || section->events.empty()) return;
      const auto& event = section->events.front();
      const auto text = psi::short_event(event.descriptors);
      // What is in force at the start of a segment is repeated there: it began earlier.
      const auto seen = position.packet > 0 || oldest ? ring.date_of(position) : std::nullopt;
      found.push_back({seen, section->service.value(), event.event_id, event.start, event.duration,
                       text ? text->name : std::string{}});
    });
    events.insert(events.begin(), found.begin(), found.end());
    std::set<std::pair<std::uint16_t, std::uint16_t>> known;
    std::erase_if(events, [&](const auto& event) { return !known.emplace(event.service, event.id).second; });
    if (events.size() > most_events) break;
  }
  if (events.size() > most_events) events.erase(events.begin(), events.end() - most_events);
  return events;
}

std::vector<Report::ClockStep> steps_of(ring::Recording& ring) {
  std::vector<Report::ClockStep> steps;
  // The writer begins a segment at each step: it is the first thing there.
  for (const auto& segment : ring.segments()) {
    const ring::Position start{segment.sequence, 0};
    ring.visit(start, {segment.sequence, 1}, [&](ring::Position position, const ring::Record& record) {
      const auto* step = std::get_if<ring::ClockStepRecord>(&record);
      if (step != nullptr) steps.push_back({ring.date_of(position), step->step});
    });
  }
  return steps;
}

std::vector<Report::Stranger> strangers_in(const ring::Recording& ring, const std::filesystem::path& directory) {
  std::vector<Report::Stranger> strangers;
  const auto listing = ring::list_segments(directory);
  for (const auto& path : listing.strangers) {
    strangers.push_back({path.filename().string(), "not a regular file: not read"});
  }
  std::set<std::filesystem::path> read;
  for (const auto& segment : ring.segments()) read.insert(segment.path);
  for (const auto& file : listing.segments) {
    if (ring::holds_packets(file)) continue;
    strangers.push_back({file.path.filename().string(), read.contains(file.path)
                                                            ? "not the packets that its index speaks of"
                                                            : "not a transport stream: not read"});
  }
  return strangers;
}

std::uint64_t directory_bytes(const ring::Recording& ring) {
  std::uint64_t bytes = 0;
  for (const auto& segment : ring.segments()) {
    auto index = segment.path;
    index.replace_extension(".idx");
    for (const auto& path : {segment.path, index}) {
      std::error_code error;
      const auto size = std::filesystem::file_size(path, error);
      if (!error) bytes += size;
    }
  }
  return bytes;
}

std::string date_text(const std::optional<ts::WallTime>& date) {
  return date ? cli::local_text(std::chrono::floor<std::chrono::seconds>(*date)) : "unknown";
}
std::string exact_text(ts::WallTime date) {
  return cli::local_text(std::chrono::floor<std::chrono::milliseconds>(date));
}
std::string utc_text(ts::WallTime date) { return cli::utc_text(std::chrono::floor<std::chrono::milliseconds>(date)); }
double seconds(std::chrono::nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }
std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, " ")); }

std::string signed_duration(std::chrono::nanoseconds duration) {
  return (duration.count() < 0 ? "-" : "+") + cli::human_duration(std::chrono::abs(duration));
}

// "recorded by process 1234", and whether anything comes.
std::string writer_text(const Report& report) {
  if (!report.being_written) return "not being written";
  std::string text = "being written";
  if (report.process) text += fmt::format(" by process {}", *report.process);
  if (report.silence) text += fmt::format(", but nothing came for {}", cli::human_duration(*report.silence));
  return text;
}

// The last rows of a table that may be long, under its heading.
template <typename Items, typename Row>
std::string section(const std::string& heading, std::vector<cli::Table::Column> columns, const Items& items,
                    const Row& row) {
  if (items.empty()) return {};
  cli::Table table{std::move(columns)};
  const std::size_t first = items.size() > most_rows ? items.size() - most_rows : 0;
  for (std::size_t i = first; i < items.size(); ++i) table.add_row(row(items[i]));
  std::string text = "\n" + heading;
  if (first > 0) text += fmt::format(" (the last {} of {})", most_rows, items.size());
  return text + "\n" + table.text();
}

}  // namespace

Report look_at(const std::filesystem::path& directory, ts::WallTime now) {
  const auto ring = ring::open_ring(directory);
  Report report;
  report.directory = directory;
  report.being_written = ring->being_written();
  report.process = ring->writer();
  std::error_code error;
  const auto space = std::filesystem::space(directory, error);
  if (!error) report.disk_free = space.available;
  const auto& segments = ring->segments();
  report.segments = segments.size();
  report.strangers = strangers_in(*ring, directory);
  if (segments.empty()) return report;

  report.first = segments.front().first;
  report.last = segments.back().last;
  if (report.being_written && report.last && now - *report.last > least_silence) report.silence = now - *report.last;
  for (const auto& segment : segments) report.packets += segment.packets;
  report.bytes = directory_bytes(*ring);
  report.gaps = ring->gaps({0, 0}, ring->end());
  report.coverage = ring->coverage(join);
  for (const auto& span : report.coverage) report.recorded += span.to - span.from;
  if (report.recorded > std::chrono::seconds{1}) {
    const double bits = static_cast<double>(report.packets) * ts::packet_size * 8;
    report.rate = static_cast<std::int64_t>(bits / seconds(report.recorded));
  }
  report.clock_steps = steps_of(*ring);
  report.services = services_of(*ring);
  report.events = events_of(*ring);
  return report;
}

std::string Report::text() const {
  using Align = cli::Table::Align;
  std::string out = fmt::format("{}: {}\n", directory.string(), writer_text(*this));
  const std::string odd =
      section("Files with the name of a segment", {{"file"}, {"what"}}, strangers, [](const Stranger& stranger) {
        return std::vector{stranger.file, stranger.what};
      });
  if (segments == 0) return out + "nothing is recorded yet\n" + odd;
  out += fmt::format("{} to {}: {}\n", date_text(first), date_text(last), cli::human_duration(recorded));
  out += fmt::format("{} in {} segments", cli::human_size(bytes), segments);
  if (rate) out += fmt::format(", {} on average", cli::human_rate(*rate));
  if (disk_free) out += fmt::format("; {} free on the disk", cli::human_size(*disk_free));
  out += "\n";
  out += section("Coverage", {{"from"}, {"to"}, {"duration", Align::right}}, coverage, [](const ring::Span& span) {
    return std::vector{date_text(span.from), date_text(span.to), cli::human_duration(span.to - span.from)};
  });
  if (gaps.empty()) out += "\nNo gaps\n";
  out += section("Gaps", {{"from"}, {"to"}, {"cause"}, {"packets", Align::right}}, gaps, [](const ring::Gap& gap) {
    return std::vector{exact_text(gap.from), exact_text(gap.to), ring::to_string(gap.cause),
                       gap.packets > 0 ? std::to_string(gap.packets) : std::string{"unknown"}};
  });
  out += section("Wall clock set", {{"at"}, {"by", Align::right}}, clock_steps, [](const ClockStep& step) {
    return std::vector{date_text(step.date), signed_duration(step.step)};
  });
  out += section(
      "Services", {{"id", Align::right}, {"name"}, {"provider"}, {"streams"}}, services, [](const Service& service) {
        return std::vector{std::to_string(service.id), service.name, service.provider, joined(service.codecs)};
      });
  out += section("Events", {{"seen"}, {"service", Align::right}, {"start"}, {"duration", Align::right}, {"name"}},
                 events, [](const Event& event) {
                   return std::vector{
                       event.seen ? date_text(event.seen) : std::string{"earlier"}, std::to_string(event.service),
                       event.start ? date_text(*event.start) : std::string{"undefined"},
                       event.duration ? cli::human_duration(*event.duration) : std::string{"undefined"}, event.name};
                 });
  return out + odd;
}

nlohmann::ordered_json Report::json() const {
  using nlohmann::ordered_json;
  const auto date = [](const auto& value) { return value ? ordered_json(utc_text(*value)) : ordered_json(nullptr); };
  ordered_json out;
  out["directory"] = directory.string();
  out["being_written"] = being_written;
  out["process"] = process ? ordered_json(*process) : ordered_json(nullptr);
  out["silence_seconds"] = silence ? ordered_json(seconds(*silence)) : ordered_json(nullptr);
  out["first"] = date(first);
  out["last"] = date(last);
  out["recorded_seconds"] = seconds(recorded);
  out["segments"] = segments;
  out["packets"] = packets;
  out["bytes"] = bytes;
  out["rate"] = rate ? ordered_json(*rate) : ordered_json(nullptr);
  out["disk_free_bytes"] = disk_free ? ordered_json(*disk_free) : ordered_json(nullptr);
  out["coverage"] = ordered_json::array();
  for (const auto& span : coverage)
    out["coverage"].push_back({{"from", utc_text(span.from)}, {"to", utc_text(span.to)}});
  out["gaps"] = ordered_json::array();
  for (const auto& gap : gaps) {
    // A cause that does not say how many packets it cost is not one that cost none.
    const bool known = gap.packets > 0;
    out["gaps"].push_back({{"from", utc_text(gap.from)},
                           {"to", utc_text(gap.to)},
                           {"cause", ring::to_string(gap.cause)},
                           {"packets", known ? ordered_json(gap.packets) : ordered_json(nullptr)}});
  }
  out["clock_steps"] = ordered_json::array();
  for (const auto& step : clock_steps) {
    out["clock_steps"].push_back({{"date", date(step.date)}, {"seconds", seconds(step.step)}});
  }
  out["strangers"] = ordered_json::array();
  for (const auto& stranger : strangers) {
    out["strangers"].push_back({{"file", stranger.file}, {"what", stranger.what}});
  }
  out["services"] = ordered_json::array();
  for (const auto& service : services) {
    out["services"].push_back(
        {{"id", service.id}, {"name", service.name}, {"provider", service.provider}, {"streams", service.codecs}});
  }
  out["events"] = ordered_json::array();
  for (const auto& event : events) {
    out["events"].push_back(
        {{"seen", date(event.seen)},
         {"service", event.service},
         {"id", event.id},
         {"start", date(event.start)},
         {"duration_seconds", event.duration ? ordered_json(event.duration->count()) : ordered_json(nullptr)},
         {"name", event.name}});
  }
  return out;
}

}  // namespace tscircrec
