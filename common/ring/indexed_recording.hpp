// What a ring and plain files have in common as recordings: segments with an index each, read when it is asked for.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/ring/recording.hpp"
#include "common/ring/segment_index.hpp"

namespace ring {

class IndexedRecording : public Recording {
 public:
  const std::vector<Segment>& segments() const override { return segments_; }
  std::vector<Span> coverage(std::chrono::nanoseconds join) override;
  std::vector<Gap> gaps(Position from, Position to) override;
  using Recording::find;
  std::optional<Position> find(ts::WallTime date, Position from) override;
  std::optional<ts::WallTime> date_of(Position position) override;
  std::optional<Position> find_offset(std::chrono::nanoseconds offset_from_start) override;
  std::chrono::nanoseconds duration() override;
  std::vector<AccessEntry> access_points(Position from, Position to) override;
  void visit(Position from, Position to, const RecordHandler& handler) override;
  std::unique_ptr<psi::ServiceTracker> tables_at(Position position) override;
  Position end() const override;
  Position advance(Position position, std::int64_t count) const override;
  std::shared_ptr<io::FileDescriptor> open_segment(std::uint64_t sequence) override;

 protected:
  using IndexPointer = std::shared_ptr<const SegmentIndex>;
  // Of segments_[number].
  virtual IndexPointer load_index(std::size_t number) = 0;
  // Stream time that the segment spans; by default from its index.
  virtual std::chrono::nanoseconds duration_of(std::size_t number);
  // It has no gaps, which is known without its index.
  virtual bool is_known_gapless(std::size_t) const { return false; }

  IndexPointer index_of(std::size_t number);
  void forget_index(std::uint64_t sequence);
  // The first segment whose sequence number is not less.
  std::size_t number_of(std::uint64_t sequence) const;

  std::vector<Segment> segments_;

 private:
  // Calls with (number of the segment, its first packet, one past its last one in the range).
  template <typename Action>
  void for_segments(Position from, Position to, const Action& action) const;

  std::list<std::pair<std::uint64_t, IndexPointer>> cache_;  // last used first
};

}  // namespace ring
