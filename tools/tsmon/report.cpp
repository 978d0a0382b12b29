#include "tools/tsmon/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "common/cli/date.hpp"
#include "common/cli/table.hpp"
#include "common/cli/values.hpp"
#include "tools/tsmon/decode_text.hpp"
#include "tools/tsmon/event_log.hpp"
#include "tools/tsmon/format_text.hpp"

namespace tsmon {
namespace {

using Align = cli::Table::Align;

constexpr const char* absent = "-";
constexpr std::size_t most_faults = 200;

std::string rate_text(std::optional<double> rate) {
  return rate ? cli::human_rate(static_cast<std::int64_t>(*rate)) : absent;
}

// A value in seconds in milliseconds, microseconds ...
std::string scaled(std::optional<double> value, double factor, int digits) {
  return value ? fmt::format("{:.{}f}", *value * factor, digits) : absent;
}

std::string hex(ts::Pid pid) { return cli::to_text(pid); }
std::string hex(psi::ServiceId id) { return fmt::format("0x{0:04x} ({0})", id.value()); }

// "1 fault", "2 faults"
std::string counted(std::uint64_t count, std::string_view one, std::string_view several = {}) {
  if (count == 1) return fmt::format("1 {}", one);
  return several.empty() ? fmt::format("{} {}s", count, one) : fmt::format("{} {}", count, several);
}

std::string share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? absent : fmt::format("{:.1f} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

// To the second, as tscut reads it.
std::string date_text(ts::WallTime time) { return cli::local_text(std::chrono::floor<std::chrono::seconds>(time)); }
// The time of day, and the date where that is not today's.
std::string short_date(ts::WallTime time) {
  std::string text = date_text(time);
  text.resize(19);
  text[10] = ' ';
  return text.starts_with(date_text(std::chrono::system_clock::now()).substr(0, 10)) ? text.substr(11) : text;
}

// What fits into so many columns; tables have made it printable.
std::string clipped(std::string_view line, std::size_t columns) {
  std::string text{line};
  while (!text.empty() && cli::display_width(text) > columns) {
    do {
      const bool is_continuation = (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80;
      text.pop_back();
      if (!is_continuation) break;
    } while (!text.empty());
  }
  return text;
}

std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, ",")); }

std::optional<std::string> name_of(const psi::Service& service) {
  if (!service.sdt) return std::nullopt;
  const auto name = psi::service_name(service.sdt->descriptors);
  return name ? std::optional{name->name} : std::nullopt;
}

std::optional<std::string> event_name(const std::optional<psi::EitEvent>& event) {
  if (!event) return std::nullopt;
  const auto text = psi::short_event(event->descriptors);
  return text ? std::optional{text->name} : std::nullopt;
}

std::string section(std::string_view title, const std::string& text) {
  return text.empty() ? std::string{} : fmt::format("\n{}\n{}", title, text);
}

}  // namespace

std::string Report::text(const io::SourceStatistics& source) const {
  return head(source) + section("FAULTS", faults()) + section("INDICATORS", indicators()) +
         section("SERVICES", services(true)) + section("PIDS", pids()) + section("PROGRAM CLOCKS", clocks()) +
         section("DECODED", decoded_text(monitor_)) + section("NETWORK", network(source)) + section("OUTPUT", output());
}

std::string Report::screen(const io::SourceStatistics& source, Size size) const {
  std::string text = head(source);
  // A title, an empty line and the heading of a table before each, and some lines for the services.
  constexpr std::size_t overhead = 3, others = 8;
  const auto room = [&] {
    const auto used = static_cast<std::size_t>(std::ranges::count(text, '\n')) + overhead;
    return size.lines > used + others ? size.lines - used - others : 1;
  };
  text += section("ALARMS", alarms_on(room()));
  text += section("LATEST FAULTS THAT ARE OVER", latest_faults(std::min<std::size_t>(room(), 5)));
  text += section("NETWORK", network(source)) + section("OUTPUT", output()) + section("SERVICES", services(false)) +
          section("DECODED", decoded_text(monitor_));
  std::string fitting;
  std::string_view rest = text;
  // The last line stays free: a line feed there would move all up.
  for (std::size_t i = 0; i + 1 < size.lines && !rest.empty(); ++i) {
    const auto end = rest.find('\n');
    fitting += clipped(rest.substr(0, end), size.columns) + '\n';
    rest.remove_prefix(end + 1);
  }
  return fitting;
}

