#include "common/io/sequence_merger.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace io {

namespace {

using namespace std::chrono_literals;
using State = PathStatistics::State;
using std::chrono::nanoseconds;

// A quarter of the numbers: half a second at 340 Mb/s. More ahead than that is no loss but a new beginning.
constexpr std::int64_t largest_gap = 16384;
constexpr std::size_t most_slots = 4 * largest_gap;
// So many datagrams in a row that are older than anything: a sender that went back (see ts::RtpReorder).
constexpr int longest_old_run = 16;
// Room for datagrams that come after one that was sent after them, when a stream begins.
constexpr std::int64_t lead = 64;
constexpr int agreements_to_join = 3;
constexpr int disagreements_to_leave = 3;
// What a slot keeps for the next datagram: an Ethernet frame's packets and then some, not a jumbo's.
constexpr std::size_t kept_capacity = 16;
// Datagrams on trial that are looked through for a number.
constexpr std::size_t longest_search = 1024;

std::int16_t distance(std::uint16_t from, std::uint16_t to) {
  return static_cast<std::int16_t>(static_cast<std::uint16_t>(to - from));
}

bool equal(std::span<const ts::Packet> a, std::span<const ts::Packet> b) { return std::ranges::equal(a, b); }

// Null packets are alike in all streams.
bool says_something(std::span<const ts::Packet> packets) {
  return std::ranges::any_of(packets, [](const ts::Packet& packet) { return packet.pid() != ts::null_pid; });
}

}  // namespace

SequenceMerger::SequenceMerger(const MergeOptions& options)
    : options_(options),
      silence_(std::max<nanoseconds>(options.skew, 1s)),
      paths_(options.paths),
      delays_(options.paths),
      slots_(256) {}

SequenceMerger::Position SequenceMerger::position_of(std::uint16_t sequence) const {
  const Position newest = end_ - 1;
  return newest + distance(static_cast<std::uint16_t>(numbering_ + newest), sequence);
}

void SequenceMerger::feed(std::size_t path, const Chunk& chunk) {
  Path& here = paths_[path];
  latest_ = std::max(latest_, chunk.arrival.steady);
  here.statistics.received += chunk.packets.size();
  forget_released();
  if (here.joined && begins_anew(here, chunk)) leave(path);
  here.heard = std::max(here.heard, chunk.arrival.steady);
  here.ssrc = chunk.rtp->ssrc;
  if (here.joined) {
    place(path, chunk);
  } else {
    try_out(path, chunk);
  }
}

bool SequenceMerger::begins_anew(const Path& path, const Chunk& chunk) const {
  return chunk.rtp->ssrc != path.ssrc || chunk.arrival.steady - path.heard > silence_ ||
         position_of(chunk.rtp->sequence) - end_ >= largest_gap;
}

void SequenceMerger::leave(std::size_t path) {
  Path& here = paths_[path];
  here.joined = false;
  here.statistics.state = State::searching;
  here.old_run = here.agreements = here.disagreements = 0;
  here.trial.clear();
  here.trial_bytes = 0;
  delays_.forget(path);
}

void SequenceMerger::place(std::size_t path, const Chunk& chunk) {
  Path& here = paths_[path];
  const Position position = position_of(chunk.rtp->sequence);
  if (position < std::max(oldest_, origin_)) {
    here.statistics.late += chunk.packets.size();
    if (++here.old_run < longest_old_run) return;
    leave(path);
    try_out(path, chunk);
    return;
  }
  here.old_run = 0;
  if (position >= end_) {
    extend_to(position, delays_.time_of(path, chunk.arrival.steady));
    ssrc_ = chunk.rtp->ssrc;
  }
  Slot& place = slot(position);
  if (place.had != 0) {
    compare(path, position, chunk);
  } else if (position < next_) {
    here.statistics.late += chunk.packets.size();
  } else {
    fill(place, path, chunk);
    judge_trials(position);
  }
}

void SequenceMerger::compare(std::size_t path, Position position, const Chunk& chunk) {
  Path& here = paths_[path];
  Slot& place = slot(position);
  if (!equal(place.packets, chunk.packets)) {
    disagree(path, position, chunk);
    return;
  }
  if ((place.had & bit(path)) != 0) {
    here.statistics.duplicates += chunk.packets.size();
    return;
  }
  here.disagreements = paths_[place.owner].disagreements = 0;
  if (position < next_) here.statistics.late += chunk.packets.size();
  place.had |= bit(path);
  delays_.compare(path, chunk.arrival.steady, place.owner, place.arrival.steady);
}

