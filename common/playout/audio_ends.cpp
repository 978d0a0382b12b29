#include "common/playout/audio_ends.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/playout/stretch.hpp"
#include "common/ts/pes.hpp"

namespace playout {

namespace {

using Bytes = std::span<const std::uint8_t>;

// What a packet holds of the elementary stream.
struct Part {
  std::uint64_t position;  // in the window
  std::size_t header;      // bytes of the PES header before them, 0 but for the first part of a PES packet
  std::size_t begin, end;  // bytes of the elementary stream
};

struct PesPacket {
  std::vector<Part> parts;
  std::size_t told = 0, bytes = 0;

  std::size_t begin() const { return parts.front().begin; }
  std::size_t end() const { return parts.back().end; }
};

// The PES packets of a PID, from the first one that begins in the window on. Nothing if they cannot be read.
std::optional<std::vector<PesPacket>> pes_packets(const PacketWindow& window, ts::Pid pid) {
  std::vector<PesPacket> all;
  std::size_t at = 0;
  std::optional<unsigned> last_counter;
  for (std::uint64_t position = window.begin(); position < window.end(); ++position) {
    const ts::Packet& packet = window.at(position);
    if (packet.pid() != pid || !packet.has_sync() || packet.transport_error() || !packet.has_payload()) continue;
    if (packet.scrambling() != 0) return std::nullopt;
    if (last_counter == packet.continuity()) continue;  // a duplicate
    last_counter = packet.continuity();
    const auto payload = packet.payload();
    std::size_t header = 0;
    if (packet.unit_start()) {
      const auto pes = ts::PesHeader::parse(payload);
      if (!pes || pes->packet_length == 0 || pes->header_size > payload.size()) return std::nullopt;
      header = pes->header_size;
      all.emplace_back().told = pes->packet_length;
    }
    if (all.empty()) continue;
    all.back().parts.push_back({position, header, at, at + payload.size() - header});
    all.back().bytes += payload.size();
    at = all.back().end();
  }
  return all;
}

// Calls found(frame, offset) for each frame that begins in the PES packets.
template <typename Found>
void split(const PacketWindow& window, ts::AudioFormat format, std::span<const PesPacket> packets, Found&& found) {
  ts::AudioSplitter splitter{format};
  for (const auto& packet : packets) {
    for (const auto& part : packet.parts) splitter.feed(window.at(part.position).payload().subspan(part.header), found);
  }
  // So that a header at the very end is looked at.
  constexpr std::array<std::uint8_t, ts::AudioFrame::longest_header> nothing{};
  splitter.feed(nothing, found);
}

// Gives the packet this payload, which is no longer than its own, and stuffs the rest by its adaptation field.
void set_payload(ts::Packet& packet, Bytes head, Bytes tail) {
  const std::size_t old_start = ts::packet_size - packet.payload().size();
  const std::size_t start = ts::packet_size - head.size() - tail.size();
  std::array<std::uint8_t, ts::packet_size> bytes;
  std::ranges::copy(head, bytes.begin() + static_cast<std::ptrdiff_t>(start));
  std::ranges::copy(tail, bytes.begin() + static_cast<std::ptrdiff_t>(start + head.size()));
  std::copy(bytes.begin() + static_cast<std::ptrdiff_t>(start), bytes.end(),
            packet.bytes.begin() + static_cast<std::ptrdiff_t>(start));
  if (start == old_start) return;
  const bool had_flags = packet.has_adaptation() && packet.bytes[4] > 0;
  packet.bytes[3] |= 0x20;
  packet.bytes[4] = static_cast<std::uint8_t>(start - 5);
  if (start == 5) return;
  if (!had_flags) packet.bytes[5] = 0;
  const std::size_t stuffing = had_flags ? old_start : 6;
  std::fill(packet.bytes.begin() + static_cast<std::ptrdiff_t>(stuffing),
            packet.bytes.begin() + static_cast<std::ptrdiff_t>(start), std::uint8_t{0xFF});
}

// PES_packet_length, which counts from behind itself (ISO/IEC 13818-1 2.4.3.7).
void set_length(std::span<std::uint8_t> pes, std::size_t bytes) {
  pes[4] = static_cast<std::uint8_t>((bytes - 6) >> 8);
  pes[5] = static_cast<std::uint8_t>((bytes - 6) & 0xFF);
}

void blank_parts(PacketWindow& window, std::span<const Part> parts) {
  for (const Part& part : parts) blank(window.at(part.position));
}

// What lies before `offset` is taken out of the PES packet: its header moves behind it, so that what is left lies
// together and the counters of the packets that are sent have no hole.
void drop_before(PacketWindow& window, const PesPacket& pes, std::size_t offset) {
  const auto first = std::ranges::find_if(pes.parts, [offset](const Part& part) { return part.end > offset; });
  const ts::Packet source = window.at(pes.parts.front().position);
  std::vector<std::uint8_t> header(source.payload().begin(),
                                   source.payload().begin() + static_cast<std::ptrdiff_t>(pes.parts.front().header));
  set_length(header, pes.told - (offset - pes.begin()));
  ts::Packet& packet = window.at(first->position);
  const auto payload = packet.payload();
  const std::vector<std::uint8_t> rest(
      payload.begin() + static_cast<std::ptrdiff_t>(first->header + offset - first->begin), payload.end());
  auto holder = first;
  if (header.size() + rest.size() > payload.size()) {
    // Not both fit: the header goes into the packet before.
    --holder;
    if (window.at(holder->position).payload().size() < header.size()) return;
    set_payload(packet, {}, rest);
    set_payload(window.at(holder->position), header, {});
  } else {
    set_payload(packet, header, rest);
  }
  window.at(holder->position).bytes[1] |= 0x40;  // payload_unit_start_indicator
  blank_parts(window, {pes.parts.begin(), holder});
}

// What lies from `offset` on is taken out of the PES packet, which begins before it.
void drop_from(PacketWindow& window, const PesPacket& pes, std::size_t offset) {
  const auto next = std::ranges::find_if(pes.parts, [offset](const Part& part) { return part.end > offset; });
  auto blanked = next;
  if (next->begin < offset || next->header > 0) {
    ts::Packet& packet = window.at(next->position);
    const auto payload = packet.payload().first(next->header + offset - next->begin);
    set_payload(packet, std::vector<std::uint8_t>(payload.begin(), payload.end()), {});
    ++blanked;
  }
  set_length(window.at(pes.parts.front().position).payload(), pes.told - (pes.end() - offset));
  blank_parts(window, {blanked, pes.parts.end()});
}

void begin_with_whole_frame(PacketWindow& window, ts::Pid pid, ts::AudioFormat format) {
  const auto packets = pes_packets(window, pid);
  if (!packets) return;
  std::optional<std::size_t> offset;
  split(window, format, *packets, [&](const ts::AudioFrame&, std::size_t at) { offset = offset.value_or(at); });
  if (!offset || *offset == 0) return;
  for (const PesPacket& pes : *packets) {
    if (pes.end() > *offset) {
      if (pes.begin() < *offset) drop_before(window, pes, *offset);
      return;
    }
    blank_parts(window, pes.parts);
  }
}

void end_with_whole_frame(PacketWindow& window, ts::Pid pid, ts::AudioFormat format) {
  auto packets = pes_packets(window, pid);
  if (!packets || packets->empty()) return;
  if (packets->back().bytes < packets->back().told) packets->pop_back();  // which is blanked as a whole
  if (packets->empty()) return;
  const std::size_t end = packets->back().end();
  std::size_t whole = 0, largest = 0;
  split(window, format, *packets, [&](const ts::AudioFrame& frame, std::size_t at) {
    largest = std::max(largest, frame.size);
    if (at + frame.size <= end) whole = at + frame.size;
  });
  // More is no frame's beginning.
  if (whole == 0 || end - whole >= largest) return;
  for (auto pes = packets->rbegin(); pes != packets->rend() && pes->end() > whole; ++pes) {
    if (pes->begin() < whole) {
      drop_from(window, *pes, whole);
    } else {
      blank_parts(window, pes->parts);
    }
  }
}

}  // namespace

void begin_with_whole_frames(PacketWindow& window, const AudioFormats& formats) {
  for (const auto& [pid, format] : formats) begin_with_whole_frame(window, pid, format);
}

void end_with_whole_frames(PacketWindow& window, const AudioFormats& formats) {
  for (const auto& [pid, format] : formats) end_with_whole_frame(window, pid, format);
}

}  // namespace playout
