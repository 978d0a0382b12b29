// Decoded sound as interleaved floats, full scale 1.0, whatever the decoder gives.
#pragma once

#include <span>
#include <vector>

#include "common/media/av.hpp"

namespace media {

class Samples {
 public:
  Samples() = default;
  Samples(const Samples&) = delete;
  Samples& operator=(const Samples&) = delete;
  ~Samples() { av_channel_layout_uninit(&layout_); }

  // Rate and channels stay the frame's. The answer is valid until the next call.
  std::span<const float> of(const AVFrame& frame);

 private:
  Swr converter_;
  AVChannelLayout layout_{};
  int format_ = -1;
  int rate_ = 0;
  std::vector<float> samples_;
};

}  // namespace media
