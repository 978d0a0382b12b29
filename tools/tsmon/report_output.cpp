#include "tools/tsmon/report_output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <system_error>
#include <utility>

namespace tsmon {
namespace {

// Some ten thousand events.
constexpr std::size_t most_waiting = 4 << 20;
constexpr int patience_ms = 1000;

bool is_of_type(int fd, mode_t type) {
  struct stat facts {};
  return ::fstat(fd, &facts) == 0 && (facts.st_mode & S_IFMT) == type;
}

// A FIFO that nobody reads yet takes what its buffer holds: O_RDWR does not wait for a reader.
io::FileDescriptor open_file(const std::filesystem::path& path, int how) {
  if (path.empty()) return {};
  std::error_code error;
  const bool is_fifo = std::filesystem::is_fifo(path, error);
  const int flags = is_fifo ? O_RDWR | O_NONBLOCK : O_WRONLY | O_CREAT | how;
  io::FileDescriptor file{::open(path.c_str(), flags | O_CLOEXEC, 0666)};
  if (!file) io::throw_system_error("open", path.string());
  return file;
}

}  // namespace

ReportOutput::ReportOutput(const std::filesystem::path& file, int standard, bool live, std::function<bool()> stopping)
    : path_(file), file_(open_file(file, O_TRUNC)), standard_(standard), live_(live), stopping_(std::move(stopping)) {
  is_terminal_ = ::isatty(fd()) == 1;
  is_regular_ = is_of_type(fd(), S_IFREG);
}

std::string ReportOutput::name() const {
  if (file_) return path_.string();
  return standard_ == STDERR_FILENO ? "standard error" : "standard output";
}

void ReportOutput::write(std::string_view text) {
  if (waiting_.size() - written_ + text.size() > most_waiting && !waiting_.empty()) {
    ++left_out_;
    complaints_.log(cli::Priority::warning, "{}: the reader is too slow, {} reports and events were left out", name(),
                    left_out_);
    return;
  }
  waiting_ += text;
  poll();
  while (!live_ && !is_idle() && !stopping_()) {
    wait_writable(patience_ms);
    poll();
  }
}

void ReportOutput::poll() {
  while (!is_idle() && write_some()) {
  }
}

bool ReportOutput::wait_writable(int timeout_ms) const {
  pollfd writable{.fd = fd(), .events = POLLOUT, .revents = 0};
  return ::poll(&writable, 1, timeout_ms) > 0;
}

// Whether any was taken.
bool ReportOutput::write_some() {
  if (!is_regular_ && !wait_writable(0)) return false;
  // A pipe that is ready takes this much without blocking (pipe(7)).
  const std::size_t most = is_regular_ ? waiting_.size() : PIPE_BUF;
  const ssize_t written = ::write(fd(), waiting_.data() + written_, std::min(waiting_.size() - written_, most));
  if (written < 0) {
    const int error = errno;
    if (error == EAGAIN || error == EINTR) return false;
    forget(waiting_.size());
    io::throw_system_error("write", name(), error);
  }
  written_ += static_cast<std::size_t>(written);
  if (written_ == waiting_.size() || written_ > most_waiting) forget(written_);
  return true;
}

void ReportOutput::forget(std::size_t bytes) {
  waiting_.erase(0, bytes);
  written_ = 0;
}

void ReportOutput::reopen() {
  if (!file_ || !is_regular_) return;
  io::FileDescriptor again = open_file(path_, O_APPEND);
  is_regular_ = is_of_type(again.get(), S_IFREG);
  file_ = std::move(again);
}

void ReportOutput::finish() {
  poll();
  while (!is_idle() && wait_writable(patience_ms)) poll();
  if (!is_idle()) {
    cli::log(cli::Priority::warning, "{}: the reader has not taken the last {} bytes of the report", name(),
             waiting_.size() - written_);
  }
}

}  // namespace tsmon
