// A live input, read by a thread of its own, so that one that waits holds up no other.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/io/source.hpp"
#include "common/ts/packet.hpp"
#include "common/ts/time.hpp"

namespace tsmux {

class LiveReader {
 public:
  struct Block {
    std::vector<ts::Packet> packets;
    ts::Arrival arrival;
    bool after_loss = false;
  };
  // `bound`: packets that may be queued; more are dropped and counted.
  LiveReader(std::unique_ptr<io::Source> source, std::size_t bound);
  ~LiveReader();
  LiveReader(const LiveReader&) = delete;
  LiveReader& operator=(const LiveReader&) = delete;

  // What has come since the last call, in order; valid until the next.
  const std::vector<Block>& take();
  // No more will come; failure() says why, if it was none of its own.
  bool ended() const { return ended_; }
  std::string failure() const;
  std::uint64_t dropped() const { return dropped_; }  // packets
  io::SourceStatistics statistics() const;
  std::string trouble() const;

 private:
  void run();
  void store(const io::Chunk& chunk);

  std::unique_ptr<io::Source> source_;
  const std::size_t bound_;
  mutable std::mutex mutex_;
  std::vector<Block> queue_, spare_;  // under mutex_
  std::size_t queued_ = 0;            // packets in queue_
  bool lost_ = false;                 // the reading thread's: packets were dropped since the last block
  io::SourceStatistics statistics_;   // under mutex_
  std::string failure_, trouble_;     // under mutex_
  std::vector<Block> taken_;          // the caller's
  std::atomic<bool> stop_{false}, ended_{false};
  std::atomic<std::uint64_t> dropped_{0};
  std::thread thread_;
};

}  // namespace tsmux
