#include "tools/tsmon/picture_judge.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

extern "C" {
#include <libavutil/pixdesc.h>
}

namespace tsmon {
namespace {

constexpr unsigned block = 8;  // samples
// A standstill may have this part of its blocks changed by more than this part of the range: coding noise (an encoder
// that begins a new group of pictures changes all) is everywhere, movement in one place.
constexpr double changed_part = 0.002;
constexpr double changed_much = 0.04;
// A line carries a picture if this part of it is not dark.
constexpr double bright_line = 0.10;
constexpr unsigned generation_length = 250;  // pictures

}  // namespace

std::optional<PictureJudge::Luma> PictureJudge::luma_of(const AVFrame& picture) {
  const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(picture.format));
  constexpr std::uint64_t not_plain = AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_BITSTREAM |
                                      AV_PIX_FMT_FLAG_BE | AV_PIX_FMT_FLAG_FLOAT;
  if (format == nullptr || (format->flags & not_plain) != 0) return std::nullopt;
  const bool rgb = (format->flags & AV_PIX_FMT_FLAG_RGB) != 0;
  const AVComponentDescriptor& component = format->comp[rgb ? 1 : 0];  // green is nearly luma
  const unsigned bytes = component.depth > 8 ? 2 : 1;
  if (component.step != static_cast<int>(bytes) || component.depth > 16 || picture.width <= 0 || picture.height <= 0) {
    return std::nullopt;
  }
  const double largest = std::pow(2, component.depth) - 1;
  const double scale = std::pow(2, component.depth - 8);
  const bool full = rgb || media::is_full_range(picture);
  return Luma{.data = picture.data[component.plane] + component.offset,
              .stride = picture.linesize[component.plane],
              .width = static_cast<unsigned>(picture.width),
              .height = static_cast<unsigned>(picture.height),
              .step = bytes,
              .shift = static_cast<unsigned>(component.shift),
              .black = full ? 0 : 16 * scale,
              .range = full ? largest : 219 * scale};
}

std::optional<PictureJudge::Verdict> PictureJudge::judge(const AVFrame& picture) {
  const auto luma = luma_of(picture);
  if (!luma) return std::nullopt;
  if (luma->width != width_ || luma->height != height_ || luma->range != range_) {
    reset();
    width_ = luma->width;
    height_ = luma->height;
    range_ = luma->range;
    bright_.assign(height_, 0);
    blocks_.assign(std::size_t{(width_ + block - 1) / block} * ((height_ + block - 1) / block), 0);
  }
  if (luma->step == 1) {
    measure<std::uint8_t>(*luma);
  } else {
    measure<std::uint16_t>(*luma);
  }
  Verdict verdict;
  verdict.black = is_black(*luma);
  if (verdict.black) {
    has_first_ = false;
  } else {
    learn_lines();
    verdict.still = is_still(*luma);
  }
  return verdict;
}

void PictureJudge::reset() {
  has_first_ = false;
  lines_ = {};
  generation_ = 0;
  width_ = height_ = 0;
}

// One pass over the picture.
template <typename Sample>
void PictureJudge::measure(const Luma& luma) {
  const auto limit = static_cast<unsigned>(std::floor(luma.black + options_.black_level * luma.range));
  std::fill(blocks_.begin(), blocks_.end(), 0);
  const std::size_t columns = (luma.width + block - 1) / block;
  const std::uint8_t* bytes = luma.data;
  for (unsigned y = 0; y < luma.height; ++y, bytes += luma.stride) {
    const auto* line = reinterpret_cast<const Sample*>(bytes);
    std::uint32_t* sums = blocks_.data() + y / block * columns;
    std::uint32_t bright = 0;
    const auto add = [&](unsigned from, unsigned count) {
      std::uint32_t sum = 0;
      for (unsigned x = 0; x < count; ++x) {
        const auto sample = static_cast<std::uint32_t>(line[from + x] >> luma.shift);
        sum += sample;
        bright += sample > limit ? 1 : 0;
      }
      return sum;
    };
    unsigned x = 0;
    for (; x + block <= luma.width; x += block) *sums++ += add(x, block);
    if (x < luma.width) *sums += add(x, luma.width - x);
    bright_[y] = bright;
  }
}

bool PictureJudge::is_black(const Luma& luma) {
  Lines lines{0, luma.height};
  const Lines& now = lines_[0];
  const Lines& before = lines_[1];
  if (now.end > 0 || before.end > 0) {
    lines.first = now.end == 0 ? before.first : before.end == 0 ? now.first : std::min(now.first, before.first);
    lines.end = std::max(now.end, before.end);
  }
  std::uint64_t bright = 0;
  for (unsigned y = lines.first; y < lines.end; ++y) bright += bright_[y];
  const double samples = static_cast<double>(luma.width) * (lines.end - lines.first);
  return static_cast<double>(bright) <= samples * (1 - options_.black_part);
}

// Of a picture that is not black.
void PictureJudge::learn_lines() {
  if (++generation_ > generation_length) {
    lines_[1] = lines_[0];
    lines_[0] = {};
    generation_ = 1;
  }
  const auto least = static_cast<std::uint32_t>(bright_line * width_);
  const auto carries = [least](std::uint32_t bright) { return bright > least; };
  const auto first = std::ranges::find_if(bright_, carries);
  if (first == bright_.end()) return;
  const auto last = std::find_if(bright_.rbegin(), bright_.rend(), carries);
  const auto begin = static_cast<unsigned>(first - bright_.begin());
  const auto end = static_cast<unsigned>(bright_.rend() - last);
  Lines& lines = lines_[0];
  lines = lines.end == 0 ? Lines{begin, end} : Lines{std::min(lines.first, begin), std::max(lines.end, end)};
}

bool PictureJudge::is_still(const Luma& luma) {
  const double block_range = luma.range * block * block;
  const auto much = static_cast<std::uint32_t>(changed_much * block_range);
  std::uint64_t sum = 0;
  std::size_t changed = 0;
  if (has_first_) {
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      const std::uint32_t a = blocks_[i], b = first_blocks_[i];
      const std::uint32_t difference = a > b ? a - b : b - a;
      sum += difference;
      changed += difference > much ? 1 : 0;
    }
    const auto blocks = static_cast<double>(blocks_.size());
    const bool still = static_cast<double>(sum) <= options_.freeze_noise * block_range * blocks &&
                       static_cast<double>(changed) <= changed_part * blocks;
    if (still) return true;
  }
  first_blocks_ = blocks_;
  has_first_ = true;
  return false;
}

}  // namespace tsmon
