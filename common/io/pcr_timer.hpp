// When each packet of a stream has to leave: by its program clock, which passes evenly by position between two PCRs.
//
// A packet is held until the PCR after it is known. A live stream keeps the sender's pace, recovered from arrivals; any
// other starts when it starts, and runs by this host's clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/ts/packet.hpp"
#include "common/ts/program_clock.hpp"

namespace io {

class PcrTimer {
 public:
  struct Options {
    std::optional<ts::Pid> pcr_pid{};  // none: the first PID with a PCR, another when that one is silent for a second
    bool live = false;
    std::chrono::nanoseconds latency = std::chrono::milliseconds{200};  // from arrival to departure
  };
  struct Timed {
    ts::Packet packet;
    std::uint64_t position;
    ts::SteadyTime arrival;
    ts::SteadyTime due;  // never before that of the packet before
  };

  explicit PcrTimer(const Options& options) : options_(options) {}

  // `arrival`: of a live packet; else the present.
  void feed(const ts::Packet& packet, std::uint64_t position, ts::SteadyTime arrival);
  // Times live packets that have waited too long for a PCR, though nothing arrives.
  void expire(ts::SteadyTime now);
  // Times all that is held: no PCR will come.
  void finish(ts::SteadyTime now);
  // Held packets are timed by the clock that they came with.
  void set_pcr_pid(std::optional<ts::Pid> pid, ts::SteadyTime now);
  // The writer was made to wait, so the pace of writing is not the input's own.
  void throttled();

  // Packets that have got their time, until forget_ready().
  std::span<const Timed> ready() const { return std::span{held_}.first(ready_); }
  void forget_ready();
  // Packets that were given a time without a PCR to tell it.
  std::uint64_t unclocked() const { return unclocked_; }

 private:
  bool is_clock(const ts::Packet& packet, std::uint64_t position, ts::SteadyTime arrival);
  void feed_clock(const ts::Packet& packet, std::uint64_t position, ts::SteadyTime arrival);
  bool is_silent(std::uint64_t position, ts::SteadyTime arrival) const;
  void restart_clock();
  // Gives the oldest `count` held packets their times, by the clock or without one.
  void time_by_clock(std::size_t count, ts::SteadyTime now);
  void time_unclocked(std::size_t count, ts::SteadyTime now);
  void set_due(Timed& packet, ts::SteadyTime due);
  bool follows_arrivals() const;
  ts::SteadyTime anchored(ts::ProgramTime time) const;

  Options options_;
  std::optional<ts::Pid> followed_;
  ts::ProgramClock clock_;
  ts::ClockRecovery recovery_;
  ts::SteadyTime last_pcr_arrival_{};
  // Where arrivals are not followed, program time goes on from here.
  struct Anchor {
    ts::ProgramTime time;
    ts::SteadyTime steady;
  };
  std::optional<Anchor> anchor_;
  std::optional<ts::ProgramTime> unthrottled_since_;
  bool followed_arrivals_ = false;

  std::vector<Timed> held_;
  std::size_t ready_ = 0;
  std::optional<ts::SteadyTime> last_due_;
  std::uint64_t unclocked_ = 0;
};

}  // namespace io
