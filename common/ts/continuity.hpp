// The continuity counter of each PID (ISO/IEC 13818-1 2.4.3.3).
#pragma once

#include <array>
#include <cstdint>

#include "common/ts/packet.hpp"

namespace ts {

class Continuity {
 public:
  enum class Verdict : std::uint8_t {
    first,      // nothing to compare with
    good,       // as expected; also any null packet, and a jump under a discontinuity_indicator
    duplicate,  // the one repetition that is allowed
    lost,       // packets are missing: see Result::missing; also the same counter again with another payload
    repeated,   // more than the one allowed repetition
  };
  struct Result {
    Verdict verdict;
    std::uint8_t missing;  // at least this many packets (modulo 16); 0 unless lost
  };
  static constexpr bool is_error(Verdict v) { return v == Verdict::lost || v == Verdict::repeated; }

  // Packets without sync or with transport_error_indicator must not be fed: their headers mean nothing.
  Result check(const Packet& packet);
  // Forget one PID, or all: the next packet is a `first` one.
  void reset(Pid pid) { state_[pid.value()] = 0; }
  void reset() { state_.fill(0); }

 private:
  // Bits 0-3 last counter, bit 4 last was a duplicate, bit 7 seen.
  std::array<std::uint8_t, Pid::count> state_{};
  std::array<std::uint64_t, Pid::count> marks_{};  // of the last payload
};

}  // namespace ts
