// What main() is made of.
#pragma once

#include <functional>

#include "common/cli/exit_status.hpp"

namespace cli {

// Runs the tool and gives main()'s result. What is thrown becomes "tool: text" and an exit status: a usage error 2,
// all else 1. A standard stream that was closed fails when it is used, and takes nothing of another file. A reader of
// standard output that has gone away (EPIPE) is quiet, but still 1.
int run_main(int argc, char** argv, const std::function<ExitStatus(int argc, char** argv)>& body);

}  // namespace cli
