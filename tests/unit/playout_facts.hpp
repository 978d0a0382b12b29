// What a receiver sees of a stream: its counters, clocks and time stamps.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "common/ts/continuity.hpp"
#include "common/ts/packet.hpp"
#include "common/ts/pes.hpp"
#include "common/ts/time.hpp"

namespace test {

inline std::uint64_t counter_errors(const std::vector<ts::Packet>& packets) {
  ts::Continuity continuity;
  return static_cast<std::uint64_t>(std::ranges::count_if(
      packets, [&](const ts::Packet& p) { return ts::Continuity::is_error(continuity.check(p).verdict); }));
}

struct ClockFacts {
  std::vector<std::size_t> positions;
  std::vector<std::int64_t> times;  // unwrapped, from the first
  std::int64_t longest_step = 0, shortest_step = 1'000'000'000;
};

inline std::map<ts::Pid, ClockFacts> clocks_of(const std::vector<ts::Packet>& packets) {
  std::map<ts::Pid, ClockFacts> clocks;
  std::map<ts::Pid, ts::Pcr> last;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    const auto pcr = packets[i].pcr();
    if (!pcr) continue;
    ClockFacts& clock = clocks[packets[i].pid()];
    const auto before = last.find(packets[i].pid());
    const std::int64_t step = before == last.end() ? 0 : distance(before->second, *pcr).count();
    if (before != last.end()) {
      clock.longest_step = std::max(clock.longest_step, step);
      clock.shortest_step = std::min(clock.shortest_step, step);
    }
    clock.times.push_back(clock.times.empty() ? 0 : clock.times.back() + step);
    clock.positions.push_back(i);
    last[packets[i].pid()] = *pcr;
  }
  return clocks;
}

// The largest distance of a PCR from its place by the stream's bit rate, in 27 MHz ticks, over the whole stream.
inline double worst_inaccuracy(const ClockFacts& clock, std::int64_t bit_rate) {
  double worst = 0;
  for (std::size_t i = 0; i < clock.times.size(); ++i) {
    const double ideal =
        static_cast<double>(clock.positions[i] - clock.positions[0]) * 1504.0 * 27e6 / static_cast<double>(bit_rate);
    worst = std::max(worst, std::abs(static_cast<double>(clock.times[i]) - ideal));
  }
  return worst;
}

struct StampFacts {
  std::size_t count = 0;
  std::int64_t shortest_step = 1'000'000'000, longest_step = 0;           // of DTS, 90 kHz
  std::int64_t least_ahead = 1'000'000'000, most_ahead = -1'000'000'000;  // of the clock
};

// At a constant rate, if one is given, the clock goes on between PCRs.
inline std::map<ts::Pid, StampFacts> stamps_of(const std::vector<ts::Packet>& packets,
                                               std::optional<std::int64_t> bit_rate = {}) {
  std::map<ts::Pid, StampFacts> all;
  std::map<ts::Pid, ts::Timestamp> last;
  struct Clock {
    ts::Pcr pcr;
    std::size_t position;
  };
  std::map<unsigned, Clock> clocks;  // by service: PIDs share their upper bits
  for (std::size_t i = 0; i < packets.size(); ++i) {
    const ts::Packet& packet = packets[i];
    if (const auto pcr = packet.pcr()) clocks[packet.pid().value() >> 4] = {*pcr, i};
    if (!packet.unit_start()) continue;
    const auto header = ts::PesHeader::parse(packet.payload());
    if (!header || !header->dts) continue;
    StampFacts& facts = all[packet.pid()];
    ++facts.count;
    if (const auto before = last.find(packet.pid()); before != last.end()) {
      const std::int64_t step = distance(before->second, *header->dts).count();
      facts.shortest_step = std::min(facts.shortest_step, step);
      facts.longest_step = std::max(facts.longest_step, step);
    }
    last[packet.pid()] = *header->dts;
    if (const auto clock = clocks.find(packet.pid().value() >> 4); clock != clocks.end()) {
      const auto packets_since = static_cast<std::int64_t>(i - clock->second.position);
      const ts::Ticks27 since{bit_rate ? packets_since * 1504 * 27'000'000 / *bit_rate : 0};
      const ts::Pcr now = clock->second.pcr + since;
      const auto ahead = distance(ts::Timestamp{ts::Ticks90{now.base()}}, *header->dts).count();
      facts.least_ahead = std::min(facts.least_ahead, ahead);
      facts.most_ahead = std::max(facts.most_ahead, ahead);
    }
  }
  return all;
}

}  // namespace test
