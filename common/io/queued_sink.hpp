// Packets to a file or pipe, written by a thread of its own, so that a slow disk or reader does not hold up a live
// input.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "common/io/output_file.hpp"
#include "common/io/sink.hpp"

namespace io {

class QueuedSink final : public Sink {
 public:
  QueuedSink(const Endpoint& endpoint, const SinkOptions& options);
  ~QueuedSink() override;
  QueuedSink(const QueuedSink&) = delete;
  QueuedSink& operator=(const QueuedSink&) = delete;

  void write(std::span<const ts::Packet> packets, const Stamp& stamp) override;
  void set_pcr_pid(std::optional<ts::Pid>) override {}
  void flush() override;
  void finish() override;
  SinkStatistics statistics() const override;

 private:
  using Block = std::vector<std::uint8_t>;  // whole packets

  void hand_over();
  void rethrow();
  void drop(std::size_t bytes);

  // The writing thread's.
  void run();
  std::optional<Block> take();
  void write_out(const Block& block);
  void fail(std::exception_ptr error);

  const std::size_t bound_;
  OutputFile output_;
  Block current_;            // the caller's
  ts::SteadyTime oldest_{};  // arrival of the first packet in current_
  std::uint64_t packets_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Block> queue_;
  std::vector<Block> spare_;
  std::size_t queued_bytes_ = 0;  // with the block being written
  bool stop_ = false;
  std::exception_ptr error_;

  std::atomic<bool> give_up_{false};
  std::atomic<bool> failed_{false};
  std::atomic<std::uint64_t> bytes_{0}, dropped_{0};
  std::thread thread_;
};

}  // namespace io
