// What a receiver has of a multiplex of constant rate: continuity, time stamps, and clocks that have to run on.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <map>
#include <vector>

#include "common/mux/time.hpp"
#include "common/ts/continuity.hpp"
#include "common/ts/packet.hpp"
#include "common/ts/pes.hpp"

namespace tsmux {

using Stamps = std::map<ts::Pid, std::vector<ts::Timestamp>>;

inline void collect(const ts::Packet& packet, Stamps& stamps) {
  if (!packet.unit_start() || packet.transport_error()) return;
  const auto header = ts::PesHeader::parse(packet.payload());
  if (header && header->pts) stamps[packet.pid()].push_back(*header->pts);
}

class Receiver {
 public:
  void take(const ts::Packet& packet, mux::MultiplexTime now) {
    if (packet.pid() == ts::null_pid) return;
    const auto continuity = continuity_.check(packet);
    if (ts::Continuity::is_error(continuity.verdict)) lost[packet.pid()] += continuity.missing;
    ++packets[packet.pid()];
    if (const auto pcr = packet.pcr()) {
      if (packet.discontinuity()) {  // only after a time without
        EXPECT_GT(now - last_pcr_.at(packet.pid()).at, std::chrono::milliseconds{100});
      }
      if (const auto last = last_pcr_.find(packet.pid()); last != last_pcr_.end()) {
        // One clock that runs on: no jump, and as fast as the multiplex but for some ppm.
        const ts::Ticks27 passed = now - last->second.at;
        const double error = static_cast<double>((distance(last->second.pcr, *pcr) - passed).count());
        EXPECT_LE(std::abs(error), 2 + 350e-6 * static_cast<double>(passed.count())) << "PID " << packet.pid().value();
      }
      pcrs.push_back({now, *pcr});
      last_pcr_[packet.pid()] = pcrs.back();
    }
    const std::size_t before = stamps[packet.pid()].size();
    collect(packet, stamps);
    if (stamps[packet.pid()].size() > before && !pcrs.empty()) {
      const ts::Pcr pcr = pcrs.back().pcr + (now - pcrs.back().at);
      const ts::Ticks90 lead = distance(ts::Timestamp{ts::Ticks90{pcr.base()}}, stamps[packet.pid()].back());
      leads[packet.pid()].push_back(static_cast<double>(lead.count()) / 90e3);
    }
  }
  std::uint64_t all_lost() const {
    std::uint64_t sum = 0;
    for (const auto& [pid, count] : lost) sum += count;
    return sum;
  }

  struct Sample {
    mux::MultiplexTime at;
    ts::Pcr pcr;
  };
  std::vector<Sample> pcrs;
  Stamps stamps;
  std::map<ts::Pid, std::vector<double>> leads;  // s: PTS against the last PCR, where all are of one clock
  std::map<ts::Pid, std::uint64_t> lost, packets;

 private:
  ts::Continuity continuity_;
  std::map<ts::Pid, Sample> last_pcr_;
};

}  // namespace tsmux
