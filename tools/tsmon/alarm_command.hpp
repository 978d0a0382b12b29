// Runs a command of the user's at each start and end of an alarm, beside the stream and never in its way.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "common/cli/log.hpp"
#include "common/ts/time.hpp"
#include "tools/tsmon/alarm_board.hpp"

namespace tsmon {

// One command at a time, in the order of the events; /bin/sh runs it. Its environment says what happened: TSMON_EDGE
// (start, end), TSMON_INDICATOR, TSMON_NAME, TSMON_PID, TSMON_SERVICE and TSMON_TABLE (decimal; empty if there is
// none), TSMON_COUNT, TSMON_DETAIL, TSMON_FIRST and TSMON_LAST (dates, UTC; empty of a file), TSMON_FIRST_S and
// TSMON_LAST_S (seconds of the stream), TSMON_INPUT.
class AlarmCommand {
 public:
  // `live`: dates are those of the faults.
  AlarmCommand(std::string command, std::string input, bool live)
      : command_(std::move(command)), input_(std::move(input)), live_(live) {}
  ~AlarmCommand();
  AlarmCommand(const AlarmCommand&) = delete;
  AlarmCommand& operator=(const AlarmCommand&) = delete;

  void change(std::string command) { command_ = std::move(command); }
  void run(AlarmBoard::Edge edge, const Alarm& alarm);
  // From the main loop: takes leave of a command that has ended, and begins the next.
  void poll(ts::SteadyTime now);
  // At the end: what waits is still run, so long as that takes no longer than `patience` in all.
  void finish(std::chrono::nanoseconds patience);

  std::uint64_t left_out() const { return left_out_; }  // events that no command was run for

 private:
  using Environment = std::vector<std::string>;

  void begin(ts::SteadyTime now);

  std::string command_, input_;
  bool live_;
  std::deque<Environment> waiting_;
  std::optional<pid_t> running_;
  ts::SteadyTime began_{};
  bool told_slow_ = false;
  std::uint64_t left_out_ = 0;
  cli::RateLimited complaints_{1};
};

}  // namespace tsmon
