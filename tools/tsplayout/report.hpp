// What a playout has done, as metrics, as the service manager's line, and as text for SIGUSR1.
#pragma once

#include <string>

#include "common/cli/loss_log.hpp"
#include "common/cli/metrics.hpp"
#include "common/io/endpoint.hpp"
#include "common/io/sink.hpp"
#include "common/playout/playout.hpp"

namespace tsplayout {

class Report {
 public:
  // All but `output` must live as long as this.
  Report(io::Endpoint output, const playout::Playout& playout, const io::Sink& sink, cli::Metrics& metrics);

  void refresh();
  const std::string& status_line();
  void print() const;
  // Every few seconds, and at the end: what was lost since the last time.
  void tell_losses();
  void poll(ts::SteadyTime now);

 private:
  const io::Endpoint output_;
  const playout::Playout& playout_;
  const io::Sink& sink_;
  cli::Metrics& metrics_;
  std::string line_;
  std::uint64_t line_files_ = 0;
  cli::LossLog losses_;
  ts::SteadyTime next_telling_{};
};

}  // namespace tsplayout
