#include "common/io/waiting.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "common/io/file_descriptor.hpp"

namespace io {

bool wait_readable(int fd, std::chrono::nanoseconds timeout, const sigset_t* mask) {
  const std::int64_t ns = std::max<std::int64_t>(timeout.count(), 0);
  const timespec limit{.tv_sec = static_cast<time_t>(ns / 1'000'000'000),
                       .tv_nsec = static_cast<long>(ns % 1'000'000'000)};
  pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
  const int ready = ::ppoll(&readable, 1, &limit, mask);
  if (ready < 0 && errno != EINTR) throw_system_error("wait for", "input");
  return ready > 0;
}

}  // namespace io
