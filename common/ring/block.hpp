// Packets on their way from the receiver to the disk, with what happened between them.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <span>
#include <variant>
#include <vector>

#include "common/ring/index.hpp"
#include "common/ts/packet.hpp"

namespace ring {

struct Block {
  static constexpr std::size_t capacity = 1394;  // 256 KiB

  struct Packets {
    std::size_t count = 0;  // the next ones
    ts::Arrival arrival;
  };
  struct Missing {
    GapRecord gap;
    bool known = false;  // how many packets: see IndexBuilder::gap()
  };
  struct ClockStep {
    std::chrono::nanoseconds step{0};
  };

  std::vector<ts::Packet> packets;
  std::vector<std::variant<Packets, Missing, ClockStep>> entries;  // in order

  Block() { packets.reserve(capacity); }
  bool empty() const { return entries.empty(); }
  bool full() const { return packets.size() == capacity; }
  void clear() {
    packets.clear();
    entries.clear();
  }
  // Copies as many as there is room for; returns how many.
  std::size_t add(std::span<const ts::Packet> more, const ts::Arrival& arrival) {
    const std::size_t count = std::min(more.size(), capacity - packets.size());
    if (count == 0) return 0;
    packets.insert(packets.end(), more.begin(), more.begin() + static_cast<std::ptrdiff_t>(count));
    entries.emplace_back(Packets{count, arrival});
    return count;
  }
};

}  // namespace ring
