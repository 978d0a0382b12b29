// PES packet headers (ISO/IEC 13818-1 2.4.3.6, 2.4.3.7): reading, and moving their time stamps in place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "common/ts/packet.hpp"

namespace ts {

struct PesHeader {
  std::uint8_t stream_id = 0;
  std::size_t packet_length = 0;  // of the whole PES packet in bytes, 0 if it does not say (video)
  std::size_t header_size = 0;    // offset of the first elementary stream byte; may lie beyond the bytes given
  std::optional<Timestamp> pts;
  std::optional<Timestamp> dts;  // equal to PTS where only that is sent
  bool data_alignment = false;

  bool is_video() const { return (stream_id & 0xF0) == 0xE0; }
  // Nothing if the bytes do not begin with a PES start code, end inside the fixed header, or lack its marker bits.
  static std::optional<PesHeader> parse(std::span<const std::uint8_t> payload);
};

// Adds `delta` to PTS and DTS (modulo 2^33), and to ESCR if there is one, in a packet that starts a PES packet.
// Does nothing to other packets, or to a header that does not lie wholly in this packet or is malformed.
void move_timestamps(Packet& packet, Ticks90 delta);

}  // namespace ts
