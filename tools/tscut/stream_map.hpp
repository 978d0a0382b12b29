// What each PID carries, by the tables in force: what the head and the tail of a cut treat differently.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "common/psi/service_tracker.hpp"
#include "common/ts/access_unit.hpp"
#include "common/ts/packet.hpp"

namespace tscut {

enum class Content : std::uint8_t {
  unlisted,  // in no PMT: other sections, foreign PIDs, null packets
  table,     // PAT or PMT
  video,
  audio,
  other,  // an elementary stream that is neither: subtitles, teletext, data
};

struct VideoStream {
  ts::Pid pid;
  std::optional<ts::VideoCodec> codec;  // none: its pictures cannot be told apart
};

struct Programme {
  psi::ServiceId id;
  ts::Pid pcr_pid;  // null_pid: none
  std::vector<VideoStream> videos;
};

class StreamMap {
 public:
  // Programmes stay at their index from update() to update().
  static constexpr std::uint16_t no_programme = std::numeric_limits<std::uint16_t>::max();

  // `only`: other services are as if they did not exist.
  explicit StreamMap(std::optional<psi::ServiceId> only = std::nullopt) : only_(only) { clear(); }
  void update(const psi::ServiceTracker& tables);

  Content content(ts::Pid pid) const { return uses_[pid.value()].content; }
  // Index of programmes(), of the first one that lists the PID.
  std::uint16_t programme(ts::Pid pid) const { return uses_[pid.value()].programme; }
  bool is_pcr_pid(ts::Pid pid) const { return uses_[pid.value()].pcr; }
  // PIDs of the programmes: their PMTs, elementary streams, PCRs and ECMs.
  bool lists(ts::Pid pid) const { return uses_[pid.value()].listed; }
  const std::vector<Programme>& programmes() const { return programmes_; }
  std::vector<VideoStream> videos() const;

 private:
  struct Use {
    Content content = Content::unlisted;
    bool pcr = false;
    bool listed = false;
    std::uint16_t programme = no_programme;
  };

  void clear();
  std::uint16_t index_of(psi::ServiceId id);
  void add(const psi::Service& service);
  void use(ts::Pid pid, Content content, std::uint16_t programme);
  void use_conditional_access(const psi::Descriptors& descriptors, std::uint16_t programme);

  std::optional<psi::ServiceId> only_;
  std::array<Use, ts::Pid::count> uses_;
  std::vector<Programme> programmes_;
};

// A table to begin with: the sections of one PID.
struct Table {
  ts::Pid pid;
  std::vector<psi::SectionBytes> sections;
};

// PAT, PMTs and SDT as they were sent; with `only`, PAT and SDT that list no more than that service.
std::vector<Table> tables_in_force(const psi::ServiceTracker& tables, std::optional<psi::ServiceId> only);

}  // namespace tscut
