#include "tools/tsmon/thumbnail.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "common/io/file_descriptor.hpp"
#include "common/media/jpeg.hpp"

namespace tsmon {
namespace {

constexpr int quality = 4;

// Of a picture as it is shown, even.
int height_for(const AVFrame& picture, int width) {
  const AVRational aspect = picture.sample_aspect_ratio;
  const double sample = aspect.num > 0 && aspect.den > 0 ? av_q2d(aspect) : 1;
  const double height = width * picture.height / (picture.width * sample);
  return std::clamp(static_cast<int>(height / 2 + 0.5) * 2, 2, width * 4);
}

}  // namespace

void Thumbnail::write(const AVFrame& picture, ts::ProgramTime time) {
  last_ = time;
  const int height = height_for(picture, options_.width);
  const auto lines = media::is_interlaced(picture) ? media::Scaler::Lines::one_field : media::Scaler::Lines::all;
  // By way of RGB: swscale does not change the matrix from one YUV to another.
  const AVFrame& rgb = to_rgb_.scale(picture, options_.width, height, AV_PIX_FMT_RGB24, lines);
  const AVFrame& small = to_jpeg_.scale(rgb, options_.width, height, AV_PIX_FMT_YUVJ420P, media::Scaler::Lines::all);
  const auto bytes = media::encode_jpeg(small, quality);
  io::AtomicFile file(options_.path);
  io::write_all(file.fd(), bytes, options_.path);
  file.commit();
}

std::string thumbnail_path(const std::string& path, psi::ServiceId service, bool several) {
  if (!several) return path;
  std::filesystem::path name{path};
  const std::string extension = name.extension().string();
  name.replace_extension();
  return fmt::format("{}-0x{:04x}{}", name.string(), service.value(), extension);
}

}  // namespace tsmon
