// How one file follows another: every programme clock goes on evenly over the join, all at the same instant.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "common/playout/pass.hpp"
#include "common/playout/stretch.hpp"
#include "common/ts/packet.hpp"
#include "common/ts/time.hpp"

namespace playout {

// Packets between two files: null packets, and PCRs so that no clock is silent for longer than 40 ms (TR 101
// 290 2.3.a).
class Filler {
 public:
  // A clock that goes on from the last PCR that was sent.
  struct Clock {
    ts::Pid pid;
    ts::Pcr last;
    double to_filler, per_packet,
        to_first;     // ticks from `last`: to the first filler packet, by packet, to the next PCR
    double sent = 0;  // of the last PCR in the filler
  };

  Filler() = default;
  Filler(std::uint64_t packets, std::vector<Clock> clocks) : total_(packets), clocks_(std::move(clocks)) {}

  std::uint64_t total() const { return total_; }
  // The next packets, as many as fit and are not sent yet. Continuity counters are not set.
  std::span<ts::Packet> next(std::span<ts::Packet> buffer);

 private:
  ts::Packet next_packet();

  std::uint64_t total_ = 0, sent_ = 0;
  std::vector<Clock> clocks_;
};

// Sets the offsets of the clocks of `after` so that it follows `before`, which has ended with `last_units`. The first
// decoding times do not come before the last ones have had their time: if the files overlap, the filler is the pause.
// `fractions` carries what rounding to 27 MHz leaves from join to join, by PCR PID.
Filler join(const Pass& before, const std::map<ts::Pid, LastUnit>& last_units, Pass& after,
            std::map<ts::Pid, double>& fractions);

}  // namespace playout
