// The packets of a recording, for the parts of a cut that are looked at.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "common/io/file_descriptor.hpp"
#include "common/ring/recording.hpp"
#include "common/ts/packet.hpp"

namespace tscut {

// Packets of one segment that lie one after another.
struct Piece {
  std::uint64_t segment = 0;
  ring::PacketNumber packet = 0;
  std::uint64_t packets = 0;
  std::uint64_t offset = 0;  // of the first one in the segment's file, in bytes
};

// [from, to) by segments, as far as they are listed now.
std::vector<Piece> pieces(const ring::Recording& recording, ring::Position from, ring::Position to);

// Keeps segments open from when they are first needed: the recorder may remove them meanwhile.
class PacketReader {
 public:
  explicit PacketReader(ring::Recording& recording) : recording_(recording) {}

  // Opens the segments of a range, the oldest first, as many as a process may well have open.
  void hold(ring::Position from, ring::Position to);
  // They are not needed any more.
  void release_before(std::uint64_t segment);
  // Null if it has expired.
  const io::FileDescriptor* segment(std::uint64_t sequence);
  // Up to `count` packets from `from` on; less at the end of what there is. What has expired is left out.
  std::vector<ts::Packet> read(ring::Position from, std::uint64_t count);

 private:
  ring::Recording& recording_;
  std::map<std::uint64_t, std::shared_ptr<io::FileDescriptor>> open_;
};

}  // namespace tscut
