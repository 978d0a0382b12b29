// What the signals ask for: SIGTERM and SIGINT to end, SIGHUP to read the configuration again, SIGUSR1 to print the
// state. One object, made by main() before any thread starts. SIGPIPE is ignored: writing says EPIPE; so is SIGXFSZ, of
// a file that grew as large as the process may make one (setrlimit(2)): writing says EFBIG.
#pragma once

#include <csignal>

namespace cli {

class Signals {
 public:
  enum class Delivery {
    // Blocked but while the main thread waits in ppoll() with wait_mask(), so that none is lost between a look at
    // the flags and the wait. For live tools, whose main thread does nothing else that takes long.
    while_waiting,
    // At any time: system calls end with EINTR. For work on files, which looks at stop() between batches.
    anywhere,
  };
  enum class Hangup { reloads, stops };

  explicit Signals(Delivery delivery = Delivery::while_waiting, Hangup hangup = Hangup::reloads);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // From the first SIGTERM or SIGINT on. A second SIGINT ends the process at once.
  bool stop() const;
  // Whether it was asked for since the last call.
  bool take_reload();
  bool take_dump();

  // The mask that ppoll() is given.
  const sigset_t& wait_mask() const { return wait_mask_; }

 private:
  struct sigaction old_int_, old_term_, old_hup_, old_usr1_, old_pipe_, old_file_size_;
  sigset_t old_mask_, wait_mask_;
};

}  // namespace cli
