// Identical RTP streams over several paths become one, by sequence numbers (SMPTE ST 2022-7). See HitlessMerger.
//
// Each datagram has a slot, by its sequence number unwrapped ("position"). A path is used when three of its datagrams
// are those that the others have with the same numbers; until then, and after anything that may be a new beginning
// (another SSRC, numbers far away, a second of silence), it is on trial: its datagrams are kept apart. If no path is
// used that is alive, one on trial becomes the stream.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "common/io/path_delays.hpp"
#include "common/io/stream_merger.hpp"

namespace io {

class SequenceMerger final : public StreamMerger {
 public:
  explicit SequenceMerger(const MergeOptions& options);

  // The chunk is one datagram and has its Chunk::rtp.
  void feed(std::size_t path, const Chunk& chunk) override;
  std::span<const Chunk> take(ts::SteadyTime now) override;
  PathStatistics path(std::size_t path) const override;
  const MergeStatistics& statistics() const override { return statistics_; }

 private:
  using Position = std::int64_t;
  struct Slot {
    std::vector<ts::Packet> packets;
    ts::Arrival arrival{};  // the first
    ts::SteadyTime time{};  // on the timeline of all paths
    std::uint64_t had = 0;  // a bit for each path; 0: missing
    std::size_t owner = 0;  // whose packets these are
    bool begins = false;    // the first that the numbering can have
    RtpStamp stamp;
  };
  struct Held {
    std::vector<ts::Packet> packets;
    ts::Arrival arrival;
    RtpStamp stamp;
  };
  struct Path {
    PathStatistics statistics;
    bool joined = false;
    ts::SteadyTime heard{};
    std::uint32_t ssrc = 0;
    int old_run = 0;        // datagrams in a row older than all slots
    int agreements = 0;     // that are those of others, on trial
    int disagreements = 0;  // that are not
    Position disagrees_from = 0;
    std::deque<Held> trial;
    std::size_t trial_bytes = 0;
  };

  Slot& slot(Position position) { return slots_[static_cast<std::size_t>(position) & (slots_.size() - 1)]; }
  Position position_of(std::uint16_t sequence) const;
  static std::uint64_t bit(std::size_t path) { return std::uint64_t{1} << path; }

  bool begins_anew(const Path& path, const Chunk& chunk) const;
  void leave(std::size_t path);
  void place(std::size_t path, const Chunk& chunk);
  void compare(std::size_t path, Position position, const Chunk& chunk);
  void disagree(std::size_t path, Position position, const Chunk& chunk);
  void expel(std::size_t path);
  void fill(Slot& slot, std::size_t path, const Chunk& chunk);
  void empty(Slot& slot);
  void extend_to(Position position, ts::SteadyTime time);
  void make_room();
  void forget_released();

  void try_out(std::size_t path, const Chunk& chunk);
  void judge_trials(Position position);
  void judge(std::size_t path, const Held& held, Position position);
  void join(std::size_t path, ts::SteadyTime arrival, ts::SteadyTime time);
  bool is_alive(const Path& path) const { return latest_ - path.heard <= silence_; }
  void adopt_one();
  void adopt(std::size_t path);
  void release(const Slot& slot);

  const MergeOptions options_;
  const std::chrono::nanoseconds silence_;
  std::vector<Path> paths_;
  PathDelays delays_;
  std::vector<Slot> slots_;  // a power of two, by position
  // Slots from oldest_ to end_ are in use, those before next_ were released; origin_ is the first of this numbering.
  Position oldest_ = 0, next_ = 0, end_ = 0, origin_ = 0;
  std::uint16_t numbering_ = 0;  // sequence number of position 0
  std::uint32_t ssrc_ = 0;       // of the slot before end_
  bool started_ = false;
  bool flowing_ = false;  // something of this numbering was released
  bool after_loss_ = false;
  ts::SteadyTime latest_{};     // arrival
  ts::SteadyTime last_time_{};  // of the slot before end_
  std::size_t bytes_ = 0;       // in slots
  std::vector<Chunk> chunks_;
  MergeStatistics statistics_;
};

}  // namespace io
