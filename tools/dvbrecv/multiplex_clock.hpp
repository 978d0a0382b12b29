// The time of a whole multiplex, at every packet: all its programs share one rate, so one program's PCRs date all
// packets between them by position.
#pragma once

#include <cstdint>
#include <optional>

#include "common/ts/packet.hpp"
#include "common/ts/program_clock.hpp"
#include "common/ts/time.hpp"

namespace dvbrecv {

class MultiplexClock {
 public:
  // Any packet with sync and without transport error. True if it brought a PCR of the program followed: the rate may
  // have changed.
  bool feed(const ts::Packet& packet, std::uint64_t position, std::optional<ts::SteadyTime> arrival) {
    if (packet.pid() != pid_ && (following_ && position < silent_from_)) return false;
    const auto pcr = packet.pcr();
    return pcr && take(packet, *pcr, position, arrival);
  }

  // Nothing before two PCRs.
  std::optional<ts::ProgramTime> at(std::uint64_t position) const;
  // The first position at or after `time`; the largest of all while no rate is known.
  std::uint64_t position_of(ts::ProgramTime time) const;
  // Bits per second of the multiplex, by all pairs of PCRs without a jump between them, and how much time they span.
  std::optional<double> bit_rate() const;
  ts::Ticks27 measured() const { return measured_; }

 private:
  bool take(const ts::Packet& packet, ts::Pcr pcr, std::uint64_t position, std::optional<ts::SteadyTime> arrival);

  ts::ProgramClock clock_;
  ts::Pid pid_;
  bool following_ = false;
  std::uint64_t silent_from_ = 0;  // without a PCR up to here, another program is followed
  ts::Ticks27 measured_{0};
  std::uint64_t measured_packets_ = 0;
};

}  // namespace dvbrecv
