// Counters and gauges in Prometheus's text format, for node_exporter's textfile collector.
//
// A metric is named headend_TOOL_NAME, in base units (bytes, seconds), counters ending in _total. node_exporter reads
// the files of many processes as one set, so every sample has a label `channel`: the name of its file.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/cli/log.hpp"
#include "common/ts/time.hpp"

namespace cli {

class Counter {
 public:
  void add(std::uint64_t n = 1) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  // For a total that something else counts.
  void set(std::uint64_t total) noexcept { value_.store(total, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Not measured, and not written, until it is set; clear() makes it so again.
class Gauge {
 public:
  void set(double value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void clear() noexcept;
  std::optional<double> value() const noexcept;

 private:
  std::atomic<double> value_{std::numeric_limits<double>::quiet_NaN()};
};

using Labels = std::vector<std::pair<std::string, std::string>>;

class Metrics {
 public:
  // `tool` without dashes: a part of every metric's name.
  explicit Metrics(std::string tool);

  // `name` without headend_TOOL_. The same name and labels give the same cell. It lives as long as this object, or
  // until its labels are forgotten.
  Counter& counter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge& gauge(const std::string& name, const std::string& help, const Labels& labels = {});
  // Ends every cell that has this label: an output that is no more.
  void forget(const std::string& label, const std::string& value);

  std::string text(std::string_view channel) const;
  // A reader sees the old file or the new one, whole. Throws std::system_error, also if what is there is not a file of
  // metrics.
  void write_file(const std::filesystem::path& path) const;

 private:
  template <class Cell>
  struct Family {
    std::string name, help;
    std::map<Labels, Cell> cells;
  };

  std::string tool_;
  mutable std::mutex mutex_;  // of the families, not of the cells
  std::deque<Family<Counter>> counters_;
  std::deque<Family<Gauge>> gauges_;
};

// Writes the file from the main loop, at most every `interval`, and when the tool ends. Without a path it does nothing.
class MetricsWriter {
 public:
  // `refresh` brings cells up to date before each writing; may be empty. Throws UsageError if the path is that of
  // something else.
  MetricsWriter(const Metrics& metrics, std::optional<std::filesystem::path> path, std::function<void()> refresh = {},
                std::chrono::nanoseconds interval = std::chrono::seconds{5});
  ~MetricsWriter();
  MetricsWriter(const MetricsWriter&) = delete;
  MetricsWriter& operator=(const MetricsWriter&) = delete;

  // A file that cannot be written is logged, not thrown: the stream goes on.
  void poll(ts::SteadyTime now);
  void write();

 private:
  const Metrics& metrics_;
  std::optional<std::filesystem::path> path_;
  std::function<void()> refresh_;
  std::chrono::nanoseconds interval_;
  std::optional<ts::SteadyTime> next_;
  RateLimited failures_{1};
};

}  // namespace cli
