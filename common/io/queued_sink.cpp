#include "common/io/queued_sink.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/io/thread.hpp"

namespace io {

namespace {

constexpr std::size_t block_size = 64 * 1024 / ts::packet_size * ts::packet_size;
constexpr std::size_t most_spare = 4;
// What a pipe's reader waits for at most, should flush() not be called.
constexpr auto longest_hold = std::chrono::milliseconds{20};
// How long finish() waits for a reader that is slow. A disk is waited for as long as it takes.
constexpr auto reader_patience = std::chrono::seconds{1};

}  // namespace

QueuedSink::QueuedSink(const Endpoint& endpoint, const SinkOptions& options)
    : bound_(std::max(options.queue_bytes, block_size)), output_(endpoint) {
  output_.try_open();
  thread_ = start_thread("writer", [this] { run(); });
}

QueuedSink::~QueuedSink() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    give_up_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void QueuedSink::write(std::span<const ts::Packet> packets, const Stamp& stamp) {
  if (failed_) rethrow();
  packets_ += packets.size();
  while (!packets.empty()) {
    if (current_.empty()) oldest_ = stamp.arrival.steady;
    const std::size_t room = (block_size - current_.size()) / ts::packet_size;
    const auto now = packets.first(std::min(room, packets.size()));
    const auto bytes = ts::bytes_of(now);
    current_.insert(current_.end(), bytes.begin(), bytes.end());
    packets = packets.subspan(now.size());
    if (current_.size() == block_size) hand_over();
  }
  if (!current_.empty() && stamp.arrival.steady - oldest_ > longest_hold) flush();
}

void QueuedSink::flush() {
  if (!current_.empty() && !output_.is_regular()) hand_over();
}

void QueuedSink::hand_over() {
  Block next;
  bool dropped = false;
  {
    const std::lock_guard lock(mutex_);
    dropped = queued_bytes_ + current_.size() > bound_;
    if (!dropped) {
      queued_bytes_ += current_.size();
      queue_.push_back(std::move(current_));
      if (!spare_.empty()) {
        next = std::move(spare_.back());
        spare_.pop_back();
      }
    }
  }
  if (dropped) {
    drop(current_.size());
    current_.clear();
    return;
  }
  changed_.notify_all();
  current_ = std::move(next);
}

void QueuedSink::drop(std::size_t bytes) { dropped_ += bytes / ts::packet_size; }

void QueuedSink::finish() {
  if (!current_.empty()) hand_over();
  {
    std::unique_lock lock(mutex_);
    const auto done = [this] { return queued_bytes_ == 0; };
    if (output_.is_regular()) {
      changed_.wait(lock, done);
    } else if (!changed_.wait_for(lock, reader_patience, done)) {
      give_up_ = true;
      changed_.wait(lock, done);
    }
  }
  if (failed_) rethrow();
}

void QueuedSink::rethrow() {
  const std::lock_guard lock(mutex_);
  std::rethrow_exception(error_);
}

SinkStatistics QueuedSink::statistics() const {
  SinkStatistics result;
  result.packets = packets_;
  result.bytes = bytes_;
  result.dropped_packets = dropped_;
  return result;
}

std::optional<QueuedSink::Block> QueuedSink::take() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stop_ || !queue_.empty(); });
  if (queue_.empty()) return std::nullopt;
  Block block = std::move(queue_.front());
  queue_.pop_front();
  return block;
}

void QueuedSink::run() {
  while (auto block = take()) {
    const std::size_t size = block->size();
    if (failed_ || give_up_) {
      drop(size);
    } else {
      try {
        write_out(*block);
      } catch (...) {
        drop(size);
        fail(std::current_exception());
      }
    }
    block->clear();
    {
      const std::lock_guard lock(mutex_);
      queued_bytes_ -= size;
      if (spare_.size() < most_spare) spare_.push_back(std::move(*block));
    }
    changed_.notify_all();
  }
}

void QueuedSink::write_out(const Block& block) {
  const auto result =
      output_.try_open() ? output_.write(block, [this] { return give_up_.load(); }) : OutputFile::Result::gave_up;
  if (result == OutputFile::Result::written) {
    bytes_ += block.size();
    return;
  }
  if (result == OutputFile::Result::reader_gone && !output_.is_fifo()) throw BrokenPipe();
  // The next reader begins with the next block, that is with a whole packet.
  if (result == OutputFile::Result::reader_gone) output_.close();
  drop(block.size());
}

void QueuedSink::fail(std::exception_ptr error) {
  {
    const std::lock_guard lock(mutex_);
    error_ = std::move(error);
  }
  failed_ = true;
}

}  // namespace io
