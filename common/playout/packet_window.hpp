// The stretch of a file between what was read and what was sent: it holds the file's end back until it is known to be
// the end, so that it can be put in order before it leaves.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>

#include "common/ts/packet.hpp"

namespace playout {

// A ring. Positions count the packets of the file; a packet stays where it is in memory until it is popped.
class PacketWindow {
 public:
  explicit PacketWindow(std::size_t capacity)
      : capacity_(capacity), packets_(std::make_unique_for_overwrite<ts::Packet[]>(capacity)) {}

  std::uint64_t begin() const { return begin_; }
  std::uint64_t end() const { return end_; }
  std::size_t size() const { return static_cast<std::size_t>(end_ - begin_); }
  std::size_t room() const { return capacity_ - size(); }

  ts::Packet& at(std::uint64_t position) { return packets_[position % capacity_]; }
  const ts::Packet& at(std::uint64_t position) const { return packets_[position % capacity_]; }

  void push(const ts::Packet& packet) { packets_[end_++ % capacity_] = packet; }
  // The oldest packets, as many as lie together, at most `most`.
  std::span<ts::Packet> front(std::size_t most) {
    const std::size_t start = begin_ % capacity_;
    return {packets_.get() + start, std::min({most, size(), capacity_ - start})};
  }
  void pop(std::size_t count) { begin_ += count; }

 private:
  std::size_t capacity_;
  std::unique_ptr<ts::Packet[]> packets_;
  std::uint64_t begin_ = 0, end_ = 0;
};

}  // namespace playout
