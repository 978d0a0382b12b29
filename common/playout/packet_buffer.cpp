#include "common/playout/packet_buffer.hpp"

#include <algorithm>
#include <utility>

namespace playout {

PacketBuffer::PacketBuffer(std::size_t packets) : blocks_(std::max<std::size_t>(packets / block_packets, 2)) {}

void PacketBuffer::write(std::span<const ts::Packet> packets) {
  while (!packets.empty()) {
    if (!claimed_ && !claim_block()) return;
    Block& block = blocks_[written_ % blocks_.size()];
    const std::size_t count = std::min(block_packets - block.size(), packets.size());
    block.insert(block.end(), packets.begin(), packets.begin() + static_cast<std::ptrdiff_t>(count));
    packets = packets.subspan(count);
    if (block.size() == block_packets) hand_over();
  }
}

void PacketBuffer::finish(std::exception_ptr error) {
  if (claimed_) hand_over();
  const std::lock_guard lock(mutex_);
  finished_ = true;
  error_ = std::move(error);
  filled_.notify_one();
}

// The next block, to be filled; none after stop().
bool PacketBuffer::claim_block() {
  std::unique_lock lock(mutex_);
  drained_.wait(lock, [this] { return stopped_ || written_ - read_ < blocks_.size(); });
  if (stopped_) return false;
  Block& block = blocks_[written_ % blocks_.size()];
  block.clear();
  block.reserve(block_packets);
  claimed_ = true;
  return true;
}

void PacketBuffer::hand_over() {
  const std::lock_guard lock(mutex_);
  size_ += blocks_[written_ % blocks_.size()].size();
  ++written_;
  claimed_ = false;
  filled_.notify_one();
}

std::span<const ts::Packet> PacketBuffer::read(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  if (std::exchange(reading_, false)) {
    ++read_;
    drained_.notify_one();
  }
  filled_.wait_for(lock, timeout, [this] { return finished_ || written_ > read_; });
  if (written_ == read_) {
    if (error_) std::rethrow_exception(error_);
    return {};
  }
  reading_ = true;
  const Block& block = blocks_[read_ % blocks_.size()];
  size_ -= block.size();
  return block;
}

bool PacketBuffer::ended() const {
  const std::lock_guard lock(mutex_);
  return finished_ && size_ == 0 && !error_;
}

void PacketBuffer::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  drained_.notify_one();
}

std::size_t PacketBuffer::size() const {
  const std::lock_guard lock(mutex_);
  return size_;
}

}  // namespace playout
