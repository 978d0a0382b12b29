#include "tools/tsplayout/report.hpp"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "common/cli/log.hpp"

namespace tsplayout {

namespace {

constexpr std::chrono::seconds telling_interval{2};

}  // namespace

Report::Report(io::Endpoint output, const playout::Playout& playout, const io::Sink& sink, cli::Metrics& metrics)
    : output_(std::move(output)), playout_(playout), sink_(sink), metrics_(metrics) {}

void Report::refresh() {
  const playout::PlayoutStatistics played = playout_.statistics();
  const auto count = [&](const char* name, const char* help, std::uint64_t total) {
    metrics_.counter(name, help).set(total);
  };
  count("packets_total", "Packets played.", played.packets);
  count("files_total", "Files begun.", played.files);
  count("files_skipped_total", "Files that could not be played, or not to their end.", played.files_skipped);
  count("filler_packets_total", "Packets put between files.", played.filler_packets);
  count("blanked_packets_total", "Packets of PES packets or sections that had no beginning.", played.blanked_packets);
  count("clock_jumps_total", "Jumps of program clocks within files, smoothed.", played.clock_jumps);
  count("sections_renumbered_total", "Table sections sent with another version.", played.sections_renumbered);
  count("skipped_bytes_total", "Bytes of files that were part of no packet.", played.skipped_bytes);
  count("sync_losses_total", "Times that packets could not be found in the bytes of a file.", played.sync_losses);
  const io::SinkStatistics sent = sink_.statistics();
  count("dropped_packets_total", "Packets that did not leave.", sent.dropped_packets);
  if (!sent.pacer) return;
  count("datagrams_total", "Datagrams sent.", sent.pacer->datagrams);
  count("late_datagrams_total", "Datagrams sent more than a millisecond after their time.", sent.pacer->late);
  count("send_errors_total", "Datagrams that the network refused or no SRT peer took.", sent.pacer->send_errors);
  metrics_.gauge("worst_lateness_seconds", "Latest datagram against its time.")
      .set(std::chrono::duration<double>(sent.pacer->worst_lateness).count());
}

void Report::tell_losses() {
  losses_.tell(output_.text, std::string{io::refusal(output_)}, sink_.statistics().refused_packets);
}

void Report::poll(ts::SteadyTime now) {
  if (now < next_telling_) return;
  next_telling_ = now + telling_interval;
  tell_losses();
}

// Made anew with each file only.
const std::string& Report::status_line() {
  const std::uint64_t files = playout_.statistics().files;
  if (files != line_files_) line_ = fmt::format("playing {} (turn {})", playout_.playing(), playout_.turn());
  line_files_ = files;
  return line_;
}

void Report::print() const {
  const playout::PlayoutStatistics played = playout_.statistics();
  cli::log(cli::Priority::notice, "playing {} (turn {}); {} packets sent of {} files, {} files skipped, {} clock jumps",
           playout_.playing(), playout_.turn(), played.packets, played.files, played.files_skipped, played.clock_jumps);
  const auto sent = sink_.statistics();
  if (!sent.pacer) return;
  cli::log(cli::Priority::notice, "{} datagrams, {} late by more than 1 ms, worst {:.3f} ms, {} refused",
           sent.pacer->datagrams, sent.pacer->late,
           std::chrono::duration<double, std::milli>(sent.pacer->worst_lateness).count(), sent.pacer->send_errors);
}

}  // namespace tsplayout
