// The times of splice information (ANSI/SCTE 35) in a stream whose time stamps are moved.
#pragma once

#include "common/ts/packet.hpp"
#include "common/ts/time.hpp"

namespace ts {

// Adds to the pts_adjustment of the splice_info_sections (ANSI/SCTE 35 9.6) that lie whole in this packet, one of the
// sections' PID and in the clear. Sections whose CRC is wrong stay as they are.
void move_splice_times(Packet& packet, Ticks90 delta);

}  // namespace ts
