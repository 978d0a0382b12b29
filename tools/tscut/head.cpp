#include "tools/tscut/head.hpp"

#include <algorithm>
#include <cmath>

#include "common/ts/pes.hpp"
#include "common/ts/program_clock.hpp"
#include "common/ts/section.hpp"
#include "tools/tscut/packets.hpp"

namespace tscut {
namespace {

std::optional<ts::Timestamp> pts_of(const ts::Packet& packet) {
  const auto header = clear_header(packet);
  return header ? header->pts : std::nullopt;
}

}  // namespace

void Zone::add(std::span<const ts::Packet> packets) {
  for (const auto& packet : packets) {
    const std::size_t index = packets_.size();
    packets_.push_back(packet);
    if (index < least_ || !is_whole(packet)) continue;
    const auto pcr = packet.pcr();
    if (!pcr || !map_->is_pcr_pid(packet.pid())) continue;
    if (!clock_) {
      clock_ = packet.pid();
      first_ = pcr;
    }
    if (packet.pid() == *clock_) last_ = pcr;
  }
}

bool Zone::full() const {
  if (packets_.size() >= most_packets) return true;
  if (!first_) return packets_.size() >= least_ + packets_without_clock;
  const ts::Ticks27 passed = ts::distance(*first_, *last_);
  return passed >= length || passed < ts::Ticks27{0};
}

Head::Head(std::span<const ts::Packet> zone, const StreamMap& map, std::span<const VideoStart> starts)
    : zone_(zone.first(std::min<std::size_t>(zone.size(), none))),
      map_(&map),
      streams_(ts::Pid::count),
      leading_(zone_.size()),
      counters_(zone_.size(), as_it_is),
      first_pts_(map.programmes().size()) {
  for (const auto& start : starts) fix(start);
  for (std::uint32_t i = 0; i < zone_.size(); ++i) {
    if (is_whole(zone_[i]) && zone_[i].has_payload()) consider(zone_[i], i);
  }
  for (const auto& start : starts) {
    if (streams_[start.pid.value()].leads) renumber(start.pid);
  }
}

void Head::fix(const VideoStart& start) {
  Stream& stream = streams_[start.pid.value()];
  stream.fixed = true;
  stream.start = static_cast<std::uint32_t>(start.index);
  if (start.index < zone_.size()) stream.first = zone_[start.index].continuity();
  if (start.access == ts::AccessPoint::open) stream.leading_before = start.pts;
  const auto programme = map_->programme(start.pid);
  if (programme == StreamMap::no_programme || !start.pts) return;
  auto& first = first_pts_[programme];
  if (!first || ts::distance(*first, *start.pts) < ts::Ticks90{0}) first = start.pts;
}

void Head::consider(const ts::Packet& packet, std::uint32_t index) {
  Stream& stream = streams_[packet.pid().value()];
  stream.seen = true;
  stream.last = packet.continuity();
  if (stream.leading_before && index > stream.start) {
    if (packet.unit_start()) {
      const auto pts = pts_of(packet);
      const auto before = pts ? ts::distance(*pts, *stream.leading_before) : ts::Ticks90{0};
      stream.leading = before > ts::Ticks90{0} && before < unrelated;
    }
    leading_[index] = stream.leading;
    stream.leads = stream.leads || stream.leading;
  }
  if (stream.fixed || !packet.unit_start()) return;
  if (stream.start != none && !starts_later(packet, stream)) return;
  stream.start = index;
  stream.first = packet.continuity();
}

// From the zone's end back: what comes after leading pictures keeps its counters.
void Head::renumber(ts::Pid pid) {
  Stream& stream = streams_[pid.value()];
  unsigned shift = 0;            // of the counters of what is kept
  std::optional<unsigned> next;  // counter, as it will be, of the packet that comes next
  bool leading = false;
  unsigned expected = 0;  // while `leading`: counter of the last packet before them
  for (auto i = static_cast<std::uint32_t>(zone_.size()); i-- > stream.start;) {
    const ts::Packet& packet = zone_[i];
    if (!is_whole(packet) || packet.pid() != pid) continue;
    const unsigned counter = packet.continuity();
    if (packet.has_payload() && leading_[i]) {
      if (!leading) expected = next ? *next + 15u : counter;
      leading = true;
    } else if (packet.has_payload()) {
      if (leading) shift = expected + 16u - counter;
      leading = false;
      next = (counter + shift) & 0x0F;
    }
    counters_[i] = static_cast<std::uint8_t>((leading ? expected : counter + shift) & 0x0F);
  }
  stream.first = counters_[stream.start];
}

// Of sound, the last PES packet that begins no later than the picture.
bool Head::starts_later(const ts::Packet& packet, const Stream& stream) const {
  const ts::Pid pid = packet.pid();
  if (map_->content(pid) != Content::audio) return false;
  const auto& picture = first_pts_[map_->programme(pid)];
  const auto begun = pts_of(zone_[stream.start]);
  const auto pts = pts_of(packet);
  if (!picture || !begun || !pts) return false;
  const ts::Ticks90 before = ts::distance(*pts, *picture);
  return before >= ts::Ticks90{0} && before < unrelated && ts::distance(*begun, *pts) > ts::Ticks90{0};
}

unsigned Head::counter_before(ts::Pid pid) const {
  const Stream& stream = streams_[pid.value()];
  return stream.start != none ? (stream.first + 15u) & 0x0F : stream.last;
}

std::optional<ts::Packet> Head::opening_clock(const Programme& programme) const {
  ts::ProgramClock clock;
  std::uint64_t first_index = 0;
  for (std::size_t i = 0; i < zone_.size() && !clock.ticks_per_packet(); ++i) {
    if (!is_whole(zone_[i]) || zone_[i].pid() != programme.pcr_pid) continue;
    const auto pcr = zone_[i].pcr();
    if (!pcr) continue;
    if (!clock.started()) first_index = i;
    if (clock.feed(*pcr, i, zone_[i].discontinuity()).step == ts::ProgramClock::Step::jump) return {};
  }
  if (first_index == 0 || !clock.ticks_per_packet()) return {};
  const ts::Ticks27 step{std::llround(*clock.ticks_per_packet())};
  return ts::Packet::pcr_only(programme.pcr_pid, clock.wire(clock.at(0)) - step, counter_before(programme.pcr_pid));
}

std::vector<ts::Packet> Head::opening(std::span<const Table> tables, const NextCounter& next_counter) const {
  std::vector<ts::Packet> packets;
  for (const auto& table : tables) {
    const Stream& stream = streams_[table.pid.value()];
    const unsigned next = stream.start != none ? stream.first : next_counter(table.pid);
    std::vector<ts::Packet> own;
    ts::SectionPacketizer{table.pid}.packetize(table.sections, own);
    for (std::size_t i = 0; i < own.size(); ++i) {
      own[i].set_continuity(static_cast<unsigned>((next - own.size() + i) & 0x0F));
    }
    packets.insert(packets.end(), own.begin(), own.end());
  }
  for (const auto& programme : map_->programmes()) {
    if (const auto clock = opening_clock(programme)) packets.push_back(*clock);
  }
  return packets;
}

ts::Packet Head::take(std::size_t index) const {
  const ts::Packet& packet = zone_[index];
  if (!is_whole(packet)) return ts::Packet::null();
  if (leading_[index]) return clock_only(packet, counters_[index]);
  const Stream& stream = streams_[packet.pid().value()];
  if (index < stream.start && (packet.has_payload() || stream.seen)) {
    return clock_only(packet, counter_before(packet.pid()));
  }
  ts::Packet kept = packet;
  if (counters_[index] != as_it_is) kept.set_continuity(counters_[index]);
  return kept;
}

}  // namespace tscut
