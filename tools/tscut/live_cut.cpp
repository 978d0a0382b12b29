#include "tools/tscut/live_cut.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "common/cli/log.hpp"
#include "common/cli/values.hpp"

namespace tscut {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds read_timeout{200};
// Longer than this between packets is a gap.
constexpr std::chrono::nanoseconds silence = seconds{1};
// A stream's clock says the time every 40 to 100 ms.
constexpr std::chrono::nanoseconds date_tolerance = milliseconds{200};
// What may still be on its way when the range is over, and how long the streams may take to be completed.
constexpr seconds completion{3};
// The same after a signal.
constexpr seconds stop_patience{1};
// Random access points are further apart in no broadcast (EN 101 154 asks for 5 s at most, recommends 0.5 s).
constexpr seconds start_patience{10};
// From the start of a picture to the byte that says what it is: 650 ms of 38 Mb/s.
constexpr std::size_t recent_packets = 1 << 14;
// 8 s of 38 Mb/s, a minute of 8 Mb/s.
constexpr std::size_t queue_bytes = 64 << 20;

std::string cause_of(const io::SourceStatistics& before, const io::SourceStatistics& now) {
  if (now.socket_drops > before.socket_drops) return "this host was too slow: its socket overflowed";
  if (now.rtp_lost > before.rtp_lost) return "lost on the network (RTP)";
  if (now.srt_lost > before.srt_lost) return "lost on the network (SRT)";
  if (now.reconnects > before.reconnects) return "the connection was lost";
  if (now.skipped_bytes > before.skipped_bytes) return "bytes that are no packets";
  return "lost before it came here";
}

}  // namespace

LiveCut::LiveCut(io::Source& source, const Options& options, const Surroundings& surroundings)
    : source_(source),
      options_(options),
      around_(surroundings),
      clock_({*options.from, options.to, options.duration}, source.is_live(), surroundings.now().wall),
      tables_([this](auto, auto) { tables_changed_ = true; }, {.events = false}),
      map_(options.service_id()) {}

Summary LiveCut::run() {
  // What cannot be written is better known before two hours have passed.
  output_ = around_.open_output();
  summary_.output = output_->name();
  summary_.from = summary_.to = clock_.from();
  while (!is_done()) {
    for (const auto& chunk : source_.read(read_timeout)) take(chunk);
    flush();
    source_ended_ = source_.ended();
    around_.report(summary_, [this](Point point) { return text(point); });
  }
  finish();
  return std::move(summary_);
}

bool LiveCut::is_done() {
  if (source_ended_ || (passage_ && passage_->finished()) || (queue_ && queue_->failed())) return true;
  if (is_over_without_packets()) return true;
  if (!around_.stopping()) return false;
  if (state_ != State::writing) return true;
  if (!stop_by_) {
    stop_by_ = around_.now().steady + stop_patience;
    if (!end_) {
      stopped_early_ = true;
      end_ = position_;
      passage_->end();
    }
  }
  return around_.now().steady >= *stop_by_;
}

bool LiveCut::is_over_without_packets() const {
  auto moment = around_.now();
  moment.wall -= completion;
  moment.steady -= completion;
  return clock_.is_over_at(moment);
}

void LiveCut::take(const io::Chunk& chunk) {
  note_silence(chunk.arrival);
  clock_.arrive(chunk.arrival);
  if (chunk.after_loss) note_loss();
  for (const auto& packet : chunk.packets) {
    clock_.feed(packet, position_);
    if (state_ != State::seeking && !end_ && clock_.is_over()) {
      end_ = position_;
      summary_.to = clock_.to();
      if (passage_) passage_->end();
    }
    take(packet);
    ++position_;
  }
  if (!end_) summary_.to = std::min(clock_.now(), clock_.to());
}

void LiveCut::take(const ts::Packet& packet) {
  if (state_ == State::writing) {
    if (!end_) check_continuity(packet);
    passage_->take({&packet, 1}, pending_);
    return;
  }
  follow_tables(packet);
  finder_.feed(packet, position_);
  if (state_ == State::seeking) {
    seek(packet);
  } else {
    collect(packet);
  }
  if (packet.has_sync() && packet.has_payload()) counters_[packet.pid().value()] = packet.continuity();
}

