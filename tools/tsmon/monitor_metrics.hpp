// What was measured, for Prometheus.
#pragma once

#include <set>
#include <string>

#include "common/cli/metrics.hpp"
#include "common/io/sink.hpp"
#include "common/io/source.hpp"
#include "tools/tsmon/alarm_command.hpp"
#include "tools/tsmon/monitor.hpp"
#include "tools/tsmon/network_meter.hpp"

namespace tsmon {

// Brings cells up to date. What is not measured, and services and PIDs that no table names any more, have none.
class MonitorMetrics {
 public:
  explicit MonitorMetrics(cli::Metrics& metrics) : metrics_(metrics) {}

  void refresh(const Monitor& monitor, const NetworkMeter& network, const io::SourceStatistics& source);
  void refresh(const io::SinkStatistics& output);  // of --pass
  void refresh(const AlarmCommand& command);

  struct Told {
    std::set<std::string> services, pids;  // values of these labels
  };

 private:
  cli::Metrics& metrics_;
  Told told_;
};

}  // namespace tsmon
