// What becomes of the packets of a cut: head, body and tail, with the changes that were asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/psi/service_tracker.hpp"
#include "common/ts/packet.hpp"
#include "tools/tscut/head.hpp"
#include "tools/tscut/rebaser.hpp"
#include "tools/tscut/service_filter.hpp"
#include "tools/tscut/stream_map.hpp"
#include "tools/tscut/tail.hpp"

namespace tscut {

class Passage {
 public:
  struct Options {
    std::optional<psi::ServiceId> service{};  // this one alone
    bool rebase = false;
  };

  // `tables`: in force at the start.
  Passage(const psi::ServiceTracker& tables, Options options);

  // The body passes as it is: what is copied without take() is shown to observe(), its last seconds at least.
  bool is_verbatim() const { return !filter_ && !rebaser_; }

  // The zone (head.hpp) comes first, once. `end`: how many of its packets lie before the end of the cut; those after it
  // are the tail's. All packets that are to be written are appended to `out`.
  void begin(std::span<const ts::Packet> zone, std::size_t end, std::span<const VideoStart> starts,
             const Head::NextCounter& next_counter, std::vector<ts::Packet>& out);
  void take(std::span<const ts::Packet> packets, std::vector<ts::Packet>& out);
  void observe(std::span<const ts::Packet> packets);
  // The next packet is the first one after the end.
  void end() { ended_ = true; }
  // All that had to be completed is whole.
  bool finished() const { return ended_ && finished_; }
  const StreamMap& map() const { return map_; }
  std::uint64_t scrambled_units() const { return rebaser_ ? rebaser_->scrambled_units() : 0; }

 private:
  void take(const ts::Packet& packet, std::vector<ts::Packet>& out);
  void emit(const ts::Packet& packet, std::vector<ts::Packet>& out);
  void follow_tables(const ts::Packet& packet);
  void update();

  psi::ServiceTracker tables_;
  bool tables_changed_ = false;
  Options options_;
  StreamMap map_;
  Tail tail_;
  std::optional<ServiceFilter> filter_;
  std::optional<Rebaser> rebaser_;
  bool ended_ = false, finished_ = false;
};

}  // namespace tscut
