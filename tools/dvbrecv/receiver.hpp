// The running tool: reads the input, has it split, and answers signals.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/cli/exit_status.hpp"
#include "common/cli/log.hpp"
#include "common/cli/metrics.hpp"
#include "common/cli/service_manager.hpp"
#include "common/cli/signals.hpp"
#include "common/io/pacer.hpp"
#include "common/io/source.hpp"
#include "tools/dvbrecv/options.hpp"
#include "tools/dvbrecv/report.hpp"
#include "tools/dvbrecv/splitter.hpp"

namespace dvbrecv {

class Receiver {
 public:
  // Opens input and outputs. `reread` gives the options as they are now, for SIGHUP.
  Receiver(const Options& options, cli::Signals& signals, const std::optional<std::filesystem::path>& metrics_file,
           std::function<Options()> reread);

  // Until the input ends, a signal comes, or no output is left.
  cli::ExitStatus run();

 private:
  void receive();
  void watch(bool received, ts::SteadyTime now);
  void answer_signals();
  void reload();
  void watch_silence(bool received, ts::SteadyTime now);
  void name_missing_services(ts::SteadyTime now);
  std::string services_there() const;
  bool has_open_output() const;
  cli::ExitStatus verdict() const;

  Options options_;
  cli::Signals& signals_;
  std::function<Options()> reread_;
  std::unique_ptr<io::Source> source_;
  io::Pacer pacer_;
  Splitter splitter_;
  Report report_;
  cli::Metrics metrics_{"dvbrecv"};
  cli::MetricsWriter metrics_writer_;
  cli::ServiceManager manager_;

  std::optional<ts::SteadyTime> last_arrival_;  // none: nothing has come yet
  ts::SteadyTime waiting_since_;
  bool is_silent_ = false;
  cli::RateLimited silence_notes_, arrival_notes_;  // an input may come in bursts
  std::optional<ts::SteadyTime> name_missing_at_;
  ts::SteadyTime next_measurement_{};
};

}  // namespace dvbrecv
