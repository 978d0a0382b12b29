#include "tools/tsmon/event_log.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/cli/date.hpp"
#include "common/cli/json.hpp"
#include "common/cli/log.hpp"
#include "common/cli/table.hpp"  // printable()

namespace tsmon {
namespace {

using cli::Priority;
using nlohmann::ordered_json;

void add_subject(ordered_json& object, const Subject& subject) {
  if (subject.pid) object["pid"] = subject.pid->value();
  if (subject.service) object["service_id"] = subject.service->value();
  if (subject.table) object["table_id"] = *subject.table;
}

}  // namespace

std::string_view to_text(AlarmBoard::Edge edge) { return edge == AlarmBoard::Edge::start ? "start" : "end"; }

ordered_json alarm_json(const Alarm& alarm, bool live) {
  const auto& what = info(alarm.indicator);
  ordered_json object{{"indicator", what.code}, {"name", what.name}};
  add_subject(object, alarm.subject);
  object["count"] = alarm.count;
  object["first_s"] = seconds(alarm.first.time);
  object["last_s"] = seconds(alarm.last.time);
  object["first_packet"] = alarm.first.position;
  object["last_packet"] = alarm.last.position;
  if (live) {
    object["first"] = cli::utc_text(alarm.first_wall);
    object["last"] = cli::utc_text(alarm.last_wall);
  }
  object["detail"] = alarm.detail;
  return object;
}

void EventLog::alarm(AlarmBoard::Edge edge, const Alarm& alarm) {
  const auto& what = info(alarm.indicator);
  const bool starts = edge == AlarmBoard::Edge::start;
  if (json_) {
    ordered_json object{{"event", "alarm"}, {"edge", to_text(edge)}};
    object.update(alarm_json(alarm, live_));
    json_(cli::json_line(object));
    return;
  }
  const std::string subject = to_text(alarm.subject);
  const auto text = fmt::format("{} {}{}{}", what.code, what.name, subject.empty() ? "" : ", ", subject);
  const Priority priority = live_ ? (starts ? Priority::warning : Priority::notice) : Priority::debug;
  if (starts) {
    cli::log(priority, "{}: {}", text, cli::printable(alarm.detail));
  } else {
    cli::log(priority, "{}: over, {} {} in {:.1f} s", text, alarm.count, alarm.count == 1 ? "fault" : "faults",
             seconds(alarm.last.time - alarm.first.time));
  }
}

void EventLog::change(const std::string& text, const Subject& subject, Moment at, ts::WallTime wall) {
  if (json_) {
    ordered_json object{{"event", "change"}};
    add_subject(object, subject);
    object["at_s"] = seconds(at.time);
    object["packet"] = at.position;
    if (live_) object["at"] = cli::utc_text(wall);
    object["text"] = text;
    json_(cli::json_line(object));
    return;
  }
  cli::log(live_ ? Priority::info : Priority::debug, "{}: {}", to_text(subject), cli::printable(text));
}

}  // namespace tsmon
