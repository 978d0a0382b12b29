#include "common/ts/continuity.hpp"

namespace ts {
namespace {

constexpr std::uint8_t counter_bits = 0x0F;
constexpr std::uint8_t duplicate_bit = 0x10;
constexpr std::uint8_t seen_bit = 0x80;

}  // namespace

Continuity::Result Continuity::check(const Packet& packet) {
  using enum Verdict;
  const Pid pid = packet.pid();
  if (pid == null_pid) return {good, 0};

  std::uint8_t& state = state_[pid.value()];
  const std::uint8_t before = state;
  const std::uint8_t counter = packet.continuity();
  // The counter of a packet without payload is that of the packet before it.
  const unsigned step = packet.has_payload() ? 1 : 0;
  const unsigned ahead = (counter - (before & counter_bits) - step) & counter_bits;
  const bool same = counter == (before & counter_bits);

  state = static_cast<std::uint8_t>(seen_bit | counter);
  if ((before & seen_bit) == 0) return {first, 0};
  if (ahead == 0) {
    if (!packet.has_payload()) state = before;
    return {good, 0};
  }
  if (same && (before & duplicate_bit) == 0) {
    state |= duplicate_bit;
    return {duplicate, 0};
  }
  if (packet.discontinuity()) return {good, 0};
  if (same) {
    state |= duplicate_bit;
    return {repeated, 0};
  }
  return {lost, static_cast<std::uint8_t>(ahead)};
}

}  // namespace ts
