// Where reports and events are written. A reader that is slow or hangs never stops a live stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "common/cli/log.hpp"
#include "common/io/file_descriptor.hpp"

namespace tsmon {

class ReportOutput {
 public:
  // `file` is made or emptied; empty: `standard`, a descriptor of somebody else's. `live`: what is not taken at once
  // waits, up to a bound, and beyond that is left out and counted; otherwise the reader is waited for, unless
  // `stopping`. Throws std::system_error, as all of these do.
  ReportOutput(const std::filesystem::path& file, int standard, bool live, std::function<bool()> stopping);

  int fd() const { return file_ ? file_.get() : standard_; }
  bool is_terminal() const { return is_terminal_; }
  // The reader has taken all.
  bool is_idle() const { return waiting_.empty(); }

  // Whole lines.
  void write(std::string_view text);
  // From the main loop: what waits is written, as far as it is taken.
  void poll();
  // Another file of the same name, after this one was renamed; what is there is added to.
  void reopen();
  // What waits is written, if the reader takes any of it within a second.
  void finish();

 private:
  bool wait_writable(int timeout_ms) const;
  bool write_some();
  void forget(std::size_t bytes);  // of waiting_, from its beginning
  std::string name() const;

  std::filesystem::path path_;
  io::FileDescriptor file_;
  int standard_;
  bool live_;
  std::function<bool()> stopping_;
  bool is_terminal_ = false, is_regular_ = false;
  std::string waiting_;
  std::size_t written_ = 0;  // of waiting_
  std::uint64_t left_out_ = 0;
  cli::RateLimited complaints_{1};
};

}  // namespace tsmon
