// What head and tail ask of packets, and what they put in their place.
//
// A packet that is left out becomes a null packet: the others keep their places, on which the accuracy of a constant
// rate's PCRs depends (ISO/IEC 13818-1 2.4.2.2).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "common/ts/packet.hpp"
#include "common/ts/pes.hpp"

namespace tscut {

// Time stamps further apart than this are not of one timeline.
inline constexpr ts::Ticks90 unrelated = std::chrono::seconds{10};

// Its header can be believed, and it is no null packet.
inline bool is_whole(const ts::Packet& packet) {
  return packet.has_sync() && !packet.transport_error() && packet.pid() != ts::null_pid;
}

// Of the PES packet that begins here, unless it is scrambled.
inline std::optional<ts::PesHeader> clear_header(const ts::Packet& packet) {
  if (packet.scrambling() != 0) return {};
  return ts::PesHeader::parse(packet.payload());
}

// The packet's PCR without its payload, or a null packet. `counter`: that of the PID's last packet with payload.
inline ts::Packet clock_only(const ts::Packet& packet, unsigned counter) {
  const auto pcr = packet.pcr();
  if (!pcr) return ts::Packet::null();
  auto clock = ts::Packet::pcr_only(packet.pid(), *pcr, counter);
  clock.set_discontinuity(packet.discontinuity());
  return clock;
}

}  // namespace tscut
