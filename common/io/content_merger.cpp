#include "common/io/content_merger.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

namespace io {

namespace {

using namespace std::chrono_literals;
using State = PathStatistics::State;
using std::chrono::nanoseconds;

// Of this many packets in a row that are not in the list each is looked up, of more only PCRs and PTSs.
constexpr std::size_t searched = 64;
constexpr int longest_chain = 64;  // in a bucket; more are fillers
constexpr int enough_evidence = 3;
constexpr int strong_evidence = 4;
// Around a PCR or PTS that two streams share, so many packets in a row are the same.
constexpr int shared_run = 4;
// How far counters are looked for.
constexpr int nearby = 256;
// Packets that two paths both have and do not share: one of them is another stream.
constexpr std::size_t another_stream = 50;
// Packets missing of a PID (modulo 16) beyond which its counters say nothing.
constexpr unsigned most_missing = 8;
constexpr std::int64_t order_step = std::int64_t{1} << 20;

// Null packets, fillers and most tables end like this, and come again and again.
bool ends_in_stuffing(const ts::Packet& packet) {
  const auto end = std::span{packet.bytes}.last<32>();
  return std::ranges::all_of(end, [&end](std::uint8_t byte) { return byte == end[0]; });
}

bool begins_with_pts(const ts::Packet& packet) {
  if (!packet.unit_start()) return false;
  const auto payload = packet.payload();
  return payload.size() >= 14 && payload[0] == 0 && payload[1] == 0 && payload[2] == 1 && (payload[7] & 0x80) != 0;
}

// Does not come again within a day.
bool is_strong(const ts::Packet& packet) { return packet.pcr().has_value() || begins_with_pts(packet); }

// 0 if the packet does not tell where it belongs.
std::uint64_t hash_of(const ts::Packet& packet) {
  if (packet.pid() == ts::null_pid || (ends_in_stuffing(packet) && !is_strong(packet))) return 0;
  std::uint64_t hash = 0x9E3779B97F4A7C15;
  for (std::size_t i = 4; i < ts::packet_size; i += 8) {
    std::uint64_t word;
    std::memcpy(&word, packet.bytes.data() + i, sizeof word);
    hash = (hash ^ word) * 0xFF51AFD7ED558CCD;
    hash ^= hash >> 32;
  }
  std::uint32_t header;
  std::memcpy(&header, packet.bytes.data(), sizeof header);
  hash = (hash ^ header) * 0xC4CEB9FE1A85EC53;
  return (hash ^ hash >> 33) | 1;
}

// Packets missing between two counters, modulo 16.
unsigned missing(unsigned before, unsigned after) { return (after - before - 1) & 15u; }

}  // namespace

void ContentMerger::Queue::pop(std::size_t count) {
  first_ += count;
  if (first_ == items_.size()) {
    items_.clear();
    first_ = 0;
  } else if (first_ > items_.size() / 2) {
    items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

ContentMerger::ContentMerger(const MergeOptions& options)
    : options_(options),
      silence_(std::max<nanoseconds>(options.skew, 1s)),
      most_nodes_(std::max<std::size_t>(options.most_bytes / ts::packet_size, 64)),
      paths_(options.paths),
      delays_(options.paths),
      nodes_(1),
      buckets_(1024, head) {
  nodes_[head].released = true;
}

void ContentMerger::feed(std::size_t path, const Chunk& chunk) {
  Path& here = paths_[path];
  latest_ = std::max(latest_, chunk.arrival.steady);
  here.statistics.received += chunk.packets.size();
  forget_released();
  here.heard = std::max(here.heard, chunk.arrival.steady);
  const std::size_t first_new = here.pending.size();
  ++unit_;
  for (const ts::Packet& packet : chunk.packets) here.pending.push({packet, chunk.arrival, hash_of(packet), unit_});
  if (here.joined) {
    advance(path);
  } else {
    try_out(path, first_new);
  }
  if (const std::size_t size = here.pending.size(); size > most_nodes_) drop_undecided(path, size - most_nodes_);
  advance_others(path);
}

// What others wait for may have come.
void ContentMerger::advance_others(std::size_t path) {
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    if (i != path && paths_[i].joined && !paths_[i].pending.empty()) advance(i);
  }
}

void ContentMerger::try_out(std::size_t path, std::size_t first_new) {
  Path& here = paths_[path];
  if (here.statistics.state == State::silent) here.statistics.state = State::searching;
  for (std::size_t i = first_new; i < here.pending.size(); ++i) {
    if (!is_strong(here.pending[i].packet)) continue;
    if (const Index node = find(here.pending[i]); node != head && find_again(path, i, node)) return;
  }
  std::size_t old = 0;
  while (old < here.pending.size() && latest_ - here.pending[old].arrival.steady > 2 * options_.skew) ++old;
  here.pending.pop(old);
  // Two seconds, or more, in which nothing was the same.
  if (here.matched == ts::SteadyTime{}) here.matched = latest_;
  if (latest_ - here.matched > 2 * silence_) here.statistics.state = State::different;
  adopt_one();
}

// A packet on trial that is in the list: joins if its neighbours are, too.
bool ContentMerger::find_again(std::size_t path, std::size_t pending, Index node) {
  Path& here = paths_[path];
  int run = 0;
  Index at = node;
  for (std::size_t i = pending; i < here.pending.size() && at != head; ++i, at = nodes_[at].next) {
    if (here.pending[i].packet != nodes_[at].packet) break;
    ++run;
  }
  at = nodes_[node].previous;
  for (std::size_t i = pending; i-- > 0 && at != head && run < shared_run; at = nodes_[at].previous) {
    if (here.pending[i].packet != nodes_[at].packet) break;
    ++run;
  }
  if (run < shared_run) return false;
  const ts::SteadyTime arrival = here.pending[pending].arrival.steady;
  here.pending.pop(pending);
  join(path, nodes_[node].previous, arrival, nodes_[node].time);
  return true;
}

// Packets were appended: paths on trial may have had them before.
void ContentMerger::judge_trials(Index from) {
  if (std::ranges::all_of(paths_, [](const Path& path) { return path.joined || path.pending.empty(); })) return;
  for (Index node = from; node != head; node = nodes_[node].next) {
    if (!is_strong(nodes_[node].packet)) continue;
    for (std::size_t path = 0; path < paths_.size(); ++path) {
      if (paths_[path].joined) continue;
      const Queue& pending = paths_[path].pending;
      for (std::size_t i = 0; i < pending.size(); ++i) {
        if (pending[i].hash == nodes_[node].hash && find_again(path, i, node)) return;
      }
    }
  }
}

void ContentMerger::join(std::size_t path, Index cursor, ts::SteadyTime arrival, ts::SteadyTime time) {
  Path& here = paths_[path];
  here.joined = true;
  here.statistics.state = State::joined;
  move(here, cursor);
  here.matched = latest_;
  delays_.start(path, arrival, time);
  advance(path);
}

void ContentMerger::leave(std::size_t path) {
  Path& here = paths_[path];
  here.joined = false;
  here.statistics.state = State::searching;
  here.pending.clear();
  here.matched = latest_;
  delays_.forget(path);
}

void ContentMerger::adopt_one() {
  std::size_t best = paths_.size();
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    if (!is_alive(paths_[i])) continue;
    if (paths_[i].joined) return;
    if (paths_[i].pending.empty()) continue;
    if (best == paths_.size() || paths_[i].pending[0].arrival.steady < paths_[best].pending[0].arrival.steady) {
      best = i;
    }
  }
  if (best == paths_.size()) return;
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    if (paths_[i].joined) leave(i);
  }
  begins_ = started_;
  statistics_.restarts += started_;
  const ts::SteadyTime arrival = paths_[best].pending[0].arrival.steady;
  join(best, tail(), arrival, started_ ? std::max(arrival, last_time_) : arrival);
}

