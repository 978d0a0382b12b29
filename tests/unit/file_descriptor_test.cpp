#include "common/io/file_descriptor.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <fstream>
#include <iterator>
#include <system_error>
#include <thread>
#include <vector>

#include "tests/support/temporary_directory.hpp"

namespace {

using io::AtomicFile;
using io::FileDescriptor;

std::string content_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::size_t files_in(const std::filesystem::path& path) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path), {}));
}

void write_text(int fd, std::string_view text) {
  io::write_all(fd, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, "test");
}

TEST(SystemError, NamesActionObjectAndReason) {
  try {
    io::throw_system_error("open", "/srv/rec/f3", EACCES);
    FAIL() << "nothing thrown";
  } catch (const std::system_error& e) {
    EXPECT_STREQ(e.what(), "open /srv/rec/f3: Permission denied");
    EXPECT_EQ(e.code().value(), EACCES);
  }
}

TEST(FileDescriptor, ClosesWhatItOwns) {
  int number = -1;
  {
    FileDescriptor first(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    number = first.get();
    FileDescriptor second = std::move(first);
    EXPECT_FALSE(first);  // NOLINT: a moved-from descriptor is empty
    EXPECT_EQ(second.get(), number);
  }
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
}

TEST(WriteAll, GoesOnAfterShortWrites) {
  std::array<int, 2> ends;
  ASSERT_EQ(::pipe(ends.data()), 0);
  const FileDescriptor reader(ends[0]);
  FileDescriptor writer(ends[1]);
  const std::vector<std::uint8_t> bytes(1'000'000, 0x47);  // more than a pipe holds
  std::size_t received = 0;
  std::thread thread([&] {
    std::array<std::uint8_t, 4096> buffer;
    for (ssize_t n; (n = ::read(reader.get(), buffer.data(), buffer.size())) > 0;) {
      received += static_cast<std::size_t>(n);
    }
  });
  io::write_all(writer.get(), bytes, "pipe");
  writer.reset();
  thread.join();
  EXPECT_EQ(received, bytes.size());
}

TEST(WriteAll, ThrowsWhatTheSystemSays) {
  const FileDescriptor full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  try {
    write_text(full.get(), "x");
    FAIL() << "nothing thrown";
  } catch (const std::system_error& e) {
    EXPECT_STREQ(e.what(), "write test: No space left on device");
  }
}

TEST(AtomicFile, HasItsNameOnlyWhenWhole) {
  const test::TemporaryDirectory directory;
  const auto path = directory.path() / "a.ts";
  AtomicFile file(path);
  write_text(file.fd(), "whole");
  EXPECT_FALSE(std::filesystem::exists(path));
  file.commit();
  EXPECT_EQ(content_of(path), "whole");
  EXPECT_EQ(files_in(directory.path()), 1u);
}

TEST(AtomicFile, LeavesNothingBehindWithoutCommit) {
  const test::TemporaryDirectory directory;
  const auto path = directory.path() / "a.ts";
  {
    AtomicFile file(path);
    write_text(file.fd(), "half");
  }
  EXPECT_EQ(files_in(directory.path()), 0u);
}

TEST(AtomicFile, ReplacesAndHasOrdinaryRights) {
  const test::TemporaryDirectory directory;
  const auto path = directory.path() / "a.ts";
  std::ofstream(path) << "old";
  const mode_t mask = ::umask(027);
  AtomicFile file(path);
  write_text(file.fd(), "new");
  file.commit();
  ::umask(mask);
  EXPECT_EQ(content_of(path), "new");
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

TEST(AtomicFile, MayHaveTheLongestNameThatThereIs) {
  const test::TemporaryDirectory directory;
  const auto path = directory.path() / std::string(NAME_MAX, 'x');
  AtomicFile file(path);
  EXPECT_EQ(std::filesystem::path{file.temporary_path()}.parent_path(), directory.path());
  file.commit();
  EXPECT_TRUE(std::filesystem::exists(path));
  EXPECT_EQ(files_in(directory.path()), 1u);
}

TEST(AtomicFile, SaysWhereItCannotBeMade) {
  try {
    AtomicFile file("/nowhere/a.ts");
    FAIL() << "nothing thrown";
  } catch (const std::system_error& e) {
    EXPECT_STREQ(e.what(), "create /nowhere/a.ts: No such file or directory");
  }
}

}  // namespace
