// The ends of sound whose PES packets do not begin with a frame: what of a frame lies before a join, and what of
// another lies after it, would be taken for one. Both are taken out.
#pragma once

#include <map>

#include "common/playout/packet_window.hpp"
#include "common/ts/audio_frame.hpp"
#include "common/ts/packet.hpp"

namespace playout {

using AudioFormats = std::map<ts::Pid, ts::AudioFormat>;

// The window begins with the beginning of a file. Each stream's first PES packet is then the one in which a frame
// begins, and begins with it.
void begin_with_whole_frames(PacketWindow& window, const AudioFormats& formats);
// The window ends with the end of a file. Each stream's last PES packet that is whole then ends with a frame.
void end_with_whole_frames(PacketWindow& window, const AudioFormats& formats);

}  // namespace playout
