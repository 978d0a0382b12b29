#include "tools/tscut/rebaser.hpp"

#include "common/ts/pes.hpp"
#include "common/ts/section.hpp"

namespace tscut {
namespace {

// original_program_clock_reference, after the PCR (ISO/IEC 13818-1 2.4.3.4). It is coded as a PCR is, so a packet
// in which it stands in the PCR's place moves it.
void move_opcr(ts::Packet& packet, ts::Ticks27 by) {
  const auto field = packet.adaptation();
  if (field.empty() || (field[0] & 0x08) == 0) return;
  const std::size_t at = 6 + ((field[0] & 0x10) != 0 ? 6u : 0u);
  if (at + 6 > 5 + field.size()) return;
  ts::Packet image = ts::Packet::pcr_only(ts::null_pid, {}, 0);
  for (std::size_t i = 0; i < 6; ++i) image.bytes[6 + i] = packet.bytes[at + i];
  image.set_pcr(*image.pcr() + by);
  for (std::size_t i = 0; i < 6; ++i) packet.bytes[at + i] = image.bytes[6 + i];
}

// pts_adjustment of a splice_info_section (SCTE 35 9.6) that lies wholly in the packet: 33 bits from the last one of
// its fifth byte on.
void move_splice(ts::Packet& packet, ts::Ticks90 by) {
  constexpr std::uint8_t splice_info_table = 0xFC;
  const auto payload = packet.payload();
  if (payload.size() < 1 + 16 || payload[0] != 0 || payload[1] != splice_info_table) return;
  const std::size_t size = 3 + ((payload[2] & 0x0Fu) << 8 | payload[3]);
  if (size < 16 || 1 + size > payload.size()) return;
  const auto section = payload.subspan(1, size);
  if (!ts::Section{section}.crc_ok()) return;
  std::int64_t old = section[4] & 1;
  for (std::size_t i = 5; i < 9; ++i) old = old << 8 | section[i];
  const auto moved = static_cast<std::uint64_t>((ts::Timestamp{ts::Ticks90{old}} + by).ticks());
  section[4] = static_cast<std::uint8_t>((section[4] & 0xFE) | moved >> 32);
  for (std::size_t i = 5; i < 9; ++i) section[i] = static_cast<std::uint8_t>(moved >> 8 * (8 - i));
  ts::seal_section(section);
}

}  // namespace

void Rebaser::apply(ts::Packet& packet, const StreamMap& map) {
  if (!packet.has_sync() || packet.transport_error()) return;
  const auto programme = map.programme(packet.pid());
  if (programme == StreamMap::no_programme || map.content(packet.pid()) == Content::table) return;
  if (origins_.size() <= programme) origins_.resize(programme + std::size_t{1});
  auto& origin = origins_[programme];

  const auto pcr = packet.pcr();
  if (pcr && !origin && map.is_pcr_pid(packet.pid())) origin = ts::Ticks90{pcr->base()};
  const bool unit = packet.unit_start() && packet.has_payload();
  if (unit && packet.scrambling() != 0) ++scrambled_;
  const auto header = unit && packet.scrambling() == 0 ? ts::PesHeader::parse(packet.payload()) : std::nullopt;
  // A programme without a PCR; a decoder's buffer holds a second (ISO/IEC 13818-1 2.4.2.6).
  if (!origin && header && header->pts) {
    const auto first = header->dts.value_or(*header->pts) - std::chrono::seconds{1};
    origin = ts::Ticks90{first.ticks()};
  }
  if (!origin) return;
  if (pcr) packet.set_pcr(*pcr - *origin);
  move_opcr(packet, -*origin);
  if (header) ts::move_timestamps(packet, -*origin);
  if (unit && !header && packet.scrambling() == 0) move_splice(packet, -*origin);
}

}  // namespace tscut
