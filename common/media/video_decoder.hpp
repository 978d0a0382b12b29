// Decodes a video stream from its access units.
//
// Decoding begins at the first access point; what would need earlier pictures is left out in silence. Bad data gives
// damaged pictures and counts, never an exception, also where it asks for more memory than there is.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "common/media/av.hpp"
#include "common/media/unit_parser.hpp"
#include "common/ts/access_unit.hpp"
#include "common/ts/time.hpp"

namespace media {

AVCodecID codec_id(ts::VideoCodec codec);

struct Picture {
  const AVFrame* frame = nullptr;       // until the next call of the decoder
  std::optional<ts::ProgramTime> time;  // of presentation; counted on where it was not sent
  ts::Ticks27 duration{0};              // 0 if the stream does not say
  bool damaged = false;
};

class VideoDecoder {
 public:
  struct Options {
    bool access_points_only = false;  // decode no other pictures
    int threads = 1;                  // more cost delay and memory
    // Damaged headers ask for pictures of any size: larger ones are errors.
    std::int64_t max_pixels = std::int64_t{8192} * 4320;
  };
  VideoDecoder(ts::VideoCodec codec, const Options& options);

  // Then receive() until it gives nothing.
  void send(const Unit& unit);
  const Picture* receive();
  // The end: receive() gives what the decoder still holds.
  void finish();
  // Units are missing on purpose: begin anew at the next access point.
  void reset();

  // Of decoding: units that could not be decoded, and damaged pictures. Start-up does not count.
  std::uint64_t errors() const { return errors_; }
  std::uint64_t pictures() const { return pictures_; }
  // What the error last counted was.
  const std::string& last_error() const { return last_error_; }

 private:
  bool is_access_point(const Unit& unit, bool& leading) const;
  void submit(const Unit& unit);
  void drain();
  bool take(const AVFrame& frame);
  bool judge(const AVFrame& frame, std::optional<ts::ProgramTime> time);
  void fail(std::string what, std::optional<ts::ProgramTime> time);
  void fail(int code, std::optional<ts::ProgramTime> time);

  ts::VideoCodec codec_;
  Options options_;
  Codec context_;
  Packet packet_;
  Frame frame_;
  Picture picture_;
  bool started_ = false;  // an access point came
  bool steady_ = false;   // since then, a picture without damage
  bool draining_ = false;
  bool second_field_ = false;                 // of an access point: comes next
  std::optional<ts::ProgramTime> start_;      // pictures before it lack their references
  std::optional<ts::ProgramTime> next_;       // of a picture that brings no time
  std::optional<ts::ProgramTime> unit_time_;  // of the unit last sent
  std::deque<ts::ProgramTime> failed_;        // units counted as errors, whose pictures may still come
  unsigned flagged_ = 0;                      // pictures since the start that the decoder called corrupt
  bool trust_flag_ = true;
  std::uint64_t pictures_ = 0, errors_ = 0;
  std::string last_error_;
};

}  // namespace media
