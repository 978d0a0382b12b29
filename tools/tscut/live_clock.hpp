// The time by which a stream that is seen once is cut: when its packets arrive, or its own clock, from its start on.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "common/ts/packet.hpp"
#include "common/ts/program_clock.hpp"
#include "common/ts/time.hpp"
#include "tools/tscut/moment.hpp"
#include "tools/tscut/timeline.hpp"

namespace tscut {

class LiveClock {
 public:
  struct Range {
    Moment from;
    std::optional<Moment> to;
    std::optional<std::chrono::nanoseconds> duration;  // if there is no `to`
  };

  // A range that begins some time from the start is measured by the stream's clock, unless the source is live: then
  // the start is now. Throws std::invalid_argument or cli::UsageError for a range that cannot be.
  LiveClock(const Range& range, bool live, ts::WallTime now);

  bool by_arrival() const { return by_arrival_; }
  Point from() const { return from_; }
  Point to() const { return to_; }

  // Packets that come next arrived at this time.
  void arrive(const ts::Arrival& arrival);
  // Packets in order; position counts them.
  void feed(const ts::Packet& packet, std::uint64_t position);
  Point now() const { return now_; }
  bool has_begun() const { return now_ >= from_; }
  bool is_over() const;
  // The same, by this host's clock, if nothing comes.
  bool is_over_at(const ts::Arrival& moment) const;
  std::string text(Point point) const;

 private:
  bool over(Point wall, ts::SteadyTime steady) const;

  bool by_arrival_ = true;
  bool to_is_date_ = true;  // otherwise a duration: steps of the wall clock do not change it
  Point from_, to_, now_;
  ts::SteadyTime steady_{};
  std::optional<ts::SteadyTime> deadline_;
  ts::ProgramClock clock_;
  std::optional<ts::Pid> clock_pid_;
  std::optional<ts::ProgramTime> clock_start_;
};

}  // namespace tscut