void ContentMerger::advance(std::size_t path) {
  Path& here = paths_[path];
  while (here.joined && !here.pending.empty()) {
    if (nodes_[here.cursor].next == head) {
      lead(path);
      continue;
    }
    const Fit fit = next_fit(here);
    if (fit.count > 0) {
      for (std::size_t i = 0; i < fit.count; ++i) match(path);
    } else if (fit.open || !resync(path)) {
      return;
    }
  }
}

// Whether packets that are equal are known to be the same one. Those that tell nothing are if on both sides they follow
// such a one (`after_telling`) in the same chunk.
bool ContentMerger::is_telling(const Path& path, std::size_t pending, Index node, bool after_telling) const {
  if (path.pending[pending].hash != 0) return true;
  if (!after_telling) return false;
  const std::uint32_t unit = pending == 0 ? path.unit : path.pending[pending - 1].unit;
  return path.pending[pending].unit == unit && nodes_[node].unit == nodes_[nodes_[node].previous].unit;
}

// Packets that tell nothing are the next ones of the list only if what comes after them is, too: else they may be
// others, of datagrams that one of both sides lacks.
ContentMerger::Fit ContentMerger::next_fit(const Path& path) const {
  Index node = nodes_[path.cursor].next;
  for (std::size_t i = 0; i < path.pending.size(); ++i, node = nodes_[node].next) {
    if (node == head) return {i, false};
    if (nodes_[node].packet != path.pending[i].packet) return {0, false};
    if (is_telling(path, i, node, i == 0)) return {i + 1, false};
  }
  return {0, true};
}

