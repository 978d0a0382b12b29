#include "tools/tscircrec/block_queue.hpp"

#include <algorithm>

namespace tscircrec {
namespace {

// Full blocks that are worth waking the writer for before its time.
constexpr std::size_t worth_writing = 8;
constexpr std::size_t spare_blocks = 4;

std::optional<ts::SteadyTime> first_arrival(const ring::Block& block) {
  for (const auto& entry : block.entries) {
    if (const auto* packets = std::get_if<ring::Block::Packets>(&entry)) return packets->arrival.steady;
  }
  return std::nullopt;
}

}  // namespace

BlockQueue::Intake::~Intake() {
  if (queue_.blocks_.size() > worth_writing) queue_.filled_.notify_one();
}

void BlockQueue::Intake::add(std::span<const ts::Packet> packets, const ts::Arrival& arrival) {
  if (packets.empty()) return;
  queue_.newest_ = arrival.steady;
  auto& drop = queue_.drop_;
  if (!queue_.has_room(arrival)) {
    if (!drop) {
      const auto cause = queue_.disk_failing_ ? ring::GapRecord::Cause::disk : ring::GapRecord::Cause::overflow;
      drop = ring::GapRecord{0, cause, arrival.wall, arrival.wall, 0};
      ++queue_.statistics_.overflows;
    }
    drop->packets += packets.size();
    queue_.statistics_.dropped_packets += packets.size();
    return;
  }
  if (drop) {
    drop->to = arrival.wall;
    const auto gap = *drop;
    drop.reset();
    missing(gap, true);
  }
  while (!packets.empty()) packets = packets.subspan(queue_.filling().add(packets, arrival));
}

void BlockQueue::Intake::missing(const ring::GapRecord& gap, bool known) {
  queue_.filling().entries.emplace_back(ring::Block::Missing{gap, known});
}

void BlockQueue::Intake::clock_step(std::chrono::nanoseconds step) {
  queue_.filling().entries.emplace_back(ring::Block::ClockStep{step});
}

// The block to add to.
ring::Block& BlockQueue::filling() {
  const bool only_taken = blocks_.size() == 1 && front_taken_;
  if (blocks_.empty() || only_taken || blocks_.back()->full()) {
    if (spare_.empty()) {
      blocks_.push_back(std::make_unique<ring::Block>());
    } else {
      blocks_.push_back(std::move(spare_.back()));
      spare_.pop_back();
    }
  }
  return *blocks_.back();
}

bool BlockQueue::has_room(const ts::Arrival& arrival) const {
  if (blocks_.empty()) return true;
  const auto first = first_arrival(*blocks_.front());
  return !first || arrival.steady - *first <= duration_;
}

bool BlockQueue::wait_for_room(std::chrono::milliseconds timeout, std::size_t bytes) {
  std::unique_lock lock{mutex_};
  return drained_.wait_for(lock, timeout,
                           [&] { return blocks_.size() * ring::Block::capacity * ts::packet_size <= bytes; });
}

void BlockQueue::finish() {
  const std::lock_guard lock{mutex_};
  finished_ = true;
  filled_.notify_all();
}

void BlockQueue::set_disk_failing(bool failing) {
  const std::lock_guard lock{mutex_};
  disk_failing_ = failing;
}

void BlockQueue::wait(ts::SteadyTime until) {
  std::unique_lock lock{mutex_};
  filled_.wait_until(lock, until, [this] { return blocks_.size() > worth_writing || finished_; });
}

const ring::Block* BlockQueue::front() {
  const std::lock_guard lock{mutex_};
  if (blocks_.empty()) return nullptr;
  front_taken_ = true;
  return blocks_.front().get();
}

void BlockQueue::pop() {
  const std::lock_guard lock{mutex_};
  auto block = std::move(blocks_.front());
  blocks_.pop_front();
  front_taken_ = false;
  if (spare_.size() < spare_blocks) {
    block->clear();
    spare_.push_back(std::move(block));
  }
  drained_.notify_one();
}

bool BlockQueue::finished() const {
  const std::lock_guard lock{mutex_};
  return finished_ && blocks_.empty();
}

std::chrono::nanoseconds BlockQueue::waiting() const {
  if (blocks_.empty() || !newest_) return std::chrono::nanoseconds{0};
  const auto first = first_arrival(*blocks_.front());
  return first ? *newest_ - *first : std::chrono::nanoseconds{0};
}

BlockQueue::Statistics BlockQueue::statistics() const {
  const std::lock_guard lock{mutex_};
  Statistics statistics = statistics_;
  statistics.waiting = waiting();
  return statistics;
}

}  // namespace tscircrec
