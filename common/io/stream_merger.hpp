// What all mergers of identical feeds have: see HitlessMerger.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "common/io/source.hpp"

namespace io {

struct MergeOptions {
  std::size_t paths = 2;  // at most 64
  // By how much a path may be behind another. All packets leave by so much later than they came by the earliest one.
  std::chrono::milliseconds skew{500};
  // Packets held at most, and as many that wait for a decision; beyond it, packets leave before their time.
  std::size_t most_bytes = std::size_t{64} << 20;
};

// Of one path; packets, where nothing else is said.
struct PathStatistics {
  enum class State : std::uint8_t {
    silent,     // nothing has come yet
    searching,  // it is not known yet where it belongs
    joined,     // it is the same stream, and is used
    different,  // it is another stream, and is not used
  };
  State state = State::silent;
  std::uint64_t received = 0;
  std::uint64_t used = 0;                        // that no other path had in time
  std::uint64_t lost = 0;                        // that another path had, and this one had not in time
  std::uint64_t late = 0;                        // came after their time
  std::uint64_t duplicates = 0;                  // came twice by this path
  std::uint64_t undecided = 0;                   // only this path had them, and where they belong could not be told
  std::uint64_t different = 0;                   // datagrams of the same number that are not the same; 0 without RTP
  std::optional<std::chrono::nanoseconds> skew;  // behind the earliest path, if that is known
};

struct MergeStatistics {
  std::uint64_t packets = 0;      // taken
  std::uint64_t unrecovered = 0;  // RTP datagrams that no path had in time; 0 without RTP: not known
  std::uint64_t restarts = 0;     // the stream began anew, with other numbers or other contents
  std::uint64_t early = 0;        // packets that left before their time because of most_bytes
  std::uint64_t dropped = 0;      // packets that were not held because nobody took any
};

class StreamMerger {
 public:
  virtual ~StreamMerger() = default;
  virtual void feed(std::size_t path, const Chunk& chunk) = 0;
  virtual std::span<const Chunk> take(ts::SteadyTime now) = 0;
  virtual PathStatistics path(std::size_t path) const = 0;
  virtual const MergeStatistics& statistics() const = 0;
};

}  // namespace io
