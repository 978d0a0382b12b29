// One elementary stream: do its access units and their time stamps go on, and fit into a decoder's buffers?
#pragma once

#include <optional>

#include "common/psi/elementary_stream.hpp"
#include "common/psi/tables.hpp"
#include "common/ts/packet.hpp"
#include "tools/tsmon/alarm_board.hpp"
#include "tools/tsmon/buffer_watch.hpp"
#include "tools/tsmon/limits.hpp"
#include "tools/tsmon/moment.hpp"
#include "tools/tsmon/pcr_meter.hpp"

namespace tsmon {

class ElementaryWatch {
 public:
  ElementaryWatch(psi::ServiceId service, const psi::Pmt::Stream& stream, Moment since, AlarmBoard& board,
                  const Limits& limits);

  // A packet of its PID, no duplicate. `pcr` is its program's; null where there is none (yet).
  void feed(const ts::Packet& packet, Moment at, double ticks_per_packet, const PcrMeter* pcr);
  // Packets are missing before the next one.
  void interrupt() { buffer_.reset(); }
  void poll(Moment now);
  // It is no more in the PMT.
  void release(Moment at);

  psi::ServiceId service() const { return service_; }
  const psi::Pmt::Stream& stream() const { return stream_; }
  const psi::ElementaryStream& description() const { return description_; }
  // Those found, or PES packets where access units cannot be found.
  std::uint64_t access_units() const { return buffer_.scans() ? buffer_.access_units() : pes_packets_; }
  std::uint64_t pes_packets() const { return pes_packets_; }
  const BufferWatch& buffer() const { return buffer_; }

 private:
  void go_on(Moment at);
  void take_pts(const ts::Packet& packet, Moment at);
  Subject subject() const { return {.pid = stream_.pid, .service = service_}; }

  psi::ServiceId service_;
  psi::Pmt::Stream stream_;
  psi::ElementaryStream description_;
  bool is_continuous_;  // video or sound, which never pause
  AlarmBoard& board_;
  const Limits& limits_;
  Recurrence units_;
  std::optional<Recurrence> pts_;
  BufferWatch buffer_;
  std::uint64_t pes_packets_ = 0;  // begun
};

}  // namespace tsmon
