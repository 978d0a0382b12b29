// Packets from the thread that plays them to the one that reads them: in blocks, bounded.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <span>
#include <vector>

#include "common/ts/packet.hpp"

namespace playout {

class PacketBuffer {
 public:
  // Holds at most so many packets, in whole blocks, and never less than two blocks.
  explicit PacketBuffer(std::size_t packets);

  // The writer's. Copies the packets; waits while the buffer is full. After stop(), takes nothing.
  void write(std::span<const ts::Packet> packets);
  // No more will come, because of `error` if there is one.
  void finish(std::exception_ptr error);

  // The reader's. The next packets, empty if none come in time; they live until the next call. The error that the
  // writer finished with is thrown when all that it wrote has been read.
  std::span<const ts::Packet> read(std::chrono::milliseconds timeout);
  // All was read, without an error.
  bool ended() const;
  // The reader wants no more: a writer that waits does so no longer.
  void stop();

  // Packets written and not read yet.
  std::size_t size() const;
  std::size_t capacity() const { return blocks_.size() * block_packets; }

 private:
  static constexpr std::size_t block_packets = 224;  // 42 kB: a lock in a block costs nothing
  using Block = std::vector<ts::Packet>;

  bool claim_block();
  void hand_over();

  std::vector<Block> blocks_;  // a ring
  bool claimed_ = false;       // the writer's: it fills a block

  mutable std::mutex mutex_;
  std::condition_variable filled_, drained_;
  std::uint64_t written_ = 0, read_ = 0;  // blocks handed over, and given back
  std::size_t size_ = 0;
  bool reading_ = false;  // the reader looks at the oldest block
  bool finished_ = false, stopped_ = false;
  std::exception_ptr error_;
};

}  // namespace playout
