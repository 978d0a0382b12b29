// Shows how far a cut has come: on a terminal, in the metrics, to the service manager, and on SIGUSR1.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "common/cli/metrics.hpp"
#include "common/cli/service_manager.hpp"
#include "common/cli/signals.hpp"
#include "common/ts/time.hpp"
#include "tools/tscut/summary.hpp"

namespace tscut {

class Monitor {
 public:
  Monitor(cli::Signals& signals, std::optional<std::filesystem::path> metrics_file);
  ~Monitor() { clear(); }
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  // From the main loop, as often as it likes. `summary` as it is by now.
  void poll(const Summary& summary, const PointText& text);
  // The work is done: nothing is left on the terminal, and the metrics say the last state.
  void finish(const Summary& summary);

 private:
  void show(const std::string& line);
  void clear();

  cli::Signals& signals_;
  cli::Metrics metrics_{"tscut"};
  cli::Counter& bytes_;
  cli::Counter& missing_parts_;
  cli::Counter& missing_packets_;
  cli::MetricsWriter writer_;
  cli::ServiceManager manager_;
  bool on_terminal_;
  bool shown_ = false;
  ts::SteadyTime next_;
};

}  // namespace tscut
