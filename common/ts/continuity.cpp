#include "common/ts/continuity.hpp"

#include <cstring>

namespace ts {
namespace {

constexpr std::uint8_t counter_bits = 0x0F;
constexpr std::uint8_t duplicate_bit = 0x10;
constexpr std::uint8_t seen_bit = 0x80;

// A duplicate has each byte of the packet before but those of its PCR (2.4.3.3), which are never among these. They tell
// two payloads apart well enough, and cost less than all 184.
std::uint64_t mark_of(const Packet& packet) {
  std::uint64_t middle = 0, end = 0;
  std::memcpy(&middle, &packet.bytes[96], sizeof middle);
  std::memcpy(&end, &packet.bytes[packet_size - sizeof end], sizeof end);
  return middle * 0x9E37'79B9'7F4A'7C15 ^ end;
}

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
  // Another packet of this counter is one that 15 are missing before.
  const bool same =
      packet.has_payload() && counter == (before & counter_bits) && mark_of(packet) == marks_[pid.value()];

  state = static_cast<std::uint8_t>(seen_bit | counter);
  if (packet.has_payload()) marks_[pid.value()] = mark_of(packet);
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
