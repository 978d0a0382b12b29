#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

#include "common/cli/app.hpp"
#include "common/cli/main.hpp"
#include "common/cli/signals.hpp"
#include "common/io/source.hpp"
#include "tools/tscut/listing.hpp"
#include "tools/tscut/live_cut.hpp"
#include "tools/tscut/monitor.hpp"
#include "tools/tscut/options.hpp"
#include "tools/tscut/recording_cut.hpp"
#include "tools/tscut/sources.hpp"
#include "tools/tscut/summary.hpp"

namespace {

// How often a recording that grows is looked at again.
constexpr int look_interval_ms = 250;

ts::Arrival now() { return {std::chrono::steady_clock::now(), std::chrono::system_clock::now()}; }

cli::ExitStatus list(const tscut::Options& options) {
  const auto sources = tscut::open_sources(options.sources());
  if (!sources.recording)
    throw std::runtime_error(options.operands.front() + ": has to be read to its end to be listed");
  if (sources.recording->segments().empty()) throw std::runtime_error(options.operands.front() + ": is empty");
  const tscut::Listing listing{*sources.recording, now().wall};
  const std::string text = options.json ? listing.json() : listing.table();
  std::fwrite(text.data(), 1, text.size(), stdout);
  return cli::ExitStatus::done;
}

template <class Cut>
cli::ExitStatus run_cut(Cut& cut, tscut::Monitor& monitor) {
  const auto summary = cut.run();
  monitor.finish(summary);
  tscut::log_summary(summary, [&](ts::WallTime point) { return cut.text(point); });
  return summary.status();
}

cli::ExitStatus cut(const tscut::Options& options, const cli::App& app) {
  tscut::refuse_overwriting(options.sources(), options.output());
  auto sources = tscut::open_sources(options.sources());
  using Delivery = cli::Signals::Delivery;
  cli::Signals signals{sources.stream ? Delivery::while_waiting : Delivery::anywhere};
  tscut::Monitor monitor{signals, app.metrics_file()};
  const tscut::Surroundings around{
      .stopping = [&] { return signals.stop(); },
      .wait = [] { poll(nullptr, 0, look_interval_ms); },
      .now = now,
      .report = [&](const auto& summary, const auto& text) { monitor.poll(summary, text); },
      .open_output = [&] { return std::make_unique<tscut::Output>(options.output(), options.force); },
  };
  if (sources.recording) {
    tscut::RecordingCut recording_cut{*sources.recording, options, around};
    return run_cut(recording_cut, monitor);
  }
  const auto source = io::open_source(*sources.stream, {.wait_mask = &signals.wait_mask()});
  tscut::LiveCut live_cut{*source, options, around};
  return run_cut(live_cut, monitor);
}

cli::ExitStatus run(int argc, char** argv) {
  tscut::Options options;
  cli::App app{"tscut", "cut a passage out of a recording or a live stream"};
  declare(app, options);
  if (const auto status = app.parse(argc, argv)) return *status;
  check(options);
  return options.list ? list(options) : cut(options, app);
}

}  // namespace

int main(int argc, char** argv) { return cli::run_main(argc, argv, run); }
