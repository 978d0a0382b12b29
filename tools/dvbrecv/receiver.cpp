#include "tools/dvbrecv/receiver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ranges>
#include <stdexcept>
#include <utility>

#include "common/cli/log.hpp"
#include "common/cli/table.hpp"
#include "common/cli/values.hpp"
#include "common/psi/tables.hpp"

namespace dvbrecv {
namespace {

using cli::Priority;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds read_timeout{500};
constexpr seconds silence_noticed{2};
// A PAT comes every 100 ms, everywhere at least every 500 ms (TR 101 290 1.3).
constexpr seconds missing_noticed{5};
constexpr seconds measurement_interval{2};
// Datagrams of several services due so close to one another leave on one wake-up; far below the jitter that
// receivers have to stand (ISO/IEC 13818-1 annex D: ms).
constexpr std::chrono::microseconds coalesce{500};

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

bool is_missing(const Splitter::Output& output) {
  return output.service && output.service->state() == ServiceOutput::State::waiting;
}

}  // namespace

Receiver::Receiver(const Options& options, cli::Signals& signals,
                   const std::optional<std::filesystem::path>& metrics_file, std::function<Options()> reread)
    : options_(options),
      signals_(signals),
      reread_(std::move(reread)),
      source_(io::open_source(options.input, {.wait_mask = &signals.wait_mask()})),
      pacer_(io::Pacer::Options{.realtime = options.realtime, .coalesce = coalesce}),
      splitter_(
          [this](const OutputSpec& spec) {
            io::SinkOptions sink;
            sink.live = source_->is_live();
            sink.latency = options_.latency;
            sink.pacer = &pacer_;
            sink.stopping = [this] { return signals_.stop(); };
            return io::open_sink(spec.endpoint, sink);
          },
          source_->is_live(), options.latency + seconds{1}),
      metrics_writer_(metrics_, metrics_file, [this] { refresh_metrics(); }),
      waiting_since_(std::chrono::steady_clock::now()) {
  if (const auto failures = splitter_.configure(options.outputs); !failures.empty()) {
    for (const auto& failure : failures | std::views::take(failures.size() - 1))
      cli::log(Priority::error, "{}", failure);
    throw std::runtime_error(failures.back());
  }
  if (options.realtime && pacer_.realtime_refused()) {
    cli::log(Priority::warning, "--rt: no right to real-time priority; sending goes on without");
  }
}

cli::ExitStatus Receiver::run() {
  manager_.ready();
  while (!signals_.stop() && !source_->ended() && has_open_output()) {
    const auto chunks = source_->read(read_timeout);
    for (const io::Chunk& chunk : chunks) splitter_.feed(chunk);
    splitter_.flush();
    watch(!chunks.empty(), std::chrono::steady_clock::now());
  }
  manager_.stopping();
  splitter_.finish();
  return verdict();
}

void Receiver::watch(bool received, ts::SteadyTime now) {
  answer_signals();
  watch_silence(received, now);
  name_missing_services(now);
  splitter_.poll(now);
  if (now >= next_measurement_) {
    next_measurement_ = now + measurement_interval;
    measure();
    manager_.status(status_line());
  }
  metrics_writer_.poll(now);
  manager_.poll(now);
}

void Receiver::answer_signals() {
  if (signals_.take_dump()) print_state();
  if (signals_.take_reload()) reload();
}

void Receiver::reload() {
  manager_.reloading();
  try {
    Options options = reread_();
    if (options.input.text != options_.input.text) {
      cli::log(Priority::warning, "the input stays {} until a restart", options_.input.text);
    }
    std::set<std::string> before;
    for (const auto& output : splitter_.outputs()) before.insert(output.port->name());
    for (const auto& failure : splitter_.configure(options.outputs)) cli::log(Priority::error, "{}", failure);
    for (const auto& output : splitter_.outputs()) before.erase(output.port->name());
    for (const auto& name : before) metrics_.forget("output", name);
    std::erase_if(output_rates_, [this](const auto& rate) {
      return std::ranges::find(splitter_.outputs(), rate.first,
                               [](const auto& o) -> const Port* { return o.port.get(); }) == splitter_.outputs().end();
    });
    name_missing_at_.reset();
    cli::log(Priority::notice, "configuration read again: {} outputs", splitter_.outputs().size());
  } catch (const std::exception& e) {
    cli::log(Priority::error, "configuration not taken over, all goes on as before: {}", e.what());
  }
  manager_.ready();
}

void Receiver::watch_silence(bool received, ts::SteadyTime now) {
  if (received) {
    if (std::exchange(is_silent_, false)) {
      cli::log(Priority::notice, "{}: packets come again, after {}", options_.input.text,
               cli::human_duration(now - last_arrival_.value_or(waiting_since_)));
    }
    last_arrival_ = now;
    return;
  }
  if (!source_->is_live() || is_silent_ || now - last_arrival_.value_or(waiting_since_) < silence_noticed) return;
  is_silent_ = true;
  cli::log(Priority::warning, "{}: no packets for {}; waiting", options_.input.text,
           cli::human_duration(silence_noticed));
}

void Receiver::name_missing_services(ts::SteadyTime now) {
  if (!source_->is_live() || !last_arrival_) return;
  if (!name_missing_at_) name_missing_at_ = now + missing_noticed;
  if (now < *name_missing_at_) return;
  name_missing_at_ = ts::SteadyTime::max();
  for (const auto& output : splitter_.outputs()) {
    if (is_missing(output)) {
      cli::log(Priority::warning, "{} is not there yet, {} waits for it; {}", output.spec.subject(),
               output.port->name(), services_there());
    }
  }
}

std::string Receiver::services_there() const {
  const auto& tracker = splitter_.tracker();
  if (!tracker.pat()) return "no PAT has come";
  if (tracker.services().empty()) return "the multiplex has no services";
  std::string text = "the multiplex has";
  for (const auto& [id, service] : tracker.services()) {
    const auto name = service.sdt ? psi::service_name(service.sdt->descriptors) : std::nullopt;
    text += fmt::format("{} 0x{:04x}{}", text.back() == 's' ? "" : ",", id.value(),
                        name ? " \"" + cli::printable(name->name) + "\"" : "");
  }
  return text;
}

void Receiver::measure() {
  std::optional<double> time;
  if (source_->is_live()) {
    time = std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  } else if (const auto stream_time = splitter_.clock().at(splitter_.statistics().packets)) {
    time = std::chrono::duration<double>(stream_time->time_since_epoch()).count();
  }
  if (!time) return;
  input_rate_.update(splitter_.statistics().packets, *time);
  for (const auto& output : splitter_.outputs()) output_rates_[output.port.get()].update(output.port->packets(), *time);
}

void Receiver::refresh_metrics() {
  const auto count = [this](const char* name, const char* help, std::uint64_t total) {
    metrics_.counter(name, help).set(total);
  };
  const auto source = source_->statistics();
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
  auto& rate = metrics_.gauge("input_bits_per_second", "Rate of the multiplex.");
  if (const auto bits = input_rate_.bits_per_second()) rate.set(*bits);
  if (source_->is_live()) metrics_.gauge("input_silent", "1 if no packets come.").set(is_silent_ ? 1 : 0);
  for (const auto& output : splitter_.outputs()) refresh_output(output);
}

void Receiver::refresh_output(const Splitter::Output& output) {
  const cli::Labels labels{
      {"output", output.port->name()},
      {"service", output.spec.service ? fmt::format("0x{:04x}", output.spec.service->value()) : "*"}};
  const auto count = [&](const char* name, const char* help, std::uint64_t total) {
    metrics_.counter(name, help, labels).set(total);
  };
  const auto sink = output.port->statistics();
  count("output_packets_total", "Transport stream packets handed to the output.", output.port->packets());
  count("output_bytes_total", "Bytes written.", sink.bytes);
  count("output_dropped_packets_total", "Packets that could not be sent or queued.", sink.dropped_packets);
  count("output_continuity_errors_total", "Breaks of a continuity counter in what the output passes.",
        output.port->continuity_errors());
  if (sink.pacer) {
    count("output_late_datagrams_total", "Datagrams sent more than a millisecond late.", sink.pacer->late);
  }
  if (output.service) {
    const bool present = output.service->state() == ServiceOutput::State::present;
    metrics_.gauge("output_service_present", "1 if the service is in the multiplex.", labels).set(present ? 1 : 0);
  }
  const auto rate = output_rates_.find(output.port.get());
  if (rate != output_rates_.end() && rate->second.bits_per_second()) {
    metrics_.gauge("output_bits_per_second", "Rate of the output.", labels).set(*rate->second.bits_per_second());
  }
}

void Receiver::print_state() const {
  using Align = cli::Table::Align;
  cli::Table table{{{"service"},
                    {"output"},
                    {"state"},
                    {"packets", Align::right},
                    {"rate", Align::right},
                    {"CC errors", Align::right},
                    {"dropped", Align::right}}};
  for (const auto& output : splitter_.outputs()) {
    const auto rate = output_rates_.find(output.port.get());
    table.add_row({output.spec.service ? fmt::format("0x{:04x}", output.spec.service->value()) : "*",
                   output.port->name(), std::string{state_text(output)}, std::to_string(output.port->packets()),
                   rate_text(rate == output_rates_.end() ? std::nullopt : rate->second.bits_per_second()),
                   std::to_string(output.port->continuity_errors()),
                   std::to_string(output.port->statistics().dropped_packets)});
  }
  const std::string text = fmt::format("{}: {}\n{}", options_.input.text, status_line(), table.text());
  std::fputs(text.c_str(), stderr);
}

std::string Receiver::status_line() const {
  const auto source = source_->statistics();
  const auto& splitter = splitter_.statistics();
  std::size_t services = 0, present = 0;
  for (const auto& output : splitter_.outputs()) {
    if (!output.service) continue;
    ++services;
    if (output.service->state() == ServiceOutput::State::present) ++present;
  }
  std::string text = fmt::format("{} packets, {}, {} of {} services present, {} CC errors, {} transport errors",
                                 splitter.packets, is_silent_ ? "silent" : rate_text(input_rate_.bits_per_second()),
                                 present, services, splitter.continuity_errors, splitter.transport_errors);
  if (source.has_rtp) text += fmt::format(", {} RTP lost", source.rtp_lost);
  if (source.has_socket) text += fmt::format(", {} socket drops", source.socket_drops);
  return text;
}

bool Receiver::has_open_output() const {
  return std::ranges::any_of(splitter_.outputs(), [](const auto& output) { return output.port->is_open(); });
}

cli::ExitStatus Receiver::verdict() const {
  const auto& outputs = splitter_.outputs();
  if (std::ranges::any_of(outputs, [](const auto& output) { return !output.port->failure().empty(); })) {
    return cli::ExitStatus::failed;
  }
  if (!source_->ended()) return cli::ExitStatus::done;
  if (splitter_.statistics().packets == 0) {
    const auto skipped = source_->statistics().bytes;
    throw std::runtime_error(fmt::format("{}: no transport stream packets{}", options_.input.text,
                                         skipped == 0 ? ": it is empty" : fmt::format(" in its {} bytes", skipped)));
  }
  const auto missing = std::ranges::count_if(outputs, is_missing);
  for (const auto& output : outputs) {
    if (is_missing(output)) {
      cli::log(Priority::error, "{} was not found in {}; {}", output.spec.subject(), options_.input.text,
               services_there());
    }
  }
  if (missing == 0) return cli::ExitStatus::done;
  return std::cmp_equal(missing, outputs.size()) ? cli::ExitStatus::failed : cli::ExitStatus::incomplete;
}

}  // namespace dvbrecv
