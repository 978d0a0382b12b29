#include "tools/tscut/start.hpp"

#include <algorithm>
#include <cstdint>
#include <map>

namespace tscut {
namespace {

// How far an access point is looked for: 5 s at 1.5 Mb/s, then twice as far, to 40 s at 40 Mb/s.
constexpr std::int64_t first_reach = 5'000, last_reach = 1 << 20;

class Search {
 public:
  Search(ring::Recording& recording, ring::Position wanted, const std::vector<ts::Pid>& videos)
      : recording_(recording), wanted_(wanted), videos_(videos) {}

  void back() {
    for (std::int64_t reach = first_reach; reach <= last_reach && !complete(); reach *= 2) {
      ring::Position from = recording_.advance(wanted_, -reach);
      const auto gaps = recording_.gaps(from, recording_.advance(wanted_, 1));
      if (!gaps.empty()) from = gaps.back().before;
      const bool limited = !gaps.empty() || recording_.advance(from, -1) == from;
      for (const auto& entry : recording_.access_points(from, recording_.advance(wanted_, 1))) take(entry, true);
      if (limited) return;
    }
  }

  void on() {
    for (std::int64_t reach = first_reach; reach <= last_reach && !complete(); reach *= 2) {
      const ring::Position to = recording_.advance(wanted_, reach);
      for (const auto& entry : recording_.access_points(wanted_, to)) take(entry, false);
      if (to == recording_.end()) return;
    }
  }

  Start start() const {
    Start start{wanted_, {}};
    for (const auto& [pid, video] : found_) start.videos.push_back(video);
    const auto first = std::min_element(start.videos.begin(), start.videos.end(),
                                        [](const auto& a, const auto& b) { return a.position < b.position; });
    if (first != start.videos.end()) start.position = first->position;
    return start;
  }

 private:
  bool complete() const { return found_.size() == videos_.size(); }

  void take(const ring::AccessEntry& entry, bool last) {
    if (std::find(videos_.begin(), videos_.end(), entry.pid) == videos_.end()) return;
    const VideoPosition video{entry.pid, entry.position, entry.pts, entry.access};
    const auto [known, added] = found_.emplace(entry.pid, video);
    if (!added && last && known->second.position < entry.position) known->second = video;
  }

  ring::Recording& recording_;
  ring::Position wanted_;
  const std::vector<ts::Pid>& videos_;
  std::map<ts::Pid, VideoPosition> found_;
};

}  // namespace

Start choose_start(ring::Recording& recording, ring::Position wanted, const std::vector<ts::Pid>& videos,
                   Preference preference) {
  Search search{recording, wanted, videos};
  if (preference == Preference::previous) {
    search.back();
    search.on();
  } else {
    search.on();
    search.back();
  }
  return search.start();
}

}  // namespace tscut
