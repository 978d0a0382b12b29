#include "common/ring/writer.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "common/ring/repair.hpp"

namespace ring {
namespace {

// Records of a picture come when it was classified, at most this many packets after its first one.
constexpr PacketNumber late_records = 2000;
// After one segment was deleted to make room, how long the file system gets to give its blocks back.
constexpr std::chrono::milliseconds sacrifice_interval{200};
// With a limit of size, a segment ends at the first PAT after this part of it, as whole segments are deleted.
constexpr std::uint64_t segments_in_limit = 8;
// What a file or pipe gives at once may be large: segments can begin after so many packets of it.
constexpr std::size_t cut_granularity = 256;
// A smaller difference between two boots of the recorder is the wall clock's ordinary drift.
constexpr std::chrono::milliseconds step_threshold{250};

std::uint64_t size_of(const std::filesystem::path& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  return error ? 0 : size;
}

bool is_full(int error) { return error == ENOSPC || error == EDQUOT; }

bool starts_pat(const ts::Packet& packet) {
  return packet.has_sync() && !packet.transport_error() && packet.pid() == ts::pat_pid && packet.unit_start();
}

std::string text_of(Repair::Outcome outcome, const SegmentFile& file) {
  switch (outcome) {
    case Repair::Outcome::whole:
      return "repaired " + file.path.string();
    case Repair::Outcome::deleted:
      return "deleted, as there is no packet in it, " + file.path.string();
    case Repair::Outcome::left:
      break;
  }
  return file.path.string() + " is not a transport stream: left alone";
}

// When the next multiple of `length` on the wall clock comes.
ts::SteadyTime next_multiple(const ts::Arrival& arrival, std::chrono::nanoseconds length) {
  const auto since = arrival.wall.time_since_epoch() % length;
  return arrival.steady + (length - since);
}

}  // namespace

Writer::Writer(WriterOptions options, Disk& disk) : options_(std::move(options)), disk_(disk) { take_directory(); }

Writer::~Writer() {
  if (!lock_ || !stored_.empty() || current_ || retired_) return;
  lock_->remove();
  std::error_code ignored;
  if (made_directory_) std::filesystem::remove(options_.directory, ignored);  // if it is empty
}

void Writer::take_directory() {
  lock_.reset();
  std::error_code error;
  made_directory_ = std::filesystem::create_directories(options_.directory, error);
  if (error) io::throw_system_error("make directory", options_.directory, error.value());
  lock_.emplace(options_.directory);
}

// What earlier recorders left.

void Writer::prepare(const ts::Arrival& now) {
  ageing_ = Ageing{now.steady};
  take_stock();
  if (!stored_.empty()) before_restart_ = stored_.back();
  expire(now);
}

void Writer::take_stock() {
  stored_.clear();
  Listing listing = list_segments(options_.directory);
  for (const auto& path : listing.orphans) disk_.remove(path);
  for (const auto& path : listing.strangers) note(path.string() + " is not a regular file: left alone");
  for (const SegmentFile& file : listing.segments) {
    const auto is_it = [&file](const auto& open) { return open && open->file.path == file.path; };
    if (is_it(current_) || is_it(retired_)) continue;
    next_sequence_ = std::max(next_sequence_, file.name.sequence + 1);
    restore(file);
  }
}

void Writer::restore(const SegmentFile& file) {
  try {
    if (const auto summary = summarize(file)) {
      store(file, summary->header, summary->end.last, summary->end.steady);
      return;
    }
    const auto [outcome, summary] = repair_segment(file);
    if (outcome != Repair::Outcome::deleted) note(text_of(outcome, file));
    if (outcome != Repair::Outcome::whole) return;
    store(file, summary.header, summary.end.last, summary.end.steady);
  } catch (const std::system_error& error) {
    // It may be a full disk: then it is repaired at the next start, and in memory by those who read it.
    note("repair " + file.path.string() + ": " + error.what());
    IndexHeader header;
    header.first = file.name.date;
    header.rebuilt = true;
    store(file, header, file.name.date, {});
  }
}

void Writer::store(const SegmentFile& file, const IndexHeader& header, ts::WallTime last, ts::SteadyTime steady) {
  Stored stored{file, size_of(file.path) + size_of(file.index_path), header.first, {std::nullopt, last}};
  if (!header.rebuilt && header.boot == options_.boot && header.boot != BootId{}) stored.end.steady = steady;
  stored_.push_back(std::move(stored));
}

// Nothing was recorded between the last packet of the last recorder and `first`.
void Writer::note_restart(const ts::Arrival& first) {
  if (!before_restart_) return;
  const Ageing::End& end = before_restart_->end;
  if (end.steady) {
    const auto step = (first.wall - end.wall) - (first.steady - *end.steady);
    if (std::chrono::abs(step) > step_threshold) builder_.clock_step(step);
  }
  builder_.gap({0, GapRecord::Cause::restart, end.wall, first.wall, 0}, true);
  before_restart_.reset();
}

// Planning: which packets of a block go into which segment.

void Writer::plan(const Block& block) {
  pieces_.clear();
  piece_ = 0;
  piece_bytes_ = 0;
  std::size_t first = 0;
  for (const auto& entry : block.entries) {
    if (const auto* missing = std::get_if<Block::Missing>(&entry)) {
      builder_.gap(missing->gap, missing->known);
    } else if (const auto* step = std::get_if<Block::ClockStep>(&entry)) {
      builder_.clock_step(step->step);
      cut_now_ = true;  // so that dates within a segment are in order
    } else if (const auto* packets = std::get_if<Block::Packets>(&entry)) {
      for (const std::size_t end = first + packets->count; first < end;) {
        const std::size_t count = std::min(end - first, cut_granularity);
        plan_packets(std::span{block.packets}.subspan(first, count), first, packets->arrival);
        first += count;
      }
    }
  }
  planned_ = true;
}

void Writer::plan_packets(std::span<const ts::Packet> packets, std::size_t first, const ts::Arrival& arrival) {
  note_restart(arrival);
  const auto cut_before = cut(packets, arrival);
  const std::size_t before = cut_before.value_or(packets.size());
  builder_.feed(packets.first(before), arrival);
  if (before > 0 && pieces_.empty()) pieces_.push_back({first, first, std::nullopt});
  if (before > 0) pieces_.back().last = first + before;
  planned_packets_ += before;
  if (!cut_before) return;
  begin_piece(first + before, arrival);
  builder_.feed(packets.subspan(before), arrival);
  pieces_.back().last = first + packets.size();
  planned_packets_ += packets.size() - before;
}

// Where in `packets` a new segment begins, if it does.
std::optional<std::size_t> Writer::cut(std::span<const ts::Packet> packets, const ts::Arrival& arrival) const {
  if (cut_now_) return 0;
  const std::uint64_t size = planned_packets_ * ts::packet_size;
  const std::uint64_t part = options_.limits.size.value_or(~std::uint64_t{0}) / segments_in_limit;
  if (arrival.steady < cut_at_ && size < part) return std::nullopt;
  const auto pat = std::ranges::find_if(packets, starts_pat);
  if (pat != packets.end()) return static_cast<std::size_t>(pat - packets.begin());
  if (arrival.steady >= cut_at_ + patience || size / 2 >= part) return 0;
  return std::nullopt;
}

void Writer::begin_piece(std::size_t first, const ts::Arrival& arrival) {
  builder_.date_last();
  builder_.date_next();
  const PacketNumber base = builder_.next_packet();
  pieces_.push_back({first, first, Start{base, arrival, builder_.tables_in_force(base)}});
  cut_now_ = false;
  planned_packets_ = 0;
  cut_at_ = next_multiple(arrival, options_.segment);
}

// Writing.

bool Writer::write(const Block& block, const ts::Arrival& now) {
  if (!planned_) plan(block);
  for (; piece_ < pieces_.size(); ++piece_, piece_bytes_ = 0) {
    if (!write_piece(block, pieces_[piece_], now)) return false;
  }
  planned_ = false;
  recover();
  return true;
}

bool Writer::write_piece(const Block& block, const Piece& piece, const ts::Arrival& now) {
  const auto bytes = ts::bytes_of(std::span{block.packets}.subspan(piece.first, piece.last - piece.first));
  if (piece.start && current_ && current_->base < piece.start->base) {
    retire_segment();
    expire(now);
  }
  while (piece_bytes_ < bytes.size()) {
    if (!current_) {
      const bool resumes = !piece.start || piece_bytes_ > 0;
      if (!open_segment(resumes ? resumption(now) : *piece.start, now)) return false;
    }
    const auto written = disk_.write(current_->ts.get(), bytes.subspan(piece_bytes_));
    if (written > 0) {
      piece_bytes_ += static_cast<std::uint64_t>(written);
      current_->bytes += static_cast<std::uint64_t>(written);
      written_ = current_->end();
      continue;
    }
    const int error = written == 0 ? EIO : errno;
    if (error == EINTR) continue;
    if (is_full(error) && make_room(now)) continue;
    fail("write", current_->file.path, error, now);
    if (!is_full(error)) abandon_segment();
    return false;
  }
  return true;
}

// A segment that begins because the one before it cannot be gone on with.
Writer::Start Writer::resumption(const ts::Arrival& now) const {
  Start start{written_, now, builder_.tables_in_force(written_)};
  start.records.insert(start.records.begin(), DateRecord{written_, now.wall, now.steady, true});
  return start;
}

bool Writer::open_segment(const Start& start, const ts::Arrival& now) {
  if (!hold_directory(now)) return false;
  SegmentName name;
  name.date = std::chrono::floor<std::chrono::seconds>(start.arrival.wall);
  for (;;) {
    name.sequence = next_sequence_;
    SegmentFile file{options_.directory, name};
    if (auto fd = disk_.create(file.path)) {
      ++next_sequence_;
      current_.emplace(Open{std::move(file), std::move(fd), {}, start.base, 0, 0, 0, 0, {}, {}, {}, 0});
      break;
    }
    const int error = errno;
    if (error == EINTR) continue;
    if (error == EEXIST) {
      ++next_sequence_;
    } else if (!is_full(error) || !make_room(now)) {
      return fail("open", file.path, error, now);
    }
  }
  current_->header = {name.sequence, start.arrival.wall, start.arrival.steady, options_.boot, false};
  encode(current_->header, current_->pending);
  for (Record record : start.records) {
    set_packet(record, 0);
    encode(record, current_->pending);
  }
  return true;
}

// The segment gets no more packets, but it may yet get records.
void Writer::retire_segment() {
  if (retired_) seal({current_->header.steady, current_->header.first});
  retired_ = std::move(current_);
  current_.reset();
}

// The file cannot be written to: what is whole in it stays, the rest goes into a new one.
void Writer::abandon_segment() {
  const std::uint64_t torn = current_->bytes % ts::packet_size;
  disk_.truncate(current_->ts.get(), current_->bytes - torn);
  current_->bytes -= torn;
  piece_bytes_ -= torn;  // each block is written whole, so the torn packet is of this piece
  if (current_->bytes > 0) {
    retire_segment();
    return;
  }
  disk_.remove(current_->file.path);
  disk_.remove(current_->file.index_path);
  next_sequence_ = current_->file.name.sequence;  // a number that is left out means a segment that was lost
  current_.reset();
}

// Indexing.

bool Writer::flush(const ts::Arrival& now) {
  leave_if_taken_away(now);
  bool done = hold_directory(now);
  builder_.date_last();
  distribute_records();
  if (retired_ && (!current_ || current_->end() >= retired_->end() + late_records)) done = seal(now);
  if (current_) {
    write_out(*current_);
    const int error = write_index(*current_, now);
    done = error == 0 && done;
    // Its TS is whole; the index will be completed by those who read it, and by the next repair.
    if (error != 0 && !is_full(error)) retire_segment();
  }
  expire(now);
  if (done && !planned_) recover();
  return done;
}

// Gives each record to the segment that its packet is in, if that is written.
void Writer::distribute_records() {
  auto& found = builder_.records();
  std::move(found.begin(), found.end(), std::back_inserter(records_));
  found.clear();
  std::vector<Record> later;
  for (Record& record : records_) {
    const PacketNumber packet = packet_of(record);
    if (packet >= written_) {
      later.push_back(std::move(record));
      continue;
    }
    Open* segment = current_ && packet >= current_->base ? &*current_ : retired_ ? &*retired_ : nullptr;
    if (segment == nullptr || packet < segment->base || packet >= segment->end()) continue;
    set_packet(record, packet - segment->base);
    if (std::holds_alternative<GapRecord>(record)) ++segment->gaps;
    if (const auto* date = std::get_if<DateRecord>(&record); date != nullptr && date->packet >= segment->last.packet) {
      segment->last = *date;
    }
    encode(record, segment->pending);
  }
  records_ = std::move(later);
}

// 0, or the error that it failed with: what is left is kept.
int Writer::write_index(Open& segment, const ts::Arrival& now) {
  const auto& path = segment.file.index_path;
  while (!segment.pending.empty()) {
    if (!segment.index) segment.index = disk_.create(path);
    const auto written = segment.index ? disk_.write(segment.index.get(), segment.pending) : -1;
    if (written > 0) {
      segment.pending.erase(segment.pending.begin(), segment.pending.begin() + written);
      segment.index_bytes += static_cast<std::uint64_t>(written);
      continue;
    }
    const int error = errno;
    if (error == EINTR) continue;
    if (is_full(error) && make_room(now)) continue;
    fail("write", path, error, now);
    return error;
  }
  return 0;
}

// Has what is new written out, and what was new the last time waited for and dropped from the page cache.
void Writer::write_out(Open& segment) {
  const int fd = segment.ts.get();
  if (segment.writing_out > segment.dropped) {
    if (disk_.finish_writeback(fd, segment.dropped, segment.writing_out - segment.dropped) != 0) {
      tell_loss("write " + segment.file.path.string() + ": " + std::generic_category().message(errno));
    }
    segment.dropped = segment.writing_out;
  }
  if (segment.bytes > segment.writing_out) {
    disk_.start_writeback(fd, segment.writing_out, segment.bytes - segment.writing_out);
    segment.writing_out = segment.bytes;
  }
}

// Completes the retired segment. What cannot be written of its index is left to the next repair.
bool Writer::seal(const ts::Arrival& now) {
  distribute_records();
  Open& segment = *retired_;
  encode(Record{EndRecord{segment.bytes / ts::packet_size, segment.last.date, segment.last.steady, segment.gaps}},
         segment.pending);
  const bool done = write_index(segment, now) == 0;
  disk_.sync(segment.ts.get());
  if (segment.index) disk_.sync(segment.index.get());
  disk_.finish_writeback(segment.ts.get(), segment.dropped, segment.bytes - segment.dropped);
  if (segment.index) disk_.finish_writeback(segment.index.get(), 0, segment.index_bytes);
  store(segment.file, segment.header, segment.last.date, segment.last.steady);
  retired_.reset();
  return done;
}

void Writer::close(const ts::Arrival& now) {
  builder_.date_last();
  if (retired_) seal(now);
  if (!current_) return;
  retire_segment();
  seal(now);
  expire(now);
  cut_now_ = true;
}

// Somebody moved or removed the file, or the whole directory: nobody looks for the recording there, so begin another.
void Writer::leave_if_taken_away(const ts::Arrival& now) {
  if (!current_) return;
  const auto& path = current_->file.path;
  switch (disk_.place_of(current_->ts.get(), path)) {
    case Disk::Place::kept:
      return;
    case Disk::Place::moved:
      tell_loss(path.string() + " was moved away while it was written: it ends here");
      retire_segment();
      break;
    case Disk::Place::removed:
      tell_loss(path.string() + " was removed while it was written: what was in it is lost");
      current_.reset();
      break;
  }
  if (retired_) seal(now);
}

// Makes and locks the directory anew if it is not the one that was locked. False: it cannot be had now.
bool Writer::hold_directory(const ts::Arrival& now) {
  if (lock_ && lock_->is_in_place()) return true;
  std::error_code error;
  const bool is_there = std::filesystem::is_directory(options_.directory, error);
  try {
    take_directory();
    take_stock();
  } catch (const std::system_error& failure) {
    return fail("record to", options_.directory, failure.code().value(), now);
  }
  tell_loss(options_.directory.string() +
            (is_there ? ": its .lock was taken away; locked again" : " was moved or removed; made anew"));
  return true;
}

// Deleting.

std::uint64_t Writer::total_bytes() const {
  std::uint64_t total = 0;
  for (const Stored& stored : stored_) total += stored.bytes;
  for (const auto* open : {&current_, &retired_}) {
    if (*open) total += (*open)->bytes + (*open)->index_bytes;
  }
  return total;
}

void Writer::expire(const ts::Arrival& now) {
  const auto& [keep, size] = options_.limits;
  while (!stored_.empty()) {
    const bool old = keep && ageing_.age(stored_.front().end, now) > *keep;
    const bool large = size && total_bytes() > *size;
    if ((!old && !large) || !delete_oldest()) return;
    ++expired_;
  }
}

bool Writer::delete_oldest() {
  const SegmentFile file = stored_.front().file;
  // The TS first: an index without TS is swept at the next start.
  if (disk_.remove(file.path) != 0 && errno != ENOENT) {
    tell_loss("delete " + file.path.string() + ": " + std::generic_category().message(errno));
    return false;
  }
  disk_.remove(file.index_path);
  stored_.pop_front();
  return true;
}

// The disk is full: the oldest segment goes. False if there is none, or one went a moment ago.
bool Writer::make_room(const ts::Arrival& now) {
  if (stored_.empty()) return false;
  if (last_sacrifice_ && now.steady - *last_sacrifice_ < sacrifice_interval) return false;
  const std::string path = stored_.front().file.path.string();
  if (!delete_oldest()) return false;
  last_sacrifice_ = now.steady;
  ++sacrificed_;
  tell_loss("disk full: deleted the oldest segment, " + path);
  return true;
}

// Always false.
bool Writer::fail(const std::string& action, const std::filesystem::path& object, int error, const ts::Arrival& now) {
  // A file system that gives back late what was deleted is no trouble yet.
  if (is_full(error) && last_sacrifice_ && now.steady - *last_sacrifice_ < sacrifice_interval) return false;
  std::string trouble = action + " " + object.string() + ": " + std::generic_category().message(error);
  if (trouble_.empty()) tell_loss(trouble + "; trying again");
  trouble_ = std::move(trouble);
  return false;
}

void Writer::recover() {
  if (trouble_.empty()) return;
  trouble_.clear();
  note("writing to " + options_.directory.string() + " again");
}

void Writer::set_limits(const WriterLimits& limits) { options_.limits = limits; }

WriterState Writer::state() const {
  WriterState state;
  state.segments = stored_.size() + (current_ ? 1 : 0) + (retired_ ? 1 : 0);
  state.bytes = total_bytes();
  state.written_packets = written_;
  state.expired_segments = expired_;
  state.sacrificed_segments = sacrificed_;
  if (!stored_.empty()) {
    state.oldest = stored_.front().first;
  } else if (const auto& open = retired_ ? retired_ : current_) {
    state.oldest = open->header.first;
  }
  state.trouble = trouble_;
  return state;
}

std::size_t reindex(const std::filesystem::path& directory, const std::function<void(const std::string&)>& report) {
  RingLock lock{directory};
  std::size_t count = 0;
  const Listing listing = list_segments(directory);
  for (const auto& path : listing.strangers) report(path.string() + " is not a regular file: left alone");
  for (const SegmentFile& file : listing.segments) {
    if (summarize(file)) continue;
    const auto outcome = repair_segment(file).outcome;
    const bool whole = outcome == Repair::Outcome::whole;
    report(whole ? "made the index of " + file.path.string() : text_of(outcome, file));
    if (outcome != Repair::Outcome::left) ++count;
  }
  if (listing.segments.empty()) lock.remove();
  return count;
}

}  // namespace ring
