#include "tools/tsmon/buffer_watch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

namespace tsmon {
namespace {

// The names of the buffers where the kind of event alone does not tell.
struct Names {
  const char* transport;
  const char* multiplex;
  const char* elementary;
};

std::string describe(const ts::TstdEvent& event, const Names& names) {
  using enum ts::TstdEvent::Kind;
  const auto overflow = [&](const char* buffer) {
    return fmt::format("buffer {} overflows by {:.0f} bytes", buffer, event.amount);
  };
  const auto full = [&](const char* buffer) {
    return fmt::format("buffer {} has not been empty for {:.2f} s", buffer, event.amount);
  };
  switch (event.kind) {
    case transport_overflow:
      return overflow(names.transport);
    case multiplex_overflow:
      return overflow(names.multiplex);
    case elementary_overflow:
      return overflow(names.elementary);
    case underflow:
      return event.amount > 0 ? fmt::format("access unit not whole at its DTS, {:.0f} bytes missing", event.amount)
                              : std::string{"DTS of an access unit long before it came"};
    case transport_not_empty:
      return full(names.transport);
    case multiplex_not_empty:
      return full(names.multiplex);
    case delay:
      return fmt::format("access unit waits {:.2f} s for its DTS", event.amount);
  }
  return {};
}

Indicator indicator_of(ts::TstdEvent::Kind kind) {
  using enum ts::TstdEvent::Kind;
  switch (kind) {
    case transport_not_empty:
    case multiplex_not_empty:
      return Indicator::empty_buffer;
    case delay:
      return Indicator::data_delay;
    default:
      return Indicator::buffer;
  }
}

void tell(ts::Tstd& tstd, AlarmBoard& board, const Subject& subject, std::uint64_t position, const Names& names) {
  for (const ts::TstdEvent& event : tstd.events()) {
    board.occur(indicator_of(event.kind), subject, {event.at, position}, [&] { return describe(event, names); });
  }
  tstd.clear_events();
}

ts::Tstd::Figures together(ts::Tstd::Figures to, const std::optional<ts::Tstd>& tstd) {
  if (!tstd) return to;
  const ts::Tstd::Figures& from = tstd->figures();
  to.transport = std::max(to.transport, from.transport);
  to.multiplex = std::max(to.multiplex, from.multiplex);
  to.elementary = std::max(to.elementary, from.elementary);
  to.delay = std::max(to.delay, from.delay);
  to.units += from.units;
  to.units_late += from.units_late;
  return to;
}

}  // namespace

BufferWatch::BufferWatch(psi::ServiceId service, const psi::Pmt::Stream& stream, AlarmBoard& board)
    : service_(service), pid_(stream.pid), board_(board), model_(stream), scanner_(model_.make_scanner()) {}

// Other parameters than before begin anew.
void BufferWatch::set_limits() {
  const auto limits = model_.limits(scanner_);
  if (tstd_ && limits && *limits == tstd_->limits()) return;
  past_ = figures();
  tstd_.reset();
  if (!limits) return;
  tstd_.emplace(*limits, scanner_.position() - scanner_.stream_bytes());
  begun_.reset();
  board_.set_measured(Indicator::buffer);
  board_.set_measured(Indicator::empty_buffer);
  if (limits->longest_delay) board_.set_measured(Indicator::data_delay);
}

void BufferWatch::feed(const ts::Packet& packet, Moment at, double ticks_per_packet, const PcrMeter* pcr) {
  if (pcr != nullptr) return feed(packet, at, ticks_per_packet, pcr->clock(), pcr->offset());
  feed(packet, at, 0, ts::ProgramClock{}, {});
}

void BufferWatch::feed(const ts::Packet& packet, Moment at, double ticks_per_packet, const ts::ProgramClock& clock,
                       ts::Ticks27 offset) {
  if (!scans()) return;
  if (packet.scrambling() != 0) return reset();
  if (clock.epoch() != epoch_) {
    epoch_ = clock.epoch();
    reset();
  }
  const auto units = scanner_.feed(packet);
  access_units_ += units.size();
  if (!clock.started() || ticks_per_packet <= 0) {
    if (tstd_) tstd_->reset(scanner_.position());
    begun_.reset();
    return;
  }
  if (!tstd_ || video_changes_ != scanner_.video_changes() ||
      (model_.kind() == psi::DecoderModel::Kind::audio && !units.empty())) {
    video_changes_ = scanner_.video_changes();
    set_limits();
    if (!tstd_) return;
  }
  const auto decoded = [&](const std::optional<ts::Timestamp>& dts) {
    return dts ? std::optional{clock.unwrap(*dts) - offset} : std::nullopt;
  };
  tstd_->feed(at.time, ticks_per_packet, scanner_.stream_bytes(), scanner_.header_bytes());
  for (const ts::ScannedUnit& unit : units) tstd_->add(unit.offset, unit.size, decoded(unit.dts));
  if (const auto& open = scanner_.open(); open && open->offset != begun_) {
    begun_ = open->offset;
    tstd_->begin(open->offset, decoded(open->dts));
  }
  if (!tstd_->events().empty()) tell_events(at.position);
}

ts::Tstd::Figures BufferWatch::figures() const { return together(past_, tstd_); }

void BufferWatch::tell_events(std::uint64_t position) {
  const Names names{"TB", "MB",
                    model_.kind() != psi::DecoderModel::Kind::video ? "B"
                    : model_.uses_leak_method()                     ? "EB"
                                                                    : "MB+EB"};
  tell(*tstd_, board_, subject(), position, names);
}

void BufferWatch::reset() {
  scanner_.reset();
  begun_.reset();
  if (tstd_) tstd_->reset(scanner_.position());
}

PsiBufferWatch::PsiBufferWatch(psi::ServiceId service, ts::Pid pmt_pid, AlarmBoard& board)
    : service_(service), pmt_pid_(pmt_pid), board_(board) {}

void PsiBufferWatch::feed(const ts::Packet& packet, Moment at, double ticks_per_packet) {
  if (ticks_per_packet <= 0) return reset();
  // Rsys follows the rate of the stream; a change by a tenth begins anew.
  if (!tstd_ || std::abs(ticks_per_packet - ticks_per_packet_) > ticks_per_packet_ / 10) {
    ticks_per_packet_ = ticks_per_packet;
    const double rate =
        static_cast<double>(ts::packet_size) * 8 * static_cast<double>(ts::system_clock_hz) / ticks_per_packet;
    past_ = figures();
    tstd_.emplace(ts::TstdLimits::sections(rate));
    board_.set_measured(Indicator::buffer);
    board_.set_measured(Indicator::empty_buffer);
  }
  tstd_->feed(at.time, ticks_per_packet, packet.scrambling() == 0 ? packet.payload().size() : 0, 0);
  if (!tstd_->events().empty()) {
    tell(*tstd_, board_, {.pid = pmt_pid_, .service = service_}, at.position, {"TBsys", "Bsys", ""});
  }
}

ts::Tstd::Figures PsiBufferWatch::figures() const { return together(past_, tstd_); }

void PsiBufferWatch::reset() {
  if (tstd_) tstd_->reset(0);
}

}  // namespace tsmon
