// Finds packets in bytes: 188, 192 (M2TS, four bytes before) or 204 bytes (Reed-Solomon, sixteen after) a packet.
//
// TR 101 290 5.2.1: five good sync bytes in a row acquire, two bad ones in a row lose. While locked, a packet with a
// single bad sync byte is delivered as it is (has_sync() says so); consumers skip it or record it. So are up to eight
// in a row if five good ones follow in the same alignment; else another is looked for and what lies between is skipped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
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

  Synchronizer() = default;
  // Packets of this size only: 188, 192 or 204 bytes.
  explicit Synchronizer(std::size_t only_stride) : only_stride_(only_stride) {}

  // Takes the next bytes of an endless byte stream. Returns packets that became whole: in place in `bytes` where they
  // lie aligned there at 188 bytes, else in a buffer of the synchronizer; valid until the next call and as long as
  // `bytes`. It may return less than it could: call again with {} until it returns nothing, before `bytes` go away.
  // Bytes of an incomplete packet are kept for the next call.
  //
  //   for (auto packets = sync.feed(block); !packets.empty(); packets = sync.feed({})) use(packets);
  std::span<const Packet> feed(std::span<const std::uint8_t> bytes);
  // The stream has ended: returns whole packets still held (a file shorter than five packets, its last packets), and
  // counts what is left as skipped. Once feed({}) returns nothing; ask once.
  std::span<const Packet> finish();
  // The next bytes do not follow the last ones.
  void reset();

  bool locked() const { return stride_ != 0; }
  std::size_t stride() const { return stride_; }  // 188, 192, 204; 0 before lock
  const Statistics& statistics() const { return statistics_; }
  // Of the skipped bytes, those that lie before the packets last returned.
  std::uint64_t skipped_before() const { return skipped_before_; }

 private:
  using Bytes = std::span<const std::uint8_t>;

  struct Alignment {
    std::size_t offset;  // of the first sync byte; if there is no stride, no packet begins before it
    std::size_t stride;  // 0: none found
  };
  std::span<const std::size_t> strides() const;
  Alignment find_alignment(Bytes bytes) const;
  Alignment find_tail(Bytes bytes) const;

  bool acquire();
  bool acquire_in(Bytes bytes, std::size_t& consumed);
  std::span<const Packet> take_in_place();
  std::span<const Packet> take_pending();
  std::size_t collect(Bytes bytes, bool in_place);
  bool is_packet(Bytes bytes, std::size_t at);
  void lose();
  void lock(std::size_t stride);
  std::optional<bool> resume(Bytes bytes);
  void skip(std::size_t bytes);

  std::size_t only_stride_ = 0;  // 0: any
  std::size_t stride_ = 0;
  std::size_t lost_stride_ = 0;        // of the lock lost where the bytes at hand begin
  std::size_t tolerated_ = 0;          // packets still to deliver whatever their sync byte, lock being sure after them
  std::size_t next_ = 0;               // of the bytes at hand: where the next packet begins, maybe beyond them
  std::size_t skipped_run_ = 0;        // bytes skipped since the last packet
  Bytes rest_;                         // the caller's, not yet looked at
  std::vector<std::uint8_t> pending_;  // before rest_
  std::vector<Packet> copied_;
  std::size_t count_ = 0;  // packets collected, in place or in copied_
  Statistics statistics_;
  std::uint64_t skipped_before_ = 0;
};

}  // namespace ts
