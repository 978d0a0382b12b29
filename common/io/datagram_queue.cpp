#include "common/io/datagram_queue.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace io {

bool DatagramQueue::push(std::span<const std::uint8_t> datagram, ts::SteadyTime due) {
  const std::size_t pushed = pushed_.load(std::memory_order_relaxed);
  if (pushed - popped_.load(std::memory_order_acquire) >= bound_) return false;
  if (pushed % block_slots == 0) {
    Block* const block = take_block();
    (tail_ == nullptr ? first_ : tail_->next) = block;
    tail_ = block;
  }
  Slot& slot = tail_->slots[pushed % block_slots];
  slot.due = due;
  slot.size = static_cast<std::uint16_t>(std::min(datagram.size(), Slot::capacity));
  std::memcpy(slot.bytes.data(), datagram.data(), slot.size);
  pushed_.store(pushed + 1);  // in one order with the pacer's next wake-up: see Pacer::submit()
  return true;
}

std::span<const DatagramQueue::Slot> DatagramQueue::front() {
  const std::size_t popped = popped_.load(std::memory_order_relaxed);
  const std::size_t available = pushed_.load() - popped;
  if (available == 0) return {};
  if (head_ == nullptr) head_ = first_;
  if (leave_head_) {
    Block* const left = std::exchange(head_, head_->next);
    give_back(left);
    leave_head_ = false;
  }
  const std::size_t begin = popped % block_slots;
  return std::span{head_->slots}.subspan(begin, std::min(available, block_slots - begin));
}

void DatagramQueue::pop(std::size_t count) {
  if (count == 0) return;
  const std::size_t popped = popped_.load(std::memory_order_relaxed) + count;
  leave_head_ = popped % block_slots == 0;
  popped_.store(popped, std::memory_order_release);
}

DatagramQueue::Block* DatagramQueue::take_block() {
  {
    const std::lock_guard lock(mutex_);
    if (!spare_.empty()) {
      Block* const block = spare_.back();
      spare_.pop_back();
      return block;
    }
  }
  // Not make_unique: the slots need no zeroes.
  blocks_.push_back(std::unique_ptr<Block>(new Block));
  return blocks_.back().get();
}

void DatagramQueue::give_back(Block* block) {
  block->next = nullptr;
  const std::lock_guard lock(mutex_);
  spare_.push_back(block);
}

}  // namespace io
