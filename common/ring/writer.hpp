// Writes a ring: packets into segments, indexes beside them, and the oldest away.
//
// Knows no threads and no clock: it is told when things happened and what time it is. Its caller must not be the
// receiver, as the disk may take its time.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/ring/block.hpp"
#include "common/ring/disk.hpp"
#include "common/ring/expiry.hpp"
#include "common/ring/index_builder.hpp"
#include "common/ring/index_file.hpp"
#include "common/ring/ring_lock.hpp"
#include "common/ring/segment_file.hpp"

namespace ring {

struct WriterLimits {
  std::optional<std::chrono::nanoseconds> keep;
  std::optional<std::uint64_t> size;  // of all segments and indexes, in bytes
};

struct WriterOptions {
  std::filesystem::path directory;
  std::chrono::nanoseconds segment = std::chrono::minutes{5};
  WriterLimits limits;
  // What happens that people should know. A loss costs recorded packets, or will if nobody looks after it: a disk that
  // fails or is full, a recording that is taken away. A note does not: a segment that was repaired.
  enum class Importance { note, loss };
  std::function<void(Importance importance, const std::string& text)> report = [](Importance, const std::string&) {};
  BootId boot = current_boot();
};

struct WriterState {
  std::uint64_t segments = 0, bytes = 0;  // in the directory
  std::uint64_t written_packets = 0;      // by this process
  std::uint64_t expired_segments = 0;     // deleted for age or size
  std::uint64_t sacrificed_segments = 0;  // deleted because the disk was full
  std::optional<ts::WallTime> oldest;     // date of the first packet
  std::string trouble;                    // why the disk takes nothing now; empty if it does
};

class Writer {
 public:
  // Waits this long for a PAT to begin a segment with.
  static constexpr std::chrono::seconds patience{1};

  // Makes the directory if need be, and locks it. `disk` outlives the writer. Throws if the directory is being written
  // by another process, or cannot be. A directory in which nothing is recorded at the end is left as it was found.
  Writer(WriterOptions options, Disk& disk);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // To be called first, and once: repairs what a killed recorder left, which may take a while, and expires it.
  void prepare(const ts::Arrival& now);
  // Writes the block's packets. False: the disk takes no more now; call again, later, with the same block unchanged.
  bool write(const Block& block, const ts::Arrival& now);
  // Writes the index of what was written, has the disk begin to write it all out, deletes what has expired, and takes
  // the directory anew if it is not there any more. To be called every --sync. False if the index could not be written
  // yet: it is kept. Throws as the constructor does if the directory has another writer by now.
  bool flush(const ts::Arrival& now);
  // Completes the segment.
  void close(const ts::Arrival& now);

  void set_limits(const WriterLimits& limits);
  WriterState state() const;
  const IndexBuilder& index() const { return builder_; }

 private:
  // One that is there since before, or that this writer has completed.
  struct Stored {
    SegmentFile file;
    std::uint64_t bytes = 0;
    ts::WallTime first;
    Ageing::End end;
  };
  // Packets are counted over all segments from the start of this writer, as IndexBuilder does.
  struct Open {
    SegmentFile file;
    io::FileDescriptor ts, index;
    PacketNumber base = 0;
    std::uint64_t bytes = 0;                     // of TS, written
    std::uint64_t writing_out = 0, dropped = 0;  // bytes up to which write-back was begun and finished
    std::uint64_t index_bytes = 0;               // written
    std::vector<std::uint8_t> pending;           // index bytes to be written
    IndexHeader header;
    DateRecord last;
    std::uint32_t gaps = 0;

    PacketNumber end() const { return base + bytes / ts::packet_size; }
  };
  struct Start {
    PacketNumber base = 0;
    ts::Arrival arrival;
    std::vector<Record> records;  // that it begins with: the tables in force
  };
  // A stretch of a block that goes into one segment.
  struct Piece {
    std::size_t first = 0, last = 0;  // packets of the block
    std::optional<Start> start;       // of a new segment
  };

  void take_stock();
  void restore(const SegmentFile& file);
  void store(const SegmentFile& file, const IndexHeader& header, ts::WallTime last, ts::SteadyTime steady);
  void note_restart(const ts::Arrival& first);

  void plan(const Block& block);
  void plan_packets(std::span<const ts::Packet> packets, std::size_t first, const ts::Arrival& arrival);
  std::optional<std::size_t> cut(std::span<const ts::Packet> packets, const ts::Arrival& arrival) const;
  void begin_piece(std::size_t first, const ts::Arrival& arrival);

  bool write_piece(const Block& block, const Piece& piece, const ts::Arrival& now);
  Start resumption(const ts::Arrival& now) const;
  bool open_segment(const Start& start, const ts::Arrival& now);
  void retire_segment();
  void abandon_segment();
  int write_index(Open& segment, const ts::Arrival& now);
  void write_out(Open& segment);
  bool seal(const ts::Arrival& now);
  void distribute_records();
  void leave_if_taken_away(const ts::Arrival& now);
  void take_directory();
  bool hold_directory(const ts::Arrival& now);
  void note(const std::string& text) const { options_.report(WriterOptions::Importance::note, text); }
  void tell_loss(const std::string& text) const { options_.report(WriterOptions::Importance::loss, text); }

  void expire(const ts::Arrival& now);
  bool make_room(const ts::Arrival& now);
  bool delete_oldest();
  bool fail(const std::string& action, const std::filesystem::path& object, int error, const ts::Arrival& now);
  void recover();
  std::uint64_t total_bytes() const;

  WriterOptions options_;
  Disk& disk_;
  std::optional<RingLock> lock_;
  bool made_directory_ = false;
  Ageing ageing_{ts::SteadyTime{}};  // from prepare() on
  IndexBuilder builder_;
  std::deque<Stored> stored_;
  std::uint64_t next_sequence_ = 1;

  // The segment that is written, and the one before it until its last records are known.
  std::optional<Open> current_, retired_;
  std::vector<Record> records_;  // not yet given to a segment
  PacketNumber written_ = 0;     // whole packets

  bool planned_ = false;
  std::vector<Piece> pieces_;
  std::size_t piece_ = 0;
  std::uint64_t piece_bytes_ = 0;  // of the piece, written
  bool cut_now_ = true;
  std::uint64_t planned_packets_ = 0;  // of the segment that is being planned
  ts::SteadyTime cut_at_{};
  std::optional<Stored> before_restart_;

  std::string trouble_;
  std::optional<ts::SteadyTime> last_sacrifice_;
  std::uint64_t expired_ = 0, sacrificed_ = 0;
};

// Makes the indexes that are missing or damaged. Returns how many. Throws if a recorder is at work there.
std::size_t reindex(const std::filesystem::path& directory, const std::function<void(const std::string&)>& report);

}  // namespace ring
