// Gives each packet its time: between two PCRs of one program, packets are taken to be evenly spaced (TR 101
// 290 5.3.2.1, ISO/IEC 13818-1 2.4.2.2).
//
// Packets wait here until the next PCR of the reference program tells their time, at most a second. Time begins at 0
// with the first packet and never goes back: over a jump of the PCR it goes on by arrival where the input is live, else
// at the last rate; where packets are known to be missing, it goes on by as much as the PCRs on both sides say. If the
// reference falls silent, another PID's PCRs take its place.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "common/io/source.hpp"
#include "common/ts/packet.hpp"
#include "common/ts/time.hpp"

namespace tsmon {

// Packets that lie evenly in time and arrived together.
struct Stretch {
  std::span<const ts::Packet> packets;
  std::uint64_t position = 0;   // of the first one
  ts::ProgramTime start{};      // of the first one
  double ticks_per_packet = 0;  // 0: no PCR tells their time
  ts::Arrival arrival{};
  bool after_loss = false;

  ts::ProgramTime at(std::size_t i) const {
    return start + ts::Ticks27{static_cast<std::int64_t>(static_cast<double>(i) * ticks_per_packet)};
  }
};

// Quick, and true of every packet that has a PCR: most have no adaptation field.
inline bool may_have_pcr(const ts::Packet& packet) {
  return (packet.bytes[3] & 0x20) != 0 && packet.bytes[4] >= 7 && (packet.bytes[5] & 0x10) != 0;
}

class Timeline {
 public:
  // The stretch lives for the call.
  using Handler = std::function<void(const Stretch& stretch)>;

  // A live input waits no longer than `patience` for a PCR, by arrival.
  Timeline(bool live, Handler handler) : live_(live), handler_(std::move(handler)) {}

  void feed(const io::Chunk& chunk);
  // Nothing came until now (live).
  void poll(ts::SteadyTime now);
  // The end: what waits gets its time at the last rate.
  void finish();

  std::uint64_t packets() const { return received_; }
  bool holds_packets() const { return !held_.empty(); }
  // Of the program that tells the time.
  std::optional<ts::Pid> reference() const { return reference_; }
  // From the first to the last PCR of all references: their time and the packets between.
  ts::Ticks27 measured_time() const { return measured_time_; }
  std::uint64_t measured_packets() const { return measured_packets_; }
  // Packets a second, the mean of the rates between two PCRs of all PCR PIDs: other analysers' figure. At a variable
  // rate it is above that of packets over time.
  std::optional<double> mean_interval_rate() const;

 private:
  struct Block {
    std::vector<ts::Packet> packets;
    ts::Arrival arrival;
    bool after_loss;
  };
  struct Reading {
    ts::Pcr pcr;
    std::uint64_t position;
    ts::SteadyTime arrival;
    double ticks_per_packet = 0;  // since the one before
    ts::Ticks27 advance{0};       // since the reference's last PCR
  };

  void take_pcr(ts::Pid pid, ts::Pcr pcr, std::uint64_t position, const io::Chunk& chunk);
  void choose(ts::Pid pid, const Reading& reading);
  double leave_gap(ts::ProgramTime time, std::uint64_t position);
  void settle(std::uint64_t position, double ticks_per_packet);
  void emit(std::span<const ts::Packet> packets, const ts::Arrival& arrival, bool after_loss, double ticks_per_packet);
  void hold(std::span<const ts::Packet> packets, const io::Chunk& chunk, bool after_loss);
  double rate_by_arrival(ts::SteadyTime now) const;
  void release_all(std::optional<ts::SteadyTime> now);

  bool live_;
  Handler handler_;
  std::uint64_t received_ = 0;  // packets
  std::uint64_t emitted_ = 0;   // packets
  ts::ProgramTime time_{};      // of the packet to be emitted next
  double fraction_ = 0;         // of a tick, beyond time_
  double rate_ = 0;             // ticks a packet, the last that was known
  std::optional<ts::Pid> reference_;
  ts::ProgramTime reference_time_{};  // of its last PCR
  std::map<ts::Pid, Reading> readings_;
  std::vector<Block> held_, spare_;
  std::uint64_t held_packets_ = 0;
  std::optional<ts::SteadyTime> released_;  // live: when all that was held was released
  std::optional<ts::SteadyTime> covered_;   // arrival of the last packet that was released without a PCR
  // Of the chunk being fed.
  std::span<const ts::Packet> chunk_rest_;
  const io::Chunk* chunk_ = nullptr;
  bool chunk_after_loss_ = false;
  ts::Ticks27 measured_time_{0};
  std::uint64_t measured_packets_ = 0;
  double interval_rates_ = 0;  // sum, packets a tick
  std::uint64_t intervals_ = 0;
};

}  // namespace tsmon
