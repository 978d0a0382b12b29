#include "common/cli/log.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

namespace cli {
namespace {

struct Settings {
  std::string tool = "headend";
  Priority threshold = Priority::info;
  bool to_journal = false;
};

// There is one standard error, so there is one of these.
Settings& settings() {
  static Settings instance;
  return instance;
}

// systemd.exec(5): JOURNAL_STREAM holds the device and inode of the journal's socket. The variable is inherited, so
// standard error may by now be something else.
bool is_journal(int descriptor) {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  if (stream == nullptr || fstat(descriptor, &status) != 0) return false;
  return stream == fmt::format("{}:{}", status.st_dev, status.st_ino);
}

}  // namespace

void set_log(std::string tool, Priority threshold) {
  settings() = {std::move(tool), threshold, is_journal(STDERR_FILENO)};
}

bool logs(Priority priority) { return priority <= settings().threshold; }

void write_log(Priority priority, std::string_view text) {
  std::string line = settings().to_journal ? fmt::format("<{}>", static_cast<int>(priority)) : settings().tool + ": ";
  line += text;
  // Names in messages come from streams: no line breaks or terminal controls in them.
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  line += '\n';
  // There is nowhere to report a message that cannot be written.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

bool RateLimited::admit(ts::SteadyTime now) {
  if (now - window_start_ >= std::chrono::minutes{1}) {
    window_start_ = now;
    in_window_ = 0;
  }
  if (in_window_ < per_minute_) {
    ++in_window_;
    return true;
  }
  ++left_out_;
  return false;
}

std::string RateLimited::take_note() {
  if (left_out_ == 0) return {};
  return fmt::format(" ({} more)", std::exchange(left_out_, 0));
}

}  // namespace cli
