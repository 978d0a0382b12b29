#include "tools/tsmon/session.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "common/cli/json.hpp"
#include "common/cli/log.hpp"
#include "common/cli/table.hpp"  // printable()
#include "common/cli/values.hpp"
#include "common/io/file_descriptor.hpp"

namespace tsmon {
namespace {

using cli::Priority;

// As it is: a message would be one line. If nobody takes it, the verdict stands all the same.
void write_to_standard_error(const std::string& text) {
  try {
    io::write_all(STDERR_FILENO, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, "standard error");
  } catch (const std::system_error&) {
  }
}
using std::chrono::milliseconds;
using std::chrono::seconds;

// A live stream has packets every few milliseconds.
constexpr seconds silence_noticed{1};
constexpr seconds status_interval{2};
constexpr seconds command_patience{5};

// Of a terminal that does not say: 24 lines of 80.
Report::Size size_of_terminal(int fd) {
  winsize size{};
  const bool known = ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0;
  return known ? Report::Size{size.ws_row, size.ws_col} : Report::Size{24, 80};
}

}  // namespace

Session::Session(const Options& options, cli::Signals& signals, std::optional<std::filesystem::path> metrics_file,
                 std::function<Options()> reread)
    : options_(options),
      signals_(signals),
      reread_(std::move(reread)),
      source_(io::open_source(options.input, {.wait_mask = &signals.wait_mask()})),
      output_(options.report == "-" ? std::filesystem::path{} : options.report,
              options.pass && options.report.empty() ? STDERR_FILENO : STDOUT_FILENO, source_->is_live(),
              [&signals] { return signals.stop(); }),
      on_terminal_(source_->is_live() && !options.json && !options.check && output_.is_terminal()),
      monitor_(options.monitor(source_->is_live())),
      report_(options.input.text, monitor_, network_),
      // Messages would be written across a table on the same terminal.
      events_(
          source_->is_live() && !(on_terminal_ && isatty(STDERR_FILENO) == 1),
          options.json ? EventLog::Write([this](const std::string& line) { write(line + '\n'); }) : EventLog::Write()),
      command_(options.on_alarm, options.input.text, source_->is_live()),
      metrics_writer_(metrics_, std::move(metrics_file), [this] { refresh_metrics(); }),
      started_(std::chrono::steady_clock::now()) {
  if (options.pass) {
    io::SinkOptions sink;
    sink.live = source_->is_live();
    sink.pacer = &pacer_;
    sink.stopping = [this] { return signals_.stop(); };
    sink_ = io::open_sink(options.output, sink);
    report_.set_output(options.output.text, sink_.get());
  }
  monitor_.on_alarm([this](AlarmBoard::Edge edge, const Alarm& alarm) {
    if (!options_.check) events_.alarm(edge, alarm);
    command_.run(edge, alarm);
  });
  monitor_.on_change([this](const std::string& text, const Subject& subject, Moment at) {
    if (!options_.check) events_.change(text, subject, at, monitor_.wall());
  });
  monitor_.on_trouble([](const std::string& text, const Subject& subject, Moment) {
    cli::log(Priority::warning, "{}: {}", to_text(subject), cli::printable(text));
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
  tell_losses();
  monitor_.finish();
  command_.finish(command_patience);
  if (monitor_.totals().packets == 0 && (source_->ended() || options_.check)) {
    const auto bytes = source_->statistics().bytes;
    const char* nothing = source_->is_live() ? ": nothing came" : ": it is empty";
    throw std::runtime_error(fmt::format("{}: no transport stream packets{}", options_.input.text,
                                         bytes == 0 ? nothing : fmt::format(" in its {} bytes", bytes)));
  }
  if (!options_.check) write_report();
  output_.finish();
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
  write({});
  tell_losses();
  metrics_writer_.poll(now);
  manager_.poll(now);
  if (on_terminal_ && now >= next_show_) {
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
    output_.reopen();
    cli::log(Priority::notice, "configuration read again");
  } catch (const std::exception& error) {
    cli::log(Priority::error, "configuration not taken over, all goes on as before: {}", error.what());
  }
  manager_.ready();
}

void Session::tell_losses() {
  if (!sink_) return;
  const auto sent = sink_->statistics();
  losses_.tell(options_.output.text, "packets dropped", sent.dropped_packets - sent.refused_packets);
  losses_.tell(options_.output.text, "packets refused by the network", sent.refused_packets);
}

void Session::refresh_metrics() {
  monitor_metrics_.refresh(monitor_, network_, source_->statistics());
  if (sink_) monitor_metrics_.refresh(sink_->statistics());
  if (!options_.on_alarm.empty()) monitor_metrics_.refresh(command_);
}

// From the top left; what was longer before is cleared line by line, so that nothing flickers.
void Session::show() {
  // A terminal that was halted (Ctrl-S).
  if (!output_.is_idle()) return;
  std::string text = "\x1B[H";
  for (const char c : report_.screen(source_->statistics(), size_of_terminal(output_.fd()))) {
    if (c == '\n') text += "\x1B[K";
    text += c;
  }
  write(text + "\x1B[J");
}

void Session::write_report() {
  const auto statistics = source_->statistics();
  std::string text = options_.json ? cli::json_line(report_.json(statistics)) + '\n' : report_.text(statistics);
  if (on_terminal_) {
    // In place of the table, and then up to where one can scroll back to, out of the next table's way.
    text.insert(0, "\x1B[H\x1B[J");
    if (!signals_.stop()) text.append(size_of_terminal(output_.fd()).lines, '\n');
  }
  write(text);
}

// What waits is written too.
void Session::write(const std::string& text) {
  if (report_failed_) return;
  try {
    text.empty() ? output_.poll() : output_.write(text);
  } catch (const std::system_error& error) {
    // The stream that is passed on goes on; otherwise there is nothing to go on for.
    if (!sink_) throw;
    report_failed_ = true;
    cli::log(Priority::error, "{}: no more reports", error.what());
  }
}

cli::ExitStatus Session::verdict() const {
  if (report_failed_) return cli::ExitStatus::failed;
  if (!options_.check || monitor_.board().total() == 0) return cli::ExitStatus::done;
  if (cli::logs(Priority::debug)) write_to_standard_error(report_.text(source_->statistics()));
  return cli::ExitStatus::incomplete;
}

}  // namespace tsmon
