// Decodes a sound stream from its frames. Bad data is counted, never thrown.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/media/av.hpp"
#include "common/media/unit_parser.hpp"
#include "common/ts/time.hpp"

namespace media {

struct Sound {
  const AVFrame* frame = nullptr;  // until the next call of the decoder
  // Of the first sample; counted on where it was not sent, nothing before the first one sent.
  std::optional<ts::ProgramTime> time;
  ts::Ticks27 duration{0};
};

class AudioDecoder {
 public:
  // The sound as it was coded: AC-3 without its dynamic range compression.
  explicit AudioDecoder(AVCodecID id);

  // Then receive() until it gives nothing.
  void send(const Unit& unit);
  const Sound* receive();
  void finish();
  // Units are missing on purpose.
  void reset();

  // Frames that could not be decoded or are not whole; start-up does not count.
  std::uint64_t errors() const { return errors_; }
  std::uint64_t frames() const { return frames_; }
  const std::string& last_error() const { return last_error_; }

 private:
  void fail(std::string what);

  Codec context_;
  Packet packet_;
  Frame frame_;
  Sound sound_;
  std::optional<ts::ProgramTime> next_;
  unsigned good_ = 0;     // frames in a row, since the start
  bool counted_ = false;  // the unit last sent is an error already
  std::uint64_t frames_ = 0, errors_ = 0;
  std::string last_error_;
};

}  // namespace media
