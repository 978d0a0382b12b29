// Makes the records of an index out of packets as they arrive.
//
// A packet that is of no interest costs its continuity check and one look-up.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "common/psi/service_tracker.hpp"
#include "common/ring/index.hpp"
#include "common/ts/access_unit.hpp"
#include "common/ts/continuity.hpp"
#include "common/ts/packet.hpp"
#include "common/ts/program_clock.hpp"

namespace ring {

class IndexBuilder {
 public:
  // Of DateRecords, and of the ClockRecords of one PID.
  static constexpr std::chrono::milliseconds default_spacing{100};

  struct Statistics {
    std::uint64_t packets = 0;
    std::uint64_t null_packets = 0;
    std::uint64_t bad_sync = 0;          // recorded, but not looked into
    std::uint64_t transport_errors = 0;  // as well
    std::uint64_t continuity_errors = 0;
    std::uint64_t missing_packets = 0;  // at least so many, by continuity counters
    std::uint64_t scrambled = 0;
    std::uint64_t access_points = 0;
    std::uint64_t clock_jumps = 0;
  };

  explicit IndexBuilder(std::chrono::nanoseconds spacing = default_spacing);
  IndexBuilder(const IndexBuilder&) = delete;
  IndexBuilder& operator=(const IndexBuilder&) = delete;

  // The next packets, arrived together. `estimated` goes into their DateRecords.
  void feed(std::span<const ts::Packet> packets, const ts::Arrival& arrival, bool estimated = false);
  // Something is missing before the next packet. If `known`, the number of packets is in it, and the continuity errors
  // that follow from the gap are not counted once more.
  void gap(const GapRecord& gap, bool known);
  // The wall clock was stepped before the next packet.
  void clock_step(std::chrono::nanoseconds step);
  // The next packet gets a DateRecord (a segment begins).
  void date_next() { date_next_ = true; }
  // Makes sure that the last packet has a DateRecord.
  void date_last();

  // What was found since the caller emptied it, in order but for AccessRecords, which come when the picture is
  // classified, some packets late. Packets are counted from the first one fed.
  std::vector<Record>& records() { return records_; }
  PacketNumber next_packet() const { return next_; }
  // The tables in force now, as records at `packet`: PAT before PMTs, then SDT and EIT.
  std::vector<Record> tables_in_force(PacketNumber packet) const;

  const psi::ServiceTracker& services() const { return tracker_; }
  const Statistics& statistics() const { return statistics_; }

 private:
  struct Clock {
    ts::ProgramClock clock;
    ts::ProgramTime recorded{};
  };
  // What a PID is looked into for.
  enum Interest : std::uint8_t { tables = 1, pictures = 2 };

  void look(const ts::Packet& packet, const ts::Arrival& arrival);
  void look_at_clock(const ts::Packet& packet, const ts::Arrival& arrival);
  void lose(std::uint64_t missing, const ts::Arrival& arrival);
  void add_date(PacketNumber packet, const ts::Arrival& arrival);
  void add_access(const std::optional<ts::AccessUnit>& unit, ts::Pid pid);
  void take_change(psi::ServiceTracker::Change change, std::optional<psi::ServiceId> service);
  void take_event(const ts::Section& section);
  void follow_services();

  std::chrono::nanoseconds spacing_;
  psi::ServiceTracker tracker_;
  bool services_changed_ = true;
  std::array<std::uint8_t, ts::Pid::count> interest_{};
  struct Pictures {
    ts::VideoCodec codec;
    ts::AccessUnitParser parser;
  };
  std::map<ts::Pid, Pictures> pictures_;
  ts::Continuity continuity_;
  std::map<ts::Pid, Clock> clocks_;
  // EIT present/following by service and section number, as last recorded.
  std::map<std::pair<std::uint16_t, std::uint8_t>, psi::SectionBytes> events_;

  PacketNumber next_ = 0;
  std::optional<ts::Arrival> last_arrival_;
  bool estimated_ = false;
  bool date_next_ = true;
  std::optional<PacketNumber> dated_;  // packet of the last DateRecord
  ts::SteadyTime dated_at_{};
  std::optional<std::size_t> open_loss_;  // index in records_ of a gap whose packets are still being counted
  std::vector<Record> records_;
  Statistics statistics_;
};

}  // namespace ring
