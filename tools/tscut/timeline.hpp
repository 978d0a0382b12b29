// The dates of a recording: how a moment of the command line becomes a packet of it, and back.
//
// A recording without dates (files without TDT or TOT) has points all the same: its stream time, as if it had begun at
// the epoch. Such points are shown as offsets.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "common/ring/recording.hpp"
#include "common/ts/time.hpp"
#include "tools/tscut/moment.hpp"

namespace tscut {

using Point = ts::WallTime;

class Timeline {
 public:
  // `recording` must have packets. `now`: what "now" stands for.
  Timeline(ring::Recording& recording, ts::WallTime now);

  bool is_dated() const { return dated_; }
  Point first() const { return first_; }
  // Arrival of the last packet there is now.
  Point last() const;
  // `after`: a time of day is the next one after it; otherwise the last one that lies before the recording's end.
  // Throws std::invalid_argument, also for a date where there are none.
  Point resolve(const Moment& moment, std::optional<Point> after) const;
  // The first packet at this point or later; nothing if there is none yet.
  std::optional<ring::Position> locate(Point point) const { return locate(point, {}); }
  // The same from the segment of `from` on: dates may come twice.
  std::optional<ring::Position> locate(Point point, ring::Position from) const;
  Point point_of(ring::Position position) const;
  // For people: a local date, or 00:10:00.000 from the start.
  std::string text(Point point) const;

 private:
  ring::Recording& recording_;
  ts::WallTime now_;
  bool dated_;
  Point first_;
};

// 1:02:03.456
std::string offset_text(std::chrono::nanoseconds offset);

}  // namespace tscut
