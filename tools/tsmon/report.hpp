// What was measured, for people (tables) and for programs (JSON).
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "common/io/source.hpp"
#include "tools/tsmon/monitor.hpp"
#include "tools/tsmon/network_meter.hpp"

namespace tsmon {

class Report {
 public:
  // All live as long as the report.
  Report(std::string input, const Monitor& monitor, const NetworkMeter& network)
      : input_(std::move(input)), monitor_(monitor), network_(network) {}

  // Everything.
  std::string text(const io::SourceStatistics& source) const;
  nlohmann::ordered_json json(const io::SourceStatistics& source) const;
  // What fits on a screen of so many lines: the stream, its services, the alarms that are on.
  std::string screen(const io::SourceStatistics& source, std::size_t lines) const;
  // One line, for the service manager.
  std::string status_line(const io::SourceStatistics& source) const;

 private:
  std::string head(const io::SourceStatistics& source) const;
  std::string services(bool with_components) const;
  std::string pids() const;
  std::string clocks() const;
  std::string network(const io::SourceStatistics& source) const;
  std::string indicators() const;
  std::string alarms(bool only_active, std::size_t most) const;
  std::string what_is(ts::Pid pid) const;

  std::string input_;
  const Monitor& monitor_;
  const NetworkMeter& network_;
};

}  // namespace tsmon
