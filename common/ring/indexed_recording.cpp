#include "common/ring/indexed_recording.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <tuple>

namespace ring {
namespace {

constexpr std::size_t cached_indexes = 3;
// From the last packet of one segment to the first of the next one; a longer time means that something was removed.
constexpr std::chrono::seconds segment_seam{2};
// A table that first came so soon after a position had been in force before a recorder began, or a file was cut: SDT
// comes every 2 s (ETSI TS 101 211 4.4).
constexpr std::chrono::seconds table_period{2};

// The table that a record is a version of.
using TableKey = std::tuple<std::uint16_t, std::uint8_t, std::uint16_t, std::uint8_t>;
TableKey key_of(const TableRecord& table) {
  if (table.sections.empty()) return {table.pid.value(), 0xFF, 0, 0};
  const ts::Section section{table.sections.front()};
  if (!section.has_long_header()) return {table.pid.value(), section.table_id(), 0, 0};
  // Of EIT each section is recorded by itself, of all else the whole table. There is one PAT and one SDT actual,
  // whatever transport_stream_id it has.
  const bool event = table.pid == ts::eit_pid, one = table.pid == ts::pat_pid || table.pid == ts::sdt_pid;
  return {table.pid.value(), section.table_id(), one ? std::uint16_t{0} : section.extension(),
          event ? section.number() : std::uint8_t{0}};
}

void feed_tables(psi::ServiceTracker& tracker, const std::map<TableKey, const TableRecord*>& tables) {
  std::vector<ts::Packet> packets;
  std::map<ts::Pid, unsigned> counters;
  for (const auto& [key, table] : tables) {  // by PID: PAT first
    packets.clear();
    ts::SectionPacketizer packetizer{table->pid, counters[table->pid]};
    packetizer.packetize(table->sections, packets);
    counters[table->pid] = packetizer.next_counter();
    for (const ts::Packet& packet : packets) tracker.feed(packet);
  }
}

bool is_malformed(const TableRecord& table) {
  return std::ranges::any_of(table.sections, [](const auto& section) { return section.size() < 3; });
}

}  // namespace

Place place_of(const Segment& segment, PacketNumber packet) {
  const auto next = std::ranges::upper_bound(segment.extents, packet, {}, &Extent::packet);
  const Extent extent = next == segment.extents.begin() ? Extent{} : *std::prev(next);
  return {extent.offset + (packet - extent.packet) * ts::packet_size,
          next == segment.extents.end() ? segment.packets : next->packet};
}

std::size_t IndexedRecording::number_of(std::uint64_t sequence) const {
  const auto found = std::ranges::lower_bound(segments_, sequence, {}, &Segment::sequence);
  return static_cast<std::size_t>(found - segments_.begin());
}

IndexedRecording::IndexPointer IndexedRecording::index_of(std::size_t number) {
  const std::uint64_t sequence = segments_[number].sequence;
  const auto found = std::ranges::find(cache_, sequence, [](const auto& entry) { return entry.first; });
  if (found != cache_.end()) {
    cache_.splice(cache_.begin(), cache_, found);
    return cache_.front().second;
  }
  cache_.emplace_front(sequence, load_index(number));
  if (cache_.size() > cached_indexes) cache_.pop_back();
  return cache_.front().second;
}

void IndexedRecording::forget_index(std::uint64_t sequence) {
  cache_.remove_if([sequence](const auto& entry) { return entry.first == sequence; });
}

template <typename Action>
void IndexedRecording::for_segments(Position from, Position to, const Action& action) const {
  for (std::size_t i = number_of(from.segment); i < segments_.size() && segments_[i].sequence <= to.segment; ++i) {
    const Segment& segment = segments_[i];
    const PacketNumber first = segment.sequence == from.segment ? from.packet : 0;
    const PacketNumber last = segment.sequence == to.segment ? std::min(to.packet, segment.packets) : segment.packets;
    if (first < last) action(i, first, last);
  }
}

std::vector<Span> IndexedRecording::coverage(std::chrono::nanoseconds join) {
  std::vector<Span> spans;
  const auto break_at = [&](ts::WallTime end, ts::WallTime begin, Position at) {
    spans.back().to = end;
    spans.push_back({begin, begin, at, at});
  };
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    const Segment& segment = segments_[i];
    if (!segment.first || !segment.last) continue;
    const Position at{segment.sequence, 0};
    if (spans.empty()) {
      spans.push_back({*segment.first, *segment.first, at, at});
    } else if (*segment.first < spans.back().to - segment_seam ||
               *segment.first - spans.back().to > std::max<std::chrono::nanoseconds>(join, segment_seam)) {
      break_at(spans.back().to, *segment.first, at);
    }
    if (!is_known_gapless(i)) {
      for (const GapRecord& gap : index_of(i)->gaps()) {
        if (gap.packet == 0 || gap.to - gap.from <= join) continue;
        spans.back().end = {segment.sequence, gap.packet};
        break_at(gap.from, gap.to, spans.back().end);
      }
    }
    spans.back().to = std::max(spans.back().from, *segment.last);
    spans.back().end = {segment.sequence, segment.packets};
  }
  return spans;
}