// The path lacks what it passes.
void ContentMerger::move(Path& path, Index cursor) {
  path.cursor = cursor;
  path.unit = 0;
}

void ContentMerger::match(std::size_t path) {
  Path& here = paths_[path];
  const Held& held = here.pending[0];
  Node& node = nodes_[nodes_[here.cursor].next];
  here.cursor = nodes_[here.cursor].next;
  here.unit = held.unit;
  here.matched = latest_;
  if (node.released) ++here.statistics.late;
  node.had |= bit(path);
  delays_.compare(path, held.arrival.steady, node.owner, node.arrival.steady);
  here.pending.pop(1);
}

// The list ends where this path is.
void ContentMerger::lead(std::size_t path) {
  Path& here = paths_[path];
  const Index last = tail();
  while (here.joined && !here.pending.empty()) {
    if (!drop_duplicate(path)) append(path, chunk_size(here, 0));
  }
  if (const Index first = nodes_[last].next; first != head) judge_trials(first);
}

std::size_t ContentMerger::chunk_size(const Path& path, std::size_t from) {
  std::size_t end = from;
  while (end < path.pending.size() && path.pending[end].unit == path.pending[from].unit) ++end;
  return end - from;
}

void ContentMerger::append(std::size_t path, std::size_t count) {
  Path& here = paths_[path];
  for (; count > 0; --count, here.pending.pop(1)) {
    if (count_ >= 2 * most_nodes_) {
      ++statistics_.dropped;
      continue;
    }
    const Index node = make_node(path, here.pending[0]);
    last_time_ = std::max(last_time_, delays_.time_of(path, here.pending[0].arrival.steady));
    nodes_[node].time = last_time_;
    nodes_[node].begins = std::exchange(begins_, false);
    link(node, head);
    nodes_[node].order = nodes_[nodes_[node].previous].order + order_step;
    here.cursor = node;
    here.unit = here.pending[0].unit;
  }
  started_ = true;
  here.matched = latest_;
}

bool ContentMerger::resync(std::size_t path) {
  if (drop_duplicate(path)) return true;
  const auto anchor = find_anchor(paths_[path]);
  if (anchor) settle(path, *anchor);
  return anchor.has_value();
}

