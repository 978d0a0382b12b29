// Finds packets in bytes: 188, 192 (M2TS, four bytes before) or 204 bytes (Reed-Solomon, sixteen after) a packet.
//
// TR 101 290 5.2.1: five good sync bytes in a row acquire, two bad ones in a row lose. While locked, a packet with a
// single bad sync byte is delivered as it is (has_sync() says so); consumers skip it or record it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/ts/packet.hpp"

namespace ts {

class Synchronizer {
 public:
  struct Statistics {
    std::uint64_t packets = 0;        // delivered
    std::uint64_t bad_sync = 0;       // delivered with a bad sync byte
    std::uint64_t sync_losses = 0;    // times that lock was lost
    std::uint64_t skipped_bytes = 0;  // not part of any packet
  };

  // Takes the next bytes of an endless byte stream. Returns the packets that became whole: in place in `bytes` where
  // they lie aligned there at 188 bytes, else in a buffer of the synchronizer; valid until the next call and as long
  // as `bytes`. Bytes of an incomplete packet are kept for the next call. May return less than it could: call again
  // with {} until it returns nothing.
  std::span<const Packet> feed(std::span<const std::uint8_t> bytes);
  // The stream has ended: returns whole packets still held (a file shorter than five packets, its last packets), and
  // counts what is left as skipped.
  std::span<const Packet> finish();
  // The next bytes do not follow the last ones.
  void reset();

  bool locked() const { return stride_ != 0; }
  std::size_t stride() const { return stride_; }  // 188, 192, 204; 0 before lock
  const Statistics& statistics() const { return statistics_; }

 private:
  std::size_t stride_ = 0;
  std::size_t lead_ = 0;  // bytes before the sync byte in a stride
  std::vector<std::uint8_t> pending_;
  std::vector<Packet> compacted_;
  Statistics statistics_;
};

}  // namespace ts
