#include "tools/tscircrec/disk_writer.hpp"

#include <stdexcept>
#include <utility>

namespace tscircrec {
namespace {

// How long a disk that refuses is left alone.
constexpr std::chrono::milliseconds retry{250};
// How long it is tried once the recorder was told to end.
constexpr std::chrono::seconds last_tries{5};

ts::Arrival now() { return {std::chrono::steady_clock::now(), std::chrono::system_clock::now()}; }

}  // namespace

DiskWriter::DiskWriter(const ring::WriterOptions& options, std::chrono::nanoseconds sync, BlockQueue& queue)
    // Half of it: what came just after one write is not older than `sync` after the next one.
    : interval_(sync / 2), queue_(queue), writer_(options, disk_) {}

DiskWriter::~DiskWriter() {
  if (!thread_.joinable()) return;
  queue_.finish();
  thread_.join();
}

void DiskWriter::start() {
  thread_ = std::thread{[this] { run(); }};
}

void DiskWriter::run() {
  try {
    work();
  } catch (...) {
    const std::lock_guard lock{mutex_};
    failure_ = std::current_exception();
  }
}

void DiskWriter::work() {
  writer_.prepare(now());
  auto next = std::chrono::steady_clock::now() + interval_;
  while (!queue_.finished()) {
    queue_.wait(next);
    take_limits();
    while (const ring::Block* block = queue_.front()) {
      write(*block);
      queue_.pop();
    }
    const auto time = now();
    if (time.steady < next) continue;
    writer_.flush(time);
    publish();
    next = time.steady + interval_;
  }
  writer_.close(now());
  publish();
}

void DiskWriter::take_limits() {
  const std::lock_guard lock{mutex_};
  if (new_limits_) writer_.set_limits(*new_limits_);
  new_limits_.reset();
}

void DiskWriter::write(const ring::Block& block) {
  while (!writer_.write(block, now())) {
    queue_.set_disk_failing(true);
    publish();
    const auto time = std::chrono::steady_clock::now();
    {
      const std::lock_guard lock{mutex_};
      if (give_up_ && time > *give_up_) throw std::runtime_error(state_.ring.trouble);
    }
    std::this_thread::sleep_until(time + retry);
  }
  queue_.set_disk_failing(false);
}

void DiskWriter::publish() {
  State state{writer_.state(), writer_.index().statistics(), writer_.index().services().services().size()};
  const std::lock_guard lock{mutex_};
  state_ = std::move(state);
}

void DiskWriter::finish() {
  {
    const std::lock_guard lock{mutex_};
    give_up_ = std::chrono::steady_clock::now() + last_tries;
  }
  queue_.finish();
  if (thread_.joinable()) thread_.join();
  if (failure_) std::rethrow_exception(failure_);
}

bool DiskWriter::failed() const {
  const std::lock_guard lock{mutex_};
  return failure_ != nullptr;
}

void DiskWriter::set_limits(const ring::WriterLimits& limits) {
  const std::lock_guard lock{mutex_};
  new_limits_ = limits;
}

DiskWriter::State DiskWriter::state() const {
  const std::lock_guard lock{mutex_};
  return state_;
}

}  // namespace tscircrec
