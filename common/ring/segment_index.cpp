#include "common/ring/segment_index.hpp"

#include <algorithm>
#include <iterator>

namespace ring {

void SegmentIndex::add(std::vector<Record> records) {
  for (const Record& record : records) {
    if (const auto* date = std::get_if<DateRecord>(&record)) dates_.push_back(*date);
    if (const auto* gap = std::get_if<GapRecord>(&record)) gaps_.push_back(*gap);
  }
  std::move(records.begin(), records.end(), std::back_inserter(records_));
  std::ranges::stable_sort(records_, {}, packet_of);
  std::ranges::stable_sort(dates_, {}, &DateRecord::packet);
  std::ranges::stable_sort(gaps_, {}, &GapRecord::packet);
}

void SegmentIndex::truncate(PacketNumber packets) {
  std::erase_if(records_, [packets](const Record& r) { return packet_of(r) >= packets; });
  std::erase_if(dates_, [packets](const DateRecord& r) { return r.packet >= packets; });
  std::erase_if(gaps_, [packets](const GapRecord& r) { return r.packet >= packets; });
}

std::span<const Record> SegmentIndex::range(PacketNumber from, PacketNumber to) const {
  const auto begin = std::ranges::lower_bound(records_, from, {}, packet_of);
  const auto end = std::ranges::lower_bound(begin, records_.end(), std::max(from, to), {}, packet_of);
  return {begin, end};
}

const GapRecord* SegmentIndex::gap_at(PacketNumber packet) const {
  const auto found = std::ranges::lower_bound(gaps_, packet, {}, &GapRecord::packet);
  return found != gaps_.end() && found->packet == packet ? &*found : nullptr;
}

// How long nothing came before `packet`.
std::chrono::nanoseconds SegmentIndex::gap_before(PacketNumber packet) const {
  const GapRecord* gap = gap_at(packet);
  return gap != nullptr && gap->to > gap->from ? gap->to - gap->from : std::chrono::nanoseconds{0};
}

template <typename Time>
Time SegmentIndex::interpolate(Time DateRecord::*time, PacketNumber packet) const {
  const auto next = std::ranges::upper_bound(dates_, packet, {}, &DateRecord::packet);
  if (next == dates_.begin()) return dates_.front().*time;
  const DateRecord& before = *std::prev(next);
  if (next == dates_.end()) return before.*time;
  // The time that passed while packets came, up to the gap before `next` if there is one.
  const auto elapsed = std::max((*next).*time - before.*time - gap_before(next->packet), std::chrono::nanoseconds{0});
  const double share = static_cast<double>(packet - before.packet) / static_cast<double>(next->packet - before.packet);
  return before.*time +
         std::chrono::nanoseconds{static_cast<std::int64_t>(static_cast<double>(elapsed.count()) * share)};
}

template <typename Time>
std::optional<PacketNumber> SegmentIndex::find(Time DateRecord::*time, Time wanted) const {
  const auto next =
      std::ranges::find_if(dates_, [time, wanted](const DateRecord& date) { return date.*time >= wanted; });
  if (next == dates_.end()) return std::nullopt;
  if (next == dates_.begin()) return next->packet;
  const DateRecord& before = *std::prev(next);
  const auto end = std::max((*next).*time - gap_before(next->packet), before.*time);
  if (wanted >= end) return next->packet;
  const double share =
      static_cast<double>((wanted - before.*time).count()) / static_cast<double>((end - before.*time).count());
  const auto packets = static_cast<double>(next->packet - before.packet);
  return before.packet + static_cast<PacketNumber>(packets * share + 0.999999);
}

std::optional<ts::WallTime> SegmentIndex::date_of(PacketNumber packet) const {
  if (dates_.empty()) return std::nullopt;
  return interpolate(&DateRecord::date, packet);
}

std::optional<ts::SteadyTime> SegmentIndex::steady_of(PacketNumber packet) const {
  if (dates_.empty()) return std::nullopt;
  return interpolate(&DateRecord::steady, packet);
}

std::optional<PacketNumber> SegmentIndex::find(ts::WallTime date) const { return find(&DateRecord::date, date); }

std::optional<PacketNumber> SegmentIndex::find(ts::SteadyTime steady) const {
  return find(&DateRecord::steady, steady);
}

}  // namespace ring
