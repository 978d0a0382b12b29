// Sends datagrams at their times: one thread for all socket outputs of a process, on absolute sleeps.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "common/io/endpoint.hpp"
#include "common/ts/time.hpp"

namespace io {

struct PacerStatistics {
  std::uint64_t datagrams = 0;
  std::uint64_t late = 0;         // sent more than a millisecond after their time
  std::uint64_t overflows = 0;    // datagrams dropped because the queue was full
  std::uint64_t send_errors = 0;  // refused by the network; datagrams lost
  std::uint64_t refused_bytes = 0;
  std::chrono::nanoseconds worst_lateness{0};
};

class Pacer {
 public:
  struct Options {
    // SCHED_FIFO for the sending thread (--rt); without the right to it, Pacer says so in realtime_refused().
    bool realtime = false;
    // Datagrams due within this time of one another leave on one wake-up. 0: each on its own.
    std::chrono::nanoseconds coalesce{0};
  };
  class Channel;  // one socket

  Pacer();
  explicit Pacer(const Options& options);
  ~Pacer();  // sends what is due within the drain time of drain(), drops the rest
  Pacer(const Pacer&) = delete;
  Pacer& operator=(const Pacer&) = delete;

  // The channel lives until close(). `bound`: how many datagrams it may hold.
  Channel& open(const Endpoint& endpoint, std::size_t bound);
  void close(Channel& channel);
  // Queues a copy of the datagram (at most 1500 bytes) for `due`, in order of call. False: full, dropped and counted.
  bool submit(Channel& channel, std::span<const std::uint8_t> datagram, ts::SteadyTime due);
  // Blocks until the channel has room, at most `timeout`; false on time-out.
  bool wait_for_room(Channel& channel, std::chrono::milliseconds timeout);
  // Blocks until all queues are sent, at most `timeout`.
  bool drain(std::chrono::milliseconds timeout);
  PacerStatistics statistics(const Channel& channel) const;
  bool realtime_refused() const;

 private:
  class Thread;
  std::unique_ptr<Thread> thread_;
};

}  // namespace io
