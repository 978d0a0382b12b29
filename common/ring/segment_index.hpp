// The records of one segment, to be asked: from dates to packets and back.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "common/ring/index.hpp"

namespace ring {

class SegmentIndex {
 public:
  // In any order; sorted here by packet, those of one packet in the order given. May be called again with more.
  void add(std::vector<Record> records);
  // Forgets what is said of packets from `packets` on (the segment has no more).
  void truncate(PacketNumber packets);

  const std::vector<Record>& records() const { return records_; }
  // Records of packets in [from, to).
  std::span<const Record> range(PacketNumber from, PacketNumber to) const;
  const std::vector<DateRecord>& dates() const { return dates_; }
  const std::vector<GapRecord>& gaps() const { return gaps_; }

  // Between DateRecords, time passes evenly by packet; within a gap it passes and packets do not. Only defined where
  // there are DateRecords, that is in any segment that is not empty.
  std::optional<ts::WallTime> date_of(PacketNumber packet) const;
  std::optional<ts::SteadyTime> steady_of(PacketNumber packet) const;
  // The first packet that is not before the time; nothing if all known ones are.
  std::optional<PacketNumber> find(ts::WallTime date) const;
  std::optional<PacketNumber> find(ts::SteadyTime steady) const;

 private:
  template <typename Time>
  Time interpolate(Time DateRecord::*time, PacketNumber packet) const;
  template <typename Time>
  std::optional<PacketNumber> find(Time DateRecord::*time, Time wanted) const;
  const GapRecord* gap_at(PacketNumber packet) const;
  std::chrono::nanoseconds gap_before(PacketNumber packet) const;

  std::vector<Record> records_;
  std::vector<DateRecord> dates_;
  std::vector<GapRecord> gaps_;
};

}  // namespace ring
