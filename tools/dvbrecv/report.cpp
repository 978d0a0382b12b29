#include "tools/dvbrecv/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

#include "common/cli/table.hpp"
#include "common/cli/values.hpp"

namespace dvbrecv {
namespace {

std::string rate_text(std::optional<double> rate) {
  return rate ? cli::human_rate(static_cast<std::int64_t>(*rate)) : "-";
}

std::string_view state_text(const Splitter::Output& output) {
  if (!output.port->is_open()) return "closed";
  if (!output.service) return "open";
  switch (output.service->state()) {
    case ServiceOutput::State::waiting:
      return "waiting";
    case ServiceOutput::State::present:
      return "present";
    case ServiceOutput::State::gone:
      return "gone";
  }
  return "";
}

}  // namespace

void Report::measure() {
  tell_losses();
  std::optional<double> time;
  if (source_.is_live()) {
    time = std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  } else if (const auto stream_time = splitter_.clock().at(splitter_.statistics().packets)) {
    time = std::chrono::duration<double>(stream_time->time_since_epoch()).count();
  }
  if (!time) return;
  input_rate_.update(splitter_.statistics().packets, *time);
  for (const auto& output : splitter_.outputs())
    output_rates_[output.port->name()].update(output.port->packets(), *time);
}

void Report::tell_losses() {
  const auto source = source_.statistics();
  losses_.tell(input_, "RTP datagrams lost", source.rtp_lost);
  losses_.tell(input_, "datagrams dropped by this host: it was too slow", source.socket_drops);
  losses_.tell(input_, "datagrams without packets", source.invalid_datagrams);
  losses_.tell(input_, "bytes skipped that belong to no packet", source.skipped_bytes);
  for (const auto& output : splitter_.outputs()) {
    const auto sent = output.port->statistics();
    losses_.tell(output.port->name(), "packets dropped", sent.dropped_packets - sent.refused_packets);
    losses_.tell(output.port->name(), std::string{io::refusal(output.spec.endpoint)}, sent.refused_packets);
  }
}

void Report::forget_others(cli::Metrics& metrics) {
  const auto& outputs = splitter_.outputs();
  std::erase_if(output_rates_, [&](const auto& rate) {
    const bool is_gone = std::ranges::none_of(outputs, [&](const auto& o) { return o.port->name() == rate.first; });
    if (is_gone) metrics.forget("output", rate.first);
    return is_gone;
  });
}

void Report::refresh(cli::Metrics& metrics) const {
  const auto count = [&metrics](const char* name, const char* help, std::uint64_t total) {
    metrics.counter(name, help).set(total);
  };
  const auto source = source_.statistics();
  const auto& splitter = splitter_.statistics();
  count("input_packets_total", "Transport stream packets received.", splitter.packets);
  count("input_bytes_total", "Bytes received.", source.bytes);
  count("input_null_packets_total", "Null packets received.", splitter.null_packets);
  count("input_continuity_errors_total", "Breaks of a continuity counter.", splitter.continuity_errors);
  count("input_transport_errors_total", "Packets with transport_error_indicator.", splitter.transport_errors);
  count("input_bad_sync_total", "Packets without a sync byte.", splitter.bad_sync);
  count("input_sync_losses_total", "Times that packets could not be found in the bytes.", source.sync_losses);
  count("input_skipped_bytes_total", "Bytes that belonged to no packet.", source.skipped_bytes);
  count("input_table_crc_errors_total", "Sections with a wrong CRC.", splitter_.tracker().crc_errors());
  if (source.has_socket) {
    count("input_datagrams_total", "Datagrams received.", source.datagrams);
    count("input_invalid_datagrams_total", "Datagrams without packets.", source.invalid_datagrams);
    count("input_socket_drops_total", "Datagrams that this host dropped.", source.socket_drops);
  }
  if (source.has_rtp) {
    count("input_rtp_lost_total", "RTP datagrams that did not come in time.", source.rtp_lost);
    count("input_rtp_reordered_total", "RTP datagrams put back in order.", source.rtp_reordered);
    count("input_rtp_duplicates_total", "RTP datagrams that came twice.", source.rtp_duplicates);
  }
  auto& rate = metrics.gauge("input_bytes_per_second", "Rate of the multiplex.");
  if (const auto bits = input_rate_.bits_per_second()) rate.set(*bits / 8);
  if (source_.is_live()) metrics.gauge("input_silent", "1 if no packets come.").set(silent_ ? 1 : 0);
  for (const auto& output : splitter_.outputs()) refresh(metrics, output);
}

void Report::refresh(cli::Metrics& metrics, const Splitter::Output& output) const {
  const cli::Labels labels{
      {"output", output.port->name()},
      {"service", output.spec.service ? fmt::format("0x{:04x}", output.spec.service->value()) : "*"}};
  const auto count = [&](const char* name, const char* help, std::uint64_t total) {
    metrics.counter(name, help, labels).set(total);
  };
  const auto sink = output.port->statistics();
  count("output_packets_total", "Transport stream packets handed to the output.", output.port->packets());
  count("output_bytes_total", "Bytes written.", sink.bytes);
  count("output_dropped_packets_total", "Packets that could not be sent or queued.", sink.dropped_packets);
  count("output_continuity_errors_total", "Breaks of a continuity counter in what the output passes.",
        output.port->continuity_errors());
  if (sink.pacer) {
    count("output_refused_packets_total", "Of the dropped packets, those that the network refused or no SRT peer took.",
          sink.refused_packets);
    count("output_late_datagrams_total", "Datagrams sent more than a millisecond late.", sink.pacer->late);
  }
  if (output.service) {
    const bool present = output.service->state() == ServiceOutput::State::present;
    metrics.gauge("output_service_present", "1 if the service is in the multiplex.", labels).set(present ? 1 : 0);
  }
  if (const auto rate = bit_rate(*output.port)) {
    metrics.gauge("output_bytes_per_second", "Rate of the output.", labels).set(*rate / 8);
  }
}

std::optional<double> Report::bit_rate(const Port& port) const {
  const auto rate = output_rates_.find(port.name());
  return rate == output_rates_.end() ? std::nullopt : rate->second.bits_per_second();
}

std::string Report::state() const {
  using Align = cli::Table::Align;
  cli::Table table{{{"service"},
                    {"output"},
                    {"state"},
                    {"packets", Align::right},
                    {"rate", Align::right},
                    {"CC errors", Align::right},
                    {"dropped", Align::right}}};
  for (const auto& output : splitter_.outputs()) {
    table.add_row({output.spec.service ? fmt::format("0x{:04x}", output.spec.service->value()) : "*",
                   output.port->name(), std::string{state_text(output)}, std::to_string(output.port->packets()),
                   rate_text(bit_rate(*output.port)), std::to_string(output.port->continuity_errors()),
                   std::to_string(output.port->statistics().dropped_packets)});
  }
  return fmt::format("{}: {}\n{}", input_, status_line(), table.text());
}

std::string Report::status_line() const {
  const auto source = source_.statistics();
  const auto& splitter = splitter_.statistics();
  std::size_t services = 0, present = 0;
  for (const auto& output : splitter_.outputs()) {
    if (!output.service) continue;
    ++services;
    if (output.service->state() == ServiceOutput::State::present) ++present;
  }
  std::string text = fmt::format("{} packets, {}, {} of {} services present, {} CC errors, {} transport errors",
                                 splitter.packets, silent_ ? "silent" : rate_text(input_rate_.bits_per_second()),
                                 present, services, splitter.continuity_errors, splitter.transport_errors);
  if (source.has_rtp) text += fmt::format(", {} RTP lost", source.rtp_lost);
  if (source.has_socket) text += fmt::format(", {} socket drops", source.socket_drops);
  return text;
}

}  // namespace dvbrecv
