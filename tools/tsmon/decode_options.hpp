// What is decoded, and when what it shows is a fault.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "common/ts/time.hpp"
#include "tools/tsmon/picture_judge.hpp"
#include "tools/tsmon/thumbnail.hpp"

namespace tsmon {

struct DecodeOptions {
  enum class Pictures : std::uint8_t { all, keyframes };

  // Keyframes: only pictures at which a decoder can start; sound in full, since it costs little.
  Pictures pictures = Pictures::all;
  bool live = false;  // never wait for the decoder: leave out what it cannot keep up with
  PictureJudge::Options picture{};
  double silence_level = -60;  // dBFS
  // How long each must last to be a fault.
  ts::Ticks27 black = std::chrono::seconds{10};
  ts::Ticks27 freeze = std::chrono::seconds{10};
  ts::Ticks27 silence = std::chrono::seconds{10};
  bool loudness = true;
  bool true_peak = false;  // costs about as much as decoding the sound
  std::optional<Thumbnail::Options> thumbnail{};
  // Packets that wait for the decoder at most; sound may wait for twice as many.
  std::size_t queue = 10'000;
};

}  // namespace tsmon
