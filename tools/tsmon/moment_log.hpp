// Where in the stream the data of recent presentation times began.
#pragma once

#include <array>
#include <cstddef>

#include "tools/tsmon/moment.hpp"

namespace tsmon {

class MomentLog {
 public:
  void add(ts::ProgramTime time, std::uint64_t position) {
    entries_[next_++ % entries_.size()] = {time, position};
    used_ = used_ < entries_.size() ? used_ + 1 : used_;
  }
  // By the last time stamp that is not later.
  Moment at(ts::ProgramTime time) const {
    Moment best{ts::ProgramTime::min(), 0};
    for (std::size_t i = 0; i < used_; ++i) {
      if (entries_[i].time <= time && entries_[i].time >= best.time) best = entries_[i];
    }
    return {time, best.position};
  }

 private:
  std::array<Moment, 64> entries_{};  // more than a decoder holds back
  std::size_t next_ = 0, used_ = 0;
};

}  // namespace tsmon
