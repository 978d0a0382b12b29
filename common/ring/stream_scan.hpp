// Makes an index out of packets that are on disk already: of a plain file, of a segment whose index was lost, of the
// last second of one whose recorder was killed.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/ring/index.hpp"
#include "common/ring/index_builder.hpp"
#include "common/ring/recording.hpp"

namespace ring {

struct ScanRequest {
  int fd = -1;
  std::string name;  // for messages
  // Records of packets in [from, to) are wanted. What lies up to `lead` packets before is read too, for the tables.
  PacketNumber from = 0, to = 0;
  static constexpr PacketNumber lead = 20'000;
  // When packet `anchor` arrived. Time passes from there on by the first PCR PID.
  PacketNumber anchor = 0;
  ts::Arrival arrival{};
  // When the last packet arrived, for a stream without PCR.
  std::optional<ts::Arrival> last;
  std::chrono::nanoseconds spacing = IndexBuilder::default_spacing;
};

struct ScanResult {
  std::vector<Record> records;
  PacketNumber packets = 0;  // one past the last one
  // Of scan_file(): where they lie. Empty if packet n lies at 188 n.
  std::vector<Extent> extents;
  // UTC that the stream itself says (TDT, TOT), and where.
  std::vector<std::pair<PacketNumber, std::chrono::sys_seconds>> utc;
  IndexBuilder::Statistics statistics;
};

// Throws std::system_error if the file cannot be read.
ScanResult scan(const ScanRequest& request);
// All packets of 188 bytes in a file that anybody may have made, `from` and `to` apart: resynchronised over bytes that
// are no packets, each such place a gap.
ScanResult scan_file(const ScanRequest& request);

}  // namespace ring
