// What the command line asks for.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/cli/app.hpp"
#include "common/io/endpoint.hpp"
#include "tools/tsmon/decode_options.hpp"
#include "tools/tsmon/limits.hpp"
#include "tools/tsmon/monitor.hpp"

namespace tsmon {

struct Options {
  io::Endpoint input, output;
  bool pass = false;
  bool check = false;
  bool json = false;
  // Where reports go; "-": standard output; empty: that too, but standard error with --pass.
  std::filesystem::path report;
  std::optional<std::chrono::nanoseconds> duration;
  std::chrono::nanoseconds interval{std::chrono::seconds{1}};
  std::string on_alarm;

  Profile profile = Profile::dvb;
  std::optional<IndicatorList> only, ignore;
  std::vector<ts::Pid> private_pids;
  std::optional<Monitor::Clock> clock;
  LimitOptions limits;

  std::optional<DecodeOptions::Pictures> decode;
  std::chrono::nanoseconds black{std::chrono::seconds{10}}, freeze{black}, silence{black};
  bool true_peak = false;
  std::filesystem::path thumbnail;
  std::chrono::nanoseconds thumbnail_interval{std::chrono::seconds{10}};
  int thumbnail_width = 320;

  // With the profile's limits, the indicators chosen, and the clock.
  Monitor::Options monitor(bool live) const;
};

void declare(cli::App& app, Options& options);
// Throws cli::UsageError.
void check(const Options& options);

}  // namespace tsmon
