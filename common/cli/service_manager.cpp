#include "common/cli/service_manager.hpp"

#include <systemd/sd-daemon.h>

#include <cstdint>
#include <cstdlib>

#include "common/cli/table.hpp"

namespace cli {

ServiceManager::ServiceManager() : present_(std::getenv("NOTIFY_SOCKET") != nullptr) {
  std::uint64_t microseconds = 0;
  if (sd_watchdog_enabled(0, &microseconds) > 0) {
    watchdog_ = std::chrono::microseconds{static_cast<std::int64_t>(microseconds / 2)};
  }
}

void ServiceManager::ready() {
  if (present_) sd_notify(0, "READY=1");
}

void ServiceManager::status(const std::string& text) {
  if (!present_ || text == last_status_) return;
  last_status_ = text;
  sd_notify(0, ("STATUS=" + printable(text)).c_str());
}

void ServiceManager::reloading() {
  if (!present_) return;
  // sd_notify(3): Type=notify-reload matches the two by their monotonic time.
  const auto now =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch());
  sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", static_cast<long long>(now.count()));
}

void ServiceManager::stopping() {
  if (present_) sd_notify(0, "STOPPING=1");
}

void ServiceManager::poll(ts::SteadyTime now) {
  if (!watchdog_ || now < next_watchdog_) return;
  next_watchdog_ = now + *watchdog_;
  sd_notify(0, "WATCHDOG=1");
}

}  // namespace cli
