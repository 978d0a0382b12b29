#include "common/media/loudness.hpp"

#include <ebur128.h>

#include <algorithm>
#include <cmath>
#include <new>
#include <utility>

namespace media {
namespace {

int place(AVChannel channel) {
  switch (channel) {
    case AV_CHAN_FRONT_LEFT:
    case AV_CHAN_STEREO_LEFT:
      return EBUR128_LEFT;
    case AV_CHAN_FRONT_RIGHT:
    case AV_CHAN_STEREO_RIGHT:
      return EBUR128_RIGHT;
    case AV_CHAN_FRONT_CENTER:
      return EBUR128_CENTER;
    // BS.1770-4 table 3: more than 60 and up to 120 degrees to the side.
    case AV_CHAN_BACK_LEFT:
    case AV_CHAN_SIDE_LEFT:
      return EBUR128_LEFT_SURROUND;
    case AV_CHAN_BACK_RIGHT:
    case AV_CHAN_SIDE_RIGHT:
      return EBUR128_RIGHT_SURROUND;
    case AV_CHAN_BACK_CENTER:
      return EBUR128_Mp180;
    case AV_CHAN_LOW_FREQUENCY:
    case AV_CHAN_LOW_FREQUENCY_2:
      return EBUR128_UNUSED;
    default:
      return EBUR128_CENTER;
  }
}

std::optional<double> finite(int result, double value) {
  if (result != EBUR128_SUCCESS || !std::isfinite(value) || value <= -70) return std::nullopt;
  return value;
}

}  // namespace

struct Loudness::State {
  ebur128_state* p = nullptr;
  ~State() {
    if (p != nullptr) ebur128_destroy(&p);
  }
};

Loudness::Loudness(bool true_peak) : with_true_peak_(true_peak), state_(std::make_unique<State>()) {}
Loudness::~Loudness() = default;
Loudness::Loudness(Loudness&&) noexcept = default;
Loudness& Loudness::operator=(Loudness&&) noexcept = default;

void Loudness::configure(int rate, const AVChannelLayout& channels) {
  const auto count = static_cast<unsigned>(channels.nb_channels);
  const auto frequency = static_cast<unsigned long>(rate);
  if (state_->p == nullptr) {
    const int mode = EBUR128_MODE_M | EBUR128_MODE_S | EBUR128_MODE_I | EBUR128_MODE_HISTOGRAM |
                     (with_true_peak_ ? EBUR128_MODE_TRUE_PEAK : 0);
    state_->p = ebur128_init(count, frequency, mode);
    if (state_->p == nullptr) throw std::bad_alloc();
  } else {
    keep_peak();
    const int result = ebur128_change_parameters(state_->p, count, frequency);
    if (result == EBUR128_ERROR_NOMEM) throw std::bad_alloc();
  }
  for (unsigned i = 0; i < count; ++i) {
    ebur128_set_channel(state_->p, i,
                        count == 1 ? EBUR128_CENTER : place(av_channel_layout_channel_from_index(&channels, i)));
  }
  rate_ = rate;
  frames_ = 0;
}

void Loudness::add(std::span<const float> samples, int rate, const AVChannelLayout& channels) {
  const auto count = static_cast<std::size_t>(channels.nb_channels);
  // libebur128's bounds.
  if (count < 1 || count > 64 || rate < 16 || rate > 2'822'400) return;
  if (state_->p == nullptr || rate != rate_ || count != state_->p->channels) configure(rate, channels);
  const std::size_t frames = samples.size() / count;
  if (ebur128_add_frames_float(state_->p, samples.data(), frames) == EBUR128_ERROR_NOMEM) throw std::bad_alloc();
  frames_ += frames;
}

std::optional<double> Loudness::momentary() const {
  if (state_->p == nullptr || frames_ * 10 < static_cast<std::uint64_t>(rate_) * 4) return std::nullopt;
  double value = 0;
  const int result = ebur128_loudness_momentary(state_->p, &value);
  return finite(result, value);
}

std::optional<double> Loudness::short_term() const {
  if (state_->p == nullptr || frames_ < static_cast<std::uint64_t>(rate_) * 3) return std::nullopt;
  double value = 0;
  const int result = ebur128_loudness_shortterm(state_->p, &value);
  return finite(result, value);
}

std::optional<double> Loudness::integrated() const {
  if (state_->p == nullptr) return std::nullopt;
  double value = 0;
  const int result = ebur128_loudness_global(state_->p, &value);
  return finite(result, value);
}

std::optional<double> Loudness::true_peak() const {
  if (!with_true_peak_ || state_->p == nullptr) return std::nullopt;
  double peak = peak_;
  for (unsigned i = 0; i < state_->p->channels; ++i) {
    double value = 0;
    if (ebur128_true_peak(state_->p, i, &value) == EBUR128_SUCCESS) peak = std::max(peak, value);
  }
  return peak > 0 ? std::optional{20 * std::log10(peak)} : std::nullopt;
}

void Loudness::keep_peak() {
  if (const auto peak = true_peak()) peak_ = std::pow(10, *peak / 20);
}

}  // namespace media