// The first thing that one wants to know.
std::string Report::verdict() const {
  const auto& board = monitor_.board();
  std::set<std::string_view> on, seen;
  std::size_t measured = 0, unmeasured = 0;
  for (const auto& what : tsmon::indicators()) {
    const bool has_faults = board.count(what.indicator) > 0;
    if (board.is_active(what.indicator)) on.insert(what.code);
    if (has_faults) seen.insert(what.code);
    if (!board.watches(what.indicator)) continue;
    ++(has_faults || board.unmeasured(what.indicator).empty() ? measured : unmeasured);
  }
  std::string text;
  if (monitor_.totals().packets == 0 && on.empty()) {
    text = "NOTHING YET: no packets";
  } else if (!monitor_.options().live && !seen.empty()) {
    text = fmt::format("FAULTY: {} of {}", counted(board.total(), "fault"), fmt::join(seen, ", "));
  } else if (!on.empty()) {
    text = fmt::format("ALARM: {} on, of {}; {} since the start", counted(board.active().size(), "alarm"),
                       fmt::join(on, ", "), counted(board.total(), "fault"));
  } else if (!seen.empty()) {
    text = fmt::format("GOOD NOW: {} since the start, of {}", counted(board.total(), "fault"), fmt::join(seen, ", "));
  } else {
    text = "GOOD: no faults";
  }
  return text + fmt::format(" ({} indicators measured, {} not)\n", measured, unmeasured);
}

std::string Report::time_base() const {
  if (monitor_.options().clock == Monitor::Clock::arrival) return "by arrival";
  if (const auto reference = monitor_.timeline().reference()) return "by the PCRs of PID " + hex(*reference);
  return monitor_.options().live ? "by arrival, for want of PCRs" : "no PCR to measure time by";
}

std::string Report::head(const io::SourceStatistics& source) const {
  const auto& totals = monitor_.totals();
  const auto& rate = monitor_.rate();
  std::string text = input_ == "-" ? "standard input" : cli::printable(input_);
  if (monitor_.options().live) text += ", since " + date_text(since_);
  text += '\n' + verdict() + '\n';
  const auto line = [&text](std::string_view title, const std::string& what) {
    text += fmt::format("{:<8}{}\n", title, what);
  };
  line("time", (monitor_.has_time() ? cli::human_duration(monitor_.duration()) + ", " : "") + time_base());
  line("packets", fmt::format("{}, {} null packets", totals.packets, share(totals.null_packets, totals.packets)));
  std::string rates = fmt::format("{} mean", rate_text(monitor_.mean_rate()));
  if (rate.current()) {
    rates += fmt::format(", {} now, {} least, {} greatest", rate_text(rate.current()), rate_text(rate.least()),
                         rate_text(rate.greatest()));
  }
  line("rate", rates);
  line("holds", fmt::format("{}, {}, {} scrambled", counted(monitor_.tracker().services().size(), "service"),
                            counted(monitor_.pids().size(), "PID"), monitor_.scrambled_pids()));
  line("damage", fmt::format("{}, {}, {}, {}", counted(totals.transport_errors, "transport error"),
                             counted(totals.bad_sync, "invalid sync byte"),
                             counted(source.sync_losses, "loss of sync", "losses of sync"),
                             counted(source.skipped_bytes, "byte skipped", "bytes skipped")));
  return text;
}

