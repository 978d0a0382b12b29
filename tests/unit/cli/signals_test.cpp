#include "common/cli/signals.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace cli {
namespace {

// As a main loop does; false when a signal ended the wait.
bool wait(const Signals& signals) {
  const timespec at_once{0, 0};
  return ppoll(nullptr, 0, &at_once, &signals.wait_mask()) == 0 || errno != EINTR;
}

TEST(Signals, ComeOnlyWhileTheLoopWaits) {
  Signals signals;
  raise(SIGHUP);
  raise(SIGUSR1);
  EXPECT_FALSE(signals.take_reload());
  EXPECT_FALSE(signals.take_dump());
  EXPECT_FALSE(wait(signals));
  EXPECT_TRUE(signals.take_reload());
  EXPECT_FALSE(signals.take_reload());
  EXPECT_TRUE(signals.take_dump());
  EXPECT_FALSE(signals.stop());
}

TEST(Signals, TermAsksToStopAndStaysSo) {
  Signals signals;
  raise(SIGTERM);
  EXPECT_FALSE(wait(signals));
  EXPECT_TRUE(signals.stop());
  EXPECT_TRUE(signals.stop());
}

TEST(Signals, ComeAnywhereForWorkOnFiles) {
  Signals signals{Signals::Delivery::anywhere, Signals::Hangup::stops};
  raise(SIGHUP);
  EXPECT_TRUE(signals.stop());
  EXPECT_FALSE(signals.take_reload());
}

TEST(Signals, SecondInterruptEndsAtOnce) {
  EXPECT_EXIT(
      {
        Signals signals{Signals::Delivery::anywhere};
        raise(SIGINT);
        if (!signals.stop()) _exit(1);
        raise(SIGTERM);
        raise(SIGINT);
        _exit(2);
      },
      testing::KilledBySignal(SIGINT), "");
}

TEST(Signals, ThoseOfFailedWritesAreIgnoredAndAllIsRestored) {
  for (const int signal : {SIGPIPE, SIGXFSZ}) {
    struct sigaction before {
    }, during{}, after{};
    sigaction(signal, nullptr, &before);
    {
      const Signals signals;
      sigaction(signal, nullptr, &during);
      EXPECT_EQ(during.sa_handler, SIG_IGN) << signal;
    }
    sigaction(signal, nullptr, &after);
    EXPECT_EQ(after.sa_handler, before.sa_handler) << signal;
  }
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  EXPECT_FALSE(sigismember(&mask, SIGTERM));
}

}  // namespace
}  // namespace cli
