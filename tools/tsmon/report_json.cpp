#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "common/cli/date.hpp"
#include "common/psi/elementary_stream.hpp"
#include "tools/tsmon/decode_text.hpp"
#include "tools/tsmon/event_log.hpp"
#include "tools/tsmon/format_text.hpp"
#include "tools/tsmon/report.hpp"

namespace tsmon {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json rate_json(std::optional<double> rate) { return rate ? Json(static_cast<std::int64_t>(*rate)) : Json(); }

Json rates_json(std::optional<double> mean, const RateMeter* meter) {
  static const RateMeter none;
  const RateMeter& rate = meter != nullptr ? *meter : none;
  return {{"mean", rate_json(mean)},
          {"current", rate_json(rate.current())},
          {"least", rate_json(rate.least())},
          {"greatest", rate_json(rate.greatest())}};
}

Json event_json(const std::optional<psi::EitEvent>& event) {
  if (!event) return {};
  const auto text = psi::short_event(event->descriptors);
  Json out{{"event_id", event->event_id}, {"name", text ? Json(text->name) : Json()}};
  out["start"] = event->start ? Json(cli::utc_text(*event->start)) : Json();
  out["duration_s"] = event->duration ? Json(event->duration->count()) : Json();
  return out;
}

// The greatest fullness of the system target decoder's buffers in bytes, beside their sizes.
Json buffers_json(const BufferWatch& watch) {
  const auto limits = watch.limits();
  if (!limits) return {};
  const auto figures = watch.figures();
  Json out{{"tb", figures.transport}, {"tb_size", limits->transport_size}};
  if (limits->multiplex_rate > 0) {
    out["mb"] = figures.multiplex;
    out["mb_size"] = limits->multiplex_size;
  }
  out["eb"] = figures.elementary;
  out["eb_size"] = limits->elementary_size > 0 ? Json(limits->elementary_size) : Json();
  out["size_sent"] = limits->size_sent;
  out["delay_greatest_s"] = seconds(figures.delay);
  return out;
}

Json component_json(const Monitor& monitor, const psi::Pmt::Stream& stream) {
  const auto what = psi::describe(stream);
  const auto& state = monitor.state(stream.pid);
  return {{"pid", stream.pid.value()},
          {"stream_type", stream.type},
          {"kind", psi::to_string(what.kind)},
          {"codec", what.codec},
          {"languages", what.languages},
          {"scrambled", state.packets > 0 ? Json(state.scrambled > 0) : Json()},
          {"format", state.elementary ? format_json(*state.elementary) : Json()},
          {"buffers", state.elementary ? buffers_json(state.elementary->buffer()) : Json()},
          {"access_units", state.elementary ? Json(state.elementary->access_units()) : Json()},
          {"bit_rate", rates_json(monitor.mean_rate(stream.pid), &state.rate)}};
}

Json service_json(const Monitor& monitor, const psi::Service& service) {
  Json out{{"service_id", service.id.value()}};
  const auto name = service.sdt ? psi::service_name(service.sdt->descriptors) : std::nullopt;
  out["name"] = name ? Json(name->name) : Json();
  out["provider"] = name ? Json(name->provider) : Json();
  out["type"] = name ? Json(psi::service_type_name(name->service_type)) : Json();
  out["pmt_pid"] = service.pmt_pid.value();
  out["pcr_pid"] = service.pmt && service.pmt->pcr_pid != ts::null_pid ? Json(service.pmt->pcr_pid.value()) : Json();
  out["bit_rate"] = rates_json(monitor.mean_rate(service.id), monitor.service_rate(service.id));
  out["present_event"] = event_json(service.present);
  out["following_event"] = event_json(service.following);
  const DecodeWatch* decoder = monitor.decoder(service.id);
  out["decoded"] = decoder != nullptr ? decoded_json(decoder->figures()) : Json();
  out["components"] = Json::array();
  if (!service.pmt) return out;
  for (const auto& stream : service.pmt->streams) out["components"].push_back(component_json(monitor, stream));
  return out;
}

Json pid_json(const Monitor& monitor, ts::Pid pid) {
  const auto& state = monitor.state(pid);
  Json out{{"pid", pid.value()},
           {"packets", state.packets},
           {"continuity_errors", state.continuity_errors},
           {"lost", state.lost},
           {"duplicates", state.duplicates},
           {"scrambled", state.scrambled},
           {"referenced", pid.value() <= 0x1F || pid == ts::null_pid || monitor.is_referenced(pid)},
           {"bit_rate", rates_json(monitor.mean_rate(pid), &state.rate)}};
  if (!state.pcr) return out;
  const auto& f = state.pcr->figures();
  out["pcr"] = {{"count", f.count},
                {"interval_mean_s", or_null(f.interval_mean_s)},
                {"interval_greatest_s", or_null(f.interval_greatest_s)},
                {"jumps", state.pcr->jumps()},
                {"accuracy_least_s", or_null(f.accuracy_least_s)},
                {"accuracy_greatest_s", or_null(f.accuracy_greatest_s)},
                {"variable_rate", f.variable_rate},
                {"overall_jitter_s", or_null(f.overall_jitter_s)},
                {"frequency_offset_hz", or_null(f.frequency_offset_hz)},
                {"drift_rate_hz_per_s", or_null(f.drift_rate_hz_per_s)}};
  return out;
}

Json network_json(const io::SourceStatistics& source, const NetworkMeter::Figures& f) {
  Json out{{"datagrams", source.datagrams},
           {"invalid_datagrams", source.invalid_datagrams},
           {"socket_drops", source.socket_drops}};
  if (source.has_rtp) {
    out["rtp_lost"] = source.rtp_lost;
    out["rtp_reordered"] = source.rtp_reordered;
    out["rtp_duplicates"] = source.rtp_duplicates;
  }
  out["distance_mean_s"] = or_null(f.mean_distance_s);
  out["distance_least_s"] = or_null(f.least_distance_s);
  out["distance_greatest_s"] = or_null(f.greatest_distance_s);
  out["delay_factor_s"] = or_null(f.delay_factor_s);
  out["delay_factor_greatest_s"] = or_null(f.greatest_delay_factor_s);
  out["loss_rate_packets_per_s"] = or_null(f.loss_rate);
  out["loss_rate_greatest_packets_per_s"] = or_null(f.greatest_loss_rate);
  return out;
}

Json output_json(const std::string& name, const io::SinkStatistics& sent) {
  Json out{{"endpoint", name}, {"packets", sent.packets}, {"dropped_packets", sent.dropped_packets}};
  if (!sent.pacer) return out;
  out["refused_packets"] = sent.refused_packets;
  out["late_datagrams"] = sent.pacer->late;
  return out;
}

Json indicator_json(const AlarmBoard& board, const IndicatorInfo& what) {
  Json out{{"indicator", what.code}, {"name", what.name}};
  const bool watched = board.watches(what.indicator);
  const bool measured = board.count(what.indicator) > 0 || board.unmeasured(what.indicator).empty();
  out["state"] = !watched                          ? "not watched"
                 : board.is_active(what.indicator) ? "alarm"
                 : board.count(what.indicator) > 0 ? "was in alarm"
                 : measured                        ? "good"
                                                   : "not measured";
  if (watched && measured) out["count"] = board.count(what.indicator);
  if (watched && !measured) out["reason"] = board.unmeasured(what.indicator);
  return out;
}

}  // namespace