// The first of the paths is right.
void SequenceMerger::disagree(std::size_t path, Position position, const Chunk& chunk) {
  Slot& place = slot(position);
  ++paths_[path].statistics.different;
  if ((place.had & bit(path)) != 0) {  // another one than it had itself
    leave(path);
    try_out(path, chunk);
    return;
  }
  const std::size_t owner = place.owner;
  const bool replaces = path < owner && paths_[owner].joined && position >= next_;
  if (replaces) {
    empty(place);
    fill(place, path, chunk);
  }
  const std::size_t wrong = replaces ? owner : path;
  if (paths_[wrong].disagreements == 0) paths_[wrong].disagrees_from = position;
  if (++paths_[wrong].disagreements >= disagreements_to_leave) expel(wrong);
}

void SequenceMerger::expel(std::size_t path) {
  for (Position position = std::max(next_, paths_[path].disagrees_from); position < end_; ++position) {
    if (slot(position).had == bit(path)) empty(slot(position));
  }
  leave(path);
  paths_[path].statistics.state = State::different;
}

void SequenceMerger::fill(Slot& slot, std::size_t path, const Chunk& chunk) {
  if (bytes_ > 2 * options_.most_bytes) {
    statistics_.dropped += chunk.packets.size();
    return;
  }
  slot.packets.assign(chunk.packets.begin(), chunk.packets.end());
  bytes_ += chunk.packets.size_bytes();
  slot.arrival = chunk.arrival;
  slot.stamp = *chunk.rtp;
  slot.owner = path;
  slot.had = bit(path);
}

void SequenceMerger::empty(Slot& slot) {
  bytes_ -= slot.packets.size() * ts::packet_size;
  slot.had = 0;
  slot.packets.clear();
  if (slot.packets.capacity() > kept_capacity) slot.packets.shrink_to_fit();
}

// Slots between are of datagrams that another path may still have: evenly in the time that passed.
void SequenceMerger::extend_to(Position position, ts::SteadyTime time) {
  const ts::SteadyTime from = started_ ? last_time_ : time;
  const nanoseconds passed = std::max<nanoseconds>(time - from, 0ns);
  const Position count = position + 1 - end_;
  for (Position i = 1; i <= count; ++i) {
    make_room();
    slot(end_).begins = end_ == origin_;
    slot(end_++).time = last_time_ = from + passed / count * i;
  }
  started_ = true;
}

void SequenceMerger::make_room() {
  if (static_cast<std::size_t>(end_ - oldest_) < slots_.size()) return;
  if (slots_.size() < most_slots) {
    std::vector<Slot> larger(2 * slots_.size());
    for (Position i = oldest_; i < end_; ++i) {
      larger[static_cast<std::size_t>(i) & (larger.size() - 1)] = std::move(slot(i));
    }
    slots_ = std::move(larger);
    return;
  }
  if (oldest_ == next_) statistics_.dropped += slot(next_++).packets.size();
  empty(slot(oldest_++));
}

// Those released are kept for another `skew`, to be compared with what comes late.
void SequenceMerger::forget_released() {
  while (oldest_ < next_ && (latest_ - slot(oldest_).time > 2 * options_.skew || bytes_ > options_.most_bytes)) {
    empty(slot(oldest_++));
  }
}

void SequenceMerger::try_out(std::size_t path, const Chunk& chunk) {
  Path& here = paths_[path];
  auto& trial = here.trial;
  if (here.statistics.state == State::silent) here.statistics.state = State::searching;
  const auto drop_front = [&here] {
    here.trial_bytes -= here.trial.front().packets.size() * ts::packet_size;
    here.trial.pop_front();
  };
  if (!trial.empty() && (trial.back().stamp.ssrc != chunk.rtp->ssrc ||
                         std::abs(distance(trial.back().stamp.sequence, chunk.rtp->sequence)) >= largest_gap)) {
    leave(path);
  }
  trial.push_back({{chunk.packets.begin(), chunk.packets.end()}, chunk.arrival, *chunk.rtp});
  here.trial_bytes += chunk.packets.size_bytes();
  while (trial.size() > 1 && (chunk.arrival.steady - trial.front().arrival.steady > 2 * options_.skew ||
                              here.trial_bytes > options_.most_bytes || trial.size() > most_slots / 2)) {
    drop_front();
  }
  if (started_) judge(path, trial.back(), position_of(chunk.rtp->sequence));
  if (!here.joined) adopt_one();
}

