#include "common/io/output_file.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <stdexcept>

namespace io {

namespace {

constexpr int patience_ms = 50;  // between two questions whether to give up

bool is_fifo_path(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISFIFO(status.st_mode);
}

}  // namespace

OutputFile::OutputFile(const Endpoint& endpoint) : path_(endpoint.path) {
  if (endpoint.kind == Endpoint::Kind::standard_stream) {
    open_standard_output();
    return;
  }
  name_ = path_;
  if (is_fifo_path(path_)) {
    kind_ = Kind::fifo;
    never_blocks_ = true;
    return;
  }
  owned_.reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!owned_) throw_system_error("create", name_);
  struct stat status {};
  if (::fstat(owned_.get(), &status) == 0 && S_ISREG(status.st_mode)) kind_ = Kind::regular;
}

void OutputFile::open_standard_output() {
  name_ = "standard output";
  kind_ = Kind::standard_output;
  if (::isatty(STDOUT_FILENO) != 0) throw std::runtime_error(name_ + " is a terminal: give a file, a pipe or a URL");
  struct stat status {};
  if (::fstat(STDOUT_FILENO, &status) != 0) throw_system_error("open", name_);
  if (S_ISREG(status.st_mode)) kind_ = Kind::regular;
  if (!S_ISFIFO(status.st_mode)) return;
  // O_NONBLOCK would be set for all that share the pipe's end with this process; opened anew it is this one's.
  owned_.reset(::open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  never_blocks_ = static_cast<bool>(owned_);
}

int OutputFile::fd() const { return owned_ ? owned_.get() : STDOUT_FILENO; }

bool OutputFile::try_open() {
  if (kind_ != Kind::fifo || owned_) return true;
  owned_.reset(::open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  if (!owned_ && errno != ENXIO && errno != EINTR) throw_system_error("open", name_);
  return static_cast<bool>(owned_);
}

bool OutputFile::wait_writable() const {
  pollfd writable{.fd = fd(), .events = POLLOUT, .revents = 0};
  return ::poll(&writable, 1, patience_ms) > 0;
}

OutputFile::Result OutputFile::write(std::span<const std::uint8_t> bytes, const std::function<bool()>& give_up) {
  while (!bytes.empty()) {
    if (kind_ != Kind::regular && !never_blocks_ && !wait_writable()) {
      if (give_up()) return Result::gave_up;
      continue;
    }
    // A pipe that is ready takes this much without blocking (pipe(7)).
    const std::size_t most = kind_ == Kind::regular || never_blocks_ ? bytes.size() : PIPE_BUF;
    const ssize_t written = ::write(fd(), bytes.data(), std::min(bytes.size(), most));
    if (written > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    } else if (errno == EPIPE) {
      return Result::reader_gone;
    } else if (errno == EAGAIN) {
      if (!wait_writable() && give_up()) return Result::gave_up;
    } else if (errno != EINTR) {
      throw_system_error("write", name_);
    }
  }
  return Result::written;
}

}  // namespace io
