// Waiting that a signal ends.
#pragma once

#include <poll.h>

#include <csignal>

#include <chrono>

namespace io {

// Waits until `fd` (negative: none) is readable or has ended, at most `timeout` (negative: 0). False on time-out or
// signal.
bool wait_readable(int fd, std::chrono::nanoseconds timeout, const sigset_t* mask);

// Takes the signals that are pending, without waiting: ppoll() leaves them where a descriptor is ready.
inline void take_signals(const sigset_t* mask) {
  if (mask != nullptr) wait_readable(-1, std::chrono::nanoseconds{0}, mask);
}

}  // namespace io