std::string Report::what_is(ts::Pid pid) const {
  static constexpr std::pair<std::uint16_t, const char*> fixed[] = {
      {0, "PAT"},    {1, "CAT"},    {2, "TSDT"},        {0x10, "NIT"},           {0x11, "SDT, BAT"},
      {0x12, "EIT"}, {0x13, "RST"}, {0x14, "TDT, TOT"}, {0x1FFF, "null packets"}};
  for (const auto& [value, name] : fixed) {
    if (pid.value() == value) return name;
  }
  const auto& state = monitor_.state(pid);
  if (state.elementary) {
    const auto& what = state.elementary->description();
    std::string text =
        fmt::format("{}{}", psi::to_string(what.kind), what.codec == psi::to_string(what.kind) ? "" : " " + what.codec);
    if (!what.languages.empty()) text += " " + joined(what.languages);
    return text;
  }
  for (const auto& [id, service] : monitor_.tracker().services()) {
    if (service.pmt_pid == pid) return "PMT";
    if (service.pmt && service.pmt->pcr_pid == pid) return "PCR";
  }
  if (monitor_.is_referenced(pid)) return "conditional access";
  return "unreferenced";
}

std::string Report::services(bool with_components) const {
  cli::Table table{{{"SERVICE"},
                    {"NAME"},
                    {"WHAT"},
                    {"PID"},
                    {"RATE", Align::right},
                    {"LEAST", Align::right},
                    {"GREATEST", Align::right},
                    {"SCRAMBLED"},
                    {"EVENT NOW"},
                    {"NEXT"}}};
  for (const auto& [id, service] : monitor_.tracker().services()) {
    const RateMeter* meter = monitor_.service_rate(id);
    const RateMeter rate = meter != nullptr ? *meter : RateMeter{};
    bool scrambled = false;
    for (const ts::Pid pid : monitor_.pids_of(id)) scrambled = scrambled || monitor_.state(pid).scrambled > 0;
    table.add_row({hex(id), name_of(service).value_or(absent), service.pmt ? "PMT" : "PMT (not seen)",
                   hex(service.pmt_pid), rate_text(monitor_.mean_rate(id)), rate_text(rate.least()),
                   rate_text(rate.greatest()), scrambled ? "yes" : "no", event_name(service.present).value_or(absent),
                   event_name(service.following).value_or(absent)});
    if (!with_components || !service.pmt) continue;
    for (const auto& stream : service.pmt->streams) {
      const auto& state = monitor_.state(stream.pid);
      std::string what = what_is(stream.pid);
      if (state.elementary) what += " " + format_text(*state.elementary);
      if (stream.pid == service.pmt->pcr_pid) what += ", PCR";
      table.add_row({"", "", what, hex(stream.pid), rate_text(monitor_.mean_rate(stream.pid)),
                     rate_text(state.rate.least()), rate_text(state.rate.greatest()),
                     state.packets == 0    ? absent
                     : state.scrambled > 0 ? "yes"
                                           : "no"});
    }
  }
  return table.empty() ? std::string{} : table.text();
}

std::string Report::pids() const {
  cli::Table table{{{"PID"},
                    {"WHAT"},
                    {"PACKETS", Align::right},
                    {"RATE", Align::right},
                    {"SHARE", Align::right},
                    {"CC ERRORS", Align::right},
                    {"LOST", Align::right},
                    {"DUPLICATES", Align::right},
                    {"SCRAMBLED", Align::right}}};
  for (const ts::Pid pid : monitor_.pids()) {
    const auto& state = monitor_.state(pid);
    table.add_row({hex(pid), what_is(pid), std::to_string(state.packets), rate_text(monitor_.mean_rate(pid)),
                   fmt::format("{:.2f} %", 100.0 * static_cast<double>(state.packets) /
                                               static_cast<double>(monitor_.totals().packets)),
                   std::to_string(state.continuity_errors), std::to_string(state.lost),
                   std::to_string(state.duplicates), std::to_string(state.scrambled)});
  }
  return table.empty() ? std::string{} : table.text();
}

