#include "tools/tsmon/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "common/cli/date.hpp"
#include "common/cli/table.hpp"
#include "common/cli/values.hpp"
#include "tools/tsmon/event_log.hpp"
#include "tools/tsmon/format_text.hpp"

namespace tsmon {
namespace {

using Align = cli::Table::Align;

constexpr const char* absent = "-";

std::string rate_text(std::optional<double> rate) {
  return rate ? cli::human_rate(static_cast<std::int64_t>(*rate)) : absent;
}

// A value in seconds in milliseconds, microseconds ...
std::string scaled(std::optional<double> value, double factor, int digits) {
  return value ? fmt::format("{:.{}f}", *value * factor, digits) : absent;
}

std::string hex(ts::Pid pid) { return cli::to_text(pid); }
std::string hex(psi::ServiceId id) { return fmt::format("0x{0:04x} ({0})", id.value()); }

std::string seconds_text(ts::ProgramTime time) { return fmt::format("{:.3f}", seconds(time)); }

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
  return head(source) + section("SERVICES", services(true)) + section("PIDS", pids()) +
         section("PROGRAM CLOCKS", clocks()) + section("NETWORK", network(source)) +
         section("INDICATORS", indicators()) + section("FAULTS", alarms(false, 200));
}

std::string Report::screen(const io::SourceStatistics& source, std::size_t lines) const {
  const std::string top = head(source) + section("SERVICES", services(false)) + section("NETWORK", network(source));
  const auto used = static_cast<std::size_t>(std::ranges::count(top, '\n'));
  std::string text = top + section("ALARMS", alarms(true, lines > used + 5 ? lines - used - 4 : 1));
  std::size_t end = 0;
  for (std::size_t i = 0; i + 1 < lines && end != std::string::npos; ++i) end = text.find('\n', end) + 1;
  return text.substr(0, end);
}

std::string Report::head(const io::SourceStatistics& source) const {
  const auto& totals = monitor_.totals();
  const auto& board = monitor_.board();
  std::string text = fmt::format("{}: {} packets", cli::printable(input_), totals.packets);
  if (monitor_.has_time()) text += fmt::format(" in {}", cli::human_duration(monitor_.duration()));
  text += fmt::format(", {}", rate_text(monitor_.mean_rate()));
  if (const auto rate = monitor_.rate().current()) text += fmt::format(" (now {})", rate_text(rate));
  text += fmt::format(", {} services, {} PIDs", monitor_.tracker().services().size(), monitor_.pids().size());
  if (totals.packets > 0) {
    text += fmt::format(", {:.1f} % nulls",
                        100.0 * static_cast<double>(totals.null_packets) / static_cast<double>(totals.packets));
  }
  if (const auto reference = monitor_.timeline().reference()) {
    text += fmt::format("\ntime by {}", monitor_.options().clock == Monitor::Clock::arrival
                                            ? std::string{"arrival"}
                                            : "the PCRs of PID " + hex(*reference));
  } else {
    text += "\nno PCR, so no time in the stream";
  }
  text += fmt::format("; {} invalid sync bytes, {} transport errors, {} scrambled packets on {} PIDs, {} bytes skipped",
                      totals.bad_sync, totals.transport_errors, totals.scrambled, monitor_.scrambled_pids(),
                      source.skipped_bytes);
  return text + fmt::format("; {} faults, {} alarms on\n", board.total(), board.active().size());
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
                    {"NOW"}}};
  for (const auto& [id, service] : monitor_.tracker().services()) {
    const RateMeter* meter = monitor_.service_rate(id);
    const RateMeter rate = meter != nullptr ? *meter : RateMeter{};
    bool scrambled = false;
    for (const ts::Pid pid : monitor_.pids_of(id)) scrambled = scrambled || monitor_.state(pid).scrambled > 0;
    table.add_row({hex(id), name_of(service).value_or(absent), service.pmt ? "PMT" : "PMT (not seen)",
                   hex(service.pmt_pid), rate_text(monitor_.mean_rate(id)), rate_text(rate.least()),
                   rate_text(rate.greatest()), scrambled ? "yes" : "no", event_name(service.present).value_or(absent)});
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
  std::string text = fmt::format("{} datagrams, {} without packets, {} dropped by this host's socket", source.datagrams,
                                 source.invalid_datagrams, source.socket_drops);
  if (source.has_rtp) {
    text += fmt::format("; RTP: {} lost, {} reordered, {} duplicates", source.rtp_lost, source.rtp_reordered,
                        source.rtp_duplicates);
  }
  return text + fmt::format(
                    "\ndistance of datagrams: mean {} ms, least {} ms, greatest {} ms; delay factor {} ms "
                    "(greatest {} ms), loss rate {} packets/s (greatest {})\n",
                    scaled(f.mean_distance_s, 1e3, 3), scaled(f.least_distance_s, 1e3, 3),
                    scaled(f.greatest_distance_s, 1e3, 3), scaled(f.delay_factor_s, 1e3, 2),
                    scaled(f.greatest_delay_factor_s, 1e3, 2), scaled(f.loss_rate, 1, 1),
                    scaled(f.greatest_loss_rate, 1, 1));
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

std::string Report::alarms(bool only_active, std::size_t most) const {
  cli::Table table{{{"NO."},
                    {"INDICATOR"},
                    {"WHERE"},
                    {"COUNT", Align::right},
                    {"FIRST s", Align::right},
                    {"LAST s", Align::right},
                    {"PACKET", Align::right},
                    {"DETAIL OF THE FIRST"}}};
  std::vector<const Alarm*> rows;
  if (only_active) {
    rows = monitor_.board().active();
  } else {
    for (const auto& [key, alarm] : monitor_.board().history()) rows.push_back(&alarm);
  }
  for (const Alarm* alarm : rows) {
    const auto& what = info(alarm->indicator);
    table.add_row({std::string{what.code}, std::string{what.name}, to_text(alarm->subject),
                   std::to_string(alarm->count), seconds_text(alarm->first.time), seconds_text(alarm->last.time),
                   std::to_string(alarm->first.position), alarm->detail});
    if (--most == 0) break;
  }
  if (table.empty()) return {};
  return table.text();
}

std::string Report::status_line(const io::SourceStatistics& source) const {
  const auto active = monitor_.board().active();
  std::string text =
      fmt::format("{}, {} services, {} alarms on",
                  rate_text(monitor_.rate().current() ? monitor_.rate().current() : monitor_.mean_rate()),
                  monitor_.tracker().services().size(), active.size());
  for (std::size_t i = 0; i < std::min<std::size_t>(active.size(), 3); ++i) {
    text += fmt::format("{} {} {}", i == 0 ? ":" : ",", info(active[i]->indicator).code, to_text(active[i]->subject));
  }
  if (source.socket_drops > 0) text += fmt::format(", {} dropped by this host's socket", source.socket_drops);
  return text;
}

}  // namespace tsmon
