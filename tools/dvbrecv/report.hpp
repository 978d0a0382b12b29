// How the reception goes, for people and machines: the state that SIGUSR1 prints, the service manager's line, metrics,
// and a message when something is lost.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "common/cli/loss_log.hpp"
#include "common/cli/metrics.hpp"
#include "common/io/source.hpp"
#include "tools/dvbrecv/rate_meter.hpp"
#include "tools/dvbrecv/splitter.hpp"

namespace dvbrecv {

class Report {
 public:
  // Both must live longer. `input`: its name.
  Report(std::string input, const io::Source& source, const Splitter& splitter)
      : input_(std::move(input)), source_(source), splitter_(splitter) {}

  void set_silent(bool silent) { silent_ = silent; }
  // Every few seconds: bit rates, and what was lost since the last time.
  void measure();
  void tell_losses();
  // Ends what was kept of outputs that are no more.
  void forget_others(cli::Metrics& metrics);

  void refresh(cli::Metrics& metrics) const;
  std::string status_line() const;
  std::string state() const;

 private:
  void refresh(cli::Metrics& metrics, const Splitter::Output& output) const;
  std::optional<double> bit_rate(const Port& port) const;

  std::string input_;
  const io::Source& source_;
  const Splitter& splitter_;
  bool silent_ = false;
  RateMeter input_rate_;
  std::map<std::string, RateMeter> output_rates_;  // by the port's name
  cli::LossLog losses_;
};

}  // namespace dvbrecv
