#include "tools/tscut/monitor.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>

#include "common/cli/log.hpp"
#include "common/cli/values.hpp"

namespace tscut {
namespace {

// Work that takes no longer needs no progress.
constexpr std::chrono::seconds before_first{1};
constexpr std::chrono::milliseconds interval{500};

void print(const std::string& line) {
  const std::string text = "\r" + line + "\x1B[K";                   // to the end of the line
  if (::write(STDERR_FILENO, text.data(), text.size()) < 0) return;  // a terminal that has gone needs no progress
}

}  // namespace

Monitor::Monitor(cli::Signals& signals, std::optional<std::filesystem::path> metrics_file)
    : signals_(signals),
      bytes_(metrics_.counter("written_bytes_total", "Bytes of the cut written.")),
      missing_parts_(metrics_.counter("missing_parts_total", "Places where a part of the range is missing.")),
      missing_packets_(metrics_.counter("missing_packets_total", "Packets known to be missing.")),
      writer_(metrics_, std::move(metrics_file)),
      on_terminal_(isatty(STDERR_FILENO) == 1 && cli::logs(cli::Priority::info)),
      next_(std::chrono::steady_clock::now() + before_first) {
  manager_.ready();
}

void Monitor::poll(const Summary& summary, const PointText& text) {
  const auto now = std::chrono::steady_clock::now();
  const bool dump = signals_.take_dump();
  signals_.take_reload();  // there is nothing to read again
  manager_.poll(now);
  if (!dump && now < next_) return;
  const std::string line = fmt::format("{}: at {}, {} written, {} missing", summary.output, text(summary.to),
                                       cli::human_size(summary.bytes), summary.missing.size());
  if (dump) cli::log(cli::Priority::notice, "{}", line);
  if (now < next_) return;
  next_ = now + interval;
  finish(summary);
  writer_.poll(now);
  manager_.status(line);
  if (on_terminal_) show(line);
}

void Monitor::finish(const Summary& summary) {
  clear();
  bytes_.set(summary.bytes);
  missing_parts_.set(summary.missing.size());
  std::uint64_t packets = 0;
  for (const auto& part : summary.missing) packets += part.packets;
  missing_packets_.set(packets);
}

void Monitor::show(const std::string& line) {
  print(line);
  shown_ = true;
}

void Monitor::clear() {
  if (shown_) print("");
  shown_ = false;
}

}  // namespace tscut
