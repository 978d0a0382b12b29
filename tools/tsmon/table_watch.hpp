// The tables: whether they come in time, whole, on their PIDs, and not too close together.
//
// TR 101 290 1.3, 1.5, 2.2, 2.6, 3.1, 3.2, 3.5 to 3.8. What has an indicator of its own (a late SDT) is told by that
// and not by 3.2 again; 3.2 tells of BAT, TOT and EIT schedule.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "common/psi/service_tracker.hpp"
#include "common/ts/section.hpp"
#include "tools/tsmon/alarm_board.hpp"
#include "tools/tsmon/limits.hpp"
#include "tools/tsmon/moment.hpp"

namespace tsmon {

class TableWatch {
 public:
  TableWatch(AlarmBoard& board, const Limits& limits);

  // A section with a good CRC or without one; `begin` and `end` are its first and last packet's.
  void section(ts::Pid pid, const ts::Section& section, Moment begin, Moment end);
  void damaged(ts::Pid pid, const ts::Section& section, Moment at);
  // A scrambled packet on any PID; tables must never be.
  void scrambled(ts::Pid pid, Moment at, bool is_table);
  // Whether the time of packets is known.
  void set_timed(bool timed) { timed_ = timed; }
  // PAT, PMTs or SDT have changed.
  void update(const psi::ServiceTracker& tracker, Moment at);
  void poll(Moment now);
  void finish(Moment now);
  // Tables kept; bounded, whatever is sent.
  std::size_t kept() const { return tables_.size(); }

 private:
  // One table: the sections of one version after another.
  struct Key {
    ts::Pid pid;
    std::uint8_t table;
    std::uint16_t extension;
    std::uint32_t network = 0;  // transport_stream_id and original_network_id of EIT sections
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Table {
    std::optional<Moment> last_end;
    std::map<std::uint8_t, Recurrence> sections;  // of what must come again section by section
  };
  struct PmtState {
    ts::Pid pid;
    Recurrence recurrence;
  };
  // EIT present (section 0) and following (1) of one service.
  struct EventPair {
    ts::ProgramTime since;
    std::array<std::optional<ts::ProgramTime>, 2> last{};
    std::optional<std::uint8_t> alone{};  // the section that comes without the other, told
  };
  // Of the services that the SDT announces EIT p/f for.
  using EventRecurrences = std::array<Recurrence, 2>;

  void check_place(ts::Pid pid, const ts::Section& section, Moment at);
  void check_gap(const Key& key, Table& table, Moment begin, Moment end);
  void check_repetition(const Key& key, Table& table, std::uint8_t number, Moment at);
  void take_events(ts::Pid pid, const ts::Section& section, const Key& key, Moment at);
  void poll_sections(Moment now);
  void poll_events(Moment now);
  void poll_pairs(Moment now);
  void poll_cat(Moment now);

  AlarmBoard& board_;
  const Limits& limits_;
  std::map<Key, Table> tables_;
  Recurrence pat_, nit_, sdt_, tdt_;
  std::map<psi::ServiceId, PmtState> pmts_;
  EventRecurrences events_;  // of any service
  bool events_expected_ = true;
  std::map<psi::ServiceId, EventRecurrences> service_events_;
  std::map<Key, EventPair> pairs_;
  std::optional<ts::ProgramTime> first_scrambled_, last_scrambled_, last_cat_;
  bool cat_missing_ = false, cat_told_ = false;  // now, and ever
  bool timed_ = false;
  ts::ProgramTime next_slow_poll_{};
};

}  // namespace tsmon
