// What a cut tells at its end: what was written, and what is missing from it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/cli/exit_status.hpp"
#include "common/ring/index.hpp"
#include "common/ts/time.hpp"

namespace tscut {

// A part of the range that was not there to be written.
struct Missing {
  ts::WallTime from, to;  // equal: packets lost at that moment
  std::string cause;
  std::uint64_t packets = 0;  // if known
};

// A gap's cause, to people.
std::string cause_text(ring::GapRecord::Cause cause);

struct Summary {
  std::string output;
  ts::WallTime from, to;  // of what was written
  std::uint64_t bytes = 0;
  std::vector<Missing> missing;

  // Adds loss that came within a second of the last one, and for the same cause, to that.
  void add_loss(ts::WallTime date, const std::string& cause, std::uint64_t packets);
  cli::ExitStatus status() const { return missing.empty() ? cli::ExitStatus::done : cli::ExitStatus::incomplete; }
};

using PointText = std::function<std::string(ts::WallTime)>;

// One line for each missing part, up to a bound, and one for the whole, to the log.
void log_summary(const Summary& summary, const PointText& text);

}  // namespace tscut
