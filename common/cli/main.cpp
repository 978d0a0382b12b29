#include "common/cli/main.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>
#include <stdexcept>
#include <system_error>

#include "common/cli/app.hpp"
#include "common/cli/log.hpp"

namespace cli {
namespace {

// A descriptor that whoever started this has closed would be given to the first file or socket opened here: messages
// would go into a stream. Opened the other way round, so that who really uses it is told.
void fill_standard_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(descriptor, F_GETFD) >= 0) continue;
    // The lowest free one is taken. Without /dev/null all stays as it is.
    [[maybe_unused]] const int taken = open("/dev/null", descriptor == STDOUT_FILENO ? O_RDONLY : O_WRONLY);
  }
}

ExitStatus run(int argc, char** argv, const std::function<ExitStatus(int, char**)>& body) {
  try {
    const ExitStatus status = body(argc, argv);
    if (std::fflush(stdout) != 0) throw std::system_error(errno, std::generic_category(), "write standard output");
    if (std::ferror(stdout) != 0) throw std::runtime_error("write standard output: not all of it could be written");
    return status;
  } catch (const UsageError& error) {
    log(Priority::error, "{}", error.what());
    return ExitStatus::usage;
  } catch (const std::system_error& error) {
    const bool reader_left = error.code() == std::errc::broken_pipe;
    log(reader_left ? Priority::debug : Priority::error, "{}", error.what());
    return ExitStatus::failed;
  } catch (const std::bad_alloc&) {
    log(Priority::error, "out of memory");
    return ExitStatus::failed;
  } catch (const std::exception& error) {
    log(Priority::error, "{}", error.what());
    return ExitStatus::failed;
  }
}

}  // namespace

int run_main(int argc, char** argv, const std::function<ExitStatus(int argc, char** argv)>& body) {
  fill_standard_descriptors();
  set_log(argc > 0 ? std::filesystem::path{argv[0]}.filename().string() : "headend", Priority::info);
  return static_cast<int>(run(argc, argv, body));
}

}  // namespace cli
