// Tells the service manager (systemd) how the tool is: sd_notify(3). Without one, nothing happens.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "common/ts/time.hpp"

namespace cli {

class ServiceManager {
 public:
  // Reads NOTIFY_SOCKET and WATCHDOG_USEC.
  ServiceManager();

  bool present() const { return present_; }
  void ready();
  // One line that `systemctl status` shows.
  void status(const std::string& text);
  // RELOADING=1; say ready() when it is done.
  void reloading();
  void stopping();
  // From the main loop: WATCHDOG=1 at half the time that the manager allows. A loop that hangs does not call it.
  void poll(ts::SteadyTime now);

 private:
  bool present_ = false;
  std::optional<std::chrono::nanoseconds> watchdog_;  // half of WatchdogSec=
  ts::SteadyTime next_watchdog_{};
  std::string last_status_;
};

}  // namespace cli
