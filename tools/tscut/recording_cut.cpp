#include "tools/tscut/recording_cut.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "common/cli/log.hpp"
#include "common/cli/values.hpp"

namespace tscut {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t batch = 8192;
// Dates are interpolated between records some 100 ms apart.
constexpr milliseconds date_tolerance{200};
// A longer silence between the range's border and the nearest packet is something missing.
constexpr seconds silence{1};
// How long a recorder that has ended may take to come back, as when it is updated.
constexpr seconds recorder_patience{10};
// A recorder shows its packets after its write interval (1 s by default).
constexpr seconds write_interval{3};
// How far the counters of a table's PID are looked for; SDT comes every 2 s, here 40 s at 40 Mb/s.
constexpr std::uint64_t counter_reach = 1 << 20;

std::vector<ts::Pid> video_pids(const StreamMap& map) {
  std::vector<ts::Pid> pids;
  for (const auto& video : map.videos()) {
    if (video.codec) pids.push_back(video.pid);
  }
  return pids;
}

bool begins_gradually(const VideoPosition& video) { return video.access == ts::AccessPoint::gradual; }

}  // namespace

RecordingCut::RecordingCut(ring::Recording& recording, const Options& options, const Surroundings& surroundings)
    : recording_(recording),
      options_(options),
      around_(surroundings),
      reader_(recording),
      recorder_seen_(recording.being_written()) {}

Summary RecordingCut::run() {
  summary_.output = options_.output();
  wait_for_first_packets();
  timeline_.emplace(recording_, around_.now().wall);
  resolve_range();
  find_start();
  output_ = around_.open_output();
  summary_.output = output_->name();
  summary_.from = summary_.to = timeline_->point_of(start_.position);
  write_head();
  write_body();
  write_tail();
  note_missing();
  output_->finish();
  summary_.bytes = output_->bytes();
  return std::move(summary_);
}

void RecordingCut::wait_for_first_packets() {
  while (recording_.segments().empty()) {
    if (!wait_for_more()) throw std::runtime_error("the recording is empty");
  }
}

void RecordingCut::resolve_range() {
  if (!timeline_->is_dated() && timeline_->last() == timeline_->first()) {
    throw std::runtime_error(options_.operands.front() + ": there is no PCR in it, so there is no time to cut by");
  }
  from_ = timeline_->resolve(*options_.from, std::nullopt);
  to_ = options_.to ? timeline_->resolve(*options_.to, from_) : from_ + *options_.duration;
  if (to_ > from_) return;
  throw cli::UsageError(fmt::format("--to {} ({}) is not after --from {} ({})", to_text(*options_.to),
                                    timeline_->text(to_), to_text(*options_.from), timeline_->text(from_)));
}

void RecordingCut::refuse_empty_range() const {
  throw std::runtime_error(fmt::format("nothing is recorded from {} to {}; the recording holds {} to {}",
                                       timeline_->text(from_), timeline_->text(to_),
                                       timeline_->text(timeline_->first()), timeline_->text(timeline_->last())));
}

void RecordingCut::find_start() {
  auto wanted = timeline_->locate(from_);
  if (!wanted && recording_.being_written() && timeline_->is_dated()) {
    cli::log(cli::Priority::notice, "waiting until {}", timeline_->text(from_));
  }
  while (!wanted && timeline_->is_dated() && around_.now().wall < to_ && wait_for_more())
    wanted = timeline_->locate(from_);
  if (!wanted || timeline_->point_of(*wanted) >= to_) refuse_empty_range();

  const auto tables = recording_.tables_at(*wanted);
  StreamMap map{options_.service_id()};
  map.update(*tables);
  if (options_.service && tables->find(*options_.service_id()) == nullptr) {
    throw std::runtime_error(
        fmt::format("no service {0} (0x{0:04X}) at {1}", *options_.service, timeline_->text(from_)));
  }
  wanted_ = *wanted;
  start_ = choose_start(recording_, wanted_, video_pids(map), options_.start);
  if (start_.videos.empty() && !map.videos().empty()) {
    cli::log(cli::Priority::warning, "no random access point near {}: the first pictures may not decode",
             timeline_->text(from_));
  }
  if (std::ranges::any_of(start_.videos, begins_gradually)) {
    cli::log(cli::Priority::warning,
             "no whole picture to begin with near {}: the first pictures are built up gradually",
             timeline_->text(from_));
  }
  const Point begun = timeline_->point_of(start_.position);
  if (options_.start == Preference::previous && begun > timeline_->point_of(wanted_) + silence) {
    cli::log(cli::Priority::warning, "no random access point before {}: begins at the first one after it, {}",
             timeline_->text(from_), timeline_->text(begun));
  }
  cli::log(cli::Priority::debug, "begins at {}; the packet asked for is of {}", timeline_->text(begun),
           timeline_->text(timeline_->point_of(wanted_)));
  at_ = start_.position;
  reaches_future_ = timeline_->is_dated() && recording_.being_written() && to_ > timeline_->last();
  look_for_end();
  reader_.hold(at_, end_.value_or(recording_.end()));
}

