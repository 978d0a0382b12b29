#include "common/media/samples.hpp"

namespace media {

std::span<const float> Samples::of(const AVFrame& frame) {
  const auto channels = static_cast<std::size_t>(frame.ch_layout.nb_channels);
  const auto count = static_cast<std::size_t>(frame.nb_samples) * channels;
  if (frame.format == AV_SAMPLE_FMT_FLT) return {reinterpret_cast<const float*>(frame.extended_data[0]), count};
  if (!converter_ || frame.format != format_ || frame.sample_rate != rate_ ||
      av_channel_layout_compare(&frame.ch_layout, &layout_) != 0) {
    if (const int error = av_channel_layout_copy(&layout_, &frame.ch_layout); error < 0) {
      throw_error("convert samples", error);
    }
    SwrContext* made = nullptr;
    int result = swr_alloc_set_opts2(&made, &layout_, AV_SAMPLE_FMT_FLT, frame.sample_rate, &layout_,
                                     static_cast<AVSampleFormat>(frame.format), frame.sample_rate, 0, nullptr);
    converter_.reset(made);
    if (result >= 0) result = swr_init(converter_.get());
    if (result < 0) {
      converter_.reset();
      throw_error("convert samples", result);
    }
    format_ = frame.format;
    rate_ = frame.sample_rate;
  }
  samples_.resize(count);
  auto* out = reinterpret_cast<std::uint8_t*>(samples_.data());
  const int result = swr_convert(converter_.get(), &out, frame.nb_samples,
                                 const_cast<const std::uint8_t**>(frame.extended_data), frame.nb_samples);
  if (result < 0) throw_error("convert samples", result);
  return std::span<const float>{samples_}.first(static_cast<std::size_t>(result) * channels);
}

}  // namespace media
