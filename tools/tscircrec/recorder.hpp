// Receives, and has what it received recorded.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/cli/exit_status.hpp"
#include "common/cli/metrics.hpp"
#include "common/cli/service_manager.hpp"
#include "common/cli/signals.hpp"
#include "common/io/source.hpp"
#include "tools/tscircrec/block_queue.hpp"
#include "tools/tscircrec/clock_watch.hpp"
#include "tools/tscircrec/disk_writer.hpp"
#include "tools/tscircrec/options.hpp"

namespace tscircrec {

class Recorder {
 public:
  // Throws if the directory or the input cannot be had.
  Recorder(const Options& options, cli::Signals& signals, std::optional<std::filesystem::path> metrics_file,
           std::function<Options()> reread);

  // Until the input ends or a signal says so.
  cli::ExitStatus run();

 private:
  void take(std::span<const io::Chunk> chunks);
  void note_silence(const ts::Arrival& arrival, BlockQueue::Intake& intake);
  void note_loss(const ts::Arrival& arrival, BlockQueue::Intake& intake);
  void watch(ts::SteadyTime now);
  void tell_junk(ts::SteadyTime now);
  void reload();
  void refresh_metrics();
  std::string summary() const;
  std::string state_text() const;

  Options options_;
  cli::Signals& signals_;
  std::function<Options()> reread_;
  cli::Metrics metrics_;
  cli::ServiceManager manager_;
  BlockQueue queue_;
  std::unique_ptr<io::Source> source_;
  DiskWriter disk_;
  cli::MetricsWriter metrics_writer_;

  ClockWatch clock_;
  std::optional<ts::Arrival> last_;  // arrival of the last packets
  ts::SteadyTime started_{};
  bool silence_told_ = false;
  std::uint64_t packets_ = 0;
  std::uint64_t gaps_ = 0;  // noted here; what continuity counters find is counted by the disk's thread
  std::uint64_t clock_steps_ = 0;
  io::SourceStatistics seen_, junk_told_;
  ts::SteadyTime next_junk_{};
  std::optional<ts::SteadyTime> loss_began_;  // of the gap that losses are counted to
  std::uint64_t overflows_told_ = 0;
  ts::SteadyTime next_status_{};
  std::uint64_t status_packets_ = 0;
  ts::SteadyTime status_at_{};
  double rate_ = 0;  // bit/s over the last status interval
};

}  // namespace tscircrec
