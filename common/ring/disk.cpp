#include "common/ring/disk.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace ring {
namespace {

// Not all file systems know it, and nothing depends on it but how full the page cache is.
int ignore_unsupported(int result) {
  return result != 0 && (errno == EINVAL || errno == ESPIPE || errno == ENOSYS || errno == EOPNOTSUPP) ? 0 : result;
}

}  // namespace

io::FileDescriptor Disk::create(const std::filesystem::path& path) {
  return io::FileDescriptor{open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644)};
}

ssize_t Disk::write(int fd, std::span<const std::uint8_t> bytes) { return ::write(fd, bytes.data(), bytes.size()); }

int Disk::truncate(int fd, std::uint64_t size) {
  const auto offset = static_cast<off_t>(size);
  if (ftruncate(fd, offset) != 0) return -1;
  return lseek(fd, offset, SEEK_SET) < 0 ? -1 : 0;
}

int Disk::remove(const std::filesystem::path& path) { return unlink(path.c_str()); }

int Disk::start_writeback(int fd, std::uint64_t offset, std::uint64_t size) {
  return ignore_unsupported(
      sync_file_range(fd, static_cast<off_t>(offset), static_cast<off_t>(size), SYNC_FILE_RANGE_WRITE));
}

int Disk::finish_writeback(int fd, std::uint64_t offset, std::uint64_t size) {
  const auto start = static_cast<off_t>(offset), length = static_cast<off_t>(size);
  constexpr unsigned wait = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  if (ignore_unsupported(sync_file_range(fd, start, length, wait)) != 0) return -1;
  posix_fadvise(fd, start, length, POSIX_FADV_DONTNEED);
  return 0;
}

int Disk::sync(int fd) { return ignore_unsupported(fdatasync(fd)); }

Disk::Place Disk::place_of(int fd, const std::filesystem::path& path) {
  if (io::is_at(path, fd)) return Place::kept;
  struct stat status {};
  return fstat(fd, &status) == 0 && status.st_nlink > 0 ? Place::moved : Place::removed;
}

}  // namespace ring
