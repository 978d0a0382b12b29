// The packets in the payloads of datagrams: aligned in the ordinary case, else whatever a byte stream may look like
// that was cut into datagrams anywhere.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "common/io/source.hpp"
#include "common/ts/synchronizer.hpp"

namespace io {

class PayloadParser {
 public:
  // A new batch: chunks of the last one are given up.
  void begin() { copies_.clear(); }
  // Appends a chunk for what `payload` holds, in place where its packets are aligned. A loss before a payload without
  // packets is one before the next chunk.
  void parse(std::span<const std::uint8_t> payload, const ts::Arrival& arrival, bool after_loss,
             std::vector<Chunk>& chunks);
  void add_to(SourceStatistics& statistics) const;

 private:
  void parse_stream(std::span<const std::uint8_t> payload, const ts::Arrival& arrival, std::vector<Chunk>& chunks);

  ts::Synchronizer synchronizer_;  // of payloads that are not aligned
  bool in_stream_ = false;         // the last payload went there
  bool after_loss_ = false;        // something is missing before the next chunk
  std::deque<std::vector<ts::Packet>> copies_;
  std::uint64_t packets_ = 0, bad_sync_ = 0, invalid_ = 0;
};

}  // namespace io