std::string Report::clocks() const {
  cli::Table table{{{"PID"},
                    {"PCRS", Align::right},
                    {"INTERVAL ms", Align::right},
                    {"GREATEST ms", Align::right},
                    {"JUMPS", Align::right},
                    {"PCR_AC ns", Align::right},
                    {"PCR_OJ us", Align::right},
                    {"PCR_FO Hz", Align::right},
                    {"PCR_DR mHz/s", Align::right}}};
  for (const ts::Pid pid : monitor_.pids()) {
    const auto& pcr = monitor_.state(pid).pcr;
    if (!pcr) continue;
    const auto& f = pcr->figures();
    const std::string accuracy =
        f.accuracy_least_s ? fmt::format("{:+.0f} to {:+.0f}", *f.accuracy_least_s * 1e9, *f.accuracy_greatest_s * 1e9)
        : f.variable_rate  ? "variable rate"
                           : absent;
    table.add_row({hex(pid), std::to_string(f.count), scaled(f.interval_mean_s, 1e3, 2),
                   scaled(f.interval_greatest_s, 1e3, 2), std::to_string(pcr->jumps()), accuracy,
                   scaled(f.overall_jitter_s, 1e6, 1), scaled(f.frequency_offset_hz, 1, 1),
                   scaled(f.drift_rate_hz_per_s, 1e3, 1)});
  }
  if (table.empty()) return {};
  return table.text() +
         (monitor_.options().live
              ? "PCR_AC by byte position; PCR_OJ, PCR_FO and PCR_DR against this host's clock, by arrival\n"
              : "PCR_AC by byte position; PCR_OJ, PCR_FO and PCR_DR need a live input\n");
}

std::string Report::network(const io::SourceStatistics& source) const {
  if (!source.has_socket) return {};
  const auto& f = network_.figures();
  std::string text = fmt::format("{}, {} without packets, {} dropped by this host's socket\n",
                                 counted(source.datagrams, "datagram"), source.invalid_datagrams, source.socket_drops);
  if (source.has_rtp) {
    text += fmt::format("RTP: {} lost, {} reordered, {} duplicates\n", source.rtp_lost, source.rtp_reordered,
                        source.rtp_duplicates);
  }
  cli::Table table{{{""},
                    {"MEAN", Align::right},
                    {"LEAST", Align::right},
                    {"GREATEST", Align::right},
                    {"LAST SECOND", Align::right}}};
  table.add_row({"distance of datagrams, ms", scaled(f.mean_distance_s, 1e3, 3), scaled(f.least_distance_s, 1e3, 3),
                 scaled(f.greatest_distance_s, 1e3, 3), scaled(f.last_greatest_distance_s, 1e3, 3)});
  table.add_row({"delay factor (MDI), ms", absent, absent, scaled(f.greatest_delay_factor_s, 1e3, 2),
                 scaled(f.delay_factor_s, 1e3, 2)});
  table.add_row({"media loss rate (MDI), packets/s", absent, absent, scaled(f.greatest_loss_rate, 1, 1),
                 scaled(f.loss_rate, 1, 1)});
  return text + table.text();
}

std::string Report::output() const {
  if (sink_ == nullptr) return {};
  const auto sent = sink_->statistics();
  std::string text = fmt::format("{}: {}, {} dropped", output_ == "-" ? "standard output" : cli::printable(output_),
                                 counted(sent.packets, "packet"), sent.dropped_packets);
  if (sent.pacer) {
    text += fmt::format(" ({} of them refused by the network), {} sent late", sent.refused_packets,
                        counted(sent.pacer->late, "datagram"));
  }
  return text + '\n';
}

std::string Report::indicators() const {
  cli::Table table{{{"NO."}, {"INDICATOR"}, {"FAULTS", Align::right}, {"STATE"}}};
  const auto& board = monitor_.board();
  for (const auto& what : tsmon::indicators()) {
    const bool seen = board.count(what.indicator) > 0;
    std::string state = board.is_active(what.indicator) ? "ALARM" : seen ? "was in alarm" : "good";
    std::string faults = std::to_string(board.count(what.indicator));
    if (!board.watches(what.indicator)) {
      state = "not watched";
      faults = absent;
    } else if (!seen && !board.unmeasured(what.indicator).empty()) {
      state = "not measured: " + board.unmeasured(what.indicator);
      faults = absent;
    }
    table.add_row({std::string{what.code}, std::string{what.name}, faults, state});
  }
  return table.text();
}

