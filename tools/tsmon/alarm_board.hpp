// The faults seen, counted, and the alarms that they keep up.
//
// A fault is an occurrence (a lost packet) or lasts (no PAT). Its alarm begins with the first one, stays while the
// fault lasts or comes again, and ends when it has been away for a hold time. Counts only go up.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/psi/tables.hpp"
#include "common/ts/packet.hpp"
#include "common/ts/time.hpp"
#include "tools/tsmon/indicator.hpp"
#include "tools/tsmon/moment.hpp"

namespace tsmon {

// What is at fault.
struct Subject {
  std::optional<ts::Pid> pid{};
  std::optional<psi::ServiceId> service{};
  std::optional<std::uint8_t> table{};  // table_id
  friend auto operator<=>(const Subject&, const Subject&) = default;
};
std::string to_text(const Subject& subject);  // "PID 0x0100 (256), service 0x0001 (1)"

struct Alarm {
  Indicator indicator{};
  Subject subject{};
  Moment first{}, last{};  // of the fault, not of the hold time
  ts::WallTime first_wall{}, last_wall{};
  std::uint64_t count = 0;  // occurrences since it began
  bool lasting = false;     // the fault is there now
  std::string detail{};     // of the first occurrence
};

class AlarmBoard {
 public:
  enum class Edge : std::uint8_t { start, end };
  using Handler = std::function<void(Edge edge, const Alarm& alarm)>;

  // Indicators that are not in `watched` are neither counted nor told.
  AlarmBoard(IndicatorSet watched, ts::Ticks27 hold) : watched_(watched), hold_(hold) {}
  void on_alarm(Handler handler) { on_alarm_ = std::move(handler); }

  bool watches(Indicator indicator) const { return watched_[static_cast<std::size_t>(indicator)]; }
  // The date of what is told from now on, and the time in the stream that has it: what is told late, as a picture that
  // has been black for long enough, has the date at which it was.
  void set_wall(ts::WallTime wall, ts::ProgramTime time) {
    wall_ = wall;
    wall_time_ = time;
  }

  // `describe` gives the detail as a string; it is asked only where an alarm begins.
  template <class Describe>
  void occur(Indicator indicator, const Subject& subject, Moment at, Describe&& describe, std::uint64_t count = 1) {
    if (Alarm* alarm = add(indicator, subject, at, count)) start(*alarm, std::forward<Describe>(describe)());
  }
  // A fault that lasts from `since` until end().
  template <class Describe>
  void begin(Indicator indicator, const Subject& subject, Moment since, Describe&& describe) {
    occur(indicator, subject, since, std::forward<Describe>(describe));
    set_lasting(indicator, subject, since, true);
  }
  void end(Indicator indicator, const Subject& subject, Moment at) { set_lasting(indicator, subject, at, false); }
  // Whatever lasts of these in a service that is no more.
  void end_service(std::initializer_list<Indicator> indicators, psi::ServiceId service, Moment at);
  // Time has come to here: ends alarms whose faults have been away for the hold time.
  void poll(Moment now);

  using Key = std::pair<Indicator, Subject>;
  // What was seen of an indicator since the start: of all subjects, and of each, from its first to its last fault.
  std::uint64_t count(Indicator indicator) const { return counts_[indicator]; }
  std::uint64_t total() const;
  const std::map<Key, Alarm>& history() const { return history_; }
  // Alarms now, and those of an indicator.
  std::vector<const Alarm*> active() const;
  bool is_active(Indicator indicator) const;
  bool is_active(Indicator indicator, const Subject& subject) const { return alarms_.contains({indicator, subject}); }

  // An indicator counts as measured from the first time that there was something to measure it by.
  void set_measured(Indicator indicator) {
    if (!unmeasured_[indicator].empty()) unmeasured_[indicator].clear();
  }
  void set_unmeasured(Indicator indicator, std::string reason) { unmeasured_[indicator] = std::move(reason); }
  // Why not; empty if it is.
  const std::string& unmeasured(Indicator indicator) const { return unmeasured_[indicator]; }
  void set_watched(IndicatorSet watched) { watched_ = watched; }
  void set_hold(ts::Ticks27 hold) { hold_ = hold; }

 private:
  // The alarm, if it begins with this.
  Alarm* add(Indicator indicator, const Subject& subject, Moment at, std::uint64_t count);
  void start(Alarm& alarm, std::string detail);
  void set_lasting(Indicator indicator, const Subject& subject, Moment at, bool lasting);
  ts::WallTime date(Moment at) const;
  Key key_of(Indicator indicator, const Subject& subject) const;

  IndicatorSet watched_;
  ts::Ticks27 hold_;
  Handler on_alarm_;
  ts::WallTime wall_{};
  ts::ProgramTime wall_time_{};
  std::map<Key, Alarm> alarms_;
  PerIndicator<std::uint64_t> counts_;
  std::map<Key, Alarm> history_;
  PerIndicator<std::size_t> subjects_;  // in history_
  PerIndicator<std::string> unmeasured_;
};

// Something that must come again within a time.
class Recurrence {
 public:
  explicit Recurrence(ts::ProgramTime since) : last_(since) {}

  // It came.
  template <class Describe>
  void seen(AlarmBoard& board, Indicator indicator, const Subject& subject, Moment at, ts::Ticks27 limit,
            Describe&& describe) {
    poll(board, indicator, subject, at, limit, std::forward<Describe>(describe));
    if (overdue_) board.end(indicator, subject, at);
    overdue_ = false;
    last_ = at.time;
  }
  // Has it been away for too long?
  template <class Describe>
  void poll(AlarmBoard& board, Indicator indicator, const Subject& subject, Moment now, ts::Ticks27 limit,
            Describe&& describe) {
    if (overdue_ || now.time - last_ <= limit) return;
    overdue_ = true;
    board.begin(indicator, subject, {last_ + limit, now.position}, std::forward<Describe>(describe));
  }
  // It need not come any more.
  void release(AlarmBoard& board, Indicator indicator, const Subject& subject, Moment at) {
    if (std::exchange(overdue_, false)) board.end(indicator, subject, at);
    last_ = at.time;
  }
  ts::ProgramTime last() const { return last_; }
  bool overdue() const { return overdue_; }

 private:
  ts::ProgramTime last_;
  bool overdue_ = false;
};

}  // namespace tsmon
