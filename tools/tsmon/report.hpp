// What was measured, for people (tables) and for programs (JSON).
#pragma once

#include <chrono>
#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "common/io/sink.hpp"
#include "common/io/source.hpp"
#include "tools/tsmon/monitor.hpp"
#include "tools/tsmon/network_meter.hpp"

namespace tsmon {

class Report {
 public:
  // All live as long as the report.
  Report(std::string input, const Monitor& monitor, const NetworkMeter& network)
      : input_(std::move(input)), monitor_(monitor), network_(network) {}

  // Where the stream is passed on to; `sink` lives as long as the report.
  void set_output(std::string name, const io::Sink* sink) {
    output_ = std::move(name);
    sink_ = sink;
  }

  // Everything, with what matters most first: is it good, and what is wrong, where and since when.
  std::string text(const io::SourceStatistics& source) const;
  nlohmann::ordered_json json(const io::SourceStatistics& source) const;
  // What fits on a screen: the verdict, the alarms that are on, what has been, the network, the services.
  struct Size {
    std::size_t lines, columns;
  };
  std::string screen(const io::SourceStatistics& source, Size size) const;
  // One line, for the service manager.
  std::string status_line(const io::SourceStatistics& source) const;

 private:
  std::string verdict() const;
  std::string head(const io::SourceStatistics& source) const;
  std::string time_base() const;
  std::string services(bool with_components) const;
  std::string pids() const;
  std::string clocks() const;
  std::string network(const io::SourceStatistics& source) const;
  std::string indicators() const;
  std::string output() const;
  std::string faults() const;
  std::string alarms_on(std::size_t most) const;
  std::string latest_faults(std::size_t most) const;
  std::string when(ts::ProgramTime time, ts::WallTime wall) const;
  std::string what_is(ts::Pid pid) const;

  bool is_on(const Alarm& alarm) const;

  std::string input_, output_;
  const Monitor& monitor_;
  const NetworkMeter& network_;
  const io::Sink* sink_ = nullptr;
  ts::WallTime since_ = std::chrono::system_clock::now();
};

}  // namespace tsmon
