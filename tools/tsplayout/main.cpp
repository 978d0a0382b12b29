#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/cli/app.hpp"
#include "common/cli/log.hpp"
#include "common/cli/main.hpp"
#include "common/cli/metrics.hpp"
#include "common/cli/service_manager.hpp"
#include "common/cli/signals.hpp"
#include "common/io/file_identity.hpp"
#include "common/io/pacer.hpp"
#include "common/io/sink.hpp"
#include "common/io/source.hpp"
#include "common/playout/playout.hpp"
#include "tools/tsplayout/report.hpp"

namespace {

struct Options {
  std::vector<std::string> files;
  io::Endpoint output;
  bool loop = false;
  std::optional<std::uint32_t> times;
  bool realtime = false;
};

void declare(cli::App& app, Options& options) {
  app.synopsis("[--loop | --times N] [--output ENDPOINT] FILE...");
  app.positional("FILE", options.files, "transport streams to play, in this order; - is standard input").required();
  app.add("-o,--output", options.output, "ENDPOINT", "where to send: a socket in real time, a file or pipe at once");
  app.flag("--loop", options.loop, "play all again and again");
  app.add("--times", options.times, "N", "play all so many times").excludes("--loop");
  app.flag("--rt", options.realtime, "send by the real-time scheduler (SCHED_FIFO)");
}

io::Endpoint parse_file(const std::string& file) {
  try {
    return io::Endpoint::parse(file);
  } catch (const std::invalid_argument& error) {
    throw cli::UsageError(error.what());
  }
}

void check(const Options& options) {
  if (options.times == 0u) throw cli::UsageError("--times 0: at least 1");
  const auto output = io::file_identity(options.output, STDOUT_FILENO);
  for (const std::string& file : options.files) {
    const io::Endpoint endpoint = parse_file(file);
    if (endpoint.is_socket()) {
      throw cli::UsageError(file + ": files are played, not sockets; where to send is --output");
    }
    // Opening the output would empty the file, or it would grow as it is read.
    const auto identity = io::file_identity(endpoint, STDIN_FILENO);
    if (identity && identity == output) throw cli::UsageError(file + ": is the output too");
    const bool again = options.loop || options.times.value_or(1) > 1;
    if (endpoint.kind == io::Endpoint::Kind::standard_stream && (again || options.files.size() > 1)) {
      throw cli::UsageError("-: standard input is played alone, and once");
    }
  }
}

playout::Playout::Options playout_options(const Options& options) {
  std::optional<std::uint64_t> turns{options.times.value_or(1)};
  if (options.loop) turns.reset();
  return {options.files, turns};
}

void log(playout::Severity severity, const std::string& message) {
  const auto priority = severity == playout::Severity::error     ? cli::Priority::error
                        : severity == playout::Severity::warning ? cli::Priority::warning
                                                                 : cli::Priority::debug;
  cli::log(priority, "{}", message);
}

cli::ExitStatus run(int argc, char** argv) {
  Options options;
  cli::App app{"tsplayout", "play transport stream files as one stream without joins"};
  declare(app, options);
  if (const auto status = app.parse(argc, argv)) return *status;
  check(options);

  cli::Signals signals{cli::Signals::Delivery::anywhere};
  cli::ServiceManager manager;
  const auto stopping = [&] { return signals.stop(); };
  std::function<void()> on_packets;
  playout::Playout playout{playout_options(options),
                           [](const std::string& file) { return io::open_source(io::Endpoint::parse(file)); }, stopping,
                           [&] { on_packets(); }, log};
  playout.check();
  if (stopping()) return cli::ExitStatus::done;

  io::Pacer pacer{{.realtime = options.realtime}};
  if (options.realtime && pacer.realtime_refused()) {
    cli::log(cli::Priority::warning, "--rt: not allowed here; sends by the ordinary scheduler");
  }
  // A batch of a slow stream takes long to leave: the service manager hears from this while it does.
  const auto waiting = [&] {
    on_packets();
    return stopping();
  };
  const auto sink = io::open_sink(options.output, {.pcr_pid = playout.pcr_pid(), .pacer = &pacer, .stopping = waiting});

  cli::Metrics metrics{"tsplayout"};
  tsplayout::Report report{options.output, playout, *sink, metrics};
  cli::MetricsWriter writer{metrics, app.metrics_file(), [&] { report.refresh(); }};
  on_packets = [&] {
    const auto now = std::chrono::steady_clock::now();
    manager.status(report.status_line());
    manager.poll(now);
    writer.poll(now);
    report.poll(now);
    signals.take_reload();  // files are opened anew at each turn anyway
    if (signals.take_dump()) report.print();
  };
  manager.ready();
  bool played = false;
  try {
    played = playout.run(*sink);
    manager.stopping();
    sink->finish();
  } catch (const io::BrokenPipe&) {
    return cli::ExitStatus::failed;  // without a word: the reader has had enough
  }
  report.refresh();
  report.tell_losses();
  if (!played) throw std::runtime_error("none of the files can be played any more");
  return playout.statistics().files_skipped > 0 ? cli::ExitStatus::incomplete : cli::ExitStatus::done;
}

}  // namespace

int main(int argc, char** argv) { return cli::run_main(argc, argv, run); }
