// A program without padding: as many packets as it has, and no null packets.
//
// Between two PCRs packets come evenly, as ISO/IEC 13818-1 2.4.2.2 has it of every transport stream: their number is
// fixed as an interval begins, by what there will be to send in it. Should an interval run out of packets all the same,
// it ends there, with a PCR.
#pragma once

#include <cstdint>
#include <vector>

#include "common/mux/multiplexer.hpp"
#include "common/mux/time.hpp"
#include "common/ts/packet.hpp"

namespace tsmux {

class VariableRate {
 public:
  // `interval`: between two PCRs at most. No more packets than the multiplexer's rate has.
  VariableRate(mux::Multiplexer& multiplexer, ts::Ticks27 interval) : multiplexer_(multiplexer), interval_(interval) {}

  // The packets before `until`, and when they leave.
  void run(mux::MultiplexTime until, std::vector<ts::Packet>& packets, std::vector<mux::MultiplexTime>& times);
  mux::MultiplexTime now() const { return next_; }

 private:
  void begin_interval();
  bool fills(std::int64_t count) const;
  mux::MultiplexTime slot_time(std::int64_t slot, std::int64_t count) const {
    return begin_ + interval_ * slot / count;
  }

  mux::Multiplexer& multiplexer_;
  ts::Ticks27 interval_;
  mux::MultiplexTime next_{}, begin_{};
  std::int64_t count_ = 0, done_ = 0;      // packets of the interval
  std::vector<mux::MultiplexTime> ready_;  // of begin_interval()
};

}  // namespace tsmux