// A datagram that came twice by a path, or out of order when the list already has it.
bool ContentMerger::drop_duplicate(std::size_t path) {
  Path& here = paths_[path];
  const Queue& pending = here.pending;
  const std::size_t count = chunk_size(here, 0);
  std::size_t start = 0;
  while (start < count && (pending[start].hash == 0 || find(pending[start]) == head)) ++start;
  if (start == count) return false;
  Index node = find(pending[start]);
  if (nodes_[node].order > nodes_[here.cursor].order) return false;
  if (follows(runs_of(here, count), nodes_[here.cursor].next)) return false;
  for (std::size_t i = start; i-- > 0;) node = nodes_[node].previous;
  for (std::size_t i = 0; i < count; ++i, node = nodes_[node].next) {
    if (node == head || nodes_[node].packet != pending[i].packet) return false;
  }
  here.statistics.duplicates += count;
  here.pending.pop(count);
  return true;
}

// The node with this packet; head if there is none or more than one.
ContentMerger::Index ContentMerger::find(const Held& held) const {
  if (held.hash == 0) return head;
  Index found = head;
  int steps = 0;
  for (Index i = buckets_[held.hash & (buckets_.size() - 1)]; i != head; i = nodes_[i].older) {
    if (++steps > longest_chain) return head;
    if (nodes_[i].hash != held.hash || nodes_[i].packet != held.packet) continue;
    if (found != head) return head;
    found = i;
  }
  return found;
}

std::optional<ContentMerger::Anchor> ContentMerger::find_anchor(const Path& path) const {
  for (std::size_t i = 0; i < path.pending.size(); ++i) {
    const Held& held = path.pending[i];
    if (i >= searched && !is_strong(held.packet)) continue;
    const Index node = find(held);
    if (node == head || nodes_[node].order <= nodes_[path.cursor].order) continue;
    if (evidence(path, {i, node}) >= enough_evidence) return Anchor{i, node};
  }
  return std::nullopt;
}

// How sure it is that the path goes on at the node, from there on.
int ContentMerger::evidence(const Path& path, Anchor anchor) const {
  int result = 0;
  for (std::size_t i = anchor.pending; i < path.pending.size() && result < enough_evidence; ++i) {
    if (anchor.node == head || nodes_[anchor.node].packet != path.pending[i].packet) break;
    if (is_strong(path.pending[i].packet)) {
      result += strong_evidence;
    } else if (find(path.pending[i]) != head) {
      ++result;
    }
    anchor.node = nodes_[anchor.node].next;
  }
  return result;
}

// What lies before the anchor, on both sides. What both have at the beginning and at the end is the same, if that
// explains one of the sides or if it tells something; nulls at the end of two datagrams may be different ones.
void ContentMerger::settle(std::size_t path, Anchor anchor) {
  Path& here = paths_[path];
  std::size_t same = 0, telling = 0;
  Index from = nodes_[here.cursor].next;
  for (; same < anchor.pending && from != anchor.node; from = nodes_[from].next) {
    if (nodes_[from].packet != here.pending[same].packet) break;
    const bool tells = is_telling(here, same, from, telling == same);
    ++same;
    if (tells) telling = same;
  }
  Anchor end = anchor, telling_end = anchor;
  while (end.pending > same && end.node != from) {
    const Index previous = nodes_[end.node].previous;
    const Held& held = here.pending[end.pending - 1];
    if (nodes_[previous].packet != held.packet) break;
    const bool same_chunk =
        held.unit == here.pending[end.pending].unit && nodes_[previous].unit == nodes_[end.node].unit;
    const bool follows_telling = same_chunk && end.pending == telling_end.pending;
    end = {end.pending - 1, previous};
    if (held.hash != 0 || follows_telling) telling_end = end;
  }
  if (end.pending != same && end.node != from) {
    same = telling;
    end = telling_end;
  }
  for (std::size_t i = 0; i < same; ++i) match(path);
  const std::size_t count = end.pending - same;
  if (count == 0) {
    move(here, nodes_[end.node].previous);
  } else if (nodes_[here.cursor].next == end.node) {
    if (has_room(runs_of(here, count), end.node)) {
      insert(path, count, end.node);
    } else {
      drop_undecided(path, count);
    }
  } else if (const auto between = find_between(here, {count, end.node})) {
    settle(path, *between);
  } else {
    put_in_order(path, {count, end.node});
  }
}

