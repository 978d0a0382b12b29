// The elementary stream of one PID: the payloads of its PES packets, each with its time stamp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/ts/packet.hpp"
#include "common/ts/pes.hpp"
#include "tools/tsmon/moment.hpp"

namespace tsmon {

class ElementaryPayload {
 public:
  // A PES packet's bytes, or a part of them: the rest follows without a time stamp.
  struct Piece {
    std::span<const std::uint8_t> bytes;  // for the call; a decoder's padding of zeros follows
    std::optional<ts::Timestamp> pts;     // of the first access unit that begins in it
    Moment at;                            // of the packet that begins it
    bool after_loss = false;              // bytes are missing before it
  };

  // Packets in order, duplicates left out, not scrambled; `lost`: others are missing before this one. A piece is given
  // when it is complete, at the latest when the next one begins.
  template <typename Found>
  void feed(const ts::Packet& packet, Moment at, bool lost, Found&& found) {
    if (lost || packet.unit_start()) hand_over(found);
    if (lost) mark_loss();
    if (packet.unit_start()) begin(packet, at);
    append(packet, at);
    if (is_complete()) hand_over(found);
  }
  template <typename Found>
  void finish(Found&& found) {
    hand_over(found);
  }
  // Forgets what was begun: nothing comes before the next PES packet.
  void reset();

 private:
  template <typename Found>
  void hand_over(Found&& found) {
    if (buffer_.empty()) return;
    found(seal());
    release();
  }
  void begin(const ts::Packet& packet, Moment at);
  void append(const ts::Packet& packet, Moment at);
  void mark_loss();
  bool is_complete() const;
  Piece seal();
  void release();

  bool in_pes_ = false;
  std::size_t header_left_ = 0;              // bytes
  std::optional<std::size_t> payload_left_;  // bytes, where the header says how long it is
  std::vector<std::uint8_t> buffer_;
  std::optional<ts::Timestamp> pts_;
  Moment at_;
  bool after_loss_ = false;
};

}  // namespace tsmon
