#include "tools/tsmon/sound_judge.hpp"

#include <algorithm>
#include <cmath>

namespace tsmon {
namespace {

constexpr int windows_per_second = 100;

}  // namespace

// A sine of full scale has a mean square of a half.
SoundJudge::SoundJudge(double threshold_dbfs) : limit_(std::pow(10, threshold_dbfs / 10) / 2) {}

void SoundJudge::configure(unsigned channels, int rate) {
  if (channels == channels_.size() && rate == rate_) return;
  rate_ = rate;
  window_ = static_cast<unsigned>(std::max(1, rate / windows_per_second));
  channels_.assign(channels, {});
  filled_ = 0;
}

// Frames taken.
std::size_t SoundJudge::gather(std::span<const float> samples, unsigned channels) {
  const std::size_t count = std::min<std::size_t>(samples.size() / channels, window_ - filled_);
  for (unsigned c = 0; c < channels; ++c) {
    Channel& channel = channels_[c];
    for (std::size_t i = 0; i < count; ++i) {
      const double sample = samples[i * channels + c];
      channel.sum += sample;
      channel.squares += sample * sample;
    }
  }
  filled_ += static_cast<unsigned>(count);
  return count;
}

bool SoundJudge::close() {
  const double count = window_;
  const bool silent = std::ranges::all_of(channels_, [&](const Channel& channel) {
    const double mean = channel.sum / count;
    return channel.squares / count - mean * mean < limit_;  // false if not a number
  });
  clear();
  return silent;
}

void SoundJudge::clear() {
  filled_ = 0;
  std::ranges::fill(channels_, Channel{});
}

}  // namespace tsmon
