#include "common/cli/main.hpp"

#include <cerrno>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>
#include <system_error>

#include "common/cli/app.hpp"
#include "common/cli/log.hpp"

namespace cli {
namespace {

ExitStatus run(int argc, char** argv, const std::function<ExitStatus(int, char**)>& body) {
  try {
    const ExitStatus status = body(argc, argv);
    if (std::fflush(stdout) != 0) throw std::system_error(errno, std::generic_category(), "write standard output");
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
  set_log(argc > 0 ? std::filesystem::path{argv[0]}.filename().string() : "headend", Priority::info);
  return static_cast<int>(run(argc, argv, body));
}

}  // namespace cli
