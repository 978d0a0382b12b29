// Threads that take no signals: they are for the thread that reads the input.
#pragma once

#include <pthread.h>
#include <csignal>

#include <system_error>
#include <thread>
#include <utility>

#include "common/io/file_descriptor.hpp"

namespace io {

// Threads begun while this lives, by a library too, start with all signals blocked.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

// `name`: at most 15 characters. Throws std::system_error that names it.
template <typename Function>
std::thread start_thread(const char* name, Function&& function) {
  const SignalsBlocked blocked;
  try {
    std::thread thread(std::forward<Function>(function));
    ::pthread_setname_np(thread.native_handle(), name);
    return thread;
  } catch (const std::system_error& error) {
    throw_system_error("start thread", name, error.code().value());
  }
}

}  // namespace io
