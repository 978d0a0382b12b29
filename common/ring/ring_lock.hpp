// One recorder a directory: a lock on DIR/.lock, which ends with the process however it ends.
#pragma once

#include <filesystem>
#include <optional>

#include "common/io/file_descriptor.hpp"

namespace ring {

class RingLock {
 public:
  // Throws std::runtime_error that names the process that holds it, std::system_error if the file cannot be made.
  explicit RingLock(const std::filesystem::path& directory);

  // Whether the directory's lock is still this one: the directory, or the file in it, may have been moved or removed.
  bool is_in_place() const;
  // Gives the directory up, with nothing left of the lock. To be called for a directory where nothing was recorded.
  void remove();

  // The process that is recording to the directory, 0 if it has not said; nothing if there is none.
  static std::optional<int> holder(const std::filesystem::path& directory);
  // A recorder has been at work there.
  static bool exists(const std::filesystem::path& directory);

 private:
  void take(const std::filesystem::path& directory);

  std::filesystem::path path_;
  io::FileDescriptor fd_;
};

}  // namespace ring
