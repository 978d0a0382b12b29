#include "common/cli/main.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
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

TEST(RunMain, IsQuietWhenTheReaderLeft) {
  EXPECT_EQ(outcome([]() -> ExitStatus { throw std::system_error(EPIPE, std::generic_category(), "write -"); }),
            (Outcome{1, ""}));
}

}  // namespace
}  // namespace cli
