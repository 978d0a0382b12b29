#include "tools/tsmon/alarm_command.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "common/cli/date.hpp"
#include "common/cli/log.hpp"
#include "tools/tsmon/event_log.hpp"

namespace tsmon {
namespace {

using cli::Priority;

// More events wait for a command that hangs or is slow than a person can use.
constexpr std::size_t most_waiting = 256;
constexpr std::chrono::seconds slow{30};

bool is_ours(const char* variable) { return std::strncmp(variable, "TSMON_", 6) == 0; }

// The child has the default signals, an empty mask, nothing on standard input, and its output goes where messages go.
class SpawnSettings {
 public:
  SpawnSettings() {
    posix_spawnattr_init(&attributes_);
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, STDERR_FILENO, STDOUT_FILENO);
  }
  ~SpawnSettings() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&actions_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  int run(pid_t& child, const std::string& command, std::vector<std::string>& variables) {
    std::string shell = "/bin/sh", option = "-c", text = command;
    char* arguments[] = {shell.data(), option.data(), text.data(), nullptr};
    std::vector<char*> environment;
    for (char** variable = environ; *variable != nullptr; ++variable) {
      if (!is_ours(*variable)) environment.push_back(*variable);
    }
    for (std::string& variable : variables) environment.push_back(variable.data());
    environment.push_back(nullptr);
    return posix_spawn(&child, shell.c_str(), &actions_, &attributes_, arguments, environment.data());
  }

 private:
  posix_spawnattr_t attributes_;
  posix_spawn_file_actions_t actions_;
};

}  // namespace

AlarmCommand::~AlarmCommand() {
  if (!running_) return;
  // Of its own group, with what it has started.
  kill(-*running_, SIGTERM);
}

void AlarmCommand::run(AlarmBoard::Edge edge, const Alarm& alarm) {
  if (command_.empty()) return;
  if (waiting_.size() >= most_waiting) {
    ++left_out_;
    complaints_.log(Priority::warning, "--on-alarm: the command is too slow, {} events were left out", left_out_);
    return;
  }
  const auto& what = info(alarm.indicator);
  const auto number = [](auto value) { return value ? std::to_string(value->value()) : std::string{}; };
  const auto date = [this](ts::WallTime time) { return live_ ? cli::utc_text(time) : std::string{}; };
  waiting_.push_back({
      fmt::format("TSMON_EDGE={}", to_text(edge)),
      fmt::format("TSMON_INDICATOR={}", what.code),
      fmt::format("TSMON_NAME={}", what.name),
      "TSMON_PID=" + number(alarm.subject.pid),
      "TSMON_SERVICE=" + number(alarm.subject.service),
      "TSMON_TABLE=" + (alarm.subject.table ? std::to_string(*alarm.subject.table) : std::string{}),
      fmt::format("TSMON_COUNT={}", alarm.count),
      "TSMON_DETAIL=" + alarm.detail,
      "TSMON_FIRST=" + date(alarm.first_wall),
      "TSMON_LAST=" + date(alarm.last_wall),
      fmt::format("TSMON_FIRST_S={:.3f}", seconds(alarm.first.time)),
      fmt::format("TSMON_LAST_S={:.3f}", seconds(alarm.last.time)),
      "TSMON_INPUT=" + input_,
  });
}

void AlarmCommand::poll(ts::SteadyTime now) {
  if (running_) {
    int status = 0;
    const pid_t ended = waitpid(*running_, &status, WNOHANG);
    if (ended == 0) {
      if (!told_slow_ && now - began_ > slow) {
        told_slow_ = true;
        cli::log(Priority::warning, "--on-alarm: the command has run for {} s, further events wait for it",
                 slow.count());
      }
      return;
    }
    running_.reset();
    if (ended > 0 && status != 0) {
      cli::log(Priority::warning, "--on-alarm: the command ended with {} {}", WIFEXITED(status) ? "status" : "signal",
               WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    }
  }
  if (!waiting_.empty()) begin(now);
}

void AlarmCommand::begin(ts::SteadyTime now) {
  Environment variables = std::move(waiting_.front());
  waiting_.pop_front();
  pid_t child = 0;
  if (const int error = SpawnSettings{}.run(child, command_, variables); error != 0) {
    cli::log(Priority::error, "--on-alarm: run /bin/sh: {}", std::strerror(error));
    return;
  }
  running_ = child;
  began_ = now;
  told_slow_ = false;
}

void AlarmCommand::finish(std::chrono::nanoseconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  for (auto now = end - patience; (running_ || !waiting_.empty()) && now < end;
       now = std::chrono::steady_clock::now()) {
    poll(now);
    if (running_) std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  if (running_ || !waiting_.empty()) {
    left_out_ += waiting_.size();
    cli::log(Priority::warning, "--on-alarm: the command has not ended, {} events were left out", left_out_);
  }
}

}  // namespace tsmon