void LiveCut::follow_tables(const ts::Packet& packet) {
  if (!packet.has_sync() || packet.transport_error() || !tables_.wants(packet.pid())) return;
  tables_.feed(packet);
  if (!tables_changed_) return;
  tables_changed_ = false;
  map_.update(tables_);
  finder_.follow(map_);
}

void LiveCut::seek(const ts::Packet& packet) {
  if (!seek_from_ && clock_.has_begun()) {
    seek_from_ = position_;
    seek_began_ = clock_.now();
    finder_.search_from(position_);
  }
  if (!seek_from_) return;
  if (recent_.size() >= 2 * recent_packets) {
    recent_.erase(recent_.begin(), recent_.end() - static_cast<std::ptrdiff_t>(recent_packets));
  }
  recent_.push_back(packet);
  if (!finder_.found().empty()) {
    std::uint64_t first = position_;
    for (const auto& [pid, unit] : finder_.found()) first = std::min(first, unit.position);
    start(first);
  } else if (may_start_without_picture()) {
    start(position_);
  }
}

// No picture says where to begin: a service without pictures, or pictures that cannot be read.
bool LiveCut::may_start_without_picture() const {
  if (options_.service && tables_.pat() && tables_.find(*options_.service_id()) == nullptr) {
    return clock_.now() - seek_began_ > start_patience;
  }
  const auto& services = tables_.services();
  const bool known = !services.empty() && std::all_of(services.begin(), services.end(),
                                                      [](const auto& entry) { return entry.second.pmt.has_value(); });
  return (known && !finder_.has_videos()) || clock_.now() - seek_began_ > start_patience;
}

void LiveCut::start(std::uint64_t position) {
  if (options_.service && tables_.find(*options_.service_id()) == nullptr) {
    throw std::runtime_error(fmt::format("no service {0} (0x{0:04X}) came", *options_.service));
  }
  if (finder_.found().empty() && finder_.has_videos()) {
    cli::log(cli::Priority::warning, "no random access point in {}: the first pictures may not decode",
             cli::human_duration(start_patience));
  }
  if (std::ranges::any_of(finder_.found(),
                          [](const auto& found) { return found.second.access == ts::AccessPoint::gradual; })) {
    cli::log(cli::Priority::warning, "no whole picture to begin with: the first pictures are built up gradually");
  }
  if (!tables_.pat()) cli::log(cli::Priority::warning, "no PAT came: the cut begins without tables");
  state_ = State::collecting;
  start_ = position;
  before_ = source_.statistics();
  summary_.from = clock_.now();
  if (seek_began_ - clock_.from() > silence) {
    summary_.missing.push_back({clock_.from(), seek_began_, "before the first packet came", 0});
  }
  zone_.emplace(map_, 0);
  const std::uint64_t recent_from = position_ + 1 - recent_.size();
  const auto skipped = static_cast<std::size_t>(std::max(start_, recent_from) - recent_from);
  start_ = recent_from + skipped;
  const auto zone = std::span{recent_}.subspan(skipped);
  zone_->add(zone);
  pending_.assign(zone.begin(), zone.end());
  queue_.emplace(*output_, queue_bytes, source_.is_live() ? WriteQueue::WhenFull::drop : WriteQueue::WhenFull::wait);
  for (const auto& earlier : zone) check_continuity(earlier);
  recent_ = {};
}

void LiveCut::collect(const ts::Packet& packet) {
  if (!end_) check_continuity(packet);
  zone_->add({&packet, 1});
  pending_.push_back(packet);
  if (zone_->full()) begin();
}

void LiveCut::begin() {
  passage_.emplace(tables_, Passage::Options{options_.service_id(), options_.rebase});
  std::vector<VideoStart> starts;
  for (const auto& [pid, unit] : finder_.found()) {
    if (unit.position >= start_) starts.push_back({pid, unit.position - start_, unit.pts, unit.access});
  }
  const auto zone = zone_->packets();
  pending_.clear();
  passage_->begin(
      zone, end_ ? *end_ - start_ : zone.size() + 1, starts,
      [this](ts::Pid pid) { return (counters_[pid.value()] + 1u) & 0x0F; }, pending_);
  zone_.reset();
  state_ = State::writing;
}

