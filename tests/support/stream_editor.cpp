#include "tests/support/stream_editor.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "common/ts/section.hpp"

namespace support {
namespace {

constexpr double packet_bits = 8.0 * ts::packet_size;

}  // namespace

std::uint64_t StreamEditor::position(Time time) const {
  return static_cast<std::uint64_t>(std::ceil(time.count() * static_cast<double>(rate_) / packet_bits - 1e-6));
}

StreamEditor::Time StreamEditor::time(std::uint64_t position) const {
  return Time{static_cast<double>(position) * packet_bits / static_cast<double>(rate_)};
}

std::uint64_t StreamEditor::first(ts::Pid pid, Time from) const {
  for (auto i = position(from); i < packets_.size(); ++i) {
    if (packets_[i].pid() == pid) return i;
  }
  throw std::out_of_range{"StreamEditor: no such packet"};
}

std::uint64_t StreamEditor::last(ts::Pid pid, Time before) const {
  for (auto i = std::min<std::uint64_t>(position(before), packets_.size()); i > 0; --i) {
    if (packets_[i - 1].pid() == pid) return i - 1;
  }
  throw std::out_of_range{"StreamEditor: no such packet"};
}

std::size_t StreamEditor::remove(ts::Pid pid, Time from, Time to, const Predicate& which) {
  const auto count = change(pid, from, to, [&](ts::Packet& packet) {
    if (!which || which(packet)) packet = ts::Packet::null();
  });
  renumber(pid);
  return count;
}

std::size_t StreamEditor::change(ts::Pid pid, Time from, Time to, const Change& change) {
  std::size_t count = 0;
  const auto end = std::min<std::uint64_t>(position(to), packets_.size());
  for (auto i = position(from); i < end; ++i) {
    if (packets_[i].pid() != pid) continue;
    change(packets_[i]);
    ++count;
  }
  return count;
}

std::uint64_t StreamEditor::insert(const ts::Packet& packet, Time at) {
  const auto place = free_from(position(at));
  packets_[place] = packet;
  if (packet.pid() != ts::null_pid) renumber(packet.pid());
  return place;
}

std::uint64_t StreamEditor::insert(ts::Pid pid, const psi::SectionBytes& section, Time at) {
  std::vector<ts::Packet> packets;
  ts::SectionPacketizer{pid}.packetize(section, packets);
  auto place = position(at);
  for (const ts::Packet& packet : packets) {
    place = free_from(place);
    packets_[place++] = packet;
  }
  renumber(pid);
  return place - 1;
}

void StreamEditor::repeat(ts::Pid pid, const psi::SectionBytes& section, Time first, Time period, Time to) {
  for (Time at = first; at < to; at += period) insert(pid, section, at);
}

std::uint64_t StreamEditor::free_from(std::uint64_t position) const {
  for (; position < packets_.size(); ++position) {
    if (packets_[position].pid() == ts::null_pid) return position;
  }
  throw std::out_of_range{"StreamEditor: no null packet is left"};
}

void StreamEditor::renumber(ts::Pid pid) {
  unsigned counter = 15;
  for (ts::Packet& packet : packets_) {
    if (packet.pid() != pid) continue;
    if (packet.has_payload()) counter = (counter + 1) & 0x0F;
    packet.set_continuity(counter);
  }
}

std::optional<SectionStart> section_start(const ts::Packet& packet) {
  const auto payload = packet.payload();
  if (!packet.unit_start() || payload.empty()) return std::nullopt;
  const std::size_t start = 1 + std::size_t{payload[0]};
  if (start + 7 > payload.size()) return std::nullopt;
  return SectionStart{payload[start], payload[start + 6]};
}

}  // namespace support
