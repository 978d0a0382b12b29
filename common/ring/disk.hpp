// The file operations that recording depends on, so that tests can have full, slow and broken disks.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <span>

#include "common/io/file_descriptor.hpp"

namespace ring {

// Results are those of the system calls: -1 and errno on failure.
class Disk {
 public:
  virtual ~Disk() = default;

  // A new file to append to; fails if there is one.
  virtual io::FileDescriptor create(const std::filesystem::path& path);
  virtual ssize_t write(int fd, std::span<const std::uint8_t> bytes);
  virtual int truncate(int fd, std::uint64_t size);
  virtual int remove(const std::filesystem::path& path);
  // The file's data is written out, from now on in the background ...
  virtual int start_writeback(int fd, std::uint64_t offset, std::uint64_t size);
  // ... and here waited for and dropped from the page cache.
  virtual int finish_writeback(int fd, std::uint64_t offset, std::uint64_t size);
  virtual int sync(int fd);
  // What has become of an open file that was made at `path`.
  enum class Place {
    kept,
    moved,    // it has a name elsewhere: it, or a directory above it, was moved
    removed,  // it has no name any more
  };
  virtual Place place_of(int fd, const std::filesystem::path& path);
};

}  // namespace ring
