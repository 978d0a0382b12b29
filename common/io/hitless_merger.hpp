// Two or more identical feeds of one stream over different paths become one, packet by packet: any of them may lose
// what another has (hitless protection).
//
// What comes out is in order, without a packet twice, and with each packet that a path had within `skew` of when it
// came, or would have come, by the earliest one. It leaves `skew` after that: a fixed delay, which stays when the
// earliest path ends, so that there is neither a gap nor a burst (and then bends to the path that is now the earliest,
// by 5 ms in a second: until it is there, protection is for less than `skew`; see PathDelays). RTP streams are merged
// by sequence numbers (SMPTE ST 2022-7; each path may have an SSRC of its own), others by the contents of their
// packets: see SequenceMerger and ContentMerger. A feed of another stream is noticed and not mixed in. It takes the
// place of the stream when that has been silent for a second, or for `skew` if that is longer.
//
// There is no clock inside: arrivals and the `now` of take() are all it knows. Not for several threads at once.
#pragma once

#include <memory>
#include <vector>

#include "common/io/stream_merger.hpp"

namespace io {

class HitlessMerger {
 public:
  // Throws std::invalid_argument for no path or more than 64, or a negative skew.
  explicit HitlessMerger(const MergeOptions& options);

  // What arrived by a path, in the order of arrivals (those of different paths may be out of order by some ms); copied.
  // A chunk is one datagram, of a source with SourceOptions::rtp_as_received, or any packets of a stream without RTP.
  // The first one decides whether sequence numbers are used; then all paths need RTP, and the state of one without it
  // is `different`. Throws std::invalid_argument if there is no such path.
  void feed(std::size_t path, const Chunk& chunk);
  // The packets that are due, oldest first, with the time that they came or would have come by the earliest path.
  // after_loss: nobody had what is missing before it, or the stream began anew. Spans live until the next feed() or
  // take(). Memory is bounded if it is called now and then, at least once for some arrivals.
  std::span<const Chunk> take(ts::SteadyTime now);

  PathStatistics path(std::size_t path) const;
  MergeStatistics statistics() const;

 private:
  void check(std::size_t path) const;

  const MergeOptions options_;
  std::vector<std::uint64_t> without_rtp_;  // packets of each path that could not be merged
  bool by_sequence_ = false;
  std::unique_ptr<StreamMerger> merger_;
};

}  // namespace io
