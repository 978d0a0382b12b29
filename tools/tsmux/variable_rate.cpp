#include "tools/tsmux/variable_rate.hpp"

#include <algorithm>
#include <chrono>

namespace tsmux {
namespace {

// How often it is looked for the first packet.
constexpr ts::Ticks27 idle = std::chrono::duration_cast<ts::Ticks27>(std::chrono::milliseconds{1});

}  // namespace

// Whether the interval has a packet for each of `count` slots when it comes; the first slot is the PCR's.
bool VariableRate::fills(std::int64_t count) const {
  for (std::int64_t slot = 1; slot < count; ++slot) {
    if (ready_[static_cast<std::size_t>(slot - 1)] > slot_time(slot, count)) return false;
  }
  return true;
}

// As many slots as are surely filled. What comes too late for them is there when the next interval begins.
void VariableRate::begin_interval() {
  begin_ = next_;
  done_ = 0;
  ready_.clear();
  multiplexer_.find_ready(begin_ + interval_, ready_);
  std::ranges::sort(ready_);
  const auto most =
      static_cast<std::int64_t>(static_cast<double>(interval_.count()) / multiplexer_.rate().ticks_per_packet());
  std::int64_t filled = 1, too_many = std::min(most, static_cast<std::int64_t>(ready_.size()) + 1) + 1;
  while (too_many - filled > 1) {
    const std::int64_t middle = (filled + too_many) / 2;
    (fills(middle) ? filled : too_many) = middle;
  }
  count_ = filled;
  multiplexer_.ask_for_pcrs();
}

void VariableRate::run(mux::MultiplexTime until, std::vector<ts::Packet>& packets,
                       std::vector<mux::MultiplexTime>& times) {
  while (next_ < until) {
    if (done_ == count_) begin_interval();
    if (const auto packet = multiplexer_.take(next_)) {
      packets.push_back(*packet);
      times.push_back(next_);
      ++done_;
      next_ = slot_time(done_, count_);
    } else if (done_ == 0) {
      // No clock runs yet.
      next_ += idle;
      count_ = done_;
    } else {
      count_ = done_;
    }
  }
}

}  // namespace tsmux
