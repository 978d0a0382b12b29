// A recording to read from: a ring directory, also one that is being written, or plain TS files seen as one.
//
// Positions count packets over all segments in the order in which they were recorded; a position stays valid while
// its segment exists. Dates are wall-clock dates of arrival; in plain files they come from TDT/TOT, if there is one.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/io/file_descriptor.hpp"
#include "common/psi/service_tracker.hpp"
#include "common/ring/index.hpp"

namespace ring {

// A packet of a recording.
struct Position {
  std::uint64_t segment = 0;  // sequence number of the segment
  PacketNumber packet = 0;
  friend auto operator<=>(const Position&, const Position&) = default;
};

// Packets that lie one after another, from this one on.
struct Extent {
  PacketNumber packet = 0;
  std::uint64_t offset = 0;  // bytes from the start of the file
};

struct Segment {
  std::uint64_t sequence = 0;
  std::filesystem::path path;
  std::uint64_t packets = 0;                // that may be read now
  std::optional<ts::WallTime> first, last;  // arrival of its first and last packet
  bool complete = false;                    // not being written any more
  std::vector<Extent> extents;              // of a file where packet n does not lie at 188 n
};

// Where a packet lies in the segment's file, and up to where others lie behind it.
struct Place {
  std::uint64_t offset = 0;  // bytes
  PacketNumber end = 0;      // the first packet that lies elsewhere, or is not there
};
Place place_of(const Segment& segment, PacketNumber packet);

struct AccessEntry {
  Position position;
  ts::Pid pid;
  ts::AccessPoint access;
  std::optional<ts::Timestamp> pts, dts;
  std::optional<ts::WallTime> date;
};

struct Gap {
  Position before;  // the first packet after the gap
  GapRecord::Cause cause;
  ts::WallTime from, to;
  std::uint64_t packets = 0;
};

struct Span {
  ts::WallTime from, to;
  Position begin, end;  // its packets
};

class Recording {
 public:
  virtual ~Recording() = default;

  // Looks again at what is there (segments grow, come and go). Cheap if nothing changed.
  virtual void refresh() = 0;
  // In order. Empty if nothing is recorded (yet): a ring may be.
  virtual const std::vector<Segment>& segments() const = 0;
  // A recorder is writing it now.
  virtual bool being_written() const = 0;
  // The recorder's process, if it is being written and the process says so.
  virtual std::optional<int> writer() const = 0;

  // Stretches without a gap longer than `join`, in the order of recording; a step of the wall clock ends one.
  virtual std::vector<Span> coverage(std::chrono::nanoseconds join) = 0;
  // Gaps inside [from, to): a gap before `from` is not one of them.
  virtual std::vector<Gap> gaps(Position from, Position to) = 0;
  // The first packet that arrived at `date` or later; nothing if that is after the end. Where the wall clock was
  // stepped, the packet whose date is nearest to `date`, and the first of two.
  std::optional<Position> find(ts::WallTime date) { return find(date, {}); }
  // The same among the segments from that of `from` on.
  virtual std::optional<Position> find(ts::WallTime date, Position from) = 0;
  virtual std::optional<ts::WallTime> date_of(Position position) = 0;
  // Stream time from the first packet, for recordings without dates, by the first programme's clock.
  virtual std::optional<Position> find_offset(std::chrono::nanoseconds offset_from_start) = 0;
  virtual std::chrono::nanoseconds duration() = 0;
  // Access points in [from, to), of all video PIDs.
  virtual std::vector<AccessEntry> access_points(Position from, Position to) = 0;
  // Calls with each record of the index in [from, to), in order; its packet counts from the start of its segment.
  using RecordHandler = std::function<void(Position position, const Record& record)>;
  virtual void visit(Position from, Position to, const RecordHandler& handler) = 0;
  // The tables in force at a position: PAT, PMTs, SDT and EIT sections, in a tracker that has been fed them.
  virtual std::unique_ptr<psi::ServiceTracker> tables_at(Position position) = 0;
  // One past the last packet that may be read now.
  virtual Position end() const = 0;
  // `count` packets on (or back), over segment borders, clamped to what exists.
  virtual Position advance(Position position, std::int64_t count) const = 0;
  // An open segment to read packets from; null if it has expired.
  virtual std::shared_ptr<io::FileDescriptor> open_segment(std::uint64_t sequence) = 0;
};

// Throw std::runtime_error that names the path and says what is wrong with it (not a ring, empty, no packets ...).
// A ring without segments is one if a recorder has ever been at work there.
std::unique_ptr<Recording> open_ring(const std::filesystem::path& directory);
// Files of 188-byte packets, refused otherwise; read through once here. What lies between packets is left out, and is
// a gap.
std::unique_ptr<Recording> open_files(const std::vector<std::filesystem::path>& files);

}  // namespace ring
