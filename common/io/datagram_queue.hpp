// Datagrams with their times, from one thread to one other, without a lock: a list of blocks that grows with what is
// really queued.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "common/ts/time.hpp"

namespace io {

class DatagramQueue {
 public:
  struct Slot {
    static constexpr std::size_t capacity = 1500;
    std::span<const std::uint8_t> datagram() const { return std::span{bytes}.first(size); }

    ts::SteadyTime due;
    std::uint16_t size;
    std::array<std::uint8_t, capacity> bytes;
  };

  explicit DatagramQueue(std::size_t bound) : bound_(bound) {}

  // The writer's. Copies `datagram`; false if the queue holds `bound` already.
  bool push(std::span<const std::uint8_t> datagram, ts::SteadyTime due);

  // The reader's: the oldest slots, as many as lie together in memory; empty if there are none.
  std::span<const Slot> front();
  void pop(std::size_t count);

  // Anyone's.
  std::size_t size() const { return pushed_.load() - popped_.load(); }
  std::size_t bound() const { return bound_; }

 private:
  static constexpr std::size_t block_slots = 32;
  struct Block {
    std::array<Slot, block_slots> slots;
    Block* next = nullptr;
  };

  Block* take_block();
  void give_back(Block* block);

  const std::size_t bound_;
  // Slots since the start. A block is left when its last slot is popped and the first of the next is pushed.
  std::atomic<std::size_t> pushed_{0}, popped_{0};
  Block* tail_ = nullptr;    // the writer's
  Block* head_ = nullptr;    // the reader's
  Block* first_ = nullptr;   // written before the first push
  bool leave_head_ = false;  // the reader's

  std::vector<std::unique_ptr<Block>> blocks_;  // the writer's
  std::mutex mutex_;
  std::vector<Block*> spare_;  // under mutex_, touched once a block
};

}  // namespace io
