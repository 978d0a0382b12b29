#include "tools/tsmon/buffer_watch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

namespace tsmon {
namespace {

// ISO/IEC 13818-1 table 2-45.
constexpr std::uint8_t video_stream = 0x02, std_parameters = 0x11, avc_video = 0x28, avc_timing = 0x2A,
                       hevc_video = 0x38, extension = 0x3F;
constexpr std::uint8_t hevc_timing = 0x03;  // descriptor_tag_extension (table 2-108)

// A bit of a descriptor, if there is such a descriptor and it is so long; bit 7 comes first.
bool has_bit(const psi::Descriptors& descriptors, std::uint8_t tag, std::size_t byte, unsigned bit) {
  const psi::Descriptor* found = psi::find(descriptors, tag);
  return found != nullptr && found->data.size() > byte && (found->data[byte] >> bit & 1) != 0;
}

// Do bytes go from MB to EB by the leak method (2.4.2.3, 2.14.3.1, 2.17.2)?
bool uses_leak_method(const psi::Descriptors& descriptors) {
  const psi::Descriptor* parameters = psi::find(descriptors, std_parameters);
  const bool leak_valid = parameters == nullptr || has_bit(descriptors, std_parameters, 0, 0);
  const psi::Descriptor* extended = psi::find(descriptors, extension);
  const bool hevc_hrd = extended != nullptr && extended->data.size() > 1 && extended->data[0] == hevc_timing &&
                        (extended->data[1] & 0x80) != 0;
  return leak_valid && !hevc_hrd && !has_bit(descriptors, avc_timing, 0, 7);
}

// still_picture_flag, AVC_still_present and HEVC_still_present_flag (2.6.3, 2.6.64, 2.6.95).
bool may_stand_still(const psi::Descriptors& descriptors) {
  return has_bit(descriptors, video_stream, 0, 0) || has_bit(descriptors, avc_video, 3, 7) ||
         has_bit(descriptors, hevc_video, 12, 6);
}

// AVC_24_hour_picture_flag, HEVC_24hr_picture_present_flag.
bool may_stand_for_a_day(const psi::Descriptors& descriptors) {
  return has_bit(descriptors, avc_video, 3, 6) || has_bit(descriptors, hevc_video, 12, 5);
}

// Does every entry say that its subtitles are not made for an HD picture (EN 300 468 table 26)?
bool is_for_sd(const psi::Descriptors& descriptors) {
  const psi::Descriptor* found = psi::find(descriptors, psi::tag::subtitling);
  if (found == nullptr) return false;
  for (std::size_t at = 3; at < found->data.size(); at += 8) {
    const unsigned type = found->data[at];
    const bool sd = (type >= 0x10 && type <= 0x13) || (type >= 0x20 && type <= 0x23);
    if (!sd) return false;
  }
  return true;
}

// Not the sub-streams of scalable and multiview coding, whose buffers depend on the other streams of the program.
bool is_whole_video(const psi::Pmt::Stream& stream) {
  return stream.type != 0x1F && stream.type != 0x20 && stream.type != 0x25;
}

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
    : service_(service), pid_(stream.pid), board_(board) {
  const psi::ElementaryStream description = psi::describe(stream);
  if (const auto codec = psi::video_codec(stream); codec && is_whole_video(stream)) {
    model_ = Model::video;
    scanner_ = ts::AccessUnitScanner{*codec};
  } else if (const auto format = psi::audio_format(stream)) {
    model_ = Model::audio;
    audio_format_ = *format;
    scanner_ = ts::AccessUnitScanner{*format};
  } else if (description.kind == psi::StreamKind::teletext) {
    model_ = Model::teletext;
  } else if (description.kind == psi::StreamKind::subtitle) {
    model_ = Model::subtitles;
  }
  leak_method_ = uses_leak_method(stream.descriptors);
  display_definition_ = !is_for_sd(stream.descriptors);
  if (may_stand_for_a_day(stream.descriptors)) {
    still_delay_ = ts::Ticks27::max();
  } else if (may_stand_still(stream.descriptors)) {
    still_delay_ = std::chrono::seconds{60};  // ISO/IEC 13818-1 2.4.2.6, TR 101 290 3.10
  }
}

std::optional<ts::TstdLimits> BufferWatch::find_limits() const {
  switch (model_) {
    case Model::video: {
      if (!scanner_.video()) return std::nullopt;
      auto limits = ts::TstdLimits::video(*scanner_.video());
      if (limits && !leak_method_) limits = limits->without_leak();
      if (limits && still_delay_) limits->longest_delay = still_delay_;
      return limits;
    }
    case Model::audio:
      if (!scanner_.audio()) return std::nullopt;
      return ts::TstdLimits::audio(audio_format_, *scanner_.audio());
    case Model::teletext:
      return ts::TstdLimits::teletext();
    case Model::subtitles:
      return ts::TstdLimits::dvb_subtitles(display_definition_);
    case Model::none:
      break;
  }
  return std::nullopt;
}

// Other parameters than before begin anew.
void BufferWatch::set_limits() {
  const auto limits = find_limits();
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
  if (model_ == Model::none) return;
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
  if (!tstd_ || video_changes_ != scanner_.video_changes() || (model_ == Model::audio && !units.empty())) {
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
  const Names names{"TB", "MB", model_ == Model::video ? (leak_method_ ? "EB" : "MB+EB") : "B"};
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
