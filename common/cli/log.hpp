// Messages to standard error: one line each, "tool: text", written by one system call and under no lock.
//
// Under the service manager, whose journal reads standard error, a line begins with its priority instead: "<4>text".
#pragma once

#include <fmt/core.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "common/ts/time.hpp"

namespace cli {

// syslog's numbers, as sd-daemon(3) has them.
enum class Priority : int { error = 3, warning = 4, notice = 5, info = 6, debug = 7 };

// Before threads start. Messages of a lower priority than `threshold` are dropped; App does this from -v and -q.
void set_log(std::string tool, Priority threshold);

bool logs(Priority priority);
void write_log(Priority priority, std::string_view text);

template <class... Arguments>
void log(Priority priority, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  if (logs(priority)) write_log(priority, fmt::format(format, std::forward<Arguments>(arguments)...));
}

// For what may repeat as fast as packets come. Lets so many messages a minute through; the first one after that ends
// with how many were left out. One for each kind of fault; not to be shared by threads.
class RateLimited {
 public:
  explicit RateLimited(unsigned per_minute = 5) : per_minute_(per_minute) {}

  template <class... Arguments>
  void log(Priority priority, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    if (!logs(priority) || !admit(std::chrono::steady_clock::now())) return;
    write_log(priority, fmt::format(format, std::forward<Arguments>(arguments)...) + take_note());
  }

  // Whether a message may be written now. If not, it is counted as left out.
  bool admit(ts::SteadyTime now);
  // " (41 more)" of the messages left out since the last call, or nothing.
  std::string take_note();

 private:
  unsigned per_minute_;
  unsigned in_window_ = 0;
  std::uint64_t left_out_ = 0;
  ts::SteadyTime window_start_{};
};

}  // namespace cli
