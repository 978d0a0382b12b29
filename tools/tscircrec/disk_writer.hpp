// The thread that takes blocks out of the queue and has them written.
#pragma once

#include <chrono>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include "common/ring/disk.hpp"
#include "common/ring/writer.hpp"
#include "tools/tscircrec/block_queue.hpp"

namespace tscircrec {

class DiskWriter {
 public:
  struct State {
    ring::WriterState ring;
    ring::IndexBuilder::Statistics stream;
    std::size_t services = 0;
  };

  // Writes at least every `sync`. The directory is made and locked here; throws if it cannot be. It is repaired once
  // the thread runs, as packets come already.
  DiskWriter(const ring::WriterOptions& options, std::chrono::nanoseconds sync, BlockQueue& queue);
  ~DiskWriter();

  void start();
  // All that is in the queue is written, and the segment completed. A disk that refuses is given up after a while.
  void finish();
  // The thread ended by itself: it has thrown.
  bool failed() const;
  void set_limits(const ring::WriterLimits& limits);
  State state() const;

 private:
  void run();
  void work();
  void write(const ring::Block& block);
  void take_limits();
  void publish();

  const std::chrono::nanoseconds interval_;
  BlockQueue& queue_;
  ring::Disk disk_;
  ring::Writer writer_;
  std::thread thread_;

  mutable std::mutex mutex_;  // of what follows
  State state_;
  std::optional<ring::WriterLimits> new_limits_;
  std::exception_ptr failure_;
  std::optional<ts::SteadyTime> give_up_;
};

}  // namespace tscircrec