void LiveCut::note_silence(const ts::Arrival& arrival) {
  if (clock_.by_arrival() && last_arrival_ && state_ != State::seeking && !end_ &&
      arrival.steady - last_arrival_->steady > silence) {
    summary_.missing.push_back({last_arrival_->wall, arrival.wall, "nothing was received", 0});
  }
  last_arrival_ = arrival;
}

void LiveCut::note_loss() {
  const auto now = source_.statistics();
  if (state_ != State::seeking && !end_) {
    loss_cause_ = cause_of(before_, now);
    loss_cause_until_ = clock_.now() + silence;
    summary_.add_loss(clock_.now(), loss_cause_, 0);
  }
  before_ = now;
}

void LiveCut::check_continuity(const ts::Packet& packet) {
  if (!packet.has_sync() || packet.transport_error()) return;
  if (options_.service && !(passage_ ? passage_->map() : map_).lists(packet.pid())) return;
  const auto result = continuity_.check(packet);
  if (result.verdict != ts::Continuity::Verdict::lost) return;
  const bool known = !loss_cause_.empty() && clock_.now() < loss_cause_until_;
  summary_.add_loss(clock_.now(), known ? loss_cause_ : "lost before it came here", result.missing);
}

void LiveCut::flush() {
  if (!queue_) return;
  if (state_ == State::collecting) {
    // As they came, in case that this process does not live to see the whole zone.
    if (output_->is_file() && !pending_.empty()) queue_->push_draft(std::move(pending_));
    pending_.clear();
    return;
  }
  const auto packets = pending_.size();
  if (packets > 0 && !queue_->push(std::move(pending_)) && !queue_->failed()) {
    summary_.add_loss(clock_.now(), "this host's disk was too slow", packets);
  }
  pending_.clear();
  summary_.bytes = queue_->bytes();
}

void LiveCut::refuse_nothing() const {
  const auto& statistics = source_.statistics();
  if (statistics.packets > 0 && !seek_from_) {
    throw std::runtime_error(fmt::format("{}: ended at {}, before --from {}", options_.operands.front(),
                                         text(clock_.now()), text(clock_.from())));
  }
  throw std::runtime_error(fmt::format("{}: {}", options_.operands.front(),
                                       statistics.packets > 0 ? "no packets of the range came"
                                       : statistics.bytes > 0 ? "not a transport stream: no packets in it"
                                                              : "nothing was received"));
}

// What was received until the disk was full is worth having; of a pipe whose reader has gone, nothing is.
void LiveCut::keep_what_is_written(std::exception_ptr error) {
  if (!output_->is_file()) std::rethrow_exception(error);
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& reason) {
    cli::log(cli::Priority::error, "{}", reason.what());
  }
  output_->drop_partial_packet();
}

void LiveCut::finish() {
  // A short stream, or one that ended early: with what there is.
  if (state_ == State::seeking && seek_from_ && !recent_.empty()) {
    --position_;
    start(*seek_from_);
    ++position_;
  }
  if (state_ == State::collecting) begin();
  if (!passage_) refuse_nothing();
  flush();
  const auto error = queue_->finish();
  const auto left = clock_.to() - summary_.to;
  const bool early = !end_ && left > (around_.stopping() || source_ended_ ? date_tolerance : silence);
  if (error || stopped_early_ || early) {
    summary_.missing.push_back({std::min(summary_.to, clock_.to()), clock_.to(),
                                error                ? "writing failed"
                                : around_.stopping() ? "stopped by a signal"
                                : source_ended_      ? "the input ended"
                                                     : "nothing was received",
                                0});
  }
  if (error) keep_what_is_written(error);
  if (passage_->scrambled_units() > 0) {
    cli::log(cli::Priority::warning, "{} scrambled units: their time stamps could not be moved",
             passage_->scrambled_units());
  }
  output_->finish();
  summary_.bytes = output_->bytes();
}

}  // namespace tscut
