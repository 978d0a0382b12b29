#include "tools/tsmon/table_watch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

namespace tsmon {
namespace {

namespace id = psi::table_id;

// Scrambled packets without a CAT for so long have none. (TR 101 290 2.6 gives no time.)
constexpr ts::Ticks27 cat_limit{2 * ts::system_clock_hz};
// A table that has not come again for so many times its limit is no more sent.
constexpr int gone = 6;
constexpr ts::Ticks27 slow_poll_interval{ts::system_clock_hz / 2};
// Kept at a time; further ones are not watched for their distances. The schedules of a satellite operator's thousand
// services have some 16000.
constexpr std::size_t most_tables = 50'000;

bool has_table_id(std::uint8_t table, std::initializer_list<std::uint8_t> allowed) {
  return std::ranges::find(allowed, table) != allowed.end();
}

bool is_eit(std::uint8_t table) { return table >= id::eit_pf_actual && table <= id::eit_schedule_other_last; }
bool is_schedule(std::uint8_t table) {
  return table >= id::eit_schedule_actual_first && table <= id::eit_schedule_other_last;
}

bool has_checked_crc(std::uint8_t table) {  // TR 101 290 2.2
  return has_table_id(table, {id::pat, id::cat, id::pmt, id::nit_actual, id::nit_other, id::bat, id::sdt_actual,
                              id::sdt_other, id::tot}) ||
         is_eit(table);
}

// Whose 25 ms (EN 300 468 5.1.4.1) and wrong table_ids are told by which indicator.
std::optional<Indicator> indicator_of(ts::Pid pid) {
  switch (pid.value()) {
    case 0x00:
      return Indicator::pat;
    case 0x01:
      return Indicator::cat;
    case 0x10:
      return Indicator::nit_actual;
    case 0x11:
      return Indicator::sdt_actual;
    case 0x12:
      return Indicator::eit_actual;
    case 0x13:
      return Indicator::rst;
    case 0x14:
      return Indicator::tdt;
    default:
      return std::nullopt;
  }
}

bool belongs(ts::Pid pid, std::uint8_t table) {
  switch (pid.value()) {
    case 0x00:
      return table == id::pat;
    case 0x01:
      return table == id::cat;
    case 0x10:
      return has_table_id(table, {id::nit_actual, id::nit_other, id::stuffing});
    case 0x11:
      return has_table_id(table, {id::sdt_actual, id::sdt_other, id::bat, id::stuffing});
    case 0x12:
      return is_eit(table) || table == id::stuffing;
    case 0x13:
      return has_table_id(table, {id::rst, id::stuffing});
    case 0x14:
      return has_table_id(table, {id::tdt, id::tot, id::stuffing});
    default:
      return true;
  }
}

// What tells that one section of a table has not come again in time; nothing for tables that are watched as a whole,
// and for those on the PID of another, which are told by that. EIT p/f has sections 0 and 1 (3.6.b).
std::optional<Indicator> repetition_indicator(ts::Pid pid, std::uint8_t table, std::uint8_t number) {
  if (!belongs(pid, table) || (table == id::eit_pf_other && number > 1)) return std::nullopt;
  if (table == id::nit_other) return Indicator::nit_other;
  if (table == id::sdt_other) return Indicator::sdt_other;
  if (table == id::eit_pf_other) return Indicator::eit_other;
  if (table == id::bat || table == id::tot || is_schedule(table)) return Indicator::si_repetition;
  return std::nullopt;
}

ts::Ticks27 repetition_limit(std::uint8_t table, const Limits& limits) {
  if (table == id::tot) return limits.tdt;
  if (!is_schedule(table)) return limits.si_other;
  // Each table holds four days (EN 300 468 5.2.4); the first eight days come in time.
  return (table & 0x0F) < 2 ? limits.eit_schedule : 3 * limits.eit_schedule;
}

std::string absent(std::string_view what, ts::Ticks27 limit) {
  return fmt::format("no {} for {:g} s", what, seconds(limit));
}

// std::erase_if() for maps, with entries that may be changed.
template <class Map, class Predicate>
void erase_where(Map& map, Predicate&& predicate) {
  for (auto i = map.begin(); i != map.end();) i = predicate(*i) ? map.erase(i) : std::next(i);
}

}  // namespace

TableWatch::TableWatch(AlarmBoard& board, const Limits& limits)
    : board_(board),
      limits_(limits),
      pat_(ts::ProgramTime{}),
      nit_(ts::ProgramTime{}),
      sdt_(ts::ProgramTime{}),
      tdt_(ts::ProgramTime{}),
      events_{Recurrence{ts::ProgramTime{}}, Recurrence{ts::ProgramTime{}}} {}

void TableWatch::section(ts::Pid pid, const ts::Section& section, Moment begin, Moment end) {
  check_place(pid, section, end);
  const std::uint8_t table = section.table_id();
  const bool is_long = section.has_long_header();
  Key key{pid, table, is_long ? section.extension() : std::uint16_t{0}, 0};
  if (is_eit(table) && is_long && section.body().size() >= 4) {
    const auto body = section.body();
    key.network = static_cast<std::uint32_t>(body[0] << 24 | body[1] << 16 | body[2] << 8 | body[3]);
  }
  if (table == id::stuffing) return;
  const std::uint8_t number = is_long ? section.number() : std::uint8_t{0};
  const bool is_kept = tables_.size() < most_tables || tables_.contains(key);
  if (is_kept) {
    Table& state = tables_[key];
    check_gap(key, state, begin, end);
    check_repetition(key, state, number, end);
  }
  const auto seen = [&](Recurrence& recurrence, Indicator indicator, std::string_view name, ts::Ticks27 limit) {
    recurrence.seen(board_, indicator, {.pid = pid}, end, limit, [&] { return absent(name, limit); });
  };
  if (pid == ts::pat_pid && table == id::pat) seen(pat_, Indicator::pat, "PAT", limits_.pat);
  if (pid == ts::cat_pid && table == id::cat) last_cat_ = end.time;
  if (pid == ts::nit_pid && table == id::nit_actual) seen(nit_, Indicator::nit_actual, "NIT actual", limits_.nit);
  if (pid == ts::sdt_pid && table == id::sdt_actual) seen(sdt_, Indicator::sdt_actual, "SDT actual", limits_.sdt);
  if (pid == ts::tdt_pid && table == id::tdt) seen(tdt_, Indicator::tdt, "TDT", limits_.tdt);
  if (table == id::pmt && is_long) {
    const auto found = pmts_.find(psi::ServiceId{section.extension()});
    if (found != pmts_.end() && found->second.pid == pid) {
      found->second.recurrence.seen(board_, Indicator::pmt, {.pid = pid, .service = found->first}, end, limits_.pmt,
                                    [&] { return absent("PMT", limits_.pmt); });
    }
  }
  if (is_kept && pid == ts::eit_pid && is_long && (table == id::eit_pf_actual || table == id::eit_pf_other)) {
    take_events(pid, section, key, end);
  }
}

void TableWatch::check_place(ts::Pid pid, const ts::Section& section, Moment at) {
  const auto indicator = indicator_of(pid);
  if (!indicator) return;
  board_.set_measured(*indicator);
  if (belongs(pid, section.table_id())) return;
  board_.occur(*indicator, {.pid = pid, .service = {}, .table = section.table_id()}, at,
               [&] { return fmt::format("table_id 0x{:02x} does not belong on this PID", section.table_id()); });
}

// EN 300 468 5.1.4.1: from the last byte of one section of a table to the first byte of the next.
void TableWatch::check_gap(const Key& key, Table& table, Moment begin, Moment end) {
  const auto indicator = indicator_of(key.pid);
  if (timed_ && indicator && key.pid.value() >= 0x10 && table.last_end &&
      begin.time - table.last_end->time < limits_.section_gap) {
    const double gap = seconds(begin.time - table.last_end->time);
    const bool other = key.table == id::bat || is_schedule(key.table);
    board_.occur(other ? Indicator::si_repetition : *indicator, {.pid = key.pid, .service = {}, .table = key.table},
                 end, [&] { return fmt::format("two sections of a table only {:.1f} ms apart", gap * 1e3); });
  }
  table.last_end = end;
}

void TableWatch::check_repetition(const Key& key, Table& table, std::uint8_t number, Moment at) {
  const auto indicator = repetition_indicator(key.pid, key.table, number);
  if (!indicator) return;
  board_.set_measured(*indicator);
  const auto limit = repetition_limit(key.table, limits_);
  const auto [found, is_new] = table.sections.try_emplace(number, at.time);
  if (is_new) return;
  found->second.seen(board_, *indicator, {.pid = key.pid, .service = {}, .table = key.table}, at, limit,
                     [&] { return absent(fmt::format("section {} of table_id 0x{:02x}", number, key.table), limit); });
}

void TableWatch::take_events(ts::Pid pid, const ts::Section& section, const Key& key, Moment at) {
  const std::uint8_t number = section.number();
  if (number > 1) return;
  board_.set_measured(Indicator::eit_present_following);
  pairs_.try_emplace(key, EventPair{.since = at.time}).first->second.last[number] = at.time;
  if (section.table_id() != id::eit_pf_actual) return;
  const auto name = fmt::format("EIT {}", number == 0 ? "present" : "following");
  if (events_[number].overdue()) {
    // That none came at all was told as one alarm: each service has its time anew.
    for (auto& [id, recurrences] : service_events_) {
      recurrences[number].release(board_, Indicator::eit_actual, {.pid = pid, .service = id}, at);
    }
  }
  events_[number].seen(board_, Indicator::eit_actual, {.pid = pid}, at, limits_.eit,
                       [&] { return absent(name, limits_.eit); });
  const psi::ServiceId service{section.extension()};
  if (const auto found = service_events_.find(service); found != service_events_.end()) {
    found->second[number].seen(board_, Indicator::eit_actual, {.pid = pid, .service = service}, at, limits_.eit,
                               [&] { return absent(name, limits_.eit); });
  }
}

void TableWatch::damaged(ts::Pid pid, const ts::Section& section, Moment at) {
  board_.set_measured(Indicator::crc);
  if (!has_checked_crc(section.table_id())) return;
  board_.occur(Indicator::crc, {.pid = pid, .service = {}, .table = section.table_id()}, at,
               [&] { return fmt::format("section of table_id 0x{:02x} with wrong CRC", section.table_id()); });
}

void TableWatch::scrambled(ts::Pid pid, Moment at, bool is_table) {
  board_.set_measured(Indicator::cat);
  if (!first_scrambled_) first_scrambled_ = at.time;
  last_scrambled_ = at.time;
  // EN 300 468 5.1.5: no table is scrambled but for EIT schedule, and no one can tell in which packets that is.
  if (!is_table || pid == ts::eit_pid) return;
  const auto own = indicator_of(pid);
  const Indicator indicator = own.value_or(Indicator::pmt);
  board_.occur(indicator, {.pid = pid}, at, [] { return std::string{"scrambled"}; });
}

void TableWatch::update(const psi::ServiceTracker& tracker, Moment at) {
  erase_where(pmts_, [&](auto& entry) {
    const psi::Service* service = tracker.find(entry.first);
    if (service != nullptr && service->pmt_pid == entry.second.pid) return false;
    entry.second.recurrence.release(board_, Indicator::pmt, {.pid = entry.second.pid, .service = entry.first}, at);
    return true;
  });
  for (const auto& [service_id, service] : tracker.services()) {
    pmts_.try_emplace(service_id, PmtState{service.pmt_pid, Recurrence{at.time}});
    board_.set_measured(Indicator::pmt);
  }
  if (!tracker.sdt()) return;
  const auto announces = [](const psi::Sdt::Service& s) { return s.eit_present_following; };
  events_expected_ = std::ranges::any_of(tracker.sdt()->services, announces);
  const auto expects = [&](psi::ServiceId service) {
    const psi::Service* known = tracker.find(service);
    return known != nullptr && known->sdt && known->sdt->eit_present_following;
  };
  erase_where(service_events_, [&](auto& entry) {
    if (expects(entry.first)) return false;
    for (auto& recurrence : entry.second) {
      recurrence.release(board_, Indicator::eit_actual, {.pid = ts::eit_pid, .service = entry.first}, at);
    }
    return true;
  });
  for (const auto& [service_id, service] : tracker.services()) {
    if (expects(service_id)) {
      service_events_.try_emplace(service_id, EventRecurrences{Recurrence{at.time}, Recurrence{at.time}});
    }
  }
}

void TableWatch::poll(Moment now) {
  const auto poll = [&](Recurrence& recurrence, Indicator indicator, ts::Pid pid, std::string_view name,
                        ts::Ticks27 limit) {
    recurrence.poll(board_, indicator, {.pid = pid}, now, limit, [&] { return absent(name, limit); });
    if (recurrence.overdue()) board_.set_measured(indicator);
  };
  poll(pat_, Indicator::pat, ts::pat_pid, "PAT", limits_.pat);
  poll(nit_, Indicator::nit_actual, ts::nit_pid, "NIT actual", limits_.nit);
  poll(sdt_, Indicator::sdt_actual, ts::sdt_pid, "SDT actual", limits_.sdt);
  poll(tdt_, Indicator::tdt, ts::tdt_pid, "TDT", limits_.tdt);
  for (auto& [service, state] : pmts_) {
    state.recurrence.poll(board_, Indicator::pmt, {.pid = state.pid, .service = service}, now, limits_.pmt,
                          [&] { return absent("PMT", limits_.pmt); });
  }
  poll_events(now);
  if (now.time < next_slow_poll_) return;
  // Schedules have thousands of sections.
  next_slow_poll_ = now.time + slow_poll_interval;
  poll_sections(now);
  poll_pairs(now);
  poll_cat(now);
}

void TableWatch::poll_events(Moment now) {
  static constexpr std::array<std::string_view, 2> names{"EIT present", "EIT following"};
  for (std::size_t n = 0; n < 2; ++n) {
    if (events_expected_) {
      events_[n].poll(board_, Indicator::eit_actual, {.pid = ts::eit_pid}, now, limits_.eit,
                      [&] { return absent(names[n], limits_.eit); });
      if (events_[n].overdue()) board_.set_measured(Indicator::eit_actual);
    } else {
      events_[n].release(board_, Indicator::eit_actual, {.pid = ts::eit_pid}, now);
    }
    // One alarm for all where none comes at all.
    if (events_[n].overdue()) continue;
    for (auto& [service, recurrences] : service_events_) {
      recurrences[n].poll(board_, Indicator::eit_actual, {.pid = ts::eit_pid, .service = service}, now, limits_.eit,
                          [&] { return absent(names[n], limits_.eit); });
    }
  }
}

void TableWatch::poll_sections(Moment now) {
  for (auto& item : tables_) {
    const auto& key = item.first;
    const auto indicator = repetition_indicator(key.pid, key.table, 0);
    if (!indicator) continue;
    const auto limit = repetition_limit(key.table, limits_);
    const Subject subject{.pid = key.pid, .service = {}, .table = key.table};
    erase_where(item.second.sections, [&](auto& entry) {
      auto& [number, recurrence] = entry;
      // Events pass and schedules get shorter: what does not come any more is judged when it comes again.
      if (!is_schedule(key.table)) {
        recurrence.poll(board_, *indicator, subject, now, limit, [&, n = number] {
          return absent(fmt::format("section {} of table_id 0x{:02x}", n, key.table), limit);
        });
      }
      if (now.time - recurrence.last() < gone * limit) return false;
      recurrence.release(board_, *indicator, subject, now);
      return true;
    });
  }
  erase_where(tables_, [&](const auto& entry) {
    const auto& [key, table] = entry;
    return table.sections.empty() && now.time - table.last_end->time > gone * limits_.tdt;
  });
}

void TableWatch::poll_pairs(Moment now) {
  erase_where(pairs_, [&](auto& entry) {
    const auto& key = entry.first;
    auto& pair = entry.second;
    const auto limit = key.table == id::eit_pf_actual ? limits_.eit : limits_.si_other;
    const Subject subject{.pid = key.pid, .service = psi::ServiceId{key.extension}, .table = key.table};
    const auto recent = [&](std::uint8_t n) { return pair.last[n] && now.time - *pair.last[n] <= limit; };
    const auto missing = [&](std::uint8_t n) { return now.time - pair.last[n].value_or(pair.since) > 2 * limit; };
    std::optional<std::uint8_t> alone;
    if (recent(0) && missing(1)) alone = std::uint8_t{0};
    if (recent(1) && missing(0)) alone = std::uint8_t{1};
    if (!alone && pair.alone) board_.end(Indicator::eit_present_following, subject, now);
    if (alone && !pair.alone) {
      board_.begin(Indicator::eit_present_following, subject, now,
                   [&] { return fmt::format("section {} without section {}", *alone, 1 - *alone); });
    }
    pair.alone = alone;
    return !recent(0) && !recent(1) && !pair.alone;
  });
}

void TableWatch::poll_cat(Moment now) {
  if (!last_scrambled_) return;
  const bool scrambling = now.time - *last_scrambled_ <= cat_limit;
  const bool missing = scrambling && now.time - std::max(*first_scrambled_, last_cat_.value_or(ts::ProgramTime{})) >
                                         (last_cat_ ? 5 * cat_limit : cat_limit);
  if (missing == cat_missing_) return;
  cat_missing_ = missing;
  if (missing) {
    cat_told_ = true;
    board_.begin(Indicator::cat, {.pid = ts::cat_pid}, now,
                 [] { return std::string{"scrambled packets, but no CAT"}; });
  } else {
    board_.end(Indicator::cat, {.pid = ts::cat_pid}, now);
  }
}

void TableWatch::finish(Moment now) {
  next_slow_poll_ = now.time;
  poll(now);
  // Less than the time that a CAT is given, and it was not there at all.
  if (first_scrambled_ && !last_cat_ && !cat_told_) {
    board_.occur(Indicator::cat, {.pid = ts::cat_pid}, now,
                 [] { return std::string{"scrambled packets, but no CAT"}; });
  }
}

}  // namespace tsmon
