// What a playout has done, as metrics, as the service manager's line, and as text for SIGUSR1.
#pragma once

#include <string>

#include "common/cli/metrics.hpp"
#include "common/io/sink.hpp"
#include "tools/tsplayout/playout.hpp"

namespace tsplayout {

class Report {
 public:
  // All must live as long as this.
  Report(const Playout& playout, const io::Sink& sink, cli::Metrics& metrics);

  void refresh();
  const std::string& status_line();
  void print() const;

 private:
  const Playout& playout_;
  const io::Sink& sink_;
  cli::Metrics& metrics_;
  std::string line_;
  std::uint64_t line_files_ = 0;
};

}  // namespace tsplayout
