// Packets for tests.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/ts/packet.hpp"

namespace test {

struct PacketFields {
  unsigned pid = 0x100;
  unsigned counter = 0;
  bool unit_start = false;
  bool discontinuity = false;
  bool random_access = false;
  unsigned scrambling = 0;
  std::optional<ts::Pcr> pcr{};
  bool payload = true;
};

// A packet with this payload, or as much of it as fits, stuffed in its adaptation field; without it if it is empty.
inline ts::Packet make_packet(const PacketFields& fields, std::span<const std::uint8_t> payload = {}) {
  ts::Packet packet = ts::Packet::null();
  packet.bytes[1] = fields.unit_start ? 0x40 : 0;
  packet.set_pid(ts::Pid{fields.pid});
  const bool flags = fields.discontinuity || fields.random_access || fields.pcr.has_value();
  const std::size_t least = fields.pcr ? 8 : flags ? 2 : 0;  // length byte, flags, PCR
  const std::size_t size = fields.payload ? std::min(payload.size(), 184 - least) : 0;
  const std::size_t adaptation = 184 - size;
  packet.bytes[3] =
      static_cast<std::uint8_t>(fields.scrambling << 6 | (adaptation > 0 ? 0x20u : 0u) | (size > 0 ? 0x10u : 0u));
  packet.set_continuity(fields.counter);
  if (adaptation > 0) packet.bytes[4] = static_cast<std::uint8_t>(adaptation - 1);
  if (adaptation > 1) {
    packet.bytes[5] = static_cast<std::uint8_t>((fields.discontinuity ? 0x80 : 0) | (fields.random_access ? 0x40 : 0) |
                                                (fields.pcr ? 0x10 : 0));
  }
  if (fields.pcr) packet.set_pcr(*fields.pcr);
  std::copy_n(payload.begin(), size, packet.bytes.begin() + static_cast<std::ptrdiff_t>(188 - size));
  return packet;
}

inline std::vector<std::uint8_t> to_bytes(std::span<const ts::Packet> packets) {
  const auto bytes = ts::bytes_of(packets);
  return {bytes.begin(), bytes.end()};
}

}  // namespace test
