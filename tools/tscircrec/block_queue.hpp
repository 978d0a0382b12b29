// Packets between the receiver and the disk: bounded by time, so that a slow disk never holds up the receiver.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "common/ring/block.hpp"

namespace tscircrec {

class BlockQueue {
 public:
  struct Statistics {
    std::chrono::nanoseconds waiting{0};  // how much is in it now
    std::uint64_t dropped_packets = 0;
    std::uint64_t overflows = 0;  // times that dropping began
  };

  // Holds packets that arrived within `duration` of one another.
  explicit BlockQueue(std::chrono::nanoseconds duration) : duration_(duration) {}

  // The receiver's side, locked as long as this lives: a batch.
  class Intake {
   public:
    explicit Intake(BlockQueue& queue) : queue_(queue), lock_(queue.mutex_) {}
    ~Intake();
    // If there is no room they are dropped: a gap of that size comes before the next packets that are taken.
    void add(std::span<const ts::Packet> packets, const ts::Arrival& arrival);
    void missing(const ring::GapRecord& gap, bool known);
    void clock_step(std::chrono::nanoseconds step);

   private:
    BlockQueue& queue_;
    std::unique_lock<std::mutex> lock_;
  };
  // For an input that can wait: blocks until no more than `bytes` are held, at most `timeout`. False on time-out.
  bool wait_for_room(std::chrono::milliseconds timeout, std::size_t bytes);
  // No more will come.
  void finish();
  // What drops are put down to: the disk refuses, or is slow.
  void set_disk_failing(bool failing);

  // The writer's side. Waits for `until`, for several full blocks, or for finish().
  void wait(ts::SteadyTime until);
  // The oldest block, null if there is none. It stays in the queue until pop().
  const ring::Block* front();
  void pop();
  // All that came is written.
  bool finished() const;

  Statistics statistics() const;

 private:
  ring::Block& filling();
  bool has_room(const ts::Arrival& arrival) const;
  std::chrono::nanoseconds waiting() const;

  const std::chrono::nanoseconds duration_;
  mutable std::mutex mutex_;
  std::condition_variable filled_, drained_;
  std::deque<std::unique_ptr<ring::Block>> blocks_;
  std::vector<std::unique_ptr<ring::Block>> spare_;
  bool front_taken_ = false;  // the writer is at it: nothing may be added
  bool finished_ = false, disk_failing_ = false;
  std::optional<ring::GapRecord> drop_;  // packets are being dropped
  std::optional<ts::SteadyTime> newest_;
  Statistics statistics_;
};

}  // namespace tscircrec