void RecordingCut::look_for_end() {
  const auto last = timeline_->last();
  if (to_ < last || (to_ == last && recording_.being_written())) {
    end_ = timeline_->locate(to_, start_.position).value_or(recording_.end());
  } else if (!reaches_future_) {
    end_ = recording_.end();
  } else {
    end_.reset();
  }
}

bool RecordingCut::wait_for_more() {
  const auto before = recording_.end();
  const auto began = around_.now().steady;
  // Of files, and of what a recorder left, no more will come.
  if (!recorder_seen_) return false;
  while (!around_.stopping()) {
    if (timeline_) report();
    if (!recording_.being_written() && !std::exchange(patience_said_, true)) {
      cli::log(cli::Priority::notice, "the recorder has ended: it has {} to come back",
               cli::human_duration(recorder_patience));
    }
    around_.wait();
    recording_.refresh();
    if (recording_.end() != before) return true;
    const auto now = around_.now();
    const auto waited = now.steady - began;
    if ((!recording_.being_written() || !timeline_) && waited > recorder_patience) return false;
    if (recording_.being_written() && timeline_ && now.wall > to_ + write_interval && waited > write_interval) {
      return false;
    }
  }
  return false;
}

ring::Position RecordingCut::read_zone(Zone& zone) {
  ring::Position position = start_.position;
  while (!zone.full()) {
    const auto packets = reader_.read(position, batch);
    if (packets.empty()) {
      const bool past_end = end_ && position >= *end_;
      if (past_end || !recording_.being_written() || !wait_for_more()) break;
      continue;
    }
    zone.add(packets);
    position = recording_.advance(position, static_cast<std::int64_t>(packets.size()));
  }
  return position;
}

unsigned RecordingCut::next_counter(ring::Position from, ts::Pid pid) {
  for (std::uint64_t seen = 0; seen < counter_reach;) {
    const auto packets = reader_.read(from, batch);
    if (packets.empty()) break;
    const auto found = std::find_if(packets.begin(), packets.end(), [&](const ts::Packet& packet) {
      return packet.has_sync() && packet.pid() == pid && packet.has_payload();
    });
    if (found != packets.end()) return found->continuity();
    seen += packets.size();
    from = recording_.advance(from, static_cast<std::int64_t>(packets.size()));
  }
  return 0;
}

void RecordingCut::write_head() {
  const auto tables = recording_.tables_at(start_.position);
  passage_.emplace(*tables, Passage::Options{options_.service_id(), options_.rebase});
  const auto distance = [&](ring::Position to) {
    std::uint64_t packets = 0;
    for (const auto& piece : pieces(recording_, start_.position, to)) packets += piece.packets;
    return packets;
  };
  std::vector<VideoStart> starts;
  std::size_t least = 0;
  for (const auto& video : start_.videos) {
    starts.push_back({video.pid, distance(video.position), video.pts, video.access});
    least = std::max(least, starts.back().index);
  }
  StreamMap map{options_.service_id()};
  map.update(*tables);
  Zone zone{map, least};
  at_ = read_zone(zone);
  look_for_end();
  tail_reach_ = zone.packets().size() - std::min(least, zone.packets().size());

  ends_in_zone_ = end_ && *end_ <= at_;
  std::vector<ts::Packet> packets;
  passage_->begin(
      zone.packets(), ends_in_zone_ ? distance(*end_) : zone.packets().size() + 1, starts,
      [&](ts::Pid pid) { return next_counter(at_, pid); }, packets);
  write(packets);
}

void RecordingCut::write_body() {
  while (true) {
    const ring::Position limit = std::min(end_.value_or(recording_.end()), recording_.end());
    if (at_ < limit) copy(at_, limit);
    if (interrupted()) throw std::runtime_error("interrupted: nothing is written");
    at_ = std::max(at_, limit);
    if (end_ && at_ >= *end_) return;
    if (!wait_for_more()) break;
    look_for_end();
  }
  recorder_left_ = !around_.stopping() && !recording_.being_written();
  end_ = at_;
}

// What has been recorded is copied even when a signal ends the wait for more; a range that was there from the beginning
// is whole, or not written at all.
bool RecordingCut::interrupted() const { return !reaches_future_ && around_.stopping(); }

void RecordingCut::copy(ring::Position from, ring::Position to) {
  for (const auto& piece : pieces(recording_, from, to)) {
    reader_.release_before(piece.segment);
    copy_piece(piece);
    at_ = {piece.segment, piece.packet + piece.packets};
  }
}

void RecordingCut::copy_piece(const Piece& piece) {
  const auto* file = reader_.segment(piece.segment);
  if (file == nullptr) {
    const auto from = recording_.date_of({piece.segment, piece.packet}).value_or(from_);
    summary_.missing.push_back({from, from, "expired while it was being cut", piece.packets});
    return;
  }
  summary_.to = recording_.date_of({piece.segment, piece.packet}).value_or(from_);
  report();
  if (passage_->is_verbatim()) {
    const auto bytes = piece.packets * ts::packet_size;
    const auto copied = output_->copy(file->get(), piece.offset, bytes, [this] {
      report();
      return interrupted();
    });
    if (copied < bytes && !interrupted()) {
      summary_.missing.push_back(
          {summary_.to, summary_.to, "a segment is shorter than its index says", (bytes - copied) / ts::packet_size});
    }
    return;
  }
  std::vector<ts::Packet> packets;
  for (std::uint64_t done = 0; done < piece.packets && !interrupted(); done += batch) {
    packets.clear();
    const ring::Position position{piece.segment, piece.packet + done};
    passage_->take(reader_.read(position, std::min(batch, piece.packets - done)), packets);
    write(packets);
    report();
  }
}

