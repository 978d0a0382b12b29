#include "tools/tsmux/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/cli/table.hpp"
#include "common/cli/values.hpp"
#include "common/ts/packet.hpp"

namespace tsmux {
namespace {

using cli::Priority;

constexpr double packet_bits = ts::packet_size * 8;
// A turn longer than its interval by this is worth a word: the carousel aims at nine tenths.
constexpr double slow_from = 1.05;

// An overload is over when nothing was dropped for so long; while it lasts it is told so often.
constexpr ts::Ticks27 overload_over = std::chrono::seconds{5}, overload_told = std::chrono::minutes{1};

double seconds(ts::Ticks27 ticks) { return std::chrono::duration<double>(ticks).count(); }
std::string rate_text(double rate) { return cli::human_rate(static_cast<std::int64_t>(rate)); }
std::string id_text(psi::ServiceId id) { return fmt::format("0x{:04x}", id.value()); }

std::string duration_text(ts::Ticks27 time) {
  return cli::human_duration(std::chrono::duration_cast<std::chrono::nanoseconds>(time));
}

std::string_view state_text(const Lineup& lineup, const Lineup::Service& service) {
  if (service.state == Lineup::Service::State::lost) return "lost";
  return lineup.carrier_of(service).feed->is_running() ? "running" : "starting";
}

}  // namespace

void Report::set_output(const io::Endpoint& output, const io::Sink* sink) {
  output_ = output;
  sink_ = sink;
}

void Report::measure() {
  const double passed = seconds(multiplexer_.now() - last_);
  if (passed <= 0) return;
  const auto rate = [&](std::uint64_t now, std::uint64_t& last) {
    return static_cast<double>(now - std::exchange(last, now)) * packet_bits / passed;
  };
  std::uint64_t packets = multiplexer_.table_packets() + multiplexer_.null_packets();
  for (const auto& service : lineup_.services()) {
    const auto& figures = service->program->figures();
    Meter& meter = meters_[service->ids.service];
    packets += figures.packets;
    if (figures.packets < meter.packets) meter = {};
    meter.rate = rate(figures.packets, meter.packets);
    meter.dropped_packets = figures.dropped - meter.dropped;
    meter.dropped_rate = rate(figures.dropped, meter.dropped);
  }
  rate_ = packets < last_packets_ ? rate_ : rate(packets, last_packets_);
  headroom_ = rate(multiplexer_.null_packets(), last_null_packets_);
  least_headroom_ = std::min(least_headroom_.value_or(headroom_), headroom_);
  table_rate_ = rate(multiplexer_.table_packets(), last_table_packets_);
  last_ = multiplexer_.now();
  tell_overload();
  tell_slow_tables();
  tell_losses();
}

// When it begins, what it has cost every minute, and when it is over.
void Report::tell_overload() {
  std::uint64_t dropped = 0;
  std::string rates;
  for (const auto& service : lineup_.services()) {
    const Meter& meter = meters_[service->ids.service];
    if (meter.dropped_rate <= 0) continue;
    dropped += meter.dropped_packets;
    rates += fmt::format("{}{} of service {}", rates.empty() ? "" : ", ", rate_text(meter.dropped_rate),
                         id_text(service->ids.service));
  }
  const auto now = multiplexer_.now();
  const std::string rate = rate_text(static_cast<double>(multiplexer_.rate().bits_per_second()));
  if (dropped > 0) {
    if (!overload_) {
      overload_ = Overload{.began = now, .told = now};
      overload_notes_.log(Priority::warning, "more than --bitrate {} can carry: dropped are {}", rate, rates);
    }
    overload_->last = now;
    overload_->dropped += dropped;
  }
  if (!overload_) return;
  if (now - overload_->last > overload_over) {
    overload_notes_.log(Priority::notice, "all fits into --bitrate {} again; {} packets were dropped in {}", rate,
                        overload_->dropped, duration_text(overload_->last - overload_->began));
    overload_.reset();
  } else if (now - overload_->told >= overload_told) {
    overload_->told = now;
    cli::log(Priority::warning, "still more than --bitrate {} can carry: {} packets dropped in {}; now {}", rate,
             overload_->dropped, duration_text(now - overload_->began), rates.empty() ? "none" : rates);
  }
}

void Report::tell_slow_tables() {
  slow_tables_.clear();
  std::string text;
  for (const auto& turn : carousel_.turns()) {
    if (turn.ratio() < slow_from) continue;
    slow_tables_[turn.table.pid] = turn.ratio();
    text += fmt::format("{}those of table_id 0x{:02x} on PID {} come after {:.1f} s, not {:.1f} s",
                        text.empty() ? "" : ", ", turn.table.table_id, cli::to_text(turn.table.pid),
                        seconds(turn.longest), seconds(turn.interval));
  }
  carousel_.clear_turns();
  // Without a constant rate, tables wait for what gives them slots.
  if (!text.empty() && !vbr_) table_notes_.log(Priority::warning, "more tables than can be sent in time: {}", text);
}

void Report::tell_losses() {
  for (const auto& input : lineup_.inputs()) {
    const auto figures = input->intake->figures();
    const std::string& name = input->reception.name;
    losses_.tell(name, "packets dropped, as they were not taken in time", figures.dropped);
    losses_.tell(name, "datagrams dropped by this host: it was too slow", figures.socket_drops);
    losses_.tell(name, "RTP datagrams lost", figures.rtp_lost);
    losses_.tell(name, "SRT messages lost", figures.srt_lost);
    losses_.tell(name, "bytes skipped that belong to no packet", figures.skipped_bytes);
  }
  for (const auto& service : lineup_.services()) {
    const auto& figures = service->feed->figures();
    const std::string name = "service " + id_text(service->ids.service);
    losses_.tell(name, "packets lost before they came here", figures.lost);
    losses_.tell(name, "packets left out, as no PCR tells their time", figures.unclocked);
    losses_.tell(name, "packets left out, as they come faster than they are to be shown", figures.early);
    losses_.tell(name, "times moved later, as its packets came after they were due", figures.shifts);
    losses_.tell(name, "jumps of its clock joined", figures.jumps);
  }
  if (sink_ == nullptr) return;
  const auto sent = sink_->statistics();
  losses_.tell(output_.text, "packets dropped", sent.dropped_packets - sent.refused_packets);
  losses_.tell(output_.text, std::string{io::refusal(output_)}, sent.refused_packets);
}

void Report::refresh(cli::Metrics& metrics) {
  const auto count = [&metrics](const char* name, const char* help, std::uint64_t total,
                                const cli::Labels& labels = {}) { metrics.counter(name, help, labels).set(total); };
  const auto gauge = [&metrics](const char* name, const char* help, double value, const cli::Labels& labels = {}) {
    metrics.gauge(name, help, labels).set(value);
  };
  if (!vbr_) count("output_packets_total", "Packets of the multiplex.", multiplexer_.position());
  count("output_null_packets_total", "Of them, null packets.", multiplexer_.null_packets());
  count("output_table_packets_total", "Of them, packets of tables.", multiplexer_.table_packets());
  gauge("output_bytes_per_second", "Rate of the multiplex over the last second.", rate_ / 8);
  gauge("output_headroom_bytes_per_second", "Rate of null packets over the last second: what is still free.",
        headroom_ / 8);
  if (least_headroom_) {
    gauge("output_least_headroom_bytes_per_second", "The least of it in a second since the last writing.",
          *std::exchange(least_headroom_, std::nullopt) / 8);
  }
  gauge("output_table_bytes_per_second", "Rate of the tables over the last second.", table_rate_ / 8);
  if (sink_ != nullptr) {
    const auto sent = sink_->statistics();
    count("output_bytes_total", "Bytes written.", sent.bytes);
    count("output_dropped_packets_total", "Packets that could not be sent or queued.", sent.dropped_packets);
    if (sent.pacer)
      count("output_late_datagrams_total", "Datagrams sent more than a millisecond late.", sent.pacer->late);
  }
  gauge("services_missing", "Inputs whose service is asked for and has not come.",
        static_cast<double>(lineup_.missing()));
  for (const auto& [pid, ratio] : slow_tables_) {
    gauge("table_turn_ratio", "Longest time between repetitions of a table, of what it may be.", ratio,
          {{"pid", fmt::format("0x{:04x}", pid.value())}});
  }
  for (const auto& service : lineup_.services()) {
    const cli::Labels labels{{"service", id_text(service->ids.service)}};
    const auto& sent = service->program->figures();
    const auto& fed = service->feed->figures();
    gauge("service_running", "1 if its packets come.", service->state == Lineup::Service::State::running ? 1 : 0,
          labels);
    count("service_packets_total", "Packets sent, with those for PCRs.", sent.packets, labels);
    count("service_dropped_packets_total", "Packets dropped for want of rate.", sent.dropped, labels);
    count("service_late_packets_total", "Packets sent after they were due.", sent.late, labels);
    count("service_input_lost_packets_total", "Packets missing in the input, at least.", fed.lost, labels);
    count("service_input_errors_total", "Packets with transport_error_indicator.", fed.errors, labels);
    count("service_input_early_packets_total", "Packets left out, as they came faster than they are to be shown.",
          fed.early, labels);
    count("service_unclocked_packets_total", "Packets left out, as no PCR told their time.", fed.unclocked, labels);
    count("service_clock_jumps_total", "Jumps of its clock, joined.", fed.jumps, labels);
    count("service_shifts_total", "Times it was moved later, as its packets came too late.", fed.shifts, labels);
    gauge("service_lag_seconds", "How much later than by its own clock it is decoded.", seconds(fed.lag), labels);
    const auto meter = meters_.find(service->ids.service);
    if (meter != meters_.end()) {
      gauge("service_bytes_per_second", "Rate over the last second.", meter->second.rate / 8, labels);
      gauge("service_dropped_bytes_per_second", "Rate of what was dropped in the last second.",
            meter->second.dropped_rate / 8, labels);
    }
    if (!lineup_.inputs()[service->input.reception]->reception.live) continue;
    gauge("service_clock_drift_ppm", "The input's clock against this host's.", fed.drift_ppm, labels);
    if (fed.margin) {
      gauge("service_margin_seconds", "The least time that packets came before they were due, in the last second.",
            seconds(*fed.margin), labels);
    }
  }
  for (const auto& input : lineup_.inputs()) {
    const cli::Labels labels{{"input", input->reception.name}};
    const auto figures = input->intake->figures();
    count("input_packets_total", "Packets received.", figures.packets, labels);
    count("input_dropped_packets_total", "Packets dropped, as they were not taken in time.", figures.dropped, labels);
    count("input_skipped_bytes_total", "Bytes that belonged to no packet.", figures.skipped_bytes, labels);
    if (!input->reception.live) continue;
    count("input_socket_drops_total", "Datagrams that this host dropped.", figures.socket_drops, labels);
    count("input_rtp_lost_total", "RTP datagrams that did not come in time.", figures.rtp_lost, labels);
    gauge("input_silent", "1 if no packets come.", input->silent ? 1 : 0, labels);
  }
}

std::string Report::status_line() const {
  std::size_t running = 0;
  for (const auto& service : lineup_.services()) {
    if (service->has_begun && service->state == Lineup::Service::State::running) ++running;
  }
  const std::size_t missing = lineup_.missing();
  return fmt::format("{}, {} of {} services running{}, {} free", rate_text(rate_), running, lineup_.services().size(),
                     missing == 0 ? "" : fmt::format(", {} missing", missing), rate_text(headroom_));
}

std::string Report::state() const {
  using Align = cli::Table::Align;
  cli::Table table{{{"service"},
                    {"input"},
                    {"state"},
                    {"rate", Align::right},
                    {"dropped", Align::right},
                    {"lost", Align::right},
                    {"clock ppm", Align::right},
                    {"margin ms", Align::right},
                    {"lag ms", Align::right}}};
  for (const auto& service : lineup_.services()) {
    const auto& input = lineup_.inputs()[service->input.reception]->reception;
    const auto& fed = service->feed->figures();
    const auto meter = meters_.find(service->ids.service);
    table.add_row({id_text(service->ids.service), fmt::format("{} {}", input.name, id_text(service->source)),
                   std::string{state_text(lineup_, *service)},
                   meter == meters_.end() ? "-" : rate_text(meter->second.rate),
                   std::to_string(service->program->figures().dropped), std::to_string(fed.lost),
                   input.live ? fmt::format("{:+.1f}", fed.drift_ppm) : "-",
                   fed.margin ? fmt::format("{:.0f}", seconds(*fed.margin) * 1e3) : "-",
                   fmt::format("{:.1f}", seconds(fed.lag) * 1e3)});
  }
  return fmt::format("{}: {}\n{}", output_.text, status_line(), table.text());
}

}  // namespace tsmux
