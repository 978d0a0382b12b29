#include "tools/tsmon/monitor_metrics.hpp"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>

namespace tsmon {
namespace {

using cli::Labels;

std::string text_of(std::uint16_t id) { return fmt::format("0x{:04x}", id); }

class Cells {
 public:
  explicit Cells(cli::Metrics& metrics) : metrics_(metrics) {}

  void count(const char* name, const char* help, std::uint64_t total, const Labels& labels = {}) {
    metrics_.counter(name, help, labels).set(total);
  }
  void gauge(const char* name, const char* help, std::optional<double> value, const Labels& labels = {}) {
    auto& cell = metrics_.gauge(name, help, labels);
    value ? cell.set(*value) : cell.clear();
  }
  void forget(const std::string& label, const std::string& value) { metrics_.forget(label, value); }
  // A rate in the base unit.
  void rate(const char* name, const char* help, std::optional<double> bits_per_second, const Labels& labels = {}) {
    gauge(name, help, bits_per_second ? std::optional{*bits_per_second / 8} : std::nullopt, labels);
  }

 private:
  cli::Metrics& metrics_;
};

void refresh_indicators(Cells& cells, const AlarmBoard& board) {
  for (const auto& what : indicators()) {
    const Labels labels{{"indicator", std::string{what.code}}, {"name", std::string{what.name}}};
    const bool measured = board.count(what.indicator) > 0 || board.unmeasured(what.indicator).empty();
    // It may have been watched, or measured, until now.
    if (!board.watches(what.indicator) || !measured) cells.forget("indicator", labels.front().second);
    if (!board.watches(what.indicator)) continue;
    cells.gauge("indicator_measured", "1 if the stream has what the indicator is measured by.", measured ? 1 : 0,
                labels);
    if (!measured) continue;
    cells.count("faults_total", "Faults of an indicator.", board.count(what.indicator), labels);
    cells.gauge("alarm_active", "1 while an alarm of the indicator is on.", board.is_active(what.indicator) ? 1 : 0,
                labels);
  }
}

void refresh_services(Cells& cells, const Monitor& monitor) {
  for (const auto& [id, service] : monitor.tracker().services()) {
    const RateMeter* meter = monitor.service_rate(id);
    cells.rate("service_bytes_per_second", "Rate of a service over the last second.",
               meter != nullptr ? meter->current() : std::nullopt, {{"service", text_of(id.value())}});
  }
}

void refresh_decoders(Cells& cells, const Monitor& monitor) {
  for (const auto& [id, service] : monitor.tracker().services()) {
    const DecodeWatch* decoder = monitor.decoder(id);
    if (decoder == nullptr) continue;
    const DecodeFigures figures = decoder->figures();
    cells.count("decode_skipped_packets_total", "Packets left out because the decoder was too slow.", figures.skipped,
                {{"service", text_of(id.value())}});
    const auto pid_labels = [&service = id](ts::Pid pid) {
      return Labels{{"service", text_of(service.value())}, {"pid", text_of(pid.value())}};
    };
    if (const auto& video = figures.video) {
      cells.count("decoded_pictures_total", "Pictures decoded.", video->pictures, pid_labels(video->pid));
    }
    for (const DecodedAudio& audio : figures.audio) {
      const Labels labels = pid_labels(audio.pid);
      cells.gauge("loudness_integrated_lufs", "Loudness since the start, by EBU R128.", audio.integrated, labels);
      cells.gauge("loudness_short_term_lufs", "Loudness of the last 3 s.", audio.short_term, labels);
      cells.gauge("true_peak_dbtp", "Greatest true peak since the start.", audio.true_peak, labels);
    }
  }
}

// Of services and PIDs that have gone from the tables nothing is told any more.
void forget_gone(cli::Metrics& metrics, const Monitor& monitor, MonitorMetrics::Told& told) {
  MonitorMetrics::Told now;
  for (const auto& [id, service] : monitor.tracker().services()) now.services.insert(text_of(id.value()));
  for (const ts::Pid pid : monitor.pids()) {
    if (monitor.is_referenced(pid)) now.pids.insert(text_of(pid.value()));
  }
  for (const auto& service : told.services) {
    if (!now.services.contains(service)) metrics.forget("service", service);
  }
  for (const auto& pid : told.pids) {
    if (!now.pids.contains(pid)) metrics.forget("pid", pid);
  }
  told = std::move(now);
}

void refresh_pids(Cells& cells, const Monitor& monitor) {
  for (const ts::Pid pid : monitor.pids()) {
    if (!monitor.is_referenced(pid)) continue;
    const PidState& state = monitor.state(pid);
    const Labels labels{{"pid", text_of(pid.value())}};
    cells.count("pid_packets_total", "Packets of a PID that a table names.", state.packets, labels);
    cells.count("pid_continuity_errors_total", "Breaks of its continuity counter.", state.continuity_errors, labels);
    cells.rate("pid_bytes_per_second", "Its rate over the last second.", state.rate.current(), labels);
    if (!state.pcr) continue;
    const auto& f = state.pcr->figures();
    cells.gauge("pcr_interval_max_seconds", "Longest time between PCRs.", f.interval_greatest_s, labels);
    cells.gauge("pcr_accuracy_seconds", "PCR_AC: largest error of a PCR, either way, in the last seconds.",
                f.accuracy_last_s, labels);
    cells.gauge("pcr_overall_jitter_seconds", "PCR_OJ: peak to peak, by arrival.", f.overall_jitter_s, labels);
    cells.gauge("pcr_frequency_offset_hertz", "PCR_FO, against this host's clock.", f.frequency_offset_hz, labels);
    cells.gauge("pcr_drift_rate_hertz_per_second", "PCR_DR, against this host's clock.", f.drift_rate_hz_per_s, labels);
  }
}

void refresh_network(Cells& cells, const NetworkMeter& network, const io::SourceStatistics& source) {
  cells.count("input_datagrams_total", "Datagrams received.", source.datagrams);
  cells.count("input_invalid_datagrams_total", "Datagrams without packets.", source.invalid_datagrams);
  cells.count("input_socket_drops_total", "Datagrams that this host dropped.", source.socket_drops);
  if (source.has_rtp) {
    cells.count("input_rtp_lost_total", "RTP datagrams that did not come in time.", source.rtp_lost);
    cells.count("input_rtp_reordered_total", "RTP datagrams put back in order.", source.rtp_reordered);
    cells.count("input_rtp_duplicates_total", "RTP datagrams that came twice.", source.rtp_duplicates);
  }
  const auto& f = network.figures();
  cells.gauge("datagram_distance_max_seconds", "Longest time between datagrams in the last second.",
              f.last_greatest_distance_s);
  cells.gauge("media_delay_factor_seconds", "Delay factor of RFC 4445 in the last second.", f.delay_factor_s);
  cells.gauge("media_loss_packets_per_second", "Media loss rate of RFC 4445 in the last second.", f.loss_rate);
}

}  // namespace

void MonitorMetrics::refresh(const Monitor& monitor, const NetworkMeter& network, const io::SourceStatistics& source) {
  Cells cells{metrics_};
  forget_gone(metrics_, monitor, told_);
  const auto& totals = monitor.totals();
  cells.count("packets_total", "Packets watched.", totals.packets);
  cells.count("null_packets_total", "Null packets.", totals.null_packets);
  cells.count("invalid_syncs_total", "Packets without a sync byte.", totals.bad_sync);
  cells.count("sync_losses_total", "Times that packets could not be found in the bytes.", source.sync_losses);
  cells.count("skipped_bytes_total", "Bytes that belonged to no packet.", source.skipped_bytes);
  cells.count("transport_errors_total", "Packets with transport_error_indicator.", totals.transport_errors);
  cells.count("scrambled_packets_total", "Scrambled packets.", totals.scrambled);
  cells.rate("bytes_per_second", "Rate of the stream over the last second.", monitor.rate().current());
  cells.gauge("services", "Services in the stream.", static_cast<double>(monitor.tracker().services().size()));
  cells.gauge("pids", "PIDs seen.", static_cast<double>(monitor.pids().size()));
  cells.gauge("alarms", "Alarms that are on.", static_cast<double>(monitor.board().active().size()));
  refresh_indicators(cells, monitor.board());
  refresh_services(cells, monitor);
  refresh_pids(cells, monitor);
  refresh_decoders(cells, monitor);
  if (source.has_socket) refresh_network(cells, network, source);
}

void MonitorMetrics::refresh(const io::SinkStatistics& output) {
  Cells cells{metrics_};
  cells.count("output_packets_total", "Packets handed to the output.", output.packets);
  cells.count("output_dropped_packets_total", "Packets that could not be sent or queued.", output.dropped_packets);
  if (!output.pacer) return;
  cells.count("output_refused_packets_total", "Of the dropped packets, those that the network refused.",
              output.refused_packets);
  cells.count("output_late_datagrams_total", "Datagrams sent more than a millisecond late.", output.pacer->late);
}

void MonitorMetrics::refresh(const AlarmCommand& command) {
  Cells{metrics_}.count("alarm_commands_left_out_total", "Events that --on-alarm's command was not run for.",
                        command.left_out());
}

}  // namespace tsmon
