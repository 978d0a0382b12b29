// The program clock references of one PID: how often they come, whether they jump, and how exact they are.
//
// PCR_AC (TR 101 290 5.3.2.4, annex I) is measured by byte position and so says nothing of the network. In blocks of
// some seconds at a constant rate a line is laid through the PCRs over their positions; what a PCR is off from it is
// its inaccuracy. Where packets between PCRs do not come at a constant rate, there is no line: not measured.
// PCR_OJ, PCR_FO and PCR_DR are measured against this host's clock, by arrival; PCR_OJ holds the network's jitter.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "common/ts/packet.hpp"
#include "common/ts/program_clock.hpp"
#include "common/ts/time.hpp"
#include "tools/tsmon/alarm_board.hpp"
#include "tools/tsmon/limits.hpp"
#include "tools/tsmon/moment.hpp"

namespace tsmon {

class PcrMeter {
 public:
  PcrMeter(ts::Pid pid, AlarmBoard& board, const Limits& limits) : pid_(pid), board_(board), limits_(limits) {}

  // `at`: by the timeline. `arrival` where the input is live.
  // `padded`: the stream has null packets, a sign of a constant rate.
  void feed(ts::Pcr pcr, Moment at, bool signalled, std::optional<ts::SteadyTime> arrival, bool padded);
  // Packets of the stream were lost: positions before and after do not belong together.
  void interrupt();
  // Lost by this host: nor is there a step to be judged.
  void forgive(Moment at);
  // A PMT names the PID, or no more: that PCRs were away until then is no fault, or one that is over.
  void expect(Moment from);
  // Is a PCR overdue? Only of PIDs that a PMT names.
  void poll(Moment now);
  void finish();

  struct Figures {
    std::uint64_t count = 0;
    std::optional<double> interval_mean_s, interval_greatest_s;
    // PCR_AC: the greatest inaccuracy seen either way, and of the last block; nothing at a variable rate.
    std::optional<double> accuracy_least_s, accuracy_greatest_s, accuracy_last_s;
    // Against this host's clock: PCR_OJ (peak to peak in the last block), PCR_FO after half a minute, PCR_DR after a
    // minute and a half.
    std::optional<double> overall_jitter_s, frequency_offset_hz, drift_rate_hz_per_s;
    bool variable_rate = false;
  };
  const Figures& figures() const { return figures_; }
  std::uint64_t jumps() const { return clock_.epoch(); }

  const ts::ProgramClock& clock() const { return clock_; }
  // From the time of a packet on the timeline to this program's clock.
  ts::Ticks27 offset() const { return offset_; }

 private:
  struct Sample {
    Moment at;
    double time;  // this program's clock, ticks since the block began
  };

  void check_step(const ts::ProgramClock::Sample& sample, Moment at, bool signalled);
  void add(ts::ProgramTime time, Moment at);
  void close_block();
  void measure_accuracy();
  void compare_with_arrival(ts::ProgramTime time, ts::SteadyTime arrival);
  void close_jitter();
  void measure_frequency(ts::ProgramTime time);
  Subject subject() const { return {.pid = pid_}; }

  ts::Pid pid_;
  AlarmBoard& board_;
  const Limits& limits_;
  ts::ProgramClock clock_;
  bool padded_ = false;
  ts::Ticks27 offset_{0};
  std::optional<Recurrence> recurrence_;
  std::optional<Moment> first_, last_;
  ts::Ticks27 interval_sum_{0};
  std::uint64_t intervals_ = 0;
  // The block.
  std::vector<Sample> block_;
  ts::ProgramTime block_start_{};
  // Against arrival.
  ts::ClockRecovery recovery_;
  std::optional<ts::ProgramTime> recovery_start_;
  std::optional<double> latest_s_, earliest_s_;  // in this block
  struct Frequency {
    ts::ProgramTime time;
    double hz;
  };
  std::optional<Frequency> last_frequency_;
  Figures figures_;
};

}  // namespace tsmon
