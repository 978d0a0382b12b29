// One play of one file: its packets on their way through a window, and what is known of its programmes and clocks.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/io/source.hpp"
#include "common/playout/audio_ends.hpp"
#include "common/playout/clock_track.hpp"
#include "common/playout/packet_window.hpp"
#include "common/playout/stretch.hpp"
#include "common/playout/table_versions.hpp"
#include "common/psi/service_tracker.hpp"

namespace playout {

class Pass {
 public:
  // 4 MiB: the beginning that is read before a file is played, and the end that is held back.
  static constexpr std::size_t default_window = (std::size_t{4} << 20) / ts::packet_size;

  // A programme of the file and its clock, in the PAT's order.
  struct Program {
    psi::ServiceId service;
    std::size_t clock;
  };

  Pass(std::string name, std::unique_ptr<io::Source> source, TableVersions& versions,
       std::size_t window = default_window);

  const std::string& name() const { return name_; }
  // Reads until the window is full or the file has ended; gives up when `stopping` says so. Throws as the source does.
  void fill(const std::function<bool()>& stopping);
  // All is in the window: nothing more will come.
  bool ended() const { return ended_; }
  // Ends here, whatever the source still has (it failed).
  void end() { ended_ = true; }
  PacketWindow& window() { return window_; }
  const PacketWindow& window() const { return window_; }
  const io::SourceStatistics& statistics() const { return statistics_; }

  // After the first fill(): why it cannot be played; nothing if it can.
  std::optional<std::string> problem() const;
  const StretchStart& start() const { return start_; }
  // After the first fill(), of a file that follows another; and when all is in the window, of one that another follows.
  void begin_after_join();
  std::map<ts::Pid, LastUnit> end_before_join();

  // The clock that times everything which belongs to no programme.
  std::size_t primary() const { return primary_; }
  std::vector<ClockTrack>& clocks() { return clocks_; }
  const std::vector<ClockTrack>& clocks() const { return clocks_; }
  ClockTrack& clock_of(ts::Pid pid) { return clocks_[clock_of_[pid.value()]]; }
  std::size_t clock_index(ts::Pid pid) const { return clock_of_[pid.value()]; }
  const std::vector<Program>& programs() const { return programs_; }
  bool is_splice_information(ts::Pid pid) const { return splice_[pid.value()]; }
  const std::bitset<ts::Pid::count>& scrambled() const { return scrambled_; }

 private:
  void take(const ts::Packet& packet);
  void take_pcr(ts::Pid pid, ts::Pcr pcr, std::uint64_t position);
  void map_programs();
  std::size_t clock_for(ts::Pid pcr_pid, std::size_t like);
  std::size_t clock_before(psi::ServiceId service) const;

  std::string name_;
  std::unique_ptr<io::Source> source_;
  std::span<const io::Chunk> chunks_;  // read, and not yet in the window
  std::size_t taken_ = 0;              // packets of the first of them that are
  io::SourceStatistics statistics_;
  PacketWindow window_;
  TablePatcher patcher_;
  psi::ServiceTracker services_;
  bool services_changed_ = false;
  bool ended_ = false;
  bool surveyed_ = false;
  StretchStart start_;
  std::vector<ClockTrack> clocks_;
  std::vector<Program> programs_;
  std::size_t primary_ = 0;
  std::array<std::uint16_t, ts::Pid::count> clock_of_{};
  std::bitset<ts::Pid::count> splice_, scrambled_;
  AudioFormats audio_;
};

}  // namespace playout
