#include "tools/tscut/packet_reader.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace tscut {
namespace {

// Of the usual 1024.
constexpr std::size_t most_held = 512;

std::size_t read_at(int fd, std::span<ts::Packet> packets, std::uint64_t offset) {
  auto* bytes = reinterpret_cast<std::uint8_t*>(packets.data());
  std::size_t done = 0;
  while (done < packets.size_bytes()) {
    const auto got = pread(fd, bytes + done, packets.size_bytes() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) io::throw_system_error("read", "the recording");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done / ts::packet_size;
}

}  // namespace

std::vector<Piece> pieces(const ring::Recording& recording, ring::Position from, ring::Position to) {
  std::vector<Piece> result;
  for (const auto& segment : recording.segments()) {
    if (segment.sequence < from.segment || segment.sequence > to.segment) continue;
    auto first = segment.sequence == from.segment ? from.packet : 0;
    const auto last = segment.sequence == to.segment ? std::min(to.packet, segment.packets) : segment.packets;
    while (first < last) {
      const auto place = ring::place_of(segment, first);
      const auto end = std::min(place.end, last);
      result.push_back({segment.sequence, first, end - first, place.offset});
      first = end;
    }
  }
  return result;
}

void PacketReader::hold(ring::Position from, ring::Position to) {
  for (const auto& piece : pieces(recording_, from, to)) {
    if (open_.size() >= most_held) return;
    segment(piece.segment);
  }
}

void PacketReader::release_before(std::uint64_t segment) { open_.erase(open_.begin(), open_.lower_bound(segment)); }

const io::FileDescriptor* PacketReader::segment(std::uint64_t sequence) {
  auto& entry = open_[sequence];
  if (!entry) {
    entry = recording_.open_segment(sequence);
    if (entry) posix_fadvise(entry->get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  return entry.get();
}

std::vector<ts::Packet> PacketReader::read(ring::Position from, std::uint64_t count) {
  std::vector<ts::Packet> packets;
  for (const auto& piece : pieces(recording_, from, recording_.advance(from, static_cast<std::int64_t>(count)))) {
    const auto* file = segment(piece.segment);
    if (file == nullptr) continue;
    const std::size_t had = packets.size();
    packets.resize(had + piece.packets);
    packets.resize(had + read_at(file->get(), std::span{packets}.subspan(had), piece.offset));
  }
  return packets;
}

}  // namespace tscut
