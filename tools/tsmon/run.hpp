// A condition that lasts: from when, and whether for long enough to be told.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "common/ts/time.hpp"
#include "tools/tsmon/moment.hpp"

namespace tsmon {

class Run {
 public:
  enum class Edge : std::uint8_t { begin, end };
  struct Event {
    Edge edge;
    Moment at;  // begin: when the condition began, not when it had lasted long enough
  };

  explicit Run(ts::Ticks27 least) : least_(least) {}

  // The condition holds from `from` on (or has held since before), and is known to until `until`.
  std::optional<Event> hold(Moment from, ts::ProgramTime until) {
    if (!since_) since_ = from;
    if (told_ || until - since_->time < least_) return std::nullopt;
    told_ = true;
    return Event{Edge::begin, *since_};
  }
  // It does not hold from `at` on.
  std::optional<Event> release(Moment at) {
    since_.reset();
    if (!std::exchange(told_, false)) return std::nullopt;
    return Event{Edge::end, at};
  }
  bool is_told() const { return told_; }
  const std::optional<Moment>& since() const { return since_; }

 private:
  ts::Ticks27 least_;
  std::optional<Moment> since_;
  bool told_ = false;
};

}  // namespace tsmon
