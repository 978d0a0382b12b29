// The smallest streams that a decoder takes without complaint: pictures of 16 x 16, and silence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/ts/access_unit.hpp"

namespace support {

// Access unit `index` of a stream of 25 pictures a second whose every `gop`th is a random access point (H.264: IDR with
// parameter sets; MPEG-2: closed GOP) and whose others are P pictures. Padded to `size` bytes where it is shorter.
std::vector<std::uint8_t> coded_picture(ts::VideoCodec codec, std::uint64_t index, unsigned gop, std::size_t size);

// One frame of MPEG-1 layer II at 48 kHz, 64 kb/s: 1152 samples of silence, 24 ms.
std::vector<std::uint8_t> silent_audio_frame();

}  // namespace support
