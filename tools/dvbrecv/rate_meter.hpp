// Bits per second between two looks at a packet counter.
#pragma once

#include <cstdint>
#include <optional>

#include "common/ts/packet.hpp"

namespace dvbrecv {

class RateMeter {
 public:
  // `seconds`: of any clock. A clock that has not moved on changes nothing, and neither does a look too soon after the
  // last, as at the end: packets come in batches.
  void update(std::uint64_t packets, double seconds) {
    if (last_ && seconds <= last_->seconds + (rate_ ? shortest : 0)) return;
    if (last_) {
      rate_ = static_cast<double>((packets - last_->packets) * 8 * ts::packet_size) / (seconds - last_->seconds);
    }
    last_ = {packets, seconds};
  }
  // Nothing before two updates.
  std::optional<double> bits_per_second() const { return rate_; }

 private:
  static constexpr double shortest = 0.5;

  struct Look {
    std::uint64_t packets;
    double seconds;
  };
  std::optional<Look> last_;
  std::optional<double> rate_;
};

}  // namespace dvbrecv