std::vector<Gap> IndexedRecording::gaps(Position from, Position to) {
  std::vector<Gap> found;
  std::optional<std::size_t> previous;
  for_segments(from, to, [&](std::size_t i, PacketNumber first, PacketNumber last) {
    const Segment& segment = segments_[i];
    if (previous && segment.sequence > segments_[*previous].sequence + 1 && segment.first &&
        segments_[*previous].last) {
      // A segment between them is not there any more.
      found.push_back({{segment.sequence, 0}, GapRecord::Cause::disk, *segments_[*previous].last, *segment.first, 0});
    }
    previous = i;
    if (is_known_gapless(i)) return;
    for (const GapRecord& gap : index_of(i)->gaps()) {
      const Position before{segment.sequence, gap.packet};
      const bool at_end = gap.packet == last && last == segment.packets;
      if (gap.packet < first || (gap.packet >= last && !at_end) || before <= from) continue;
      found.push_back({before, gap.cause, gap.from, gap.to, gap.packets});
    }
  });
  return found;
}

// Each segment offers its packet that is nearest after the date (its wall clock has no steps inside); the nearest of
// them all is it, the first of equal ones.
std::optional<Position> IndexedRecording::find(ts::WallTime date, Position from) {
  std::optional<std::size_t> best;
  ts::WallTime best_date{};
  for (std::size_t i = number_of(from.segment); i < segments_.size(); ++i) {
    const Segment& segment = segments_[i];
    if (!segment.first || !segment.last || *segment.last < date) continue;
    const ts::WallTime offered = std::max(*segment.first, date);
    if (best && offered >= best_date) continue;
    best = i;
    best_date = offered;
  }
  if (!best) return std::nullopt;
  const Segment& segment = segments_[*best];
  if (*segment.first >= date) return Position{segment.sequence, 0};
  const auto packet = index_of(*best)->find(date);
  return Position{segment.sequence, std::min(packet.value_or(segment.packets), segment.packets)};
}

std::optional<ts::WallTime> IndexedRecording::date_of(Position position) {
  const std::size_t number = number_of(position.segment);
  if (number == segments_.size()) return segments_.empty() ? std::nullopt : segments_.back().last;
  const Segment& segment = segments_[number];
  if (segment.sequence != position.segment || position.packet == 0 || !segment.first) return segment.first;
  return index_of(number)->date_of(position.packet);
}

std::chrono::nanoseconds IndexedRecording::duration_of(std::size_t number) {
  const auto& dates = index_of(number)->dates();
  return dates.empty() ? std::chrono::nanoseconds{0} : dates.back().steady - dates.front().steady;
}

std::chrono::nanoseconds IndexedRecording::duration() {
  std::chrono::nanoseconds total{0};
  for (std::size_t i = 0; i < segments_.size(); ++i) total += duration_of(i);
  return total;
}

std::optional<Position> IndexedRecording::find_offset(std::chrono::nanoseconds offset_from_start) {
  auto left = std::max(offset_from_start, std::chrono::nanoseconds{0});
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    const auto length = duration_of(i);
    if (left > length) {
      left -= length;
      continue;
    }
    const auto index = index_of(i);
    if (index->dates().empty()) continue;
    const auto packet = index->find(index->dates().front().steady + left);
    if (packet) return Position{segments_[i].sequence, *packet};
  }
  return std::nullopt;
}

