// What is known of a stretch of recorded packets: the records of an index.
//
// One index belongs to one segment (a TS file). IndexBuilder makes the records out of packets; their encoding on disk
// is headend-ring(5), see index_file.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/psi/tables.hpp"
#include "common/ts/access_unit.hpp"
#include "common/ts/packet.hpp"

namespace ring {

// Packets from the start of the segment.
using PacketNumber = std::uint64_t;

// When a packet arrived; about every 100 ms, at the first packet after a gap, and at the last packet of each write:
// what lies up to the last of them is on disk.
struct DateRecord {
  PacketNumber packet = 0;
  ts::WallTime date;
  ts::SteadyTime steady;   // of the recording machine: counts from its boot; stream time in a rebuilt index
  bool estimated = false;  // not observed: worked out from the stream's clock when the index was rebuilt
};
// A PCR; about every 100 ms for each PCR PID, and each at a discontinuity.
struct ClockRecord {
  PacketNumber packet = 0;
  ts::Pid pid;
  ts::Pcr pcr;
  bool discontinuity = false;  // a jump lies between this and the one before it on this PID
};
// The packet that starts the PES packet of a picture at which decoding can start.
struct AccessRecord {
  PacketNumber packet = 0;
  ts::Pid pid;
  ts::AccessPoint access = ts::AccessPoint::none;
  std::optional<ts::Timestamp> pts, dts;
};
// A table came into force: its sections as sent, from the packet that completed it. All tables in force are repeated
// at the start of each segment.
struct TableRecord {
  PacketNumber packet = 0;
  ts::Pid pid;
  std::vector<psi::SectionBytes> sections;  // PAT, a PMT, SDT actual, or an EIT present/following section
};
struct GapRecord {
  enum class Cause : std::uint8_t {
    input,     // nothing came
    lost,      // packets lost before they reached this host (RTP, continuity), `packets` if known
    socket,    // this host's socket overflowed
    overflow,  // the disk was too slow and the buffer full
    disk,      // the disk was full or failed
    restart,   // the recorder was not running
    damaged,   // bytes that are no packets: of a plain file, in no index
  };
  PacketNumber packet = 0;  // it lies before this packet
  Cause cause = Cause::input;
  ts::WallTime from, to;
  std::uint64_t packets = 0;
};
// The wall clock was stepped by `step` (new - old) before this packet.
struct ClockStepRecord {
  PacketNumber packet = 0;
  std::chrono::nanoseconds step{0};
};

// The segment is complete; always the last record.
struct EndRecord {
  PacketNumber packet = 0;  // how many packets it has
  ts::WallTime last;        // date of the last one
  ts::SteadyTime steady;    // of the last one
  std::uint32_t gaps = 0;   // GapRecords before this one
};

using Record = std::variant<DateRecord, ClockRecord, AccessRecord, TableRecord, GapRecord, ClockStepRecord, EndRecord>;
PacketNumber packet_of(const Record& record);
void set_packet(Record& record, PacketNumber packet);
std::string to_string(GapRecord::Cause cause);

}  // namespace ring
