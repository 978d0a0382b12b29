// Whether pictures are black, and whether they stand still.
//
// Black: of the lines that carried a picture lately (without the bars of a letterbox, which are always black), nearly
// all samples of luma are dark. Levels are parts of the stream's own range: 0 black, 1 white, also of 10 bits and of
// full range.
//
// Still: since the first picture of the standstill, blocks of 8 x 8 samples of luma have changed less than a threshold
// in their mean, and hardly any of them has changed much. Means of blocks, since the noise of coding and of fields
// shown in turn averages out in them; against the first picture, so that a slow fade is none. Black is not still.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/media/av.hpp"

namespace tsmon {

class PictureJudge {
 public:
  struct Options {
    double black_level = 0.10;    // of the range: a sample at or below it is dark
    double black_part = 0.98;     // of the samples that must be
    double freeze_noise = 0.003;  // of the range: mean change of the blocks (-50 dB)
  };
  struct Verdict {
    bool black = false;
    bool still = false;  // alike to the first one since when it is true; false for the first one itself
  };

  explicit PictureJudge(const Options& options) : options_(options) {}

  // The next picture in order of presentation. Nothing for a pixel format without plain samples.
  std::optional<Verdict> judge(const AVFrame& picture);
  // The next picture has nothing to do with the last one.
  void reset();

 private:
  // Samples of luma in memory.
  struct Luma {
    const std::uint8_t* data;
    std::ptrdiff_t stride;  // bytes
    unsigned width, height, step, shift;
    double black, range;  // of a sample
  };
  static std::optional<Luma> luma_of(const AVFrame& picture);
  template <typename Sample>
  void measure(const Luma& luma);
  bool is_black(const Luma& luma);
  bool is_still(const Luma& luma);
  void learn_lines();

  Options options_;
  unsigned width_ = 0, height_ = 0;
  double range_ = 0;
  std::vector<std::uint32_t> bright_;                 // samples of each line that are not dark
  std::vector<std::uint32_t> blocks_, first_blocks_;  // sums; of this picture, and of the first one of a standstill
  bool has_first_ = false;
  // Lines that carried a picture lately: of this generation of pictures and the one before.
  struct Lines {
    unsigned first = 0, end = 0;
  };
  std::array<Lines, 2> lines_{};
  unsigned generation_ = 0;  // pictures in it
};

}  // namespace tsmon
