#include "tools/tscut/tail.hpp"

#include <algorithm>

#include "common/ts/pes.hpp"
#include "tools/tscut/packets.hpp"

namespace tscut {
namespace {

// One section begins in the packet and ends in it.
bool is_whole_section(const ts::Packet& packet) {
  const auto payload = packet.payload();
  if (payload.size() < 4 || payload[0] != 0) return false;
  const std::size_t length = (payload[2] & 0x0Fu) << 8 | payload[3];
  return payload.size() >= 4 + length;
}

}  // namespace

void Tail::picture(Stream& stream, ts::Timestamp pts, ts::Timestamp dts) {
  if (stream.dts) {
    const ts::Ticks90 period = ts::distance(*stream.dts, dts);
    if (period > ts::Ticks90{0} && period < ts::Ticks90{90'000}) stream.period = period;
  }
  stream.dts = dts;
  if (!stream.pts || ts::distance(*stream.pts, pts) > ts::Ticks90{0} || ts::distance(*stream.pts, pts) < -unrelated) {
    stream.pts = pts;
  }
}

void Tail::observe(const ts::Packet& packet, const StreamMap& map) {
  if (!is_whole(packet)) return;
  Stream& stream = streams_[packet.pid().value()];
  if (!stream.seen) stream.counter = packet.continuity();
  if (!packet.has_payload()) return;
  stream.seen = true;
  stream.counter = packet.continuity();
  if (!packet.unit_start() || map.content(packet.pid()) != Content::video) return;
  if (const auto header = clear_header(packet); header && header->pts) {
    picture(stream, *header->pts, header->dts.value_or(*header->pts));
  }
}

bool Tail::pictures_closed(const Programme& programme) const {
  return std::all_of(programme.videos.begin(), programme.videos.end(), [&](const VideoStream& video) {
    const Stream& stream = streams_[video.pid.value()];
    return stream.closed || !stream.seen;
  });
}

std::optional<ts::Timestamp> Tail::end_of(const Programme& programme) const {
  std::optional<ts::Timestamp> end;
  for (const auto& video : programme.videos) {
    const Stream& stream = streams_[video.pid.value()];
    if (!stream.pts) continue;
    const ts::Timestamp own = *stream.pts + stream.period;
    if (!end || ts::distance(*end, own) > ts::Ticks90{0}) end = own;
  }
  return end;
}

// Whether the unit that begins here is left out, and all that follows it.
bool Tail::closes(const ts::Packet& packet, const Stream& stream, const StreamMap& map) const {
  const ts::Pid pid = packet.pid();
  const Content content = map.content(pid);
  if (content == Content::table) return !is_whole_section(packet);
  if (content == Content::unlisted || map.programme(pid) == StreamMap::no_programme) return true;
  const auto header = clear_header(packet);
  if (!header || !header->pts) return true;
  if (content == Content::video) {
    if (!stream.pts) return true;
    const ts::Ticks90 later = ts::distance(*stream.pts, *header->pts);
    return later > ts::Ticks90{0} || later < -unrelated;
  }
  const Programme& programme = map.programmes()[map.programme(pid)];
  const auto end = end_of(programme);
  if (!end) return true;
  const ts::Ticks90 left = ts::distance(*header->pts, *end);
  if (left > unrelated || left < -unrelated) return true;
  // While pictures are taken, the end may still move on.
  return pictures_closed(programme) && left <= ts::Ticks90{0};
}

ts::Packet Tail::take(const ts::Packet& packet, const StreamMap& map) {
  if (!is_whole(packet)) return ts::Packet::null();
  Stream& stream = streams_[packet.pid().value()];
  if (packet.has_payload() && !stream.closed) {
    // A PID that began after the end, in the middle of a unit, is closed too.
    stream.closed = packet.unit_start() ? closes(packet, stream, map) : !stream.seen;
  }
  if (!stream.closed) {
    observe(packet, map);
    return packet;
  }
  return clock_only(packet, stream.counter);
}

bool Tail::finished(const StreamMap& map) const {
  for (unsigned pid = 0; pid < ts::Pid::count; ++pid) {
    const Content content = map.content(ts::Pid{pid});
    if (content != Content::video && content != Content::audio) continue;
    if (streams_[pid].seen && !streams_[pid].closed) return false;
  }
  return true;
}

}  // namespace tscut
