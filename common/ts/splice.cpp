#include "common/ts/splice.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/ts/section.hpp"

namespace ts {

namespace {

constexpr std::uint8_t splice_info_table = 0xFC;

void move_pts_adjustment(std::span<std::uint8_t> section, Ticks90 delta) {
  std::int64_t adjustment = section[4] & 1;
  for (std::size_t i = 5; i < 9; ++i) adjustment = adjustment << 8 | section[i];
  const auto moved = static_cast<std::uint64_t>((Timestamp{Ticks90{adjustment}} + delta).ticks());
  section[4] = static_cast<std::uint8_t>((section[4] & 0xFE) | moved >> 32);
  for (std::size_t i = 5; i < 9; ++i) section[i] = static_cast<std::uint8_t>(moved >> 8 * (8 - i));
  seal_section(section);
}

}  // namespace

void move_splice_times(Packet& packet, Ticks90 delta) {
  const auto payload = packet.payload();
  if (payload.empty() || delta == Ticks90{0}) return;
  for (std::size_t at = 1u + payload[0]; at + 3 <= payload.size() && payload[at] == splice_info_table;) {
    const std::size_t size = 3 + (static_cast<std::size_t>(payload[at + 1] & 0x0F) << 8 | payload[at + 2]);
    if (size < 15 || size > payload.size() - at) return;
    const auto section = payload.subspan(at, size);
    if (crc32(section) == 0) move_pts_adjustment(section, delta);
    at += size;
  }
}

}  // namespace ts
