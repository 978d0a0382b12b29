#include "common/ts/pes.hpp"

#include <algorithm>

namespace ts {
namespace {

constexpr std::size_t start_size = 6;  // start code, stream_id, PES_packet_length
constexpr std::size_t fixed_size = 9;  // ... flags and PES_header_data_length
constexpr std::size_t timestamp_size = 5;
constexpr std::size_t escr_size = 6;

// Table 2-21: streams whose PES packets carry data right after the length.
constexpr bool has_optional_header(std::uint8_t stream_id) {
  switch (stream_id) {
    case 0xBC:  // program_stream_map
    case 0xBE:  // padding_stream
    case 0xBF:  // private_stream_2
    case 0xF0:  // ECM
    case 0xF1:  // EMM
    case 0xF2:  // DSMCC
    case 0xF8:  // ITU-T H.222.1 type E
    case 0xFF:  // program_stream_directory
      return false;
    default:
      return true;
  }
}

// Offsets of the time stamps in a PES header; 0 for those that it has not, or has not whole.
struct Layout {
  std::size_t pts = 0;
  std::size_t dts = 0;
  std::size_t escr = 0;
};

// `bytes` hold the fixed header at least; fields end with the header or with `bytes`.
Layout layout_of(std::span<const std::uint8_t> bytes) {
  const std::size_t end = std::min(bytes.size(), fixed_size + bytes[8]);
  Layout layout;
  std::size_t at = fixed_size;
  const auto take = [&](std::size_t& field, std::size_t size) {
    if (at + size <= end) field = at;
    at += size;
  };
  const unsigned pts_dts_flags = bytes[7] >> 6;  // 1 is forbidden
  if (pts_dts_flags >= 2) take(layout.pts, timestamp_size);
  if (pts_dts_flags == 3) take(layout.dts, timestamp_size);
  if ((bytes[7] & 0x20) != 0) take(layout.escr, escr_size);
  return layout;
}

std::optional<Timestamp> read_timestamp(std::span<const std::uint8_t> bytes, std::size_t at) {
  if (at == 0) return std::nullopt;
  const auto b = bytes.subspan(at, timestamp_size);
  const bool markers = (b[0] & b[2] & b[4] & 1) != 0;
  if (!markers) return std::nullopt;
  return Timestamp{Ticks90{std::int64_t{b[0] & 0x0E} << 29 | std::int64_t{b[1]} << 22 |
                           std::int64_t{b[2] & 0xFE} << 14 | std::int64_t{b[3]} << 7 | std::int64_t{b[4]} >> 1}};
}

void move_timestamp(std::span<std::uint8_t> bytes, std::size_t at, Ticks90 delta) {
  const auto old = read_timestamp(bytes, at);
  if (!old) return;
  const auto ticks = static_cast<std::uint64_t>((*old + delta).ticks());
  const auto b = bytes.subspan(at, timestamp_size);
  b[0] = static_cast<std::uint8_t>((b[0] & 0xF1) | (ticks >> 29 & 0x0E));
  b[1] = static_cast<std::uint8_t>(ticks >> 22);
  b[2] = static_cast<std::uint8_t>((ticks >> 14 & 0xFE) | 1);
  b[3] = static_cast<std::uint8_t>(ticks >> 7);
  b[4] = static_cast<std::uint8_t>((ticks << 1 & 0xFE) | 1);
}

// The base of an ESCR (2.4.3.7): 3, 15 and 15 bits at bits 2, 6 and 22 of 48, each followed by a marker; its 27 MHz
// extension stays.
void move_escr(std::span<std::uint8_t> bytes, std::size_t at, Ticks90 delta) {
  if (at == 0) return;
  const auto b = bytes.subspan(at, escr_size);
  std::uint64_t bits = 0;
  for (const std::uint8_t byte : b) bits = bits << 8 | byte;
  const std::uint64_t base = (bits >> 43 & 7) << 30 | (bits >> 27 & 0x7FFF) << 15 | (bits >> 11 & 0x7FFF);
  const auto moved = static_cast<std::uint64_t>((Timestamp{Ticks90{static_cast<std::int64_t>(base)}} + delta).ticks());
  constexpr std::uint64_t base_mask =
      std::uint64_t{7} << 43 | std::uint64_t{0x7FFF} << 27 | std::uint64_t{0x7FFF} << 11;
  bits &= ~base_mask;
  bits |= (moved >> 30 & 7) << 43 | (moved >> 15 & 0x7FFF) << 27 | (moved & 0x7FFF) << 11;
  for (std::size_t i = 0; i < escr_size; ++i) b[i] = static_cast<std::uint8_t>(bits >> (40 - 8 * i));
}

}  // namespace

std::optional<PesHeader> PesHeader::parse(std::span<const std::uint8_t> payload) {
  if (payload.size() < start_size) return std::nullopt;
  if (payload[0] != 0 || payload[1] != 0 || payload[2] != 1) return std::nullopt;
  PesHeader header;
  header.stream_id = payload[3];
  const std::size_t length = static_cast<std::size_t>(payload[4] << 8 | payload[5]);
  header.packet_length = length == 0 ? 0 : start_size + length;
  header.header_size = start_size;
  if (!has_optional_header(header.stream_id)) return header;

  if (payload.size() < fixed_size || (payload[6] & 0xC0) != 0x80) return std::nullopt;
  header.header_size = fixed_size + payload[8];
  header.data_alignment = (payload[6] & 0x04) != 0;
  const Layout layout = layout_of(payload);
  header.pts = read_timestamp(payload, layout.pts);
  header.dts = layout.dts != 0 ? read_timestamp(payload, layout.dts) : header.pts;
  return header;
}

void move_timestamps(Packet& packet, Ticks90 delta) {
  if (!packet.unit_start() || packet.scrambling() != 0) return;
  const auto payload = packet.payload();
  const auto header = PesHeader::parse(payload);
  if (!header || header->header_size > payload.size() || !has_optional_header(header->stream_id)) return;
  const Layout layout = layout_of(payload);
  move_timestamp(payload, layout.pts, delta);
  move_timestamp(payload, layout.dts, delta);
  move_escr(payload, layout.escr, delta);
}

}  // namespace ts
