#include "common/playout/stretch.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include "common/playout/section_tracer.hpp"
#include "common/ts/pes.hpp"

namespace playout {

namespace {

using namespace std::chrono_literals;

// Streams with PES packets farther apart than this (subtitles) do not play without a pause.
constexpr ts::Ticks90 steady_limit = std::chrono::duration_cast<ts::Ticks90>(500ms);

bool readable(const ts::Packet& packet) {
  return packet.has_sync() && !packet.transport_error() && packet.scrambling() == 0;
}

// A PES packet ends where a transport packet ends: what does not fill it is stuffed by its adaptation field (ISO/IEC
// 13818-1 2.4.3.5). So a PES packet that does not tell its length has ended if its last packet is stuffed; the one in
// 184 that fits by chance is taken for broken.
bool is_stuffed(const ts::Packet& packet) {
  if (!packet.has_adaptation()) return false;
  const auto field = packet.adaptation();
  if (field.empty()) return packet.bytes[4] == 0;
  std::size_t used = 1;
  if ((field[0] & 0x10) != 0) used += 6;                                        // PCR
  if ((field[0] & 0x08) != 0) used += 6;                                        // OPCR
  if ((field[0] & 0x04) != 0) used += 1;                                        // splice countdown
  if ((field[0] & 0x02) != 0 && used < field.size()) used += 1u + field[used];  // private data
  if ((field[0] & 0x01) != 0 && used < field.size()) used += 1u + field[used];  // extension
  return field.size() > used;
}

struct Unit {
  std::uint64_t position = 0;
  std::optional<ts::Timestamp> dts;
  std::size_t told = 0;  // length of the PES packet; 0: not told
  std::size_t bytes = 0;
  bool video = false;
  bool stuffed = false;

  bool is_whole() const { return told != 0 ? bytes >= told : stuffed; }
};

// The units of one PID up to here.
struct Trace {
  std::optional<Unit> last, previous;  // PES packets
  SectionTracer sections;
};

bool begins_pes(std::span<const std::uint8_t> payload) {
  return payload.size() >= 3 && payload[0] == 0 && payload[1] == 0 && payload[2] == 1;
}

void follow(Trace& trace, const ts::Packet& packet, std::uint64_t position) {
  const auto payload = packet.payload();
  if (payload.empty()) return;
  if (packet.unit_start() && begins_pes(payload)) {
    if (trace.last && trace.last->dts) trace.previous = trace.last;
    trace.last.emplace().position = position;
    if (const auto header = ts::PesHeader::parse(payload)) {
      trace.last->dts = header->dts;
      trace.last->told = header->packet_length;
      trace.last->video = header->is_video();
    }
  } else if (!trace.last) {
    trace.sections.feed(packet, position, [](auto, auto) {});
  }
  if (!trace.last) return;
  trace.last->bytes += payload.size();
  trace.last->stuffed = is_stuffed(packet);
}

// From one PES packet to the next; none if they do not play without a pause.
std::optional<ts::Ticks90> step_between(const Unit& unit, const Unit& next) {
  const ts::Ticks90 step = distance(*unit.dts, *next.dts);
  if (step <= ts::Ticks90{0} || step > steady_limit) return std::nullopt;
  return step;
}

// How long a PES packet lasts that none follows: a picture as long as the one before; sound by its bytes, for the last
// packet of a file often holds fewer frames.
std::optional<ts::Ticks90> duration_after(const Unit& before, const Unit& unit) {
  const auto step = step_between(before, unit);
  if (!step || unit.video || unit.bytes >= before.bytes) return step;
  return *step * static_cast<std::int64_t>(unit.bytes) / static_cast<std::int64_t>(before.bytes);
}

std::optional<LastUnit> last_unit(const Trace& trace) {
  constexpr ts::Ticks90 least{1};
  const bool last_counts = trace.last && trace.last->dts;
  if (last_counts && trace.last->is_whole()) {
    const auto duration = trace.previous ? duration_after(*trace.previous, *trace.last) : std::nullopt;
    return LastUnit{trace.last->position, *trace.last->dts, std::max(least, duration.value_or(least))};
  }
  if (!trace.previous) return std::nullopt;
  const auto duration = last_counts ? step_between(*trace.previous, *trace.last) : std::nullopt;
  return LastUnit{trace.previous->position, *trace.previous->dts, duration.value_or(least)};
}

// Leaves what lies before `piece` in its packet and stuffs the rest.
void cut_section(ts::Packet& packet, const SectionTracer::Piece& piece) {
  const auto payload = packet.payload();
  const std::size_t start = ts::packet_size - payload.size();
  const std::size_t pointed = start + 1 + payload[0];  // where the first section begins
  if (piece.offset > pointed) {
    std::fill(packet.bytes.begin() + static_cast<std::ptrdiff_t>(piece.offset), packet.bytes.end(), std::uint8_t{0xFF});
    return;
  }
  if (payload[0] == 0) return blank(packet);
  // Only the end of an older section remains: a packet in which none begins has no pointer.
  const std::size_t kept = payload[0];
  std::ranges::copy(payload.subspan(1, kept), payload.begin());
  std::ranges::fill(payload.subspan(kept), std::uint8_t{0xFF});
  packet.bytes[1] &= 0xBF;
}

void blank_from(PacketWindow& window, ts::Pid pid, std::uint64_t position) {
  for (; position < window.end(); ++position) {
    ts::Packet& packet = window.at(position);
    if (readable(packet) && packet.pid() == pid) blank(packet);
  }
}

}  // namespace

StretchStart survey_start(const PacketWindow& window) {
  StretchStart start;
  for (std::uint64_t position = window.begin(); position < window.end(); ++position) {
    const ts::Packet& packet = window.at(position);
    if (!packet.has_sync() || packet.transport_error() || !packet.unit_start()) continue;
    const ts::Pid pid = packet.pid();
    start.has_units.set(pid.value());
    if (packet.scrambling() != 0 || start.first_dts.contains(pid)) continue;
    const auto header = ts::PesHeader::parse(packet.payload());
    if (header && header->dts) start.first_dts.emplace(pid, *header->dts);
  }
  return start;
}

std::map<ts::Pid, LastUnit> finish_stretch(PacketWindow& window) {
  std::map<ts::Pid, Trace> traces;
  for (std::uint64_t position = window.begin(); position < window.end(); ++position) {
    const ts::Packet& packet = window.at(position);
    if (readable(packet) && packet.pid() != ts::null_pid) follow(traces[packet.pid()], packet, position);
  }
  std::map<ts::Pid, LastUnit> last;
  for (const auto& [pid, trace] : traces) {
    if (trace.last && !trace.last->is_whole()) blank_from(window, pid, trace.last->position);
    if (const auto unit = last_unit(trace)) last.emplace(pid, *unit);
    if (trace.last || trace.sections.unfinished().empty()) continue;
    const auto piece = trace.sections.unfinished().front();
    cut_section(window.at(piece.position), piece);
    blank_from(window, pid, piece.position + 1);
  }
  return last;
}

void blank(ts::Packet& packet) {
  const auto pcr = packet.pcr();
  packet = pcr ? ts::Packet::pcr_only(packet.pid(), *pcr, packet.continuity()) : ts::Packet::null();
}

}  // namespace playout
