// A small picture of a service in a JPEG file, made anew every few seconds.
#pragma once

#include <optional>
#include <string>

#include "common/media/av.hpp"
#include "common/media/scaler.hpp"
#include "common/psi/tables.hpp"
#include "common/ts/time.hpp"

namespace tsmon {

class Thumbnail {
 public:
  struct Options {
    std::string path;
    ts::Ticks27 interval = std::chrono::seconds{10};  // of the stream's time
    int width = 320;                                  // samples; the height follows from the picture's aspect
  };

  explicit Thumbnail(Options options) : options_(std::move(options)) {}

  // Is it time for another?
  bool is_due(ts::ProgramTime time) const { return !last_ || time - *last_ >= options_.interval || time < *last_; }
  // Replaces the file, in one step. Throws what a file or scaling throws; the next one is due an interval later.
  void write(const AVFrame& picture, ts::ProgramTime time);

 private:
  Options options_;
  media::Scaler to_rgb_, to_jpeg_;
  std::optional<ts::ProgramTime> last_;
};

// FILE.jpg, or FILE-0x0101.jpg where there are several services.
std::string thumbnail_path(const std::string& path, psi::ServiceId service, bool several);

}  // namespace tsmon
