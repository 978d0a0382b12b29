#include "common/cli/log.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

namespace cli {
namespace {

using namespace std::chrono_literals;

class Log : public testing::Test {
 protected:
  Log() { unsetenv("JOURNAL_STREAM"); }

  template <class Body>
  static std::string written(Body body) {
    testing::internal::CaptureStderr();
    body();
    return testing::internal::GetCapturedStderr();
  }
};

TEST_F(Log, NamesTheTool) {
  set_log("tscut", Priority::info);
  EXPECT_EQ(written([] { log(Priority::warning, "pid {:#06x} is gone", 256); }), "tscut: pid 0x0100 is gone\n");
}

TEST_F(Log, LeavesOutWhatIsBelowItsThreshold) {
  set_log("tscut", Priority::error);
  EXPECT_EQ(written([] {
              log(Priority::warning, "a");
              log(Priority::error, "b");
            }),
            "tscut: b\n");
}

TEST_F(Log, KeepsToOneLineWithoutTerminalControls) {
  set_log("tscut", Priority::info);
  EXPECT_EQ(written([] { log(Priority::info, "service \x1b[2J\nx"); }), "tscut: service ?[2J?x\n");
}

TEST_F(Log, GivesThePriorityToTheJournalOnly) {
  EXPECT_EQ(written([] {
              struct stat status {};
              fstat(STDERR_FILENO, &status);
              setenv("JOURNAL_STREAM", fmt::format("{}:{}", status.st_dev, status.st_ino).c_str(), 1);
              set_log("tscut", Priority::info);
              log(Priority::warning, "a");
              setenv("JOURNAL_STREAM", "1:1", 1);
              set_log("tscut", Priority::info);
              log(Priority::warning, "b");
            }),
            "<4>a\ntscut: b\n");
}

TEST(RateLimited, LetsSoManyAMinuteThroughAndCountsTheRest) {
  RateLimited limited{2};
  const ts::SteadyTime start{1h};
  EXPECT_TRUE(limited.admit(start));
  EXPECT_TRUE(limited.admit(start + 1s));
  EXPECT_EQ(limited.take_note(), "");
  for (int i = 0; i < 41; ++i) EXPECT_FALSE(limited.admit(start + 2s));
  EXPECT_TRUE(limited.admit(start + 61s));
  EXPECT_EQ(limited.take_note(), " (41 more)");
  EXPECT_TRUE(limited.admit(start + 62s));
  EXPECT_EQ(limited.take_note(), "");
}

}  // namespace
}  // namespace cli
