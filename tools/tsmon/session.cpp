#include "tools/tsmon/session.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "common/cli/log.hpp"
#include "common/cli/values.hpp"
#include "tools/tsmon/monitor_metrics.hpp"

namespace tsmon {
namespace {

using cli::Priority;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A live stream has packets every few milliseconds.
constexpr seconds silence_noticed{1};
constexpr seconds status_interval{2};
constexpr seconds command_patience{5};
// Of a terminal that does not say.
constexpr std::size_t usual_lines = 24;

io::FileDescriptor open_report(const std::filesystem::path& path) {
  if (path.empty()) return {};
  io::FileDescriptor file{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)};
  if (!file) throw std::system_error(errno, std::generic_category(), "open " + path.string());
  return file;
}

std::size_t lines_of_terminal(int fd) {
  winsize size{};
  return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : usual_lines;
}

std::string line_of(const nlohmann::ordered_json& object) {
  return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

}  // namespace

Session::Session(const Options& options, cli::Signals& signals, std::optional<std::filesystem::path> metrics_file,
                 std::function<Options()> reread)
    : options_(options),
      signals_(signals),
      reread_(std::move(reread)),
      report_file_(open_report(options.report)),
      report_fd_(report_file_   ? report_file_.get()
                 : options.pass ? STDERR_FILENO
                                : STDOUT_FILENO),
      on_terminal_(!options.json && !options.check && isatty(report_fd_) == 1),
      source_(io::open_source(options.input, {.wait_mask = &signals.wait_mask()})),
      monitor_(options.monitor(source_->is_live())),
      report_(options.input.text, monitor_, network_),
      events_(
          source_->is_live() && !on_terminal_,
          options.json ? EventLog::Write([this](const std::string& line) { write(line + '\n'); }) : EventLog::Write()),
      command_(options.on_alarm, options.input.text),
      metrics_writer_(metrics_, std::move(metrics_file),
                      [this] { refresh(metrics_, monitor_, network_, source_->statistics()); }),
      started_(std::chrono::steady_clock::now()) {
  if (options.pass) {
    io::SinkOptions sink;
    sink.live = source_->is_live();
    sink.pacer = &pacer_;
    sink.stopping = [this] { return signals_.stop(); };
    sink_ = io::open_sink(options.output, sink);
  }
  monitor_.on_alarm([this](AlarmBoard::Edge edge, const Alarm& alarm) {
    if (!options_.check) events_.alarm(edge, alarm);
    command_.run(edge, alarm);
  });
  monitor_.on_change([this](const std::string& text, const Subject& subject, Moment at) {
    if (!options_.check) events_.change(text, subject, at, monitor_.wall());
  });
}

cli::ExitStatus Session::run() {
  manager_.ready();
  for (auto now = started_; !is_over(now); now = std::chrono::steady_clock::now()) {
    const auto chunks = source_->read(milliseconds{100});
    take(chunks);
    watch(!chunks.empty(), std::chrono::steady_clock::now());
  }
  manager_.stopping();
  if (sink_) sink_->finish();
  monitor_.finish();
  command_.finish(command_patience);
  if (monitor_.totals().packets == 0 && (source_->ended() || options_.check)) {
    const auto bytes = source_->statistics().bytes;
    throw std::runtime_error(fmt::format("{}: no transport stream packets{}", options_.input.text,
                                         bytes == 0 ? ": it is empty" : fmt::format(" in its {} bytes", bytes)));
  }
  if (!options_.check) write_report();
  return verdict();
}

bool Session::is_over(ts::SteadyTime now) const {
  if (signals_.stop() || source_->ended()) return true;
  if (!options_.duration) return false;
  return source_->is_live() ? now - started_ >= *options_.duration : monitor_.duration() >= *options_.duration;
}

void Session::take(std::span<const io::Chunk> chunks) {
  // First what others wait for.
  if (sink_) {
    for (const io::Chunk& chunk : chunks) {
      sink_->write(chunk.packets, {position_, chunk.arrival});
      position_ += chunk.packets.size();
    }
    sink_->flush();
  }
  const auto statistics = source_->statistics();
  if (statistics.has_socket) {
    network_.set_lost(monitor_.lost_packets());
    network_.feed(chunks, monitor_.rate().current() ? monitor_.mean_rate() : std::nullopt);
  }
  monitor_.feed(chunks, statistics);
}

void Session::watch(bool received, ts::SteadyTime now) {
  watch_silence(received, now);
  answer_signals();
  command_.poll(now);
  metrics_writer_.poll(now);
  manager_.poll(now);
  if (on_terminal_ && source_->is_live() && now >= next_show_) {
    next_show_ = now + options_.interval;
    show();
  }
  if (now >= next_status_) {
    next_status_ = now + status_interval;
    manager_.status(report_.status_line(source_->statistics()));
  }
}

void Session::watch_silence(bool received, ts::SteadyTime now) {
  if (received) {
    last_arrival_ = now;
    if (std::exchange(is_silent_, false)) monitor_.end_silence();
    return;
  }
  if (!source_->is_live()) return;
  const auto since = last_arrival_.value_or(started_);
  monitor_.idle({now, std::chrono::system_clock::now()});
  if (is_silent_ || now - since < silence_noticed) return;
  is_silent_ = true;
  monitor_.begin_silence(silence_noticed);
}

void Session::answer_signals() {
  if (signals_.take_dump()) write_report();
  if (signals_.take_reload()) reload();
}

void Session::reload() {
  manager_.reloading();
  try {
    const Options again = reread_();
    if (again.input.text != options_.input.text) {
      cli::log(Priority::warning, "the input stays {} until a restart", options_.input.text);
    }
    const auto now = again.monitor(source_->is_live());
    monitor_.change(now.watched, now.limits, now.private_pids);
    command_.change(again.on_alarm);
    options_.interval = again.interval;
    cli::log(Priority::notice, "configuration read again");
  } catch (const std::exception& error) {
    cli::log(Priority::error, "configuration not taken over, all goes on as before: {}", error.what());
  }
  manager_.ready();
}

// From the top left; what was longer before is cleared line by line, so that nothing flickers.
void Session::show() {
  std::string text = "\x1B[H";
  for (const char c : report_.screen(source_->statistics(), lines_of_terminal(report_fd_))) {
    if (c == '\n') text += "\x1B[K";
    text += c;
  }
  write(text + "\x1B[J");
}

void Session::write_report() {
  const auto statistics = source_->statistics();
  if (on_terminal_ && source_->is_live()) write("\x1B[H\x1B[J");
  write(options_.json ? line_of(report_.json(statistics)) : report_.text(statistics));
}

void Session::write(const std::string& text) {
  io::write_all(report_fd_, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()},
                options_.report.empty() ? "standard output" : options_.report.string());
}

cli::ExitStatus Session::verdict() const {
  if (!options_.check || monitor_.board().total() == 0) return cli::ExitStatus::done;
  if (cli::logs(Priority::debug)) {
    cli::write_log(Priority::debug, report_.text(source_->statistics()));
  }
  return cli::ExitStatus::incomplete;
}

}  // namespace tsmon