void RecordingCut::report() {
  if (output_) summary_.bytes = output_->bytes();
  around_.report(summary_, [this](Point point) { return text(point); });
}

void RecordingCut::write_tail() {
  std::vector<ts::Packet> packets;
  if (passage_->is_verbatim() && !ends_in_zone_) {
    const auto back = recording_.advance(*end_, -static_cast<std::int64_t>(tail_reach_));
    for (const auto& piece : pieces(recording_, std::max(back, start_.position), *end_)) {
      passage_->observe(reader_.read({piece.segment, piece.packet}, piece.packets));
    }
  }
  passage_->end();
  ring::Position position = std::max(at_, *end_);
  for (std::uint64_t seen = 0; seen < tail_reach_ && !passage_->finished();) {
    const auto more = reader_.read(position, std::min(batch, tail_reach_ - seen));
    if (more.empty()) {
      if (!recording_.being_written() || recorder_left_ || !wait_for_tail()) break;
      continue;
    }
    passage_->take(more, packets);
    seen += more.size();
    position = recording_.advance(position, static_cast<std::int64_t>(more.size()));
  }
  write(packets);
}

// A signal does not end this: it takes a moment only.
bool RecordingCut::wait_for_tail() {
  const auto before = recording_.end();
  const auto began = around_.now().steady;
  while (around_.now().steady - began < write_interval) {
    around_.wait();
    recording_.refresh();
    if (recording_.end() != before) return true;
  }
  return false;
}

void RecordingCut::write(std::vector<ts::Packet>& packets) {
  if (!packets.empty()) output_->write(packets);
  packets.clear();
}

std::string RecordingCut::why_it_ended() const {
  if (around_.stopping()) return "stopped by a signal";
  return recorder_left_ ? "the recorder has ended" : "after the recording";
}

void RecordingCut::note_gaps(Point from, Point to) {
  auto& missing = summary_.missing;
  for (const auto& gap : recording_.gaps(start_.position, *end_)) {
    missing.push_back({gap.from, gap.to, cause_text(gap.cause), gap.packets});
  }
  // Between segments there may be silence of which no recorder has told.
  const auto stretches = recording_.coverage(silence);
  for (std::size_t i = 1; i < stretches.size(); ++i) {
    const Point end = stretches[i - 1].to, begin = stretches[i].from;
    const bool known = std::any_of(missing.begin(), missing.end(),
                                   [&](const Missing& part) { return part.from <= begin && part.to >= end; });
    if (end >= from && begin <= to && begin > end && !known) missing.push_back({end, begin, "not recorded", 0});
  }
  std::sort(missing.begin(), missing.end(), [](const auto& a, const auto& b) { return a.from < b.from; });
}

// Dates come twice where the wall clock was set back, or where an index was made again: of a stream that was recorded
// faster than it plays, such dates reach into the next segments.
void RecordingCut::note_other_passages() {
  if (!timeline_->is_dated()) return;
  for (const auto& segment : recording_.segments()) {
    const bool is_cut = segment.sequence >= start_.position.segment && ring::Position{segment.sequence, 0} < *end_;
    if (is_cut || !segment.first || !segment.last) continue;
    const Point from = std::max(*segment.first, from_), to = std::min(*segment.last, to_);
    if (to - from < silence) continue;
    summary_.missing.push_back({from, to, "these dates come twice, and the other passage was cut", segment.packets});
  }
}

void RecordingCut::note_missing() {
  const auto begun = timeline_->point_of(start_.position);
  const auto last = recording_.advance(*end_, -1);
  const auto ended = *end_ == recording_.end() ? timeline_->last() : timeline_->point_of(last);
  summary_.from = begun;
  summary_.to = ended;

  note_other_passages();
  note_gaps(begun, ended);
  auto& missing = summary_.missing;
  const auto wanted = timeline_->point_of(wanted_);
  const bool before_all = from_ < timeline_->first() - date_tolerance;
  if (before_all || wanted > from_ + silence) {
    missing.insert(missing.begin(), {from_, wanted, before_all ? "before the recording" : "not recorded", 0});
  }
  const bool after_all = to_ > timeline_->last();
  if (to_ > ended + (after_all ? std::chrono::nanoseconds{date_tolerance} : silence)) {
    missing.push_back({ended, to_, after_all ? why_it_ended() : "not recorded", 0});
  }
  if (passage_->scrambled_units() > 0) {
    cli::log(cli::Priority::warning, "{} scrambled units: their time stamps could not be moved",
             passage_->scrambled_units());
  }
}

}  // namespace tscut
