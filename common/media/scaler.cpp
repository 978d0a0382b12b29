#include "common/media/scaler.hpp"

#include <array>

namespace media {
namespace {

// High definition has BT.709 where the stream does not say (TS 101 154 5).
constexpr int least_high_definition = 720;

const int* matrix_of(const AVFrame& picture) {
  switch (picture.colorspace) {
    case AVCOL_SPC_BT709:
      return sws_getCoefficients(SWS_CS_ITU709);
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
      return sws_getCoefficients(SWS_CS_BT2020);
    case AVCOL_SPC_UNSPECIFIED:
      return sws_getCoefficients(picture.height >= least_high_definition ? SWS_CS_ITU709 : SWS_CS_ITU601);
    default:
      return sws_getCoefficients(SWS_CS_ITU601);
  }
}

}  // namespace

const AVFrame& Scaler::scale(const AVFrame& picture, int width, int height, AVPixelFormat format, Lines lines) {
  const int step = lines == Lines::one_field ? 2 : 1;
  if (!scaled_ || scaled_->width != width || scaled_->height != height || scaled_->format != format) {
    scaled_ = make_frame();
    scaled_->width = width;
    scaled_->height = height;
    scaled_->format = format;
    if (const int result = av_frame_get_buffer(scaled_.get(), 0); result < 0) throw_error("make a picture", result);
  }
  context_.reset(sws_getCachedContext(context_.release(), picture.width, picture.height / step,
                                      static_cast<AVPixelFormat>(picture.format), width, height, format, SWS_AREA,
                                      nullptr, nullptr, nullptr));
  if (!context_) throw Error("scale a picture: no such conversion");
  constexpr int one = 1 << 16;
  sws_setColorspaceDetails(context_.get(), matrix_of(picture), is_full_range(picture) ? 1 : 0,
                           sws_getCoefficients(SWS_CS_ITU601), 1, 0, one, one);
  std::array<int, 4> strides{};
  for (std::size_t i = 0; i < strides.size(); ++i) strides[i] = picture.linesize[i] * step;
  sws_scale(context_.get(), picture.data, strides.data(), 0, picture.height / step, scaled_->data, scaled_->linesize);
  return *scaled_;
}

}  // namespace media
