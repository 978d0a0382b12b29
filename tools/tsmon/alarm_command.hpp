// Runs a command of the user's at each start and end of an alarm, beside the stream and never in its way.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "common/ts/time.hpp"
#include "tools/tsmon/alarm_board.hpp"

namespace tsmon {

// One command at a time, in the order of the events; /bin/sh runs it. Its environment says what happened: TSMON_EDGE
// (start, end), TSMON_INDICATOR, TSMON_NAME, TSMON_PID and TSMON_SERVICE (decimal; empty if there is none),
// TSMON_COUNT, TSMON_DETAIL, TSMON_FIRST and TSMON_LAST (dates, UTC), TSMON_INPUT.
class AlarmCommand {
 public:
  AlarmCommand(std::string command, std::string input) : command_(std::move(command)), input_(std::move(input)) {}
  ~AlarmCommand();
  AlarmCommand(const AlarmCommand&) = delete;
  AlarmCommand& operator=(const AlarmCommand&) = delete;

  void change(std::string command) { command_ = std::move(command); }
  void run(AlarmBoard::Edge edge, const Alarm& alarm);
  // From the main loop: takes leave of a command that has ended, and begins the next.
  void poll(ts::SteadyTime now);
  // At the end: what waits is still run, so long as that takes no longer than `patience` in all.
  void finish(std::chrono::nanoseconds patience);

  std::uint64_t left_out() const { return left_out_; }

 private:
  using Environment = std::vector<std::string>;

  void begin(ts::SteadyTime now);

  std::string command_, input_;
  std::deque<Environment> waiting_;
  std::optional<pid_t> running_;
  ts::SteadyTime began_{};
  bool told_slow_ = false;
  std::uint64_t left_out_ = 0;
};

}  // namespace tsmon
