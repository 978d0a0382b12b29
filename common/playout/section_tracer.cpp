#include "common/playout/section_tracer.hpp"

#include <algorithm>

namespace playout {

namespace {

constexpr std::size_t header_size = 3;  // table_id and section_length
constexpr std::uint8_t stuffing = 0xFF;

}  // namespace

void SectionTracer::feed(const ts::Packet& packet, std::uint64_t position, const Handler& handler) {
  const auto payload = packet.payload();
  if (payload.empty()) return;
  if (packet.continuity() == last_counter_) return;  // the allowed duplicate
  if (packet.continuity() != ((last_counter_ + 1) & 0x0F)) drop();
  last_counter_ = packet.continuity();

  std::size_t offset = ts::packet_size - payload.size();
  if (packet.unit_start()) {
    const std::size_t first_start = offset + 1 + payload[0];
    ++offset;
    if (first_start > ts::packet_size) return drop();
    // What the pointer leaves out ends the section begun, and if it does not, that one is broken.
    if (!bytes_.empty()) {
      take(packet, position, offset, std::min(missing(), first_start - offset));
      if (missing() == 0) handler(bytes_, pieces_);
      drop();
    }
    offset = first_start;
  } else if (bytes_.empty()) {
    return;
  }

  while (offset < ts::packet_size) {
    if (bytes_.empty() && packet.bytes[offset] == stuffing) return;
    const std::size_t size = std::min(missing(), ts::packet_size - offset);
    take(packet, position, offset, size);
    offset += size;
    if (missing() != 0) continue;
    handler(bytes_, pieces_);
    drop();
    // Sections follow one another only in packets that say where the first one begins (ISO/IEC 13818-1 2.4.4.1).
    if (!packet.unit_start()) return;
  }
}

void SectionTracer::take(const ts::Packet& packet, std::uint64_t position, std::size_t offset, std::size_t size) {
  if (size == 0) return;
  const auto part = std::span{packet.bytes}.subspan(offset, size);
  bytes_.insert(bytes_.end(), part.begin(), part.end());
  if (!pieces_.empty() && pieces_.back().position == position) {
    pieces_.back().size += size;
  } else {
    pieces_.push_back({position, offset, size});
  }
}

// Of the header first, then of the whole section.
std::size_t SectionTracer::missing() const {
  if (bytes_.size() < header_size) return header_size - bytes_.size();
  return header_size + static_cast<std::size_t>((bytes_[1] & 0x0F) << 8 | bytes_[2]) - bytes_.size();
}

void SectionTracer::drop() {
  bytes_.clear();
  pieces_.clear();
}

}  // namespace playout