// Within a gap that has an end, one packet is enough.
std::optional<ContentMerger::Anchor> ContentMerger::find_between(const Path& path, Anchor end) const {
  for (std::size_t i = 0; i < end.pending; ++i) {
    const Index node = find(path.pending[i]);
    if (node == head) continue;
    const Order order = nodes_[node].order;
    if (order > nodes_[path.cursor].order && order < nodes_[end.node].order) return Anchor{i, node};
  }
  return std::nullopt;
}

// All orders of two rows of chunks, each of which keeps its own, that continuity counters allow: between the counters
// before and after them, those missing of a PID are the same number modulo 16 in all orders, and the right one has the
// least. More than 15 packets of a PID missing on both sides cannot be told from none.
struct ContentMerger::Interleaving {
  struct Pid {
    ts::Pid pid;
    std::optional<unsigned> last, next;
    unsigned allowed = most_missing;  // still, to be missing
  };

  // Goes on where so many of either row are placed. Stops at two orders, or when there are too many to try.
  void search(std::size_t one, std::size_t other) {
    if (found > 1 || ++steps > most_steps) return;
    if (one == rows[0].size() && other == rows[1].size()) {
      if (ends_well() && ++found == 1) order = taken;
      return;
    }
    const std::array<std::size_t, 2> at{one, other};
    for (const std::size_t row : {std::size_t{0}, std::size_t{1}}) {
      if (at[row] == rows[row].size()) continue;
      const std::vector<Pid> before = pids;
      if (place(rows[row][at[row]])) {
        taken.push_back(row == 1);
        search(one + (row == 0), other + (row == 1));
        taken.pop_back();
      }
      pids = before;
    }
  }
  bool place(const Runs& runs) {
    return std::ranges::all_of(runs, [this](const Run& run) {
      Pid& pid = *std::ranges::find(pids, run.pid, &Pid::pid);
      if (!spend(pid, run.first)) return false;
      pid.last = run.last;
      return true;
    });
  }
  bool ends_well() {
    std::vector<Pid> all = pids;
    return std::ranges::all_of(all, [](Pid& pid) { return !pid.next || spend(pid, *pid.next); });
  }
  static bool spend(Pid& pid, unsigned counter) {
    const unsigned gap = pid.last ? missing(*pid.last, counter) : 0;
    if (gap > pid.allowed) return false;
    pid.allowed -= gap;
    return true;
  }
  // With the counters around them: what any order leaves missing at least.
  void add(ts::Pid pid, std::optional<unsigned> previous, std::optional<unsigned> next) {
    Pid entry{pid, previous, next};
    if (previous && next) {
      std::size_t count = 0;
      for (const auto& row : rows) {
        for (const Runs& runs : row) {
          if (const auto run = std::ranges::find(runs, pid, &Run::pid); run != runs.end()) count += run->count;
        }
      }
      entry.allowed = (missing(*previous, *next) - static_cast<unsigned>(count)) & 15u;
    }
    pids.push_back(entry);
  }

  static constexpr int most_steps = 2000;
  std::array<std::vector<Runs>, 2> rows;
  std::vector<Pid> pids;
  std::vector<bool> taken, order;  // true: of the second row
  int found = 0, steps = 0;
};

