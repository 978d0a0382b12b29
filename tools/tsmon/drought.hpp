// Data comes, but nothing comes out of the decoder: also a fault where each unit could be start-up.
#pragma once

#include <optional>

#include "common/ts/time.hpp"

namespace tsmon {

class Drought {
 public:
  explicit Drought(ts::Ticks27 longest) : longest_(longest) {}

  // Data came at this time. True once for each `longest` without fruit().
  bool data(ts::ProgramTime time) {
    if (!since_ || time < *since_) since_ = time;
    if (time - *since_ < longest_) return false;
    since_ = time;
    return true;
  }
  // It was decoded, or is not to be.
  void fruit() { since_.reset(); }

 private:
  ts::Ticks27 longest_;
  std::optional<ts::ProgramTime> since_;
};

}  // namespace tsmon
