// An owned file descriptor, and system calls that do all or throw.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace io {

// "open /srv/rec/f3: Permission denied", with errno kept in code().
[[noreturn]] void throw_system_error(const std::string& action, const std::string& object);
[[noreturn]] void throw_system_error(const std::string& action, const std::string& object, int error);

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

// Whether `path` itself, not what a link there leads to, is the open file.
bool is_at(const std::string& path, int fd);

// Writes all bytes, going on after short writes and EINTR. `name` is for the exception only.
void write_all(int fd, std::span<const std::uint8_t> bytes, const std::string& name);

// A file that gets its name only when it is whole: written beside it under a temporary name, renamed by commit();
// without commit() it is removed.
class AtomicFile {
 public:
  explicit AtomicFile(std::string path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  int fd() const { return fd_.get(); }
  const std::string& temporary_path() const { return temporary_; }
  // fsync, then rename. An existing file of that name is replaced.
  void commit();

 private:
  std::string path_, temporary_;
  FileDescriptor fd_;
  bool committed_ = false;
};

}  // namespace io
