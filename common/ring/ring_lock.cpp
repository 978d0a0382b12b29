#include "common/ring/ring_lock.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <string>

namespace ring {
namespace {

std::filesystem::path lock_path(const std::filesystem::path& directory) { return directory / ".lock"; }

// Open file description locks: held by this object, not by the process.
struct flock whole_file(short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

int process_in(int fd) {
  std::array<char, 16> text{};
  const auto size = pread(fd, text.data(), text.size(), 0);
  int process = 0;
  if (size > 0) std::from_chars(text.data(), text.data() + size, process);
  return process;
}

}  // namespace

RingLock::RingLock(const std::filesystem::path& directory) : path_(lock_path(directory)) {
  // What is removed between opening and locking locks nothing.
  constexpr int most_tries = 10;
  take(directory);
  for (int tries = 1; !is_in_place(); ++tries) {
    if (tries == most_tries) io::throw_system_error("lock", path_, ESTALE);
    take(directory);
  }
  const std::string text = std::to_string(getpid()) + "\n";
  if (ftruncate(fd_.get(), 0) != 0 || pwrite(fd_.get(), text.data(), text.size(), 0) < 0) {
    // On a full disk the lock does its work without the number.
  }
}

void RingLock::take(const std::filesystem::path& directory) {
  fd_.reset(open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd_) io::throw_system_error("open", path_);
  auto lock = whole_file(F_WRLCK);
  if (fcntl(fd_.get(), F_OFD_SETLK, &lock) == 0) return;
  if (errno != EAGAIN && errno != EACCES) io::throw_system_error("lock", path_);
  const int process = process_in(fd_.get());
  throw std::runtime_error("record to " + directory.string() + ": " +
                           (process > 0 ? "process " + std::to_string(process) : std::string{"another process"}) +
                           " is recording there");
}

bool RingLock::is_in_place() const { return io::is_at(path_, fd_.get()); }

void RingLock::remove() {
  if (is_in_place()) unlink(path_.c_str());
  fd_.reset();
}

std::optional<int> RingLock::holder(const std::filesystem::path& directory) {
  const io::FileDescriptor fd{open(lock_path(directory).c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) return std::nullopt;
  auto lock = whole_file(F_RDLCK);
  if (fcntl(fd.get(), F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return std::nullopt;
  return process_in(fd.get());
}

bool RingLock::exists(const std::filesystem::path& directory) {
  return access(lock_path(directory).c_str(), F_OK) == 0;
}

}  // namespace ring
