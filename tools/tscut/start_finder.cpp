#include "tools/tscut/start_finder.hpp"

#include <algorithm>

namespace tscut {

void StartFinder::follow(const StreamMap& map) {
  const auto videos = map.videos();
  const auto same = [](const VideoStream& video, ts::Pid pid, ts::VideoCodec codec) {
    return video.pid == pid && video.codec == codec;
  };
  std::erase_if(parsers_, [&](const auto& entry) {
    return std::none_of(videos.begin(), videos.end(),
                        [&](const auto& video) { return same(video, entry.first, entry.second.codec); });
  });
  for (const auto& video : videos) {
    if (video.codec) parsers_.try_emplace(video.pid, Parser{*video.codec, ts::AccessUnitParser{*video.codec}});
  }
}

void StartFinder::search_from(std::uint64_t position) {
  from_ = position;
  found_.clear();
}

void StartFinder::feed(const ts::Packet& packet, std::uint64_t position) {
  if (!packet.has_sync() || packet.transport_error()) return;
  const auto parser = parsers_.find(packet.pid());
  if (parser == parsers_.end()) return;
  const auto unit = parser->second.units.feed(packet, position);
  if (unit && unit->access != ts::AccessPoint::none && from_ && unit->position >= *from_) {
    found_.try_emplace(packet.pid(), *unit);
  }
}

}  // namespace tscut
