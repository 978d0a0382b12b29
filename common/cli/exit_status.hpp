// What a tool's exit status says. Every man page lists them.
#pragma once

namespace cli {

enum class ExitStatus : int {
  done = 0,
  failed = 1,      // the system, a file or the network did not do what was asked
  usage = 2,       // the command line or the configuration is wrong
  incomplete = 3,  // done, but with a part missing: a gap in the range, an input that ended early
};

}  // namespace cli
