#include "common/cli/metrics.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <fstream>
#include <limits>
#include <system_error>

#include "common/cli/app.hpp"
#include "common/cli/table.hpp"  // printable()

namespace cli {
namespace {

// What every file of ours begins with, and by which it is known again.
constexpr std::string_view first_family = "headend_build_info";
constexpr std::string_view own_beginning = "# HELP headend_build_info";

// Seconds since 1970, once for the process.
double start_time() {
  static const double start =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  return start;
}

// Prometheus's exposition format: backslash, line feed, and in label values the quote.
std::string escaped(std::string_view text, bool in_label) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && in_label) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
  return out;
}

std::string label_text(std::string_view channel, const Labels& labels) {
  // One name that is no UTF-8 (of a file) would have the collector refuse all of the metrics.
  std::string out = fmt::format("{{channel=\"{}\"", escaped(printable(channel), true));
  for (const auto& [name, value] : labels) out += fmt::format(",{}=\"{}\"", name, escaped(printable(value), true));
  return out + '}';
}

void append_head(std::string& out, std::string_view name, std::string_view help, std::string_view type) {
  out += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, escaped(help, false), type);
}

template <class Families>
auto& cell_of(Families& families, const std::string& name, const std::string& help, const Labels& labels) {
  auto family = std::find_if(families.begin(), families.end(), [&](const auto& f) { return f.name == name; });
  if (family == families.end()) family = families.insert(families.end(), {name, help, {}});
  return family->cells.try_emplace(labels).first->second;
}

[[noreturn]] void fail(int error, const std::string& action, const std::filesystem::path& path) {
  throw std::system_error(error, std::generic_category(), action + " " + path.string());
}

// A path given by mistake (a stream, a device) must not be replaced by metrics. Throws std::system_error.
void refuse_other_file(const std::filesystem::path& path) {
  const auto refuse = [&path](const char* why) { fail(EEXIST, "replace", path.string() + why); };
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return;  // nothing there, or open() says what is wrong
  if (!S_ISREG(status.st_mode)) refuse(", which is not a regular file");
  if (status.st_size == 0) return;
  std::ifstream file{path, std::ios::binary};
  std::string beginning(own_beginning.size(), '\0');
  file.read(beginning.data(), static_cast<std::streamsize>(beginning.size()));
  if (beginning != own_beginning) refuse(", which holds something else than metrics");
}

}  // namespace

void Gauge::clear() noexcept { set(std::numeric_limits<double>::quiet_NaN()); }

std::optional<double> Gauge::value() const noexcept {
  const double value = value_.load(std::memory_order_relaxed);
  return std::isnan(value) ? std::nullopt : std::optional{value};
}

Metrics::Metrics(std::string tool) : tool_(std::move(tool)) { start_time(); }

Counter& Metrics::counter(const std::string& name, const std::string& help, const Labels& labels) {
  const std::lock_guard lock{mutex_};
  return cell_of(counters_, "headend_" + tool_ + "_" + name, help, labels);
}

Gauge& Metrics::gauge(const std::string& name, const std::string& help, const Labels& labels) {
  const std::lock_guard lock{mutex_};
  return cell_of(gauges_, "headend_" + tool_ + "_" + name, help, labels);
}

void Metrics::forget(const std::string& label, const std::string& value) {
  const std::lock_guard lock{mutex_};
  const auto carries_it = [&](const auto& cell) {
    return std::find(cell.first.begin(), cell.first.end(), std::pair{label, value}) != cell.first.end();
  };
  for (auto& family : counters_) std::erase_if(family.cells, carries_it);
  for (auto& family : gauges_) std::erase_if(family.cells, carries_it);
}

std::string Metrics::text(std::string_view channel) const {
  std::string out;
  append_head(out, first_family, "The version that runs; always 1.", "gauge");
  out += fmt::format("headend_build_info{} 1\n", label_text(channel, {{"tool", tool_}, {"version", HEADEND_VERSION}}));
  append_head(out, "headend_start_time_seconds", "When the process started, since 1970.", "gauge");
  out += fmt::format("headend_start_time_seconds{} {:.3f}\n", label_text(channel, {{"tool", tool_}}), start_time());

  const std::lock_guard lock{mutex_};
  for (const auto& family : counters_) {
    if (family.cells.empty()) continue;
    append_head(out, family.name, family.help, "counter");
    for (const auto& [labels, cell] : family.cells) {
      out += fmt::format("{}{} {}\n", family.name, label_text(channel, labels), cell.value());
    }
  }
  for (const auto& family : gauges_) {
    const auto measured = [](const auto& cell) { return cell.second.value().has_value(); };
    if (std::none_of(family.cells.begin(), family.cells.end(), measured)) continue;
    append_head(out, family.name, family.help, "gauge");
    for (const auto& [labels, cell] : family.cells) {
      if (const auto value = cell.value()) {
        out += fmt::format("{}{} {}\n", family.name, label_text(channel, labels), *value);
      }
    }
  }
  return out;
}

void Metrics::write_file(const std::filesystem::path& path) const {
  refuse_other_file(path);
  const std::string content = text(path.stem().string());
  // The collector reads *.prom only, so it does not see this one.
  const std::filesystem::path temporary = fmt::format("{}.{}.tmp", path.string(), getpid());
  const int descriptor = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor < 0) fail(errno, "open", temporary);
  const ssize_t written = write(descriptor, content.data(), content.size());
  const int write_error = written < 0 ? errno : written != static_cast<ssize_t>(content.size()) ? ENOSPC : 0;
  close(descriptor);
  if (write_error != 0) {
    unlink(temporary.c_str());
    fail(write_error, "write", temporary);
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    unlink(temporary.c_str());
    fail(error, "rename " + temporary.string() + " to", path);
  }
}

MetricsWriter::MetricsWriter(const Metrics& metrics, std::optional<std::filesystem::path> path,
                             std::function<void()> refresh, std::chrono::nanoseconds interval)
    : metrics_(metrics), path_(std::move(path)), refresh_(std::move(refresh)), interval_(interval) {
  if (!path_) return;
  try {
    refuse_other_file(*path_);
  } catch (const std::system_error& error) {
    throw UsageError(fmt::format("--metrics: {}", error.what()));
  }
}

MetricsWriter::~MetricsWriter() { write(); }

void MetricsWriter::poll(ts::SteadyTime now) {
  if (!path_ || (next_ && now < *next_)) return;
  next_ = now + interval_;
  write();
}

void MetricsWriter::write() {
  if (!path_) return;
  if (refresh_) refresh_();
  try {
    metrics_.write_file(*path_);
  } catch (const std::system_error& error) {
    failures_.log(Priority::error, "metrics: {}", error.what());
  }
}

}  // namespace cli
