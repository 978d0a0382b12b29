// From the input to whoever wants to know: reads, has it watched, and tells of it in the ways that were asked for.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/cli/exit_status.hpp"
#include "common/cli/loss_log.hpp"
#include "common/cli/metrics.hpp"
#include "common/cli/service_manager.hpp"
#include "common/cli/signals.hpp"
#include "common/io/pacer.hpp"
#include "common/io/sink.hpp"
#include "common/io/source.hpp"
#include "tools/tsmon/alarm_command.hpp"
#include "tools/tsmon/event_log.hpp"
#include "tools/tsmon/monitor.hpp"
#include "tools/tsmon/monitor_metrics.hpp"
#include "tools/tsmon/network_meter.hpp"
#include "tools/tsmon/options.hpp"
#include "tools/tsmon/report.hpp"
#include "tools/tsmon/report_output.hpp"

namespace tsmon {

class Session {
 public:
  // Throws if the input, the output or the report's file cannot be had.
  Session(const Options& options, cli::Signals& signals, std::optional<std::filesystem::path> metrics_file,
          std::function<Options()> reread);

  // Until the input ends, the time is over, or a signal says so. Throws io::BrokenPipe if nobody reads the output.
  cli::ExitStatus run();

 private:
  bool is_over(ts::SteadyTime now) const;
  void take(std::span<const io::Chunk> chunks);
  void watch(bool received, ts::SteadyTime now);
  void watch_silence(bool received, ts::SteadyTime now);
  void answer_signals();
  void reload();
  void tell_losses();
  void refresh_metrics();
  void show();
  void write_report();
  void write(const std::string& text);
  cli::ExitStatus verdict() const;

  Options options_;
  cli::Signals& signals_;
  std::function<Options()> reread_;
  std::unique_ptr<io::Source> source_;
  ReportOutput output_;
  bool on_terminal_;  // a table that is written again and again
  io::Pacer pacer_;
  std::unique_ptr<io::Sink> sink_;
  Monitor monitor_;
  NetworkMeter network_;
  Report report_;
  EventLog events_;
  AlarmCommand command_;
  cli::Metrics metrics_{"tsmon"};
  MonitorMetrics monitor_metrics_{metrics_};
  cli::MetricsWriter metrics_writer_;
  cli::ServiceManager manager_;
  ts::SteadyTime started_;
  std::optional<ts::SteadyTime> last_arrival_;
  ts::SteadyTime next_show_{}, next_status_{};
  cli::LossLog losses_;
  bool is_silent_ = false;
  bool report_failed_ = false;  // what others read goes on without it
  std::uint64_t position_ = 0;
};

}  // namespace tsmon
