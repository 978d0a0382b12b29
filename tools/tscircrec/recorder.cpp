#include "tools/tscircrec/recorder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "common/cli/date.hpp"
#include "common/cli/log.hpp"
#include "common/cli/values.hpp"

namespace tscircrec {
namespace {

using ring::GapRecord;

// Datagrams wait in the socket for so long, so that they are read many at a time; their dates are the kernel's.
constexpr std::chrono::milliseconds gather{50};
constexpr std::chrono::milliseconds longest_wait{250};
constexpr std::chrono::seconds status_interval{5};
// How often junk in the input is warned of.
constexpr std::chrono::seconds junk_interval{10};
// Losses closer together are one gap, as in the index.
constexpr std::chrono::seconds loss_span{1};
// An input that can wait is read ahead by no more than this.
constexpr std::size_t read_ahead = std::size_t{8} << 20;

// Read together: a pause between the two readings would look like a step.
ts::Arrival read_clocks() {
  for (int tries = 0;; ++tries) {
    const auto before = std::chrono::steady_clock::now();
    const auto wall = std::chrono::system_clock::now();
    const auto after = std::chrono::steady_clock::now();
    if (after - before < std::chrono::milliseconds{1} || tries == 10) return {after, wall};
  }
}

ring::WriterOptions writer_options(const Options& options) {
  ring::WriterOptions writer;
  writer.directory = *options.directory;
  writer.segment = options.segment;
  writer.limits = options.limits();
  // Called by one thread at a time: this one before start() and after finish(), the disk's in between.
  using Importance = ring::WriterOptions::Importance;
  struct Limits {
    cli::RateLimited notes{20}, losses{20};
  };
  writer.report = [limits = std::make_shared<Limits>()](Importance importance, const std::string& text) {
    const bool loss = importance == Importance::loss;
    (loss ? limits->losses : limits->notes).log(loss ? cli::Priority::error : cli::Priority::warning, "{}", text);
  };
  return writer;
}

std::string age_text(ts::SteadyTime now, ts::SteadyTime then) { return cli::human_duration(now - then); }

}  // namespace

Recorder::Recorder(const Options& options, cli::Signals& signals, std::optional<std::filesystem::path> metrics_file,
                   std::function<Options()> reread)
    : options_(options),
      signals_(signals),
      reread_(std::move(reread)),
      metrics_("tscircrec"),
      // A file or a pipe waits for the disk, see take(): nothing of it is ever dropped.
      queue_(options.input->is_socket() ? options.buffer : std::chrono::nanoseconds::max()),
      source_(io::open_source(*options.input, {.gather = gather, .wait_mask = &signals.wait_mask()})),
      disk_(writer_options(options), options.sync, queue_),
      metrics_writer_(metrics_, std::move(metrics_file), [this] { refresh_metrics(); }) {}

cli::ExitStatus Recorder::run() {
  disk_.start();
  started_ = status_at_ = std::chrono::steady_clock::now();
  manager_.ready();
  while (!signals_.stop() && !source_->ended() && !disk_.failed()) {
    const auto chunks = source_->read(longest_wait);
    take(chunks);
    watch(std::chrono::steady_clock::now());
    if (signals_.take_reload()) reload();
    if (signals_.take_dump()) cli::write_log(cli::Priority::notice, state_text());
  }
  manager_.stopping();
  disk_.finish();
  if (packets_ == 0 && source_->ended()) {
    throw std::runtime_error(options_.input->text + ": no transport stream packets");
  }
  tell_junk(std::chrono::steady_clock::now());  // a truncated last packet, if nothing else
  cli::log(cli::Priority::info, "{}", state_text());
  return cli::ExitStatus::done;
}

void Recorder::take(std::span<const io::Chunk> chunks) {
  const auto step = clock_.feed(read_clocks());
  if (chunks.empty() && !step) return;
  while (!source_->is_live() && !signals_.stop() && !disk_.failed() &&
         !queue_.wait_for_room(longest_wait, read_ahead)) {
    watch(std::chrono::steady_clock::now());  // a disk that refuses may do so for long
  }
  BlockQueue::Intake intake{queue_};
  if (step) {
    ++clock_steps_;
    intake.clock_step(*step);
  }
  for (const io::Chunk& chunk : chunks) {
    if (chunk.packets.empty()) continue;
    const ts::Arrival arrival = clock_.correct(chunk.arrival);
    note_silence(arrival, intake);
    if (chunk.after_loss) note_loss(arrival, intake);
    intake.add(chunk.packets, arrival);
    packets_ += chunk.packets.size();
    last_ = arrival;
  }
}

void Recorder::note_silence(const ts::Arrival& arrival, BlockQueue::Intake& intake) {
  if (!last_ || arrival.steady - last_->steady <= options_.gap) return;
  const auto silence = arrival.steady - last_->steady;
  ++gaps_;
  cli::log(cli::Priority::warning, "{}: nothing came for {}", options_.input->text, cli::human_duration(silence));
  silence_told_ = false;
  // By the steady clock, so that it is right also if the wall clock was set meanwhile.
  intake.missing({0, GapRecord::Cause::input, arrival.wall - silence, arrival.wall, 0}, true);
}

void Recorder::note_loss(const ts::Arrival& arrival, BlockQueue::Intake& intake) {
  const auto now = source_->statistics();
  const bool dropped = now.socket_drops > seen_.socket_drops;
  seen_ = now;
  if (!loss_began_ || arrival.steady - *loss_began_ > loss_span) {
    ++gaps_;
    loss_began_ = arrival.steady;
  }
  const auto cause = dropped ? GapRecord::Cause::socket : GapRecord::Cause::lost;
  intake.missing({0, cause, last_ ? last_->wall : arrival.wall, arrival.wall, 0}, false);
}

void Recorder::watch(ts::SteadyTime now) {
  manager_.poll(now);
  metrics_writer_.poll(now);
  const auto since = last_ ? last_->steady : started_;
  if (!silence_told_ && now - since > std::max<std::chrono::nanoseconds>(options_.gap, std::chrono::seconds{5})) {
    silence_told_ = true;
    cli::log(cli::Priority::warning, "{}: nothing comes", options_.input->text);
  }
  if (now >= next_junk_) tell_junk(now);
  const auto queue = queue_.statistics();
  if (queue.overflows > overflows_told_) {
    overflows_told_ = queue.overflows;
    cli::log(cli::Priority::error, "{}: the disk is too slow, packets are dropped", options_.directory->string());
  }
  if (now < next_status_) return;
  next_status_ = now + status_interval;
  if (now > status_at_) {
    const std::chrono::duration<double> interval = now - status_at_;
    rate_ = static_cast<double>((packets_ - status_packets_) * ts::packet_size * 8) / interval.count();
  }
  status_at_ = now;
  status_packets_ = packets_;
  manager_.status(summary());
}

// What came and is no packet, since this was last said.
void Recorder::tell_junk(ts::SteadyTime now) {
  const auto source = source_->statistics();
  const auto bytes = source.skipped_bytes - junk_told_.skipped_bytes;
  const auto datagrams = source.invalid_datagrams - junk_told_.invalid_datagrams;
  if (bytes == 0 && datagrams == 0) return;
  junk_told_ = source;
  next_junk_ = now + junk_interval;
  cli::log(cli::Priority::warning, "{}: {} bytes skipped that belong to no packet, {} datagrams without a packet",
           options_.input->text, bytes, datagrams);
}

void Recorder::reload() {
  manager_.reloading();
  try {
    const Options again = reread_();
    options_.keep = again.keep;
    options_.max_size = again.max_size;
    options_.gap = again.gap;
    disk_.set_limits(options_.limits());
    cli::log(cli::Priority::notice, "configuration read again");
  } catch (const std::exception& error) {
    cli::log(cli::Priority::error, "{}; the old configuration stays", error.what());
  }
  manager_.ready();
}

// One line, for systemctl status.
std::string Recorder::summary() const {
  const auto state = disk_.state();
  const auto now = std::chrono::steady_clock::now();
  std::string text;
  if (!last_) {
    text = "nothing has come yet";
  } else if (now - last_->steady > options_.gap) {
    text = "nothing comes since " + age_text(now, last_->steady);
  } else {
    text = cli::human_rate(static_cast<std::int64_t>(rate_));
  }
  text += fmt::format(", {} in {} segments", cli::human_size(state.ring.bytes), state.ring.segments);
  if (state.ring.oldest)
    text += " since " + cli::local_text(std::chrono::floor<std::chrono::seconds>(*state.ring.oldest));
  const auto dropped = queue_.statistics().dropped_packets;
  if (dropped > 0) text += fmt::format(", {} packets dropped", dropped);
  if (state.stream.missing_packets > 0) text += fmt::format(", {} packets missing", state.stream.missing_packets);
  if (!state.ring.trouble.empty()) text += "; " + state.ring.trouble;
  return text;
}

std::string Recorder::state_text() const {
  const auto state = disk_.state();
  const auto queue = queue_.statistics();
  const auto source = source_->statistics();
  std::string text = fmt::format("{} to {}: {}; {} packets received, {} written, {} waiting", options_.input->text,
                                 options_.directory->string(), summary(), packets_, state.ring.written_packets,
                                 cli::human_duration(queue.waiting));
  text += fmt::format("; {} gaps, {} continuity errors, {} clock steps", gaps_, state.stream.continuity_errors,
                      clock_steps_);
  text += fmt::format("; {} bytes skipped, {} losses of sync", source.skipped_bytes, source.sync_losses);
  if (source.has_socket) {
    text +=
        fmt::format("; {} invalid datagrams, {} dropped by the socket", source.invalid_datagrams, source.socket_drops);
  }
  if (source.has_rtp) text += fmt::format("; {} RTP datagrams lost", source.rtp_lost);
  text += fmt::format("; {} segments expired, {} deleted for room", state.ring.expired_segments,
                      state.ring.sacrificed_segments);
  return text;
}

void Recorder::refresh_metrics() {
  const auto state = disk_.state();
  const auto queue = queue_.statistics();
  const auto source = source_->statistics();
  const auto now = std::chrono::steady_clock::now();
  metrics_.counter("received_packets_total", "Packets received").set(packets_);
  metrics_.counter("written_packets_total", "Packets written to disk").set(state.ring.written_packets);
  metrics_.counter("dropped_packets_total", "Packets dropped because the disk was too slow, full or failing")
      .set(queue.dropped_packets);
  metrics_.counter("gaps_total", "Silences of the input and losses that the network reported").set(gaps_);
  metrics_.counter("continuity_errors_total", "Continuity errors").set(state.stream.continuity_errors);
  metrics_.counter("missing_packets_total", "Packets missing by their continuity counters, at least")
      .set(state.stream.missing_packets);
  metrics_.counter("transport_errors_total", "Packets with transport_error_indicator")
      .set(state.stream.transport_errors);
  metrics_.counter("bad_sync_total", "Packets with a bad sync byte").set(state.stream.bad_sync);
  metrics_.counter("access_points_total", "Random access points").set(state.stream.access_points);
  metrics_.counter("clock_steps_total", "Steps of the wall clock").set(clock_steps_);
  metrics_.counter("expired_segments_total", "Segments deleted for age or size").set(state.ring.expired_segments);
  metrics_.counter("sacrificed_segments_total", "Segments deleted because the disk was full")
      .set(state.ring.sacrificed_segments);
  metrics_.counter("skipped_bytes_total", "Bytes received that belong to no packet").set(source.skipped_bytes);
  metrics_.counter("sync_losses_total", "Losses of synchronisation").set(source.sync_losses);
  if (source.has_socket) {
    metrics_.counter("invalid_datagrams_total", "Datagrams without a packet").set(source.invalid_datagrams);
  }
  if (source.has_socket)
    metrics_.counter("socket_drops_total", "Datagrams dropped by the socket").set(source.socket_drops);
  if (source.has_rtp) metrics_.counter("rtp_lost_total", "RTP datagrams lost").set(source.rtp_lost);
  const auto seconds = [](std::chrono::nanoseconds t) { return std::chrono::duration<double>(t).count(); };
  metrics_.gauge("silence_seconds", "Time since the last packet")
      .set(seconds(now - (last_ ? last_->steady : started_)));
  metrics_.gauge("waiting_seconds", "Received and not yet taken by the disk").set(seconds(queue.waiting));
  metrics_.gauge("input_bytes_per_second", "Rate of the input").set(rate_ / 8);
  metrics_.gauge("services", "Services of the input").set(static_cast<double>(state.services));
  metrics_.gauge("segments", "Segments of the recording").set(static_cast<double>(state.ring.segments));
  metrics_.gauge("recording_bytes", "Size of the recording").set(static_cast<double>(state.ring.bytes));
  metrics_.gauge("disk_failing", "1 while the disk takes nothing").set(state.ring.trouble.empty() ? 0 : 1);
  auto& oldest = metrics_.gauge("oldest_timestamp_seconds", "Date of the oldest packet");
  if (state.ring.oldest) {
    oldest.set(seconds(state.ring.oldest->time_since_epoch()));
  } else {
    oldest.clear();
  }
}

}  // namespace tscircrec