// A slot was filled: paths on trial may have had it before.
void SequenceMerger::judge_trials(Position position) {
  const auto sequence = static_cast<std::uint16_t>(numbering_ + position);
  for (std::size_t path = 0; path < paths_.size(); ++path) {
    const auto& trial = paths_[path].trial;
    if (trial.empty()) continue;
    const std::int64_t ahead = distance(trial.front().stamp.sequence, sequence);
    if (ahead < 0) continue;
    // Where it would be if none were missing; else before that.
    std::size_t i = std::min(static_cast<std::size_t>(ahead), trial.size() - 1) + 1;
    for (std::size_t looked = 0; i > 0 && looked < longest_search; ++looked) {
      if (const int from = distance(sequence, trial[--i].stamp.sequence); from > 0) continue;
      if (trial[i].stamp.sequence == sequence) judge(path, trial[i], position);
      break;
    }
  }
}

void SequenceMerger::judge(std::size_t path, const Held& held, Position position) {
  if (position < std::max(oldest_, origin_) || position >= end_ || slot(position).had == 0) return;
  if (!says_something(held.packets)) return;
  Path& here = paths_[path];
  const Slot& place = slot(position);
  if (equal(place.packets, held.packets)) {
    here.disagreements = 0;
    if (++here.agreements >= agreements_to_join) join(path, held.arrival.steady, place.time);
    return;
  }
  here.agreements = 0;
  ++here.statistics.different;
  if (++here.disagreements >= disagreements_to_leave) here.statistics.state = State::different;
}

void SequenceMerger::join(std::size_t path, ts::SteadyTime arrival, ts::SteadyTime time) {
  Path& here = paths_[path];
  const std::deque<Held> trial = std::exchange(here.trial, {});
  here.trial_bytes = 0;
  here.agreements = here.disagreements = 0;
  here.joined = true;
  here.statistics.state = State::joined;
  delays_.start(path, arrival, time);
  for (const Held& held : trial) {
    if (!here.joined) break;
    place(path, {.packets = held.packets, .arrival = held.arrival, .rtp = held.stamp});
  }
}

// The one on trial that has been there for longest: after a restart of the sender that is the earliest path.
void SequenceMerger::adopt_one() {
  std::size_t best = paths_.size();
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    if (!is_alive(paths_[i])) continue;
    if (paths_[i].joined) return;
    if (paths_[i].trial.empty()) continue;
    if (best == paths_.size() || paths_[i].trial.front().arrival.steady < paths_[best].trial.front().arrival.steady) {
      best = i;
    }
  }
  if (best != paths_.size()) adopt(best);
}

void SequenceMerger::adopt(std::size_t path) {
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    if (paths_[i].joined) leave(i);
  }
  const std::deque<Held>& trial = paths_[path].trial;
  const RtpStamp stamp = trial.front().stamp;
  int first = 0;  // some may be out of order
  for (const Held& held : trial) first = std::min<int>(first, distance(stamp.sequence, held.stamp.sequence));
  const auto sequence = static_cast<std::uint16_t>(stamp.sequence + first);
  const Position position = position_of(sequence);
  const bool goes_on = started_ && stamp.ssrc == ssrc_ && position >= end_ && position - end_ < largest_gap;
  if (!goes_on) {
    if (started_) ++statistics_.restarts;
    numbering_ = static_cast<std::uint16_t>(sequence - end_ - lead);
    origin_ = end_;
  }
  const ts::SteadyTime arrival = trial.front().arrival.steady;
  join(path, arrival, started_ ? std::max(arrival, last_time_) : arrival);
}

std::span<const Chunk> SequenceMerger::take(ts::SteadyTime now) {
  chunks_.clear();
  forget_released();
  std::size_t excess = bytes_ - std::min(bytes_, options_.most_bytes);
  for (; next_ < end_; ++next_) {
    const Slot& first = slot(next_);
    if (now - first.time < options_.skew) {
      if (excess == 0) break;
      statistics_.early += first.packets.size();
    }
    excess -= std::min(excess, first.packets.size() * ts::packet_size);
    release(first);
  }
  return chunks_;
}

void SequenceMerger::release(const Slot& slot) {
  if (slot.begins) {
    flowing_ = false;
    after_loss_ = next_ > 0;
  }
  if (slot.had == 0) {
    if (!flowing_) return;
    ++statistics_.unrecovered;
    after_loss_ = true;
    return;
  }
  flowing_ = true;
  const ts::Arrival arrival{slot.time, slot.arrival.wall - (slot.arrival.steady - slot.time)};
  const std::size_t count = slot.packets.size();
  chunks_.push_back({slot.packets, arrival, std::exchange(after_loss_, false), slot.stamp});
  statistics_.packets += count;
  if (std::has_single_bit(slot.had)) paths_[slot.owner].statistics.used += count;
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    if (paths_[i].joined && (slot.had & bit(i)) == 0) paths_[i].statistics.lost += count;
  }
}

PathStatistics SequenceMerger::path(std::size_t path) const {
  PathStatistics result = paths_[path].statistics;
  result.skew = delays_.skew(path);
  return result;
}

}  // namespace io
