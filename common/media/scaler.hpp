// Pictures to another size and pixel format, with the right matrix and range.
#pragma once

#include "common/media/av.hpp"

namespace media {

class Scaler {
 public:
  enum class Lines { all, one_field };  // one field of an interlaced picture has no comb

  // The answer is valid until the next call. RGB, or YUV by BT.601 in full range, as JPEG has it (JFIF).
  const AVFrame& scale(const AVFrame& picture, int width, int height, AVPixelFormat format, Lines lines);

 private:
  Sws context_;
  Frame scaled_;
};

}  // namespace media
