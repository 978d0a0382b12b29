#include "common/io/file_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "common/io/waiting.hpp"

namespace io {

namespace {

// Whole packets, close to 256 KiB: enough that system calls cost nothing, little enough to stay in the cache.
constexpr std::size_t block_size = 256 * 1024 / ts::packet_size * ts::packet_size;

}  // namespace

FileSource::FileSource(const Endpoint& endpoint, const SourceOptions& options)
    : name_(endpoint.kind == Endpoint::Kind::standard_stream ? "standard input" : endpoint.path),
      wait_mask_(options.wait_mask) {
  if (endpoint.kind == Endpoint::Kind::path) {
    // A FIFO opens at once so, although nobody writes to it yet.
    owned_.reset(::open(endpoint.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!owned_) throw_system_error("open", name_);
    fd_ = owned_.get();
  } else {
    fd_ = STDIN_FILENO;
  }
  struct stat status {};
  if (::fstat(fd_, &status) != 0) throw_system_error("open", name_);
  if (S_ISDIR(status.st_mode)) throw_system_error("read", name_, EISDIR);
  if (::isatty(fd_) != 0) throw std::runtime_error(name_ + " is a terminal: give a file, a pipe or a URL");
  regular_ = S_ISREG(status.st_mode);
  if (regular_) ::posix_fadvise(fd_, 0, 0, POSIX_FADV_SEQUENTIAL);
  buffer_.resize(block_size);
}

std::optional<std::size_t> FileSource::fill(std::chrono::milliseconds timeout) {
  take_signals(wait_mask_);
  if (!regular_ && !wait_readable(fd_, timeout, wait_mask_)) return std::nullopt;
  const ssize_t count = ::read(fd_, buffer_.data() + kept_, buffer_.size() - kept_);
  if (count >= 0) return static_cast<std::size_t>(count);
  if (errno == EINTR || errno == EAGAIN) return std::nullopt;
  if (errno == EOVERFLOW) {  // a DVB device whose buffer ran over (Linux media API, "read()" of a dvr device)
    overrun_ = true;
    return std::nullopt;
  }
  throw_system_error("read", name_);
}

std::span<const Chunk> FileSource::read(std::chrono::milliseconds timeout) {
  if (more_) {
    if (const auto packets = synchronizer_.feed({}); !packets.empty()) return deliver(packets);
    more_ = false;
    if (last_) {
      ended_ = true;
      if (const auto rest = synchronizer_.finish(); !rest.empty()) return deliver(rest);
    }
  }
  if (ended_) return {};

  // An incomplete packet is moved to the front, so that packets stay aligned in the buffer and need no copy.
  std::memmove(buffer_.data(), buffer_.data() + filled_, kept_);
  filled_ = 0;
  const auto count = fill(timeout);
  if (!count) return {};
  arrival_ = {std::chrono::steady_clock::now(), std::chrono::system_clock::now()};
  last_ = *count == 0;
  bytes_ += *count;
  const std::size_t size = kept_ + *count;
  kept_ = last_ ? 0 : size % ts::packet_size;
  filled_ = size - kept_;
  more_ = true;
  const auto packets = synchronizer_.feed(std::span{buffer_}.first(filled_));
  return packets.empty() ? std::span<const Chunk>{} : deliver(packets);
}

std::span<const Chunk> FileSource::deliver(std::span<const ts::Packet> packets) {
  const std::uint64_t skipped = synchronizer_.statistics().skipped_bytes;
  chunk_ = {packets, arrival_, overrun_ || skipped != skipped_before_};
  skipped_before_ = skipped;
  overrun_ = false;
  return {&chunk_, 1};
}

SourceStatistics FileSource::statistics() const {
  const auto& stream = synchronizer_.statistics();
  SourceStatistics result;
  result.packets = stream.packets;
  result.bytes = bytes_;
  result.bad_sync = stream.bad_sync;
  result.sync_losses = stream.sync_losses;
  result.skipped_bytes = stream.skipped_bytes;
  return result;
}

}  // namespace io