// Of live input by date, else by the time of the stream.
std::string Report::when(ts::ProgramTime time, ts::WallTime wall) const {
  if (monitor_.options().live) return date_text(wall);
  return monitor_.has_time() ? fmt::format("{:.3f} s", seconds(time)) : absent;
}

bool Report::is_on(const Alarm& alarm) const { return monitor_.board().is_active(alarm.indicator, alarm.subject); }

std::string Report::faults() const {
  cli::Table table{{{"NO."},
                    {"INDICATOR"},
                    {"WHERE"},
                    {"ALARM"},
                    {"COUNT", Align::right},
                    {"FIRST", Align::right},
                    {"LAST", Align::right},
                    {"PACKET", Align::right},
                    {"DETAIL OF THE FIRST"}}};
  const auto& history = monitor_.board().history();
  std::size_t rest = history.size();
  for (const auto& [key, fault] : history) {
    if (history.size() - rest == most_faults) break;
    --rest;
    const auto& what = info(fault.indicator);
    table.add_row({std::string{what.code}, std::string{what.name}, to_text(fault.subject), is_on(fault) ? "on" : "over",
                   std::to_string(fault.count), when(fault.first.time, fault.first_wall),
                   when(fault.last.time, fault.last_wall), std::to_string(fault.first.position), fault.detail});
  }
  if (table.empty()) return {};
  return table.text() + (rest > 0 ? fmt::format("and {} more, see --json\n", rest) : std::string{});
}

std::string Report::alarms_on(std::size_t most) const {
  cli::Table table{{{"NO."}, {"WHERE"}, {"SINCE"}, {"COUNT", Align::right}, {"WHAT"}}};
  const auto active = monitor_.board().active();
  for (const Alarm* alarm : std::span{active}.first(std::min(most, active.size()))) {
    const auto& what = info(alarm->indicator);
    table.add_row({std::string{what.code}, to_text(alarm->subject), short_date(alarm->first_wall),
                   std::to_string(alarm->count), alarm->detail.empty() ? std::string{what.name} : alarm->detail});
  }
  if (table.empty()) return {};
  return table.text() + (active.size() > most ? fmt::format("and {} more\n", active.size() - most) : std::string{});
}

std::string Report::latest_faults(std::size_t most) const {
  std::vector<const Alarm*> over;
  for (const auto& [key, fault] : monitor_.board().history()) {
    if (!is_on(fault)) over.push_back(&fault);
  }
  const auto shown = std::min(most, over.size());
  std::ranges::partial_sort(over, over.begin() + static_cast<std::ptrdiff_t>(shown),
                            [](const Alarm* a, const Alarm* b) { return a->last.time > b->last.time; });
  cli::Table table{{{"NO."}, {"WHERE"}, {"LAST"}, {"COUNT", Align::right}, {"DETAIL OF THE FIRST"}}};
  for (const Alarm* fault : std::span{over}.first(shown)) {
    table.add_row({std::string{info(fault->indicator).code}, to_text(fault->subject), short_date(fault->last_wall),
                   std::to_string(fault->count), fault->detail});
  }
  return table.empty() ? std::string{} : table.text();
}

std::string Report::status_line(const io::SourceStatistics& source) const {
  const auto active = monitor_.board().active();
  std::string text = fmt::format(
      "{}, {}, {} on", rate_text(monitor_.rate().current() ? monitor_.rate().current() : monitor_.mean_rate()),
      counted(monitor_.tracker().services().size(), "service"), counted(active.size(), "alarm"));
  for (std::size_t i = 0; i < std::min<std::size_t>(active.size(), 3); ++i) {
    text += fmt::format("{} {} {}", i == 0 ? ":" : ",", info(active[i]->indicator).code, to_text(active[i]->subject));
  }
  if (source.socket_drops > 0) text += fmt::format(", {} dropped by this host's socket", source.socket_drops);
  return text;
}

}  // namespace tsmon
