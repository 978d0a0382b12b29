// A picture as a JPEG file.
#pragma once

#include <cstdint>
#include <vector>

#include "common/media/av.hpp"

namespace media {

// Of a picture in AV_PIX_FMT_YUVJ420P. `quality`: 2 is best, 31 worst.
std::vector<std::uint8_t> encode_jpeg(const AVFrame& picture, int quality);

}  // namespace media
