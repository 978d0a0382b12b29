// One elementary stream: do its access units and their time stamps go on?
#pragma once

#include <optional>

#include "common/psi/elementary_stream.hpp"
#include "common/psi/tables.hpp"
#include "common/ts/packet.hpp"
#include "tools/tsmon/alarm_board.hpp"
#include "tools/tsmon/limits.hpp"
#include "tools/tsmon/moment.hpp"

namespace tsmon {

class ElementaryWatch {
 public:
  ElementaryWatch(psi::ServiceId service, const psi::Pmt::Stream& stream, Moment since, AlarmBoard& board,
                  const Limits& limits);

  // A packet of its PID, no duplicate. `clear`: not scrambled.
  void feed(const ts::Packet& packet, Moment at) {
    if (packet.unit_start()) begin_unit(packet, at);
  }
  void poll(Moment now);
  // It is no more in the PMT.
  void release(Moment at);

  psi::ServiceId service() const { return service_; }
  const psi::Pmt::Stream& stream() const { return stream_; }
  const psi::ElementaryStream& description() const { return description_; }
  std::uint64_t access_units() const { return access_units_; }

 private:
  void begin_unit(const ts::Packet& packet, Moment at);
  bool is_continuous() const;  // video or sound, which never pause
  Subject subject() const { return {.pid = stream_.pid, .service = service_}; }

  psi::ServiceId service_;
  psi::Pmt::Stream stream_;
  psi::ElementaryStream description_;
  AlarmBoard& board_;
  const Limits& limits_;
  Recurrence units_;
  std::optional<Recurrence> pts_;
  std::uint64_t access_units_ = 0;  // PES packets begun
};

}  // namespace tsmon
