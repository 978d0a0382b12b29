// A segment as it lies on disk, and its index brought into agreement with it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "common/ring/index_file.hpp"
#include "common/ring/segment_index.hpp"
#include "common/ring/segment_name.hpp"

namespace ring {

struct SegmentFile {
  SegmentName name;
  std::filesystem::path path, index_path;

  SegmentFile(const std::filesystem::path& directory, const SegmentName& segment_name)
      : name(segment_name), path(directory / name.ts()), index_path(directory / name.index()) {}
};

// The segments of a directory in the order of recording, and indexes that belong to no segment. Throws
// std::system_error if it cannot be read.
struct Listing {
  std::vector<SegmentFile> segments;
  std::vector<std::filesystem::path> orphans;
  // Links, pipes, directories ... that have a segment's name: nobody of the ring opens or removes them.
  std::vector<std::filesystem::path> strangers;
};
Listing list_segments(const std::filesystem::path& directory);

// Whether what has a segment's name is a file of packets, by its first ones: text, pictures and noise are not; an empty
// file, and one that has gone, are. Throws std::system_error if it cannot be read.
bool holds_packets(const SegmentFile& file);

// What is said of a segment without reading its whole index.
struct SegmentSummary {
  PacketNumber packets = 0;
  IndexHeader header;
  EndRecord end;
};
// Nothing if the segment was not completed, or its index does not agree with it. Throws std::system_error if there is
// an index that cannot be read.
std::optional<SegmentSummary> summarize(const SegmentFile& file);

// A segment's index, with whatever can be said of packets that it does not know.
struct LoadedIndex {
  IndexHeader header;
  SegmentIndex index;
  PacketNumber packets = 0;    // whole packets in the TS file
  PacketNumber known = 0;      // of these, packets that the index file speaks of
  std::size_t good_bytes = 0;  // of the index file, up to the last good record; 0: no good header
  bool complete = false;       // ends with a good EndRecord
  bool recognized = false;     // an index, or packets with sync bytes, say that a recorder wrote it
  std::vector<Record> added;   // records for packets from `known` on, made from the TS
};
enum class Tail {
  scan,   // index packets that the file's index does not know
  leave,  // a recorder is about to do that
};
// What is not recognized is not scanned. Throws std::system_error if the TS or the index cannot be read.
LoadedIndex load_index(const SegmentFile& file, Tail tail);

// The whole file; empty if there is none, or what has that name is no regular file. Links are not followed.
std::vector<std::uint8_t> read_file(const std::filesystem::path& path, std::size_t from = 0);

}  // namespace ring
