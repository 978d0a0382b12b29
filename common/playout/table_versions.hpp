// Gives tables the versions that a receiver of the whole sequence of files needs: a table that differs from the one
// sent before has another version, and one that does not has the same (EN 300 468 5.4).
//
// Two files mostly number their tables alike; without this a receiver would keep the first file's PMT.
#pragma once

#include <atomic>
#include <bitset>
#include <cstdint>
#include <map>
#include <span>
#include <tuple>

#include "common/playout/packet_window.hpp"
#include "common/playout/section_tracer.hpp"
#include "common/ts/packet.hpp"
#include "common/ts/section.hpp"

namespace playout {

// What was sent, from file to file.
class TableVersions {
 public:
  // The version to send this section with; it is taken for sent. `section` has a long header and a good CRC.
  std::uint8_t assign(ts::Pid pid, const ts::Section& section);
  // Sections that got another version than they came with. May be asked from another thread.
  std::uint64_t changed() const { return changed_; }

 private:
  struct Table {
    std::uint8_t version = 0;
    std::map<std::uint8_t, std::uint64_t> sections;  // number to hash of the content
  };
  using Key = std::tuple<ts::Pid, std::uint8_t, std::uint16_t>;  // table_id, extension

  std::map<Key, Table> tables_;
  std::atomic<std::uint64_t> changed_{0};
};

// Changes the sections of one file where they lie in its window.
class TablePatcher {
 public:
  explicit TablePatcher(TableVersions& versions);

  // The PIDs whose tables are looked at: those of PAT, CAT, NIT, SDT and EIT at first.
  void add_pmt_pid(ts::Pid pid);
  bool wants(ts::Pid pid) const { return wanted_[pid.value()]; }
  // The packet at `position` of the window, a wanted one. Sections whose first packet has left the window stay.
  void feed(PacketWindow& window, std::uint64_t position);

 private:
  void patch(PacketWindow& window, ts::Pid pid, std::span<const std::uint8_t> bytes,
             std::span<const SectionTracer::Piece> pieces);

  TableVersions& versions_;
  std::bitset<ts::Pid::count> wanted_, pmt_;
  std::map<ts::Pid, SectionTracer> tracers_;
};

}  // namespace playout
