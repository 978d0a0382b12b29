#include "tools/tsmon/alarm_board.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "common/cli/values.hpp"

namespace tsmon {

std::string to_text(const Subject& subject) {
  std::string text;
  const auto append = [&text](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (subject.pid) append("PID " + cli::to_text(*subject.pid));
  if (subject.table) append(fmt::format("table 0x{:02x}", *subject.table));
  if (subject.service) append(fmt::format("service 0x{0:04x} ({0})", subject.service->value()));
  return text;
}

// Beyond so many subjects of an indicator, further ones are taken as one: a stream of random bytes has 8192 PIDs.
constexpr std::size_t most_subjects = 1000;

AlarmBoard::Key AlarmBoard::key_of(Indicator indicator, const Subject& subject) const {
  const Key key{indicator, subject};
  return subjects_[indicator] < most_subjects || history_.contains(key) ? key : Key{indicator, Subject{}};
}

ts::WallTime AlarmBoard::date(Moment at) const {
  if (at.time >= wall_time_) return wall_;
  return wall_ - std::chrono::duration_cast<std::chrono::nanoseconds>(wall_time_ - at.time);
}

Alarm* AlarmBoard::add(Indicator indicator, const Subject& subject, Moment at, std::uint64_t count) {
  if (!watches(indicator)) return nullptr;
  set_measured(indicator);
  const Key key = key_of(indicator, subject);
  const Alarm fresh{.indicator = indicator, .subject = key.second, .first = at, .first_wall = date(at)};
  const auto note = [&](Alarm& alarm) {
    alarm.count += count;
    alarm.last = at;
    alarm.last_wall = date(at);
  };
  counts_[indicator] += count;
  const auto [entry, is_first] = history_.try_emplace(key, fresh);
  if (is_first) ++subjects_[indicator];
  note(entry->second);
  const auto [alarm, is_new] = alarms_.try_emplace(key, fresh);
  note(alarm->second);
  return is_new ? &alarm->second : nullptr;
}

void AlarmBoard::start(Alarm& alarm, std::string detail) {
  Alarm& entry = history_[{alarm.indicator, alarm.subject}];
  if (entry.detail.empty()) entry.detail = detail;
  alarm.detail = std::move(detail);
  if (on_alarm_) on_alarm_(Edge::start, alarm);
}

void AlarmBoard::set_lasting(Indicator indicator, const Subject& subject, Moment at, bool lasting) {
  const Key key = key_of(indicator, subject);
  const auto found = alarms_.find(key);
  if (found == alarms_.end()) return;
  for (Alarm* alarm : {&found->second, &history_[key]}) {
    alarm->lasting = lasting;
    alarm->last = at;
    alarm->last_wall = date(at);
  }
}

void AlarmBoard::end_service(std::initializer_list<Indicator> indicators, psi::ServiceId service, Moment at) {
  for (auto& [key, alarm] : alarms_) {
    const bool is_one = std::find(indicators.begin(), indicators.end(), key.first) != indicators.end();
    if (is_one && alarm.lasting && key.second.service == service) set_lasting(key.first, key.second, at, false);
  }
}

void AlarmBoard::poll(Moment now) {
  for (auto i = alarms_.begin(); i != alarms_.end();) {
    Alarm& alarm = i->second;
    if (alarm.lasting) {
      for (Alarm* a : {&alarm, &history_[i->first]}) {
        a->last = now;
        a->last_wall = wall_;
      }
    }
    if (alarm.lasting || now.time - alarm.last.time < hold_) {
      ++i;
      continue;
    }
    if (on_alarm_) on_alarm_(Edge::end, alarm);
    i = alarms_.erase(i);
  }
}

std::uint64_t AlarmBoard::total() const {
  std::uint64_t sum = 0;
  for (const auto& row : indicators()) sum += counts_[row.indicator];
  return sum;
}

std::vector<const Alarm*> AlarmBoard::active() const {
  std::vector<const Alarm*> result;
  for (const auto& [key, alarm] : alarms_) result.push_back(&alarm);
  return result;
}

bool AlarmBoard::is_active(Indicator indicator) const {
  const auto first = alarms_.lower_bound({indicator, Subject{}});
  return first != alarms_.end() && first->first.first == indicator;
}

}  // namespace tsmon
