// Bits per second over windows of one second: the last, the least and the greatest.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "common/ts/packet.hpp"

namespace tsmon {

inline double bits(std::uint64_t packets) { return static_cast<double>(packets) * 8 * ts::packet_size; }

class RateMeter {
 public:
  void add_window(double bits_per_second) {
    current_ = bits_per_second;
    least_ = windows_ == 0 ? current_ : std::min(least_, current_);
    greatest_ = windows_ == 0 ? current_ : std::max(greatest_, current_);
    ++windows_;
  }
  // Nothing before the first window has ended.
  std::optional<double> current() const { return known(current_); }
  std::optional<double> least() const { return known(least_); }
  std::optional<double> greatest() const { return known(greatest_); }

 private:
  std::optional<double> known(double value) const { return windows_ == 0 ? std::nullopt : std::optional{value}; }

  double current_ = 0, least_ = 0, greatest_ = 0;
  std::uint64_t windows_ = 0;
};

}  // namespace tsmon
