// Tells of alarms as they start and end, and of changes: a message each, or a line of JSON.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "tools/tsmon/alarm_board.hpp"

namespace tsmon {

std::string_view to_text(AlarmBoard::Edge edge);  // "start", "end"

class EventLog {
 public:
  // Takes a whole line without its line feed.
  using Write = std::function<void(const std::string& line)>;

  // `json`: where lines go; otherwise messages are logged. `live`: they are of importance; of a file they are only
  // shown with --verbose, for the report has it all.
  EventLog(bool live, Write json) : live_(live), json_(std::move(json)) {}

  void alarm(AlarmBoard::Edge edge, const Alarm& alarm);
  void change(const std::string& text, const Subject& subject, Moment at, ts::WallTime wall);

 private:
  bool live_;
  Write json_;
};

// An alarm as events and the report have it; dates only of live input.
nlohmann::ordered_json alarm_json(const Alarm& alarm, bool live);

}  // namespace tsmon
