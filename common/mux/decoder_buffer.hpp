// What a decoder's buffers hold of one stream, counted by what was sent: tells when its next packet has room.
//
// A bound from above of the system target decoder (ISO/IEC 13818-1 2.4.2; ts::Tstd simulates it): a packet is taken to
// be in TB, in MB and in EB at once from the moment when it is sent. What stays within this stays within the standard's
// buffers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "common/mux/ring.hpp"
#include "common/mux/time.hpp"
#include "common/ts/tstd.hpp"

namespace mux {

class DecoderBuffer {
 public:
  // A stream of an unknown kind: there is always room.
  DecoderBuffer() = default;
  explicit DecoderBuffer(const ts::TstdLimits& limits) { set_limits(limits); }

  // What was sent stays where it is.
  void set_limits(const ts::TstdLimits& limits);
  const std::optional<ts::TstdLimits>& limits() const { return limits_; }

  // An access unit begins at this offset of elementary stream bytes, and is decoded then; told before its first packet
  // is sent, in order. It ends where the next one begins.
  void begin_unit(std::uint64_t offset, MultiplexTime decoded);

  struct Part {                // of a stream, in one packet
    std::uint64_t offset = 0;  // of its first elementary stream byte
    std::size_t stream_bytes = 0;
    std::size_t header_bytes = 0;  // of a PES header
  };
  struct Room {
    MultiplexTime transport;                  // in TB and MB
    std::optional<MultiplexTime> elementary;  // in EB or B; nothing if a decoding time is not known that it depends on
  };
  // The first time, from `from` on, at which the packet has room, and in TB also `reserve` bytes behind it.
  Room room_at(MultiplexTime from, const Part& part, std::size_t reserve = 0) const;
  // How far apart packets are at the least that follow one another for long.
  ts::Ticks27 spacing() const { return spacing_; }
  // When the access unit that this byte belongs to is decoded.
  std::optional<MultiplexTime> decoded_at(std::uint64_t offset) const;
  // The packet is sent at `at`, not before the last one.
  void send(MultiplexTime at, const Part& part);

 private:
  struct Unit {
    std::uint64_t offset = 0;
    MultiplexTime decoded{};
  };
  struct Header {  // of a PES packet, before the byte at `offset`
    std::uint64_t offset = 0;
    double bytes = 0;
  };
  void drain(MultiplexTime now);
  std::optional<MultiplexTime> room_in_elementary_at(MultiplexTime from, double bytes) const;

  std::optional<ts::TstdLimits> limits_;
  double transport_rate_ = 0, multiplex_rate_ = 0;  // bytes a tick
  ts::Ticks27 spacing_{0};
  MultiplexTime drained_{};
  double transport_ = 0;  // TB, bytes
  double multiplex_ = 0;  // MB
  // TB, MB and EB together hold what lies between these, and `headers_`.
  std::uint64_t sent_ = 0, removed_ = 0;  // offsets
  Ring<Header> headers_;                  // sent and not removed, of a stream whose B holds them
  double header_bytes_ = 0;               // of headers_
  Ring<Unit> units_;                      // not yet decoded; the first may have begun before what was sent
};

}  // namespace mux