// Both sides have chunks that the other lacks.
void ContentMerger::put_in_order(std::size_t path, Anchor end) {
  Path& here = paths_[path];
  Interleaving interleaving;
  std::vector<std::size_t> counts;
  std::vector<Index> lasts;
  for (std::size_t from = 0; from < end.pending; from += counts.back()) {
    counts.push_back(std::min(chunk_size(here, from), end.pending - from));
    interleaving.rows[0].emplace_back();
    for (std::size_t i = from; i < from + counts.back(); ++i) {
      add(interleaving.rows[0].back(), here.pending[i].packet);
    }
  }
  const Index first = nodes_[here.cursor].next;
  for (Index node = first; node != end.node; node = nodes_[node].next) {
    if (node == first || nodes_[node].unit != nodes_[nodes_[node].previous].unit) {
      interleaving.rows[1].emplace_back();
      lasts.push_back(node);
    }
    add(interleaving.rows[1].back(), nodes_[node].packet);
    lasts.back() = node;
  }
  for (const auto& row : interleaving.rows) {
    for (const Runs& runs : row) {
      for (const Run& run : runs) {
        if (std::ranges::find(interleaving.pids, run.pid, &Interleaving::Pid::pid) != interleaving.pids.end()) continue;
        interleaving.add(run.pid, counter_before(first, run.pid), counter_after(end.node, run.pid));
      }
    }
  }
  interleaving.search(0, 0);
  if (interleaving.found != 1 || interleaving.steps > Interleaving::most_steps) {
    drop_undecided(path, end.pending);
    return;
  }
  std::array<std::size_t, 2> next{};
  for (const bool is_listed : interleaving.order) {
    if (is_listed) {
      move(here, lasts[next[1]++]);
    } else {
      insert(path, counts[next[0]++], nodes_[here.cursor].next);
    }
  }
}

void ContentMerger::insert(std::size_t path, std::size_t count, Index before) {
  Path& here = paths_[path];
  if (nodes_[before].released) {
    here.statistics.late += count;
    here.pending.pop(count);
    return;
  }
  const auto parts = static_cast<Order>(count) + 1;
  if ((nodes_[before].order - nodes_[here.cursor].order) / parts <= 0) number();
  const Order from = nodes_[here.cursor].order;
  const Order step = (nodes_[before].order - from) / parts;
  const ts::SteadyTime time = here.cursor == head ? nodes_[before].time : nodes_[here.cursor].time;
  const nanoseconds passed = nodes_[before].time - time;
  for (Order i = 1; i < parts; ++i) {
    if (count_ >= 2 * most_nodes_) {
      ++statistics_.dropped;
    } else {
      const Index node = make_node(path, here.pending[0]);
      nodes_[node].time = time + passed / parts * i;
      link(node, before);
      nodes_[node].order = from + step * i;
      here.cursor = node;
      here.unit = nodes_[node].unit;
    }
    here.pending.pop(1);
  }
  here.matched = latest_;
}

void ContentMerger::drop_undecided(std::size_t path, std::size_t count) {
  if (paths_[path].joined) paths_[path].statistics.undecided += count;
  paths_[path].pending.pop(count);
}

bool ContentMerger::is_due(const Path& path, std::size_t index, ts::SteadyTime now, nanoseconds delay) {
  return path.joined && !path.pending.empty() && now - delays_.time_of(index, path.pending[0].arrival.steady) >= delay;
}

// Packets that are due and belong nowhere: the list has ended, or they are left out.
void ContentMerger::settle_overdue(std::size_t path, ts::SteadyTime now) {
  Path& here = paths_[path];
  while (is_due(here, path, now, options_.skew)) {
    if (const Index next = nodes_[here.cursor].next; next != head && nodes_[next].packet == here.pending[0].packet) {
      match(path);
      continue;
    }
    const std::size_t count = chunk_size(here, 0);
    const bool ended = nodes_[tail()].released;
    if (ended) move(here, tail());
    if (ended && has_room(runs_of(here, count), head)) {
      advance(path);
      continue;
    }
    drop_undecided(path, count);
    if (latest_ - here.matched <= silence_) continue;
    leave(path);
    here.statistics.state = State::different;
  }
}

