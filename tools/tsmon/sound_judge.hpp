// Whether sound is silent: its level is below a threshold in every channel.
//
// The level is that of windows of 10 ms, root mean square without the mean (a direct voltage is silence), in dBFS where
// a sine of full scale is 0 (AES17), so that the noise of a converter or of dither is no sound.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tsmon {

class SoundJudge {
 public:
  explicit SoundJudge(double threshold_dbfs);

  // Interleaved. Calls found(silent, frames) for each run of whole windows alike, in order: `frames` samples of each
  // channel. A window left incomplete goes on with the next call.
  template <typename Found>
  void feed(std::span<const float> samples, unsigned channels, int rate, Found&& found) {
    configure(channels, rate);
    const std::size_t count = samples.size() / channels;
    for (std::size_t i = 0; i < count;) {
      i += gather(samples.subspan(i * channels), channels);
      if (filled_ < window_) break;
      found(close(), window_);
    }
  }
  // Samples of each channel in the window that is not complete.
  unsigned pending() const { return filled_; }
  void reset() {
    filled_ = 0;
    clear();
  }

 private:
  struct Channel {
    double sum = 0, squares = 0;
  };
  void configure(unsigned channels, int rate);
  std::size_t gather(std::span<const float> samples, unsigned channels);
  bool close();
  void clear();

  double limit_;  // mean square
  unsigned window_ = 0;
  unsigned filled_ = 0;
  int rate_ = 0;
  std::vector<Channel> channels_;
};

}  // namespace tsmon
