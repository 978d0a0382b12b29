#include "tools/tscut/write_queue.hpp"

#include <chrono>
#include <utility>

namespace tscut {
namespace {

// What a power failure may take.
constexpr std::chrono::seconds sync_interval{1};

}  // namespace

WriteQueue::WriteQueue(Output& output, std::size_t bound, WhenFull when_full)
    : output_(output), bound_(bound), when_full_(when_full), thread_([this] { run(); }) {}

WriteQueue::~WriteQueue() { finish(); }

bool WriteQueue::push(Batch batch) {
  const std::size_t size = batch.packets.size() * ts::packet_size;
  std::unique_lock lock{mutex_};
  const auto has_room = [&] { return error_ || waiting_bytes_ == 0 || waiting_bytes_ + size <= bound_; };
  if (when_full_ == WhenFull::wait) changed_.wait(lock, has_room);
  if (error_ || !has_room()) return false;
  waiting_bytes_ += size;
  waiting_.push_back(std::move(batch));
  lock.unlock();
  changed_.notify_all();
  return true;
}

bool WriteQueue::failed() const {
  const std::lock_guard lock{mutex_};
  return error_ != nullptr;
}

std::uint64_t WriteQueue::bytes() const {
  const std::lock_guard lock{mutex_};
  return written_;
}

std::exception_ptr WriteQueue::finish() {
  {
    const std::lock_guard lock{mutex_};
    ending_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  return error_;
}

void WriteQueue::write(const Batch& batch) {
  if (batch.draft) {
    output_.draft(batch.packets);
  } else {
    output_.write(batch.packets);
  }
}

void WriteQueue::run() {
  auto synced = std::chrono::steady_clock::now();
  try {
    std::unique_lock lock{mutex_};
    while (true) {
      changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      const auto batch = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      write(batch);
      if (const auto now = std::chrono::steady_clock::now(); now - synced > sync_interval) {
        output_.sync();
        synced = now;
      }
      lock.lock();
      waiting_bytes_ -= batch.packets.size() * ts::packet_size;
      written_ = output_.bytes();
      changed_.notify_all();
    }
  } catch (...) {
    const std::lock_guard lock{mutex_};
    error_ = std::current_exception();
  }
  changed_.notify_all();
}

}  // namespace tscut
