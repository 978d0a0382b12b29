#include "tools/tscut/live_clock.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <variant>

#include "common/cli/app.hpp"

namespace tscut {
namespace {

bool counts_from_start(const Moment& moment) {
  const auto* relative = std::get_if<cli::RelativeTime>(&moment.expression.when);
  return relative != nullptr && relative->anchor == cli::RelativeTime::Anchor::start;
}

}  // namespace

LiveClock::LiveClock(const Range& range, bool live, ts::WallTime now)
    : by_arrival_(live || !counts_from_start(range.from)), to_is_date_(range.to.has_value()) {
  if (!by_arrival_ && range.to && !counts_from_start(*range.to)) {
    throw std::invalid_argument(
        fmt::format("--to {}: --from counts from the start of the stream, so --to must too", to_text(*range.to)));
  }
  const ts::WallTime start = by_arrival_ ? now : ts::WallTime{};
  // The next such time of day, since what has been cannot be cut any more.
  from_ = cli::resolve(range.from.expression, {now, start, std::nullopt, now});
  to_ = range.to ? cli::resolve(range.to->expression, {now, start, std::nullopt, from_}) : from_ + *range.duration;
  if (to_ <= from_) {
    throw cli::UsageError(fmt::format("--to {} ({}) is not after --from {} ({})", to_text(*range.to), text(to_),
                                      to_text(range.from), text(from_)));
  }
  if (by_arrival_ && to_ <= now) {
    throw std::invalid_argument(fmt::format("{} is over: what has not been recorded cannot be cut", text(to_)));
  }
  now_ = by_arrival_ ? now : ts::WallTime{};
}

void LiveClock::arrive(const ts::Arrival& arrival) {
  if (!by_arrival_) return;
  now_ = arrival.wall;
  steady_ = arrival.steady;
  if (!to_is_date_ && !deadline_ && now_ >= from_) deadline_ = steady_ + (to_ - now_);
}

void LiveClock::feed(const ts::Packet& packet, std::uint64_t position) {
  if (by_arrival_ || !packet.has_sync() || packet.transport_error()) return;
  const auto pcr = packet.pcr();
  if (!pcr) return;
  if (!clock_pid_) clock_pid_ = packet.pid();
  if (packet.pid() != *clock_pid_) return;
  const auto time = clock_.feed(*pcr, position, packet.discontinuity()).time;
  if (!clock_start_) clock_start_ = time;
  now_ = ts::WallTime{std::chrono::duration_cast<std::chrono::nanoseconds>(time - *clock_start_)};
}

bool LiveClock::over(Point wall, ts::SteadyTime steady) const { return deadline_ ? steady >= *deadline_ : wall >= to_; }

bool LiveClock::is_over() const { return over(now_, steady_); }

bool LiveClock::is_over_at(const ts::Arrival& moment) const { return by_arrival_ && over(moment.wall, moment.steady); }

std::string LiveClock::text(Point point) const {
  return by_arrival_ ? cli::local_text(point) : offset_text(point.time_since_epoch());
}

}  // namespace tscut