// Where two have different packets for long, the first of the paths is right.
void ContentMerger::expel_others(std::size_t path) {
  Path& here = paths_[path];
  if (here.pending.size() < another_stream) return;
  std::uint64_t others = 0;
  std::size_t count = 0;
  for (Index i = nodes_[here.cursor].next; i != head; i = nodes_[i].next) {
    if (nodes_[i].released || !std::has_single_bit(nodes_[i].had)) return;
    others |= nodes_[i].had;
    ++count;
  }
  if (count < another_stream || !std::has_single_bit(others) || others < bit(path)) return;
  while (nodes_[here.cursor].next != head) remove(nodes_[here.cursor].next);
  const auto other = static_cast<std::size_t>(std::countr_zero(others));
  if (paths_[other].joined) leave(other);
  paths_[other].statistics.state = State::different;
  last_time_ = nodes_[here.cursor].time;
  advance(path);
}

ContentMerger::Runs ContentMerger::runs_of(const Path& path, std::size_t count) {
  Runs runs;
  for (std::size_t i = 0; i < count; ++i) add(runs, path.pending[i].packet);
  return runs;
}

void ContentMerger::add(Runs& runs, const ts::Packet& packet) {
  if (!packet.has_payload() || packet.pid() == ts::null_pid) return;
  auto run = std::ranges::find(runs, packet.pid(), &Run::pid);
  if (run == runs.end()) {
    run = runs.insert(runs.end(), {.pid = packet.pid(), .first = packet.continuity(), .count = 1});
  } else if (packet.continuity() != run->last) {
    run->count += missing(run->last, packet.continuity()) + 1;
  }
  run->last = packet.continuity();
}

std::optional<unsigned> ContentMerger::counter_before(Index node, ts::Pid pid) const {
  for (int i = 0; i < nearby; ++i) {
    node = nodes_[node].previous;
    if (node == head) break;
    const ts::Packet& packet = nodes_[node].packet;
    if (packet.pid() == pid && packet.has_payload()) return packet.continuity();
  }
  return std::nullopt;
}

std::optional<unsigned> ContentMerger::counter_after(Index node, ts::Pid pid) const {
  for (int i = 0; i < nearby && node != head; ++i, node = nodes_[node].next) {
    const ts::Packet& packet = nodes_[node].packet;
    if (packet.pid() == pid && packet.has_payload()) return packet.continuity();
  }
  return std::nullopt;
}

// Whether continuity counters leave room there for these packets: else they came out of order.
bool ContentMerger::has_room(const Runs& runs, Index before) const {
  return std::ranges::all_of(runs, [&](const Run& run) {
    const auto previous = counter_before(before, run.pid);
    const auto next = counter_after(before, run.pid);
    const unsigned gaps = (previous ? missing(*previous, run.first) : 0) + (next ? missing(run.last, *next) : 0);
    const bool is_countable = previous && next && run.count < 16;
    return is_countable ? gaps + run.count < 16 : gaps <= most_missing;
  });
}

// Whether they are the very next ones of all their PIDs.
bool ContentMerger::follows(const Runs& runs, Index before) const {
  return std::ranges::all_of(runs, [&](const Run& run) {
    const auto previous = counter_before(before, run.pid);
    return !previous || missing(*previous, run.first) == 0;
  });
}

ContentMerger::Index ContentMerger::make_node(std::size_t path, const Held& held) {
  if (free_ == head) grow();
  const Index node = free_;
  free_ = nodes_[node].next;
  nodes_[node] = Node{held};
  nodes_[node].had = bit(path);
  nodes_[node].owner = static_cast<std::uint8_t>(path);
  return node;
}

void ContentMerger::grow() {
  const std::size_t size = nodes_.size();
  nodes_.resize(2 * std::max<std::size_t>(size, 256));
  for (std::size_t i = nodes_.size(); i-- > size;) {
    nodes_[i].next = free_;
    free_ = static_cast<Index>(i);
  }
  if (buckets_.size() >= nodes_.size()) return;
  buckets_.assign(std::bit_ceil(nodes_.size()), head);
  for (Index i = nodes_[head].next; i != head; i = nodes_[i].next) index(i);
}

