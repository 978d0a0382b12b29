// The running tool: inputs, multiplexer and output, in the time of this host or, for files, as fast as they go.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "common/cli/exit_status.hpp"
#include "common/cli/log.hpp"
#include "common/cli/metrics.hpp"
#include "common/cli/service_manager.hpp"
#include "common/cli/signals.hpp"
#include "common/mux/multiplexer.hpp"
#include "common/mux/section_carousel.hpp"
#include "tools/tsmux/id_map.hpp"
#include "tools/tsmux/lineup.hpp"
#include "tools/tsmux/options.hpp"
#include "tools/tsmux/output.hpp"
#include "tools/tsmux/report.hpp"
#include "tools/tsmux/si_tables.hpp"
#include "tools/tsmux/time_base.hpp"
#include "tools/tsmux/variable_rate.hpp"

namespace tsmux {

class Session {
 public:
  // `reread` gives the options as they are now, for SIGHUP.
  Session(const Options& options, cli::Signals& signals, const std::optional<std::filesystem::path>& metrics_file,
          std::function<Options()> reread);

  // Until files and duration end, or a signal comes.
  cli::ExitStatus run();

 private:
  void wait_for_services();
  void multiplex();
  // Packets up to this time of the multiplex.
  void produce(mux::MultiplexTime until);
  mux::MultiplexTime now() const;  // of the next packet
  void watch(ts::SteadyTime present);
  void answer_signals();
  void reload();
  void remember();
  void pause_until(ts::SteadyTime time) const;
  bool is_done() const;
  std::chrono::sys_seconds utc(mux::MultiplexTime time) const;

  Options options_;
  cli::Signals& signals_;
  std::function<Options()> reread_;
  const bool live_;
  TimeBase time_base_;
  ts::WallTime start_wall_;
  mux::SectionCarousel carousel_;
  mux::Multiplexer multiplexer_;
  std::optional<VariableRate> variable_rate_;
  IdMap ids_;
  std::uint64_t remembered_ = 0;  // changes of ids_ that are in the file
  Lineup lineup_;
  SiTables tables_;
  Report report_;
  std::unique_ptr<Output> output_;
  std::vector<ts::Packet> packets_;
  std::vector<mux::MultiplexTime> times_;

  cli::Metrics metrics_{"tsmux"};
  cli::MetricsWriter metrics_writer_;
  cli::ServiceManager manager_;
  mux::MultiplexTime next_measurement_{};
  cli::RateLimited lag_notes_{2};
};

}  // namespace tsmux