Json Report::json(const io::SourceStatistics& source) const {
  const auto& totals = monitor_.totals();
  Json out{{"event", "report"}, {"input", input_}};
  if (monitor_.options().live) {
    out["since"] = cli::utc_text(since_);
    out["at"] = cli::utc_text(std::chrono::system_clock::now());
  }
  const bool by_arrival = monitor_.options().clock == Monitor::Clock::arrival;
  const auto reference = monitor_.timeline().reference();
  out["clock"] = by_arrival || (!reference && monitor_.options().live) ? Json("arrival")
                 : reference                                           ? Json("pcr")
                                                                       : Json();
  out["clock_pid"] = !by_arrival && reference ? Json(reference->value()) : Json();
  out["duration_s"] = monitor_.has_time() ? Json(seconds(monitor_.now().time)) : Json();
  out["packets"] = totals.packets;
  out["null_packets"] = totals.null_packets;
  out["invalid_syncs"] = totals.bad_sync;
  out["sync_losses"] = source.sync_losses;
  out["skipped_bytes"] = source.skipped_bytes;
  out["transport_errors"] = totals.transport_errors;
  out["scrambled_packets"] = totals.scrambled;
  out["scrambled_pids"] = monitor_.scrambled_pids();
  out["bit_rate"] = rates_json(monitor_.mean_rate(), &monitor_.rate());
  const auto interval_rate = monitor_.timeline().mean_interval_rate();
  out["bit_rate"]["mean_of_pcr_intervals"] =
      rate_json(interval_rate ? std::optional{*interval_rate * 8 * ts::packet_size} : std::nullopt);
  const auto& pat = monitor_.tracker().pat();
  out["transport_stream_id"] = pat ? Json(pat->transport_stream_id) : Json();
  out["faults"] = monitor_.board().total();
  out["indicators"] = Json::array();
  for (const auto& what : tsmon::indicators()) out["indicators"].push_back(indicator_json(monitor_.board(), what));
  out["alarms"] = Json::array();
  for (const auto& [key, alarm] : monitor_.board().history()) {
    Json object = alarm_json(alarm, monitor_.options().live);
    object["on"] = is_on(alarm);
    out["alarms"].push_back(std::move(object));
  }
  out["services"] = Json::array();
  for (const auto& [id, service] : monitor_.tracker().services()) {
    out["services"].push_back(service_json(monitor_, service));
  }
  out["pids"] = Json::array();
  for (const ts::Pid pid : monitor_.pids()) out["pids"].push_back(pid_json(monitor_, pid));
  if (source.has_socket) out["network"] = network_json(source, network_.figures());
  if (sink_ != nullptr) out["output"] = output_json(output_, sink_->statistics());
  return out;
}

}  // namespace tsmon
