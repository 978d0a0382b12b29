// Tables sent again and again: each within its interval, none oftener than receivers can take.
//
// Keeps the limits of EN 300 468 5.1.4.1 (25 ms between two sections of one table_id and extension on a PID), and of the
// system target decoder: each PID's sections pass a transport buffer of 512 bytes that drains at 1 Mb/s (ISO/IEC 13818-1
// 2.4.2.3).
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "common/mux/time.hpp"
#include "common/psi/tables.hpp"
#include "common/ts/packet.hpp"

namespace mux {

// What the 25 ms rule and the versions of tables go by.
struct TableKey {
  ts::Pid pid;
  std::uint8_t table_id = 0;
  std::uint16_t extension = 0;  // 0 of tables without
  friend constexpr auto operator<=>(const TableKey&, const TableKey&) = default;
};

class SectionCarousel {
 public:
  // Sends these sections (whole, with CRC) from now on, each once in `interval`, spread over it; a section that is being
  // sent is finished first. No sections: the table is no longer sent.
  void set(const TableKey& key, std::vector<psi::SectionBytes> sections, ts::Ticks27 interval);
  // The same for a table that is made anew each time it is sent (TDT, TOT). An empty answer is not sent.
  using Maker = std::function<psi::SectionBytes(MultiplexTime now)>;
  void set(const TableKey& key, Maker make, ts::Ticks27 interval);
  void remove(const TableKey& key);

  // When the next packet is to leave; MultiplexTime::max() if there is nothing to send.
  MultiplexTime next() const;
  // The packet to send now. Only when next() <= now.
  ts::Packet take(MultiplexTime now);
};

}  // namespace mux
