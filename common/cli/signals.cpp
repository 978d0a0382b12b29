#include "common/cli/signals.hpp"

#include <pthread.h>

#include <array>
#include <atomic>

namespace cli {
namespace {

// Handlers have no other way to say something: the flags of the one Signals object.
std::atomic<bool> stop_asked{false};
std::atomic<bool> reload_asked{false};
std::atomic<bool> dump_asked{false};
std::atomic<bool> hangup_stops{false};
static_assert(std::atomic<bool>::is_always_lock_free);

constexpr std::array<int, 4> handled{SIGINT, SIGTERM, SIGHUP, SIGUSR1};

extern "C" void on_signal(int signal) {
  switch (signal) {
    case SIGUSR1:
      dump_asked = true;
      return;
    case SIGHUP:
      (hangup_stops ? stop_asked : reload_asked) = true;
      return;
    default:
      // Comes due when this handler returns, so that the parent sees a death by SIGINT.
      if (stop_asked.exchange(true) && signal == SIGINT) {
        std::signal(SIGINT, SIG_DFL);
        std::raise(SIGINT);
      }
  }
}

}  // namespace

Signals::Signals(Delivery delivery, Hangup hangup) {
  stop_asked = reload_asked = dump_asked = false;
  hangup_stops = hangup == Hangup::stops;

  sigset_t ours;
  sigemptyset(&ours);
  for (const int signal : handled) sigaddset(&ours, signal);
  pthread_sigmask(SIG_BLOCK, &ours, &old_mask_);
  wait_mask_ = old_mask_;
  for (const int signal : handled) sigdelset(&wait_mask_, signal);

  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &old_int_);
  sigaction(SIGTERM, &action, &old_term_);
  sigaction(SIGHUP, &action, &old_hup_);
  sigaction(SIGUSR1, &action, &old_usr1_);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, &old_pipe_);
  sigaction(SIGXFSZ, &action, &old_file_size_);
  if (delivery == Delivery::anywhere) pthread_sigmask(SIG_SETMASK, &wait_mask_, nullptr);
}

Signals::~Signals() {
  sigaction(SIGINT, &old_int_, nullptr);
  sigaction(SIGTERM, &old_term_, nullptr);
  sigaction(SIGHUP, &old_hup_, nullptr);
  sigaction(SIGUSR1, &old_usr1_, nullptr);
  sigaction(SIGPIPE, &old_pipe_, nullptr);
  sigaction(SIGXFSZ, &old_file_size_, nullptr);
  pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
}

bool Signals::stop() const { return stop_asked; }
bool Signals::take_reload() { return reload_asked.exchange(false); }
bool Signals::take_dump() { return dump_asked.exchange(false); }

}  // namespace cli