std::vector<AccessEntry> IndexedRecording::access_points(Position from, Position to) {
  std::vector<AccessEntry> entries;
  for_segments(from, to, [&](std::size_t i, PacketNumber first, PacketNumber last) {
    const auto index = index_of(i);
    const bool dated = segments_[i].first.has_value();
    for (const Record& record : index->range(first, last)) {
      const auto* access = std::get_if<AccessRecord>(&record);
      if (access == nullptr) continue;
      entries.push_back({{segments_[i].sequence, access->packet},
                         access->pid,
                         access->access,
                         access->pts,
                         access->dts,
                         dated ? index->date_of(access->packet) : std::nullopt});
    }
  });
  return entries;
}

void IndexedRecording::visit(Position from, Position to, const RecordHandler& handler) {
  for_segments(from, to, [&](std::size_t i, PacketNumber first, PacketNumber last) {
    const auto index = index_of(i);
    for (const Record& record : index->range(first, last)) {
      handler({segments_[i].sequence, packet_of(record)}, record);
    }
  });
}

std::unique_ptr<psi::ServiceTracker> IndexedRecording::tables_at(Position position) {
  auto tracker = std::make_unique<psi::ServiceTracker>();
  const std::size_t number = std::min(number_of(position.segment), segments_.empty() ? 0 : segments_.size() - 1);
  if (segments_.empty()) return tracker;
  const PacketNumber packet =
      segments_[number].sequence == position.segment ? position.packet : segments_[number].packets;
  const auto index = index_of(number);
  std::map<TableKey, const TableRecord*> in_force;
  const auto steady = index->steady_of(packet);
  bool known = false;  // a PAT came before the position
  for (const Record& record : index->records()) {
    const auto* table = std::get_if<TableRecord>(&record);
    if (table == nullptr || is_malformed(*table)) continue;
    if (table->packet <= packet) {
      in_force[key_of(*table)] = table;
      known = known || table->pid == ts::pat_pid;
      continue;
    }
    // Near the start of a recording not all is known yet: take what came first.
    const auto came = index->steady_of(table->packet);
    if (!known || (steady && came && *came - *steady < table_period)) {
      in_force.try_emplace(key_of(*table), table);
    }
  }
  feed_tables(*tracker, in_force);
  return tracker;
}

Position IndexedRecording::end() const {
  if (segments_.empty()) return {};
  return {segments_.back().sequence, segments_.back().packets};
}

Position IndexedRecording::advance(Position position, std::int64_t count) const {
  if (segments_.empty()) return position;
  std::size_t i = number_of(position.segment);
  if (i == segments_.size()) return count < 0 ? advance(end(), count) : end();
  if (segments_[i].sequence != position.segment) position = {segments_[i].sequence, 0};
  while (count < 0) {
    const auto back = std::min(position.packet, static_cast<PacketNumber>(-count));
    position.packet -= back;
    count += static_cast<std::int64_t>(back);
    if (count == 0 || i == 0) break;
    --i;
    position = {segments_[i].sequence, segments_[i].packets};
  }
  while (count > 0) {
    const PacketNumber left = segments_[i].packets - std::min(position.packet, segments_[i].packets);
    const auto on = std::min(left, static_cast<PacketNumber>(count));
    position.packet += on;
    count -= static_cast<std::int64_t>(on);
    if (i + 1 == segments_.size() || (count == 0 && on < left)) break;
    ++i;
    position = {segments_[i].sequence, 0};
  }
  return position;
}

std::shared_ptr<io::FileDescriptor> IndexedRecording::open_segment(std::uint64_t sequence) {
  const std::size_t number = number_of(sequence);
  if (number == segments_.size() || segments_[number].sequence != sequence) return nullptr;
  const auto& path = segments_[number].path;
  io::FileDescriptor fd{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd && errno == ENOENT) return nullptr;
  if (!fd) io::throw_system_error("open", path);
  return std::make_shared<io::FileDescriptor>(std::move(fd));
}

}  // namespace ring
