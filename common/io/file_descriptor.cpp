#include "common/io/file_descriptor.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace io {

namespace {

// std::system_error puts the reason behind what(): "open /srv/rec/f3: Permission denied".
std::string describe(const std::string& action, const std::string& object) {
  return object.empty() ? action : action + ' ' + object;
}

// What open(2) with O_CREAT would give a new file; mkstemp(3) is stricter.
mode_t ordinary_mode() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666 & ~mask;
}

std::string directory_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

// Beside the file, and no longer than a name may be (NAME_MAX), as long as the file's own is not.
std::string temporary_name(const std::string& path) {
  constexpr std::string_view ending = ".XXXXXX";
  const std::size_t slash = path.rfind('/');
  const std::size_t name = slash == std::string::npos ? 0 : slash + 1;
  const bool fits = path.size() - name + ending.size() <= NAME_MAX || path.size() - name > NAME_MAX;
  return path.substr(0, fits ? path.size() : name + NAME_MAX - ending.size()).append(ending);
}

}  // namespace

void throw_system_error(const std::string& action, const std::string& object, int error) {
  throw std::system_error(error, std::generic_category(), describe(action, object));
}

void throw_system_error(const std::string& action, const std::string& object) {
  throw_system_error(action, object, errno);
}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) reset(other.release());
  return *this;
}

FileDescriptor::~FileDescriptor() { reset(); }

void FileDescriptor::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

bool is_at(const std::string& path, int fd) {
  struct stat there {
  }, open{};
  if (::lstat(path.c_str(), &there) != 0 || ::fstat(fd, &open) != 0) return false;
  return there.st_dev == open.st_dev && there.st_ino == open.st_ino;
}

void write_all(int fd, std::span<const std::uint8_t> bytes, const std::string& name) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    } else if (written == 0) {
      throw_system_error("write", name, EIO);
    } else if (errno != EINTR) {
      throw_system_error("write", name);
    }
  }
}

AtomicFile::AtomicFile(std::string path) : path_(std::move(path)), temporary_(temporary_name(path_)) {
  fd_.reset(::mkostemp(temporary_.data(), O_CLOEXEC));
  if (!fd_) throw_system_error("create", path_);
  ::fchmod(fd_.get(), ordinary_mode());
}

AtomicFile::~AtomicFile() {
  if (!committed_) ::unlink(temporary_.c_str());
}

void AtomicFile::commit() {
  if (::fsync(fd_.get()) != 0) throw_system_error("write", path_);
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) throw_system_error("create", path_);
  committed_ = true;
  // The name must last as long as the bytes. A directory that cannot be synced is no reason to fail.
  const FileDescriptor directory(::open(directory_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory) ::fsync(directory.get());
}

}  // namespace io
