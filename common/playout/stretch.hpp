// What a stretch of packets begins and ends with: the time stamps that a join must keep apart, and the broken ends of
// PES packets and sections that must not meet there.
#pragma once

#include <bitset>
#include <cstdint>
#include <map>
#include <optional>

#include "common/playout/packet_window.hpp"
#include "common/ts/packet.hpp"
#include "common/ts/time.hpp"

namespace playout {

struct StretchStart {
  // Where PES packets or sections begin. On other PIDs nothing can be said to be broken.
  std::bitset<ts::Pid::count> has_units;
  std::map<ts::Pid, ts::Timestamp> first_dts;
};
StretchStart survey_start(const PacketWindow& window);

// The last PES packet of a PID: when it is decoded and how long it lasts, as far as its own stretch tells.
struct LastUnit {
  std::uint64_t position;
  ts::Timestamp dts;
  ts::Ticks90 duration;
};
// The window ends with the end of a file. Blanks what has no end there; what is left is whole.
std::map<ts::Pid, LastUnit> finish_stretch(PacketWindow& window);

// Takes the payload out of a packet: a null packet remains, or a PCR without payload.
void blank(ts::Packet& packet);

}  // namespace playout
