#include "tools/dvbrecv/receiver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <span>
#include <stdexcept>
#include <utility>

#include "common/cli/log.hpp"
#include "common/cli/table.hpp"  // printable()
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
// Datagrams of all outputs that are due within this time leave on one wake-up, some of them early by it: below what
// receivers have to stand (ISO/IEC 13818-1 annex D: ms), and it halves the CPU time. With --rt each leaves at its time.
constexpr milliseconds coalesce{1};

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
      pacer_(
          io::Pacer::Options{.realtime = options.realtime, .coalesce = options.realtime ? milliseconds{0} : coalesce}),
      splitter_(
          [this](const OutputSpec& spec) {
            io::SinkOptions sink;
            sink.live = source_->is_live();
            sink.latency = options_.latency;
            sink.pacer = &pacer_;
            // A batch of a slow stream takes long to leave: the service manager hears from this while it does.
            sink.stopping = [this] {
              manager_.poll(std::chrono::steady_clock::now());
              return signals_.stop();
            };
            return io::open_sink(spec.endpoint, sink);
          },
          source_->is_live(), options.latency + seconds{1}),
      report_(options.input.text, *source_, splitter_),
      metrics_writer_(metrics_, metrics_file, [this] { report_.refresh(metrics_); }),
      waiting_since_(std::chrono::steady_clock::now()) {
  if (const auto failures = splitter_.configure(options.outputs); !failures.empty()) {
    for (const auto& failure : std::span{failures}.first(failures.size() - 1)) {
      cli::log(Priority::error, "{}", failure);
    }
    throw std::runtime_error(failures.back());
  }
  if (options.realtime && pacer_.realtime_refused()) {
    cli::log(Priority::warning, "--rt: no right to real-time priority; sending goes on without");
  }
}

cli::ExitStatus Receiver::run() {
  manager_.ready();
  std::exception_ptr failure;
  try {
    receive();
  } catch (...) {
    failure = std::current_exception();
  }
  manager_.stopping();
  report_.measure();   // before the wait for what is still to be sent
  splitter_.finish();  // also of an input that has failed: what was received leaves
  report_.tell_losses();
  if (failure) std::rethrow_exception(failure);
  return verdict();
}

void Receiver::receive() {
  while (!signals_.stop() && !source_->ended() && has_open_output()) {
    const auto chunks = source_->read(read_timeout);
    for (const io::Chunk& chunk : chunks) splitter_.feed(chunk);
    splitter_.flush();
    watch(!chunks.empty(), std::chrono::steady_clock::now());
  }
}

void Receiver::watch(bool received, ts::SteadyTime now) {
  answer_signals();
  watch_silence(received, now);
  name_missing_services(now);
  splitter_.poll(now);
  if (now >= next_measurement_) {
    next_measurement_ = now + measurement_interval;
    report_.measure();
    manager_.status(report_.status_line());
  }
  metrics_writer_.poll(now);
  manager_.poll(now);
}

void Receiver::answer_signals() {
  if (signals_.take_dump()) std::fputs(report_.state().c_str(), stderr);
  if (signals_.take_reload()) reload();
}

void Receiver::reload() {
  manager_.reloading();
  try {
    Options options = reread_();
    if (options.input.text != options_.input.text) {
      cli::log(Priority::warning, "the input stays {} until a restart", options_.input.text);
    }
    for (const auto& failure : splitter_.configure(options.outputs)) cli::log(Priority::error, "{}", failure);
    report_.forget_others(metrics_);
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
      arrival_notes_.log(Priority::notice, "{}: packets come again, after {}", options_.input.text,
                         cli::human_duration(now - last_arrival_.value_or(waiting_since_)));
    }
    last_arrival_ = now;
    report_.set_silent(false);
    return;
  }
  if (!source_->is_live() || is_silent_ || now - last_arrival_.value_or(waiting_since_) < silence_noticed) return;
  is_silent_ = true;
  report_.set_silent(true);
  const std::string trouble = source_->trouble();
  silence_notes_.log(Priority::warning, "{}: no packets for {}{}{}; waiting", options_.input.text,
                     cli::human_duration(silence_noticed), trouble.empty() ? "" : ", ", trouble);
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
  const char* separator = " ";
  for (const auto& [id, service] : tracker.services()) {
    const auto name = service.sdt ? psi::service_name(service.sdt->descriptors) : std::nullopt;
    text += fmt::format("{}0x{:04x}{}", std::exchange(separator, ", "), id.value(),
                        name ? " \"" + cli::printable(name->name) + "\"" : "");
  }
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