void ContentMerger::link(Index node, Index before) {
  const Index previous = nodes_[before].previous;
  nodes_[node].previous = previous;
  nodes_[node].next = before;
  nodes_[previous].next = node;
  nodes_[before].previous = node;
  if (before == next_) next_ = node;
  ++count_;
  index(node);
}

void ContentMerger::index(Index node) {
  if (nodes_[node].hash == 0) return;
  Index& first = buckets_[nodes_[node].hash & (buckets_.size() - 1)];
  nodes_[node].newer = head;
  nodes_[node].older = first;
  if (first != head) nodes_[first].newer = node;
  first = node;
}

void ContentMerger::remove(Index node) {
  Node& here = nodes_[node];
  if (here.hash != 0) {
    if (here.newer == head) {
      buckets_[here.hash & (buckets_.size() - 1)] = here.older;
    } else {
      nodes_[here.newer].older = here.older;
    }
    if (here.older != head) nodes_[here.older].newer = here.newer;
  }
  nodes_[here.previous].next = here.next;
  nodes_[here.next].previous = here.previous;
  if (node == next_) next_ = here.next;
  here.next = free_;
  free_ = node;
  --count_;
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    if (paths_[i].joined && paths_[i].cursor == node) leave(i);
  }
}

// Orders anew, with room between them.
void ContentMerger::number() {
  Order order = 0;
  for (Index i = nodes_[head].next; i != head; i = nodes_[i].next) nodes_[i].order = order += order_step;
}

// Those released are kept for another `skew`: paths that are late go on there. The last one stays, as paths are there.
void ContentMerger::forget_released() {
  while (true) {
    const Index first = nodes_[head].next;
    if (first == head || !nodes_[first].released || nodes_[first].next == head) return;
    if (latest_ - nodes_[first].time <= 2 * options_.skew && count_ <= most_nodes_) return;
    remove(first);
  }
}

std::span<const Chunk> ContentMerger::take(ts::SteadyTime now) {
  taken_.clear();
  chunks_.clear();
  ends_.clear();
  forget_released();
  const nanoseconds before_due = options_.skew - std::min<nanoseconds>(options_.skew / 4, 100ms);
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    if (is_due(paths_[i], i, now, before_due)) expel_others(i);
  }
  release_due(now);
  for (std::size_t i = 0; i < paths_.size(); ++i) settle_overdue(i, now);
  release_due(now);
  std::size_t from = 0;
  for (std::size_t i = 0; i < chunks_.size(); ++i) {
    chunks_[i].packets = std::span{taken_}.subspan(from, ends_[i] - from);
    from = ends_[i];
  }
  return chunks_;
}

void ContentMerger::release_due(ts::SteadyTime now) {
  std::size_t excess = count_ - std::min(count_, most_nodes_);
  for (; next_ != head; next_ = nodes_[next_].next) {
    Node& first = nodes_[next_];
    if (now - first.time < options_.skew) {
      if (excess == 0) break;
      ++statistics_.early;
    }
    excess -= std::min<std::size_t>(excess, 1);
    first.released = true;
    release(first);
  }
}

void ContentMerger::release(const Node& node) {
  taken_.push_back(node.packet);
  const ts::Arrival arrival{node.time, node.arrival.wall - (node.arrival.steady - node.time)};
  if (chunks_.empty() || node.unit != last_unit_ || node.begins || chunks_.back().arrival.steady != node.time) {
    chunks_.push_back({{}, arrival, node.begins});
    ends_.push_back(0);
  }
  ends_.back() = taken_.size();
  last_unit_ = node.unit;
  ++statistics_.packets;
  if (std::has_single_bit(node.had)) ++paths_[node.owner].statistics.used;
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    if (paths_[i].joined && (node.had & bit(i)) == 0) ++paths_[i].statistics.lost;
  }
}

PathStatistics ContentMerger::path(std::size_t path) const {
  PathStatistics result = paths_[path].statistics;
  result.skew = delays_.skew(path);
  return result;
}

}  // namespace io
