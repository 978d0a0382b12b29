#include "tools/tscut/timeline.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <variant>

namespace tscut {

Timeline::Timeline(ring::Recording& recording, ts::WallTime now)
    : recording_(recording), now_(now), dated_(recording.segments().front().first.has_value()) {
  if (dated_) first_ = *recording.segments().front().first;
}

Point Timeline::last() const {
  if (!dated_) return Point{recording_.duration()};
  return recording_.segments().back().last.value_or(first_);
}

Point Timeline::resolve(const Moment& moment, std::optional<Point> after) const {
  const auto& expression = moment.expression;
  const auto* relative = std::get_if<cli::RelativeTime>(&expression.when);
  if (!dated_ && (relative == nullptr || relative->anchor == cli::RelativeTime::Anchor::now)) {
    throw std::invalid_argument(
        fmt::format("'{}' has no meaning here: there are no dates (TDT or TOT) in the stream; "
                    "offsets such as 10m, start+10m and end-5m do",
                    expression.text));
  }
  const bool time_of_day = std::holds_alternative<cli::TimeOfDay>(expression.when);
  // A recording that has ended was not made today.
  const auto now = time_of_day && !recording_.being_written() ? std::min(now_, last()) : now_;
  return cli::resolve(expression, {now, first_, last(), after});
}

std::optional<ring::Position> Timeline::locate(Point point, ring::Position from) const {
  return dated_ ? recording_.find(point, from) : recording_.find_offset(point.time_since_epoch());
}

Point Timeline::point_of(ring::Position position) const {
  if (dated_) return recording_.date_of(position).value_or(last());
  if (position >= recording_.end()) return last();
  // The least offset whose packet is this one or a later one.
  auto low = std::chrono::nanoseconds{0};
  auto high = recording_.duration();
  while (high - low > std::chrono::microseconds{100}) {
    const auto middle = low + (high - low) / 2;
    const auto found = recording_.find_offset(middle);
    (found && *found < position ? low : high) = middle;
  }
  return Point{high};
}

std::string Timeline::text(Point point) const {
  return dated_ ? cli::local_text(point) : offset_text(point.time_since_epoch());
}

std::string offset_text(std::chrono::nanoseconds offset) {
  const auto total = std::chrono::round<std::chrono::milliseconds>(offset).count();
  const auto milliseconds = total < 0 ? -total : total;
  return fmt::format("{}{}:{:02}:{:02}.{:03}", total < 0 ? "-" : "", milliseconds / 3'600'000,
                     milliseconds / 60'000 % 60, milliseconds / 1000 % 60, milliseconds % 1000);
}

}  // namespace tscut
