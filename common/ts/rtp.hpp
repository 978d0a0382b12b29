// RTP headers (RFC 3550 5.1) with MPEG transport stream payload (RFC 2250), and putting packets back in order.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "common/ts/time.hpp"

namespace ts {

struct RtpHeader {
  static constexpr std::size_t fixed_size = 12;
  static constexpr std::uint8_t mp2t = 33;  // payload type of RFC 3551

  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;  // 90 kHz
  std::uint32_t ssrc = 0;
  std::uint8_t payload_type = 0;
  bool marker = false;
  std::size_t payload_offset = 0;  // after CSRCs and extension
  std::size_t payload_size = 0;    // without padding

  // Nothing if the datagram is not RTP version 2 or its lengths contradict each other.
  static std::optional<RtpHeader> parse(std::span<const std::uint8_t> datagram);
  // Writes a header of fixed_size with this sequence, time stamp, ssrc, marker and payload type.
  void write(std::span<std::uint8_t, fixed_size> out) const;
};

// Puts datagrams of one RTP stream in order; gives up on a missing one after `patience` or `window` later ones.
class RtpReorder {
 public:
  // A sequence number more than this ahead, or `window` behind, is a sender that started anew (RFC 3550 A.1).
  static constexpr std::int64_t largest_gap = 3000;
  // So many old datagrams with none between them that is not old are a sender that went back a little, or that does not
  // count at all: the network reorders and repeats fewer.
  static constexpr int longest_old_run = 16;
  // More than this is not held either: twice the default window of full Ethernet frames, and no 16 MB of the largest
  // datagrams that there can be.
  static constexpr std::size_t most_held_bytes = 2 * 256 * 1500;

  struct Statistics {
    std::uint64_t received = 0;
    std::uint64_t lost = 0;       // never came, or came too late
    std::uint64_t reordered = 0;  // came late, in time to be put in its place
    std::uint64_t duplicates = 0;
    std::uint64_t late = 0;      // came after it was given up, or from before the sender's start
    std::uint64_t restarts = 0;  // another SSRC, a sequence far from the last, or nothing but old ones
  };
  struct Datagram {
    std::vector<std::uint8_t> payload;
    Arrival arrival;
    bool after_loss = false;  // one or more are missing before it, or the stream started anew with it
  };

  explicit RtpReorder(std::chrono::milliseconds patience = std::chrono::milliseconds{50}, std::size_t window = 256);

  // True: `header`'s datagram is the next in order and nothing is held: use it at once, in place (the common case, no
  // copy). False: it was taken or dropped; see next().
  bool is_next(const RtpHeader& header, std::span<const std::uint8_t> payload, Arrival arrival);
  // The next datagram held that is in order, or whose predecessors are given up by `now`. Ask until there is none.
  std::optional<Datagram> next(SteadyTime now);
  // True if next() has to be asked again although nothing new arrives.
  bool holds() const { return !held_.empty(); }
  // For a datagram that is_next() let through: whether datagrams are missing before it.
  bool last_was_after_loss() const { return after_loss_; }
  const Statistics& statistics() const { return statistics_; }

 private:
  // Sequence numbers are unwrapped and go on over restarts.
  struct Held {
    std::int64_t sequence;
    bool restart;
    Datagram datagram;
  };
  std::int64_t unwrap(std::uint16_t sequence) const;
  void restart(const RtpHeader& header);
  void append(std::uint16_t wire);
  bool is_last_of_old_run(std::uint16_t wire);
  void hold(std::int64_t sequence, bool restart, std::span<const std::uint8_t> payload, Arrival arrival);
  void drop_old(std::int64_t sequence);
  void give_up_to(std::int64_t sequence);
  void advance();

  std::chrono::milliseconds patience_;
  std::int64_t window_;
  bool started_ = false;
  std::uint32_t ssrc_ = 0;
  std::int64_t newest_ = -1;  // highest unwrapped sequence number received
  std::uint16_t newest_wire_ = 0;
  std::int64_t expected_ = 0;
  std::int64_t restart_at_ = 0;  // where the sender last started anew
  int old_run_ = 0;              // old datagrams since one that was not
  std::uint16_t last_old_wire_ = 0;
  bool uncounted_ = false;  // the sender's numbers stay or fall: they say nothing, until one rises
  std::deque<Held> held_;   // by sequence
  std::size_t held_bytes_ = 0;
  std::vector<bool> delivered_;  // of the last window_ before expected_, by sequence modulo window_
  bool after_loss_ = false;
  Statistics statistics_;
};

}  // namespace ts
