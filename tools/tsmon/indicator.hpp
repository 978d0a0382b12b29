// What is watched: the indicators of ETSI TR 101 290 5.2 by their numbers, and further faults by a word.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tsmon {

enum class Indicator : std::uint8_t {
  sync_loss,
  sync_byte,
  pat,
  continuity,
  pmt,
  pid,
  transport,
  crc,
  pcr_repetition,
  pcr_discontinuity,
  pcr_accuracy,
  pts,
  cat,
  nit_actual,
  nit_other,
  si_repetition,
  buffer,
  unreferenced_pid,
  sdt_actual,
  sdt_other,
  eit_actual,
  eit_other,
  eit_present_following,
  rst,
  tdt,
  empty_buffer,
  data_delay,
  // Not of TR 101 290.
  no_input,
  stalled,
  scrambled,
  rtp_loss,
  socket_drop,
  black,
  freeze,
  silence,
  decode_error,
};
inline constexpr std::size_t indicator_count = static_cast<std::size_t>(Indicator::decode_error) + 1;

struct IndicatorInfo {
  Indicator indicator;
  std::string_view code;  // "2.3.a", "stalled"
  std::string_view name;  // TR 101 290's
  int priority;           // TR 101 290's 1 to 3; 0: not of it
};

// In the order of the enumeration.
std::span<const IndicatorInfo> indicators();
const IndicatorInfo& info(Indicator indicator);

using IndicatorSet = std::bitset<indicator_count>;
// "1.4", "2.3" (2.3.a and 2.3.b), "3" (all of priority 3), "stalled", several with commas between them. Throws
// std::invalid_argument.
IndicatorSet parse_indicators(std::string_view text);
// As an option's value.
struct IndicatorList {
  IndicatorSet set;
  static IndicatorList parse(std::string_view text) { return {parse_indicators(text)}; }
};

// One value for each indicator.
template <class T>
class PerIndicator {
 public:
  T& operator[](Indicator i) { return values_[static_cast<std::size_t>(i)]; }
  const T& operator[](Indicator i) const { return values_[static_cast<std::size_t>(i)]; }

 private:
  std::array<T, indicator_count> values_{};
};

}  // namespace tsmon
