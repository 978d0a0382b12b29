// How datagrams arrive: their distances in time, and the media delivery index (RFC 4445). By the kernel's time stamps.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/io/source.hpp"
#include "common/ts/time.hpp"

namespace tsmon {

class NetworkMeter {
 public:
  // Chunks of one read of a socket. `media_rate` in bit/s by PCR, if it is known; else that of each interval is taken.
  void feed(std::span<const io::Chunk> chunks, std::optional<double> media_rate);
  // Packets known to be missing, by RTP sequence numbers or continuity counters; counted since the start.
  void set_lost(std::uint64_t packets) { lost_ = packets; }

  struct Figures {
    // Between datagrams, in seconds: over the last interval and since the start.
    std::optional<double> mean_distance_s, last_greatest_distance_s, least_distance_s, greatest_distance_s;
    // Delay factor in seconds (RFC 4445 3.1; there in ms) and media loss rate in packets a second (3.2), of the last
    // interval of a second and the greatest.
    std::optional<double> delay_factor_s, greatest_delay_factor_s;
    std::optional<double> loss_rate, greatest_loss_rate;
  };
  const Figures& figures() const { return figures_; }

 private:
  void arrive(const io::Chunk& chunk);
  void close_interval(ts::SteadyTime now, std::optional<double> media_rate);

  struct Datagram {
    ts::SteadyTime at;
    std::uint64_t bytes;  // with it, since the interval began
  };

  std::optional<ts::SteadyTime> last_, interval_start_;
  std::vector<Datagram> interval_;
  std::uint64_t interval_bytes_ = 0;
  double interval_greatest_s_ = 0;
  double distance_sum_s_ = 0;
  std::uint64_t distances_ = 0;
  std::uint64_t lost_ = 0, lost_before_ = 0;
  Figures figures_;
};

}  // namespace tsmon
