#include "common/playout/rewriter.hpp"

#include "common/playout/stretch.hpp"
#include "common/ts/pes.hpp"
#include "common/ts/splice.hpp"

namespace playout {

namespace {

constexpr std::uint8_t pcr_flag = 0x10, opcr_flag = 0x08;
constexpr std::size_t opcr_offset = 12;  // after adaptation header and PCR (ISO/IEC 13818-1 2.4.3.4)

// OPCR, written like a PCR, of a packet that has a PCR too.
void move_opcr(ts::Packet& packet, ts::Ticks27 delta) {
  const auto field = packet.adaptation();
  if (field.size() < 13 || (field[0] & (pcr_flag | opcr_flag)) != (pcr_flag | opcr_flag)) return;
  ts::Packet as_pcr = packet;
  std::copy_n(packet.bytes.begin() + opcr_offset, 6, as_pcr.bytes.begin() + 6);
  as_pcr.set_pcr(*as_pcr.pcr() + delta);
  std::copy_n(as_pcr.bytes.begin() + 6, 6, packet.bytes.begin() + opcr_offset);
}

}  // namespace

void Rewriter::begin_file() { ++file_; }

void Rewriter::rewrite(Pass& pass, ts::Packet& packet, std::uint64_t position) {
  if (!packet.has_sync() || packet.transport_error() || packet.pid() == ts::null_pid) return;
  Stream& stream = streams_[packet.pid().value()];
  if (stream.file != file_) {
    stream.file = file_;
    stream.counting = stream.started = false;
    if (file_ > 1) packet.set_discontinuity(false);
  }
  if (is_orphan(pass, packet, stream)) {
    blank(packet);
    ++blanked_;
    if (packet.pid() == ts::null_pid) return;
  }
  count_on(packet, stream);
  move_times(pass, packet, position);
}

void Rewriter::count(ts::Packet& packet) {
  if (packet.pid() != ts::null_pid) count_on(packet, streams_[packet.pid().value()]);
}

bool Rewriter::is_orphan(const Pass& pass, const ts::Packet& packet, Stream& stream) const {
  if (file_ == 1 || stream.started || !packet.has_payload()) return false;
  stream.started = packet.unit_start();
  return !stream.started && pass.start().has_units[packet.pid().value()];
}

// Losses and repetitions within a file stay what they are. A packet without payload does not count (2.4.3.3).
void Rewriter::count_on(ts::Packet& packet, Stream& stream) {
  if (!packet.has_payload()) {
    if (stream.seen) packet.set_continuity(stream.last);
    return;
  }
  if (!stream.counting) {
    const int next = stream.seen ? stream.last + 1 : packet.continuity();
    stream.offset = static_cast<std::uint8_t>((next - packet.continuity()) & 0x0F);
    stream.counting = stream.seen = true;
  }
  stream.last = (packet.continuity() + stream.offset) & 0x0F;
  packet.set_continuity(stream.last);
}

void Rewriter::move_times(Pass& pass, ts::Packet& packet, std::uint64_t position) {
  const ts::Pid pid = packet.pid();
  ClockTrack& clock = pass.clock_of(pid);
  if (packet.has_adaptation()) {
    if (const auto pcr = packet.pcr()) {
      clock.pass(*pcr);
      const ts::Ticks27 move = clock.move_at(position);
      packet.set_pcr(*pcr + move);
      move_opcr(packet, move);
      if (clock.jumps_at(position)) packet.set_discontinuity(false);
    }
  }
  if (!packet.unit_start() || packet.scrambling() != 0) return;
  if (pass.is_splice_information(pid)) return ts::move_splice_times(packet, to_ticks90(clock.move_at(position)));
  const auto header = ts::PesHeader::parse(packet.payload());
  if (!header || !header->pts) return;
  ts::move_timestamps(packet, to_ticks90(clock.move_of(header->dts.value_or(*header->pts), position)));
}

}  // namespace playout
