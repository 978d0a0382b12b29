// One programme's clock in one file: where it begins and ends, how fast it runs by the packet, where it jumps, and how
// far it is moved when the file is sent.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "common/ts/packet.hpp"
#include "common/ts/time.hpp"

namespace playout {

class ClockTrack {
 public:
  explicit ClockTrack(ts::Pid pid) : pid_(pid) {}

  // A PCR of the packet at `position` of the file, in order.
  void feed(ts::Pcr pcr, std::uint64_t position);
  // Jumps that lie wholly before `position` will not be asked for any more.
  void forget_before(std::uint64_t position);

  ts::Pid pid() const { return pid_; }
  bool started() const { return !bases_.empty(); }
  std::uint64_t first_position() const { return first_position_; }
  std::uint64_t last_position() const { return last_position_; }
  ts::Pcr first() const { return first_; }
  // As sent: wire value and move.
  ts::Pcr last_sent() const { return bases_.back().last + offset_ + bases_.back().shift; }
  // 27 MHz ticks per packet: from the first PCR to the second, from the last but one to the last, and over all, which
  // at a constant rate is exact to a tick over the whole file. Nothing before two PCRs.
  std::optional<double> first_rate() const { return first_rate_; }
  std::optional<double> last_rate() const { return last_rate_; }
  std::optional<double> mean_rate() const;
  std::uint64_t jumps() const { return jumps_; }

  // How far this clock is moved in this file.
  void set_offset(ts::Ticks27 offset) { offset_ = offset; }
  ts::Ticks27 offset() const { return offset_; }
  // What the packet at `position` is moved by, past jumps within the file.
  ts::Ticks27 move_at(std::uint64_t position) const;
  // The same for a time stamp there. Around a jump, time stamps of the one time base come in packets of the other:
  // each is moved with that which it fits.
  ts::Ticks27 move_of(ts::Timestamp timestamp, std::uint64_t position) const;
  // The same for a time stamp near the end of the file.
  ts::Ticks27 move_at_end(ts::Timestamp timestamp) const;
  bool jumps_at(std::uint64_t position) const;
  // The PCR, as it came, of the packet that is sent now.
  void pass(ts::Pcr pcr) { passed_ = pcr; }

 private:
  // PCRs without a jump between them.
  struct Base {
    std::uint64_t position;  // of the first
    ts::Pcr first, last;
    ts::Ticks27 shift;  // what joins it to the one before
  };
  std::size_t base_at(std::uint64_t position) const;

  ts::Pid pid_;
  std::deque<Base> bases_;
  std::optional<ts::Pcr> passed_;
  ts::Pcr first_;
  std::uint64_t first_position_ = 0, last_position_ = 0;
  std::optional<double> first_rate_, last_rate_;
  std::int64_t ticks_ = 0;     // sum of all steps without a jump
  std::uint64_t packets_ = 0;  // over which they went
  std::uint64_t jumps_ = 0;
  ts::Ticks27 offset_{0};
};

// Rates that differ by less than this are one constant rate, measured between PCRs with jitter.
bool same_rate(double a, double b);

// To the nearest tick.
ts::Ticks90 to_ticks90(ts::Ticks27 time);

}  // namespace playout
