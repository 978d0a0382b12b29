// Loudness by EBU R 128 (ITU-R BS.1770): libebur128 behind a type of ours.
//
// A single channel counts as one, not as two that are alike; LFE counts for nothing. What is measured is bounded in
// memory however long it lasts: the integrated loudness is known to 0.1 LU.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "common/media/av.hpp"

namespace media {

class Loudness {
 public:
  explicit Loudness(bool true_peak);
  ~Loudness();
  Loudness(Loudness&&) noexcept;
  Loudness& operator=(Loudness&&) noexcept;

  // Interleaved. Another rate or other channels than before begin new windows; integrated() goes on.
  void add(std::span<const float> samples, int rate, const AVChannelLayout& channels);

  // LUFS. Nothing before there is a whole window, or where all is below the absolute gate of -70 LUFS.
  std::optional<double> momentary() const;   // 400 ms
  std::optional<double> short_term() const;  // 3 s
  std::optional<double> integrated() const;  // of all, gated
  // dBTP, the highest so far of all channels; nothing if not asked for, or all is zero.
  std::optional<double> true_peak() const;

 private:
  struct State;
  void configure(int rate, const AVChannelLayout& channels);
  void keep_peak();

  bool with_true_peak_;
  std::unique_ptr<State> state_;
  std::uint64_t frames_ = 0;  // since the windows began
  int rate_ = 0;
  double peak_ = 0;  // linear, of the channels before the last change
};

}  // namespace media
