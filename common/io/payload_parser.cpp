#include "common/io/payload_parser.hpp"

#include <algorithm>
#include <utility>

namespace io {

namespace {

std::size_t good_packets(std::span<const ts::Packet> packets) {
  return static_cast<std::size_t>(std::ranges::count_if(packets, [](const auto& packet) { return packet.has_sync(); }));
}

}  // namespace

void PayloadParser::parse(std::span<const std::uint8_t> payload, const ts::Arrival& arrival, bool after_loss,
                          std::vector<Chunk>& chunks) {
  after_loss_ = after_loss_ || after_loss;
  const auto packets = ts::packets_in(payload);
  const std::size_t good = good_packets(packets);
  if (payload.size() % ts::packet_size != 0 || 2 * good <= packets.size()) {
    parse_stream(payload, arrival, chunks);
    return;
  }
  if (in_stream_) synchronizer_.reset();
  in_stream_ = false;
  packets_ += packets.size();
  bad_sync_ += packets.size() - good;
  chunks.push_back({packets, arrival, std::exchange(after_loss_, false)});
}

void PayloadParser::parse_stream(std::span<const std::uint8_t> payload, const ts::Arrival& arrival,
                                 std::vector<Chunk>& chunks) {
  in_stream_ = true;
  std::vector<ts::Packet> found;
  for (auto packets = synchronizer_.feed(payload); !packets.empty(); packets = synchronizer_.feed({})) {
    found.insert(found.end(), packets.begin(), packets.end());
  }
  if (found.empty()) {
    if (!synchronizer_.locked()) ++invalid_;
    return;
  }
  packets_ += found.size();
  chunks.push_back({copies_.emplace_back(std::move(found)), arrival, std::exchange(after_loss_, false)});
}

void PayloadParser::add_to(SourceStatistics& statistics) const {
  const auto& stream = synchronizer_.statistics();
  statistics.packets = packets_;
  statistics.invalid_datagrams = invalid_;
  statistics.bad_sync = bad_sync_ + stream.bad_sync;
  statistics.sync_losses = stream.sync_losses;
  statistics.skipped_bytes = stream.skipped_bytes;
}

}  // namespace io
