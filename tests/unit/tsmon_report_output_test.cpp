// Reports and events: whole lines, and no reader that holds up a live stream.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "tests/support/temporary_directory.hpp"
#include "tools/tsmon/report_output.hpp"

namespace {

using tsmon::ReportOutput;

class Pipe {
 public:
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    read_.reset(ends[0]);
    write_.reset(ends[1]);
  }
  int write_end() const { return write_.get(); }
  void close_write_end() { write_.reset(); }
  // At least a byte; nothing when all writers have gone.
  std::string read_some() {
    std::string text(65536, '\0');
    const ssize_t count = ::read(read_.get(), text.data(), text.size());
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return text;
  }

 private:
  io::FileDescriptor read_, write_;
};

const auto never = [] { return false; };

std::string line(int number) { return std::to_string(number) + std::string(100'000, '.') + '\n'; }

TEST(ReportOutput, LeavesOutWholeLinesThatAReaderHasNoRoomFor) {
  Pipe pipe;
  ReportOutput output{{}, pipe.write_end(), true, never};
  constexpr int written = 100;
  for (int i = 0; i < written; ++i) output.write(line(i));
  ASSERT_FALSE(output.is_idle());
  std::string got;
  const auto take_all = [&] {
    while (!output.is_idle()) {
      got += pipe.read_some();
      output.poll();
    }
  };
  take_all();
  output.write(line(written));
  take_all();
  pipe.close_write_end();
  for (std::string rest = pipe.read_some(); !rest.empty(); rest = pipe.read_some()) got += rest;
  std::string expected;
  int kept = 0;
  while (expected.size() + line(written).size() < got.size()) expected += line(kept++);
  EXPECT_EQ(got, expected + line(written));
  EXPECT_GE(kept, 10);
  EXPECT_LT(kept, written);
}

TEST(ReportOutput, IsWaitedForWhereTheInputCanWait) {
  Pipe pipe;
  std::string got;
  std::thread reader{[&] {
    while (got.size() < 50 * line(10).size()) got += pipe.read_some();
  }};
  ReportOutput output{{}, pipe.write_end(), false, never};
  std::string expected;
  for (int i = 10; i < 60; ++i) {
    expected += line(i);
    output.write(line(i));
    EXPECT_TRUE(output.is_idle());
  }
  reader.join();
  EXPECT_EQ(got, expected);
}

TEST(ReportOutput, IsWaitedForNoMoreWhenAllIsToEnd) {
  Pipe pipe;
  ReportOutput output{{}, pipe.write_end(), false, [] { return true; }};
  output.write(line(1));
  EXPECT_FALSE(output.is_idle());
}

TEST(ReportOutput, GoesOnInAnotherFileAfterTheFirstWasRenamed) {
  const test::TemporaryDirectory directory;
  const auto path = directory.path() / "report";
  const auto old = directory.path() / "report.old";
  const auto content = [](const std::filesystem::path& file) {
    std::ifstream in{file};
    return std::string{std::istreambuf_iterator<char>{in}, {}};
  };
  ReportOutput output{path, STDOUT_FILENO, true, never};
  output.write("one\n");
  std::filesystem::rename(path, old);
  output.write("two\n");
  output.reopen();
  output.write("three\n");
  // Not renamed: nothing is lost.
  output.reopen();
  output.write("four\n");
  EXPECT_EQ(content(old), "one\ntwo\n");
  EXPECT_EQ(content(path), "three\nfour\n");
}

}  // namespace
