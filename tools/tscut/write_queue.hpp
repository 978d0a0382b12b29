// Writes a live cut by a thread of its own, so that a slow disk does not hold up what comes in.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "common/ts/packet.hpp"
#include "tools/tscut/output.hpp"

namespace tscut {

class WriteQueue {
 public:
  enum class WhenFull { drop, wait };

  // `bound` bytes are queued at most. The output must live as long; it belongs to the queue until finish().
  WriteQueue(Output& output, std::size_t bound, WhenFull when_full);
  ~WriteQueue();
  WriteQueue(const WriteQueue&) = delete;
  WriteQueue& operator=(const WriteQueue&) = delete;

  // False: dropped, because the queue is full or writing has failed.
  bool push(std::vector<ts::Packet> packets) { return push(Batch{std::move(packets), false}); }
  // For Output::draft().
  bool push_draft(std::vector<ts::Packet> packets) { return push(Batch{std::move(packets), true}); }
  bool failed() const;
  // Bytes written so far.
  std::uint64_t bytes() const;
  // Waits until all is written. Returns what writing failed with, if it did.
  std::exception_ptr finish();

 private:
  struct Batch {
    std::vector<ts::Packet> packets;
    bool draft;
  };

  bool push(Batch batch);
  void run();
  void write(const Batch& batch);

  Output& output_;
  const std::size_t bound_;
  const WhenFull when_full_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Batch> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::uint64_t written_ = 0;
  bool ending_ = false;
  std::exception_ptr error_;
  std::thread thread_;
};

}  // namespace tscut
