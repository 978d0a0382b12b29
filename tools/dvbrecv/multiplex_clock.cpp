#include "tools/dvbrecv/multiplex_clock.hpp"

#include <cmath>
#include <limits>

namespace dvbrecv {
namespace {

constexpr double ticks_per_second = ts::system_clock_hz;
// PCRs come at least every 100 ms (ISO/IEC 13818-1 2.7.2): ten missing ones are no jitter.
constexpr double patience_s = 1;
// Packets within the patience at 100 Mb/s, as long as no rate is known.
constexpr std::uint64_t first_patience = 100'000'000 / (8 * ts::packet_size);

}  // namespace

bool MultiplexClock::take(const ts::Packet& packet, ts::Pcr pcr, std::uint64_t position,
                          std::optional<ts::SteadyTime> arrival) {
  const bool other_program = following_ && packet.pid() != pid_;
  pid_ = packet.pid();
  following_ = true;
  const std::uint64_t packets = position - clock_.last_position();
  const auto sample = clock_.feed(pcr, position, other_program || packet.discontinuity(), arrival);
  if (sample.step == ts::ProgramClock::Step::continuous && sample.wire_step > ts::Ticks27{0}) {
    measured_ += sample.wire_step;
    measured_packets_ += packets;
  }
  const auto rate = clock_.ticks_per_packet();
  silent_from_ = position + (rate && *rate > 0 ? static_cast<std::uint64_t>(patience_s * ticks_per_second / *rate) + 1
                                               : first_patience);
  return true;
}

std::optional<ts::ProgramTime> MultiplexClock::at(std::uint64_t position) const {
  if (!clock_.ticks_per_packet()) return std::nullopt;
  return clock_.at(position);
}

std::uint64_t MultiplexClock::position_of(ts::ProgramTime time) const {
  const auto rate = clock_.ticks_per_packet();
  if (!rate || *rate <= 0) return std::numeric_limits<std::uint64_t>::max();
  const auto ahead = static_cast<double>((time - clock_.last_time()).count());
  if (ahead <= 0) return clock_.last_position();
  return clock_.last_position() + static_cast<std::uint64_t>(std::ceil(ahead / *rate));
}

std::optional<double> MultiplexClock::bit_rate() const {
  if (measured_ == ts::Ticks27{0}) return std::nullopt;
  return static_cast<double>(measured_packets_) * 8 * ts::packet_size * ticks_per_second /
         static_cast<double>(measured_.count());
}

}  // namespace dvbrecv
