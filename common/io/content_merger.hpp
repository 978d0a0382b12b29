// Identical streams without sequence numbers over several paths become one, by the contents of their packets. See
// HitlessMerger.
//
// The packets that any path had are a list, in order. Each path has a cursor there: its last packet that is known to be
// in the list. Its next packet mostly is the next one of the list, or the list ends there and it is appended. If it is
// another, packets are missing on this path, in the list, or in both: the path's packets wait until it is found again
// further on in the list ("anchor": a PCR or PTS, or several packets that are in the list once; null packets and those
// that end in stuffing come again and again, and tell nothing). What lies between the cursor and there is then
//   - in the list only: the path lost it;
//   - with the path only: the list gets it, if continuity counters have room for it;
//   - on both sides different: they get the order of chunks (datagrams) that continuity counters allow, if that is one.
// What has no certain place is left out and counted as undecided, rather than guessed.
//
// A path is used from the first PCR or PTS packet on that the list has too; until then it is on trial. Limits: packets
// that the earliest path delivers out of order stay so, and null packets that it delivers twice are not noticed.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/io/path_delays.hpp"
#include "common/io/stream_merger.hpp"

namespace io {

class ContentMerger final : public StreamMerger {
 public:
  explicit ContentMerger(const MergeOptions& options);

  void feed(std::size_t path, const Chunk& chunk) override;
  std::span<const Chunk> take(ts::SteadyTime now) override;
  PathStatistics path(std::size_t path) const override;
  const MergeStatistics& statistics() const override { return statistics_; }

 private:
  using Index = std::uint32_t;
  using Order = std::int64_t;
  static constexpr Index head = 0;  // before the first and after the last packet of the list

  struct Held {
    ts::Packet packet;
    ts::Arrival arrival;
    std::uint64_t hash;  // 0: it does not tell where it belongs
    std::uint32_t unit;  // the chunk that it came in
  };
  struct Node : Held {
    ts::SteadyTime time{};  // on the timeline of all paths
    std::uint64_t had = 0;  // a bit for each path
    Order order = 0;        // rises along the list
    Index previous = head, next = head;
    Index older = head, newer = head;  // of the same bucket
    std::uint8_t owner = 0;
    bool released = false;
    bool begins = false;  // the stream began anew
  };
  // Packets of a path that are not in the list, first in, first out.
  class Queue {
   public:
    bool empty() const { return first_ == items_.size(); }
    std::size_t size() const { return items_.size() - first_; }
    const Held& operator[](std::size_t i) const { return items_[first_ + i]; }
    void push(const Held& held) { items_.push_back(held); }
    void pop(std::size_t count);
    void clear() { pop(size()); }

   private:
    std::vector<Held> items_;
    std::size_t first_ = 0;
  };
  struct Path {
    PathStatistics statistics;
    bool joined = false;
    Index cursor = head;
    std::uint32_t unit = 0;  // that the packet at the cursor came in by this path; 0: it lacks it
    Queue pending;
    ts::SteadyTime heard{};
    ts::SteadyTime matched{};  // when it last had something of the list, or led
  };
  struct Anchor {
    std::size_t pending;
    Index node;
  };
  // How many of the packets that wait are the next ones of the list. open: it is not known before more come.
  struct Fit {
    std::size_t count;
    bool open;
  };
  // Continuity counters of a PID in some packets with payload.
  struct Run {
    ts::Pid pid;
    unsigned first = 0, last = 0;  // counters
    std::size_t count = 0;         // of different packets
  };
  using Runs = std::vector<Run>;
  struct Interleaving;

  static std::uint64_t bit(std::size_t path) { return std::uint64_t{1} << path; }
  bool is_alive(const Path& path) const { return latest_ - path.heard <= silence_; }
  Index tail() const { return nodes_[head].previous; }

  void try_out(std::size_t path, std::size_t first_new);
  bool find_again(std::size_t path, std::size_t pending, Index node);
  void judge_trials(Index from);
  void join(std::size_t path, Index cursor, ts::SteadyTime arrival, ts::SteadyTime time);
  void leave(std::size_t path);
  void adopt_one();

  void advance(std::size_t path);
  void advance_others(std::size_t path);
  Fit next_fit(const Path& path) const;
  bool is_telling(const Path& path, std::size_t pending, Index node, bool after_telling) const;
  static void move(Path& path, Index cursor);
  void match(std::size_t path);
  void lead(std::size_t path);
  static std::size_t chunk_size(const Path& path, std::size_t from);
  void append(std::size_t path, std::size_t count);
  bool resync(std::size_t path);
  bool drop_duplicate(std::size_t path);
  std::optional<Anchor> find_anchor(const Path& path) const;
  int evidence(const Path& path, Anchor anchor) const;
  Index find(const Held& held) const;
  void settle(std::size_t path, Anchor anchor);
  std::optional<Anchor> find_between(const Path& path, Anchor end) const;
  void put_in_order(std::size_t path, Anchor end);
  void insert(std::size_t path, std::size_t count, Index before);
  void drop_undecided(std::size_t path, std::size_t count);
  void settle_overdue(std::size_t path, ts::SteadyTime now);
  bool is_due(const Path& path, std::size_t index, ts::SteadyTime now, std::chrono::nanoseconds delay);
  void expel_others(std::size_t path);

  static Runs runs_of(const Path& path, std::size_t count);
  static void add(Runs& runs, const ts::Packet& packet);
  std::optional<unsigned> counter_before(Index node, ts::Pid pid) const;
  std::optional<unsigned> counter_after(Index node, ts::Pid pid) const;
  bool has_room(const Runs& runs, Index before) const;
  bool follows(const Runs& runs, Index before) const;

  Index make_node(std::size_t path, const Held& held);
  void link(Index node, Index before);
  void index(Index node);
  void remove(Index node);
  void grow();
  void number();
  void forget_released();
  void release_due(ts::SteadyTime now);
  void release(const Node& node);

  const MergeOptions options_;
  const std::chrono::nanoseconds silence_;
  const std::size_t most_nodes_;
  std::vector<Path> paths_;
  PathDelays delays_;
  std::vector<Node> nodes_;
  Index free_ = head;           // linked by Node::next
  std::vector<Index> buckets_;  // by hash; a power of two
  std::size_t count_ = 0;       // of nodes in the list
  Index next_ = head;           // to release; head: none
  std::uint32_t unit_ = 0;
  bool started_ = false;
  bool begins_ = false;  // the next packet appended is a new stream's
  ts::SteadyTime latest_{};
  ts::SteadyTime last_time_{};
  std::vector<ts::Packet> taken_;
  std::vector<Chunk> chunks_;
  std::vector<std::size_t> ends_;  // of chunks_, in taken_
  std::uint32_t last_unit_ = 0;    // released
  MergeStatistics statistics_;
};

}  // namespace io
