#include "common/cli/main.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>

#include "common/cli/app.hpp"

namespace cli {
namespace {

struct Outcome {
  int status;
  std::string message;
  bool operator==(const Outcome&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  return out << outcome.status << ' ' << outcome.message;
}

template <class Body>
Outcome outcome(Body body) {
  std::string name = "/usr/bin/tscut";
  std::array<char*, 2> argv{name.data(), nullptr};
  testing::internal::CaptureStderr();
  const int status = run_main(1, argv.data(), [&](int, char**) -> ExitStatus { return body(); });
  return {status, testing::internal::GetCapturedStderr()};
}

TEST(RunMain, GivesTheToolsOwnStatus) {
  EXPECT_EQ(outcome([] { return ExitStatus::incomplete; }), (Outcome{3, ""}));
}

TEST(RunMain, NamesTheActionAndTheObjectOfAFailure) {
  EXPECT_EQ(
      outcome([]() -> ExitStatus { throw std::system_error(EACCES, std::generic_category(), "open /srv/rec/f3"); }),
      (Outcome{1, "tscut: open /srv/rec/f3: Permission denied\n"}));
}

TEST(RunMain, EndsWithTwoOnWrongUsage) {
  EXPECT_EQ(outcome([]() -> ExitStatus { throw UsageError("--to comes before --from"); }),
            (Outcome{2, "tscut: --to comes before --from\n"}));
}

// The parent of a death test keeps its descriptors.
TEST(RunMain, TakesTheNumberOfAClosedStandardStreamForNothingElse) {
  const auto body = [] {
    for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) close(descriptor);
    run_main(0, nullptr, [](int, char**) {
      const int opened = open("/dev/null", O_RDWR | O_CLOEXEC);
      const char byte = 'x';
      char read_byte = 0;
      if (read(STDIN_FILENO, &read_byte, 1) >= 0 || write(STDOUT_FILENO, &byte, 1) >= 0) _exit(1);
      _exit(opened > STDERR_FILENO ? 0 : 2);
      return ExitStatus::done;
    });
  };
  EXPECT_EXIT(body(), testing::ExitedWithCode(0), "");
}

TEST(RunMain, FailsWhenItsReportCannotBeWritten) {
  const auto body = [] {
    if (std::freopen("/dev/full", "w", stdout) == nullptr) _exit(9);
    _exit(run_main(0, nullptr, [](int, char**) {
      const std::string report(100'000, 'x');  // more than is buffered
      std::fwrite(report.data(), 1, report.size(), stdout);
      return ExitStatus::done;
    }));
  };
  EXPECT_EXIT(body(), testing::ExitedWithCode(1), "write standard output");
}

TEST(RunMain, IsQuietWhenTheReaderLeft) {
  EXPECT_EQ(outcome([]() -> ExitStatus { throw std::system_error(EPIPE, std::generic_category(), "write -"); }),
            (Outcome{1, ""}));
}

}  // namespace
}  // namespace cli
