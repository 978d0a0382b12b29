#include "tools/tsmon/elementary_watch.hpp"

#include <fmt/format.h>

#include <string_view>

#include "common/ts/pes.hpp"

namespace tsmon {
namespace {

std::string ceased(std::string_view what, ts::Ticks27 limit) {
  return fmt::format("no {} for {:g} s", what, seconds(limit));
}

}  // namespace

ElementaryWatch::ElementaryWatch(psi::ServiceId service, const psi::Pmt::Stream& stream, Moment since,
                                 AlarmBoard& board, const Limits& limits)
    : service_(service),
      stream_(stream),
      description_(psi::describe(stream)),
      is_continuous_(description_.kind == psi::StreamKind::video || description_.kind == psi::StreamKind::audio),
      board_(board),
      limits_(limits),
      units_(since.time),
      buffer_(service, stream, board) {}

void ElementaryWatch::feed(const ts::Packet& packet, Moment at, double ticks_per_packet, const PcrMeter* pcr) {
  const std::uint64_t units = buffer_.access_units();
  buffer_.feed(packet, at, ticks_per_packet, pcr);
  if (packet.unit_start()) ++pes_packets_;
  if (!is_continuous_) return;
  // A stream that is not what the PMT says has no access units to go by.
  const bool can_see = packet.scrambling() == 0 && buffer_.access_units() > 0;
  if (can_see ? buffer_.access_units() != units : packet.unit_start()) go_on(at);
  if (packet.unit_start()) take_pts(packet, at);
}

void ElementaryWatch::go_on(Moment at) {
  board_.set_measured(Indicator::stalled);
  units_.seen(board_, Indicator::stalled, subject(), at, limits_.stall,
              [&] { return ceased("new access unit", limits_.stall); });
}

void ElementaryWatch::take_pts(const ts::Packet& packet, Moment at) {
  if (packet.scrambling() != 0) {
    if (pts_) pts_->release(board_, Indicator::pts, subject(), at);
    pts_.reset();
    return;
  }
  const auto header = ts::PesHeader::parse(packet.payload());
  if (!header || !header->pts) return;
  board_.set_measured(Indicator::pts);
  if (!pts_) pts_.emplace(at.time);
  pts_->seen(board_, Indicator::pts, subject(), at, limits_.pts, [&] { return ceased("PTS", limits_.pts); });
}

void ElementaryWatch::poll(Moment now) {
  if (!is_continuous_) return;
  units_.poll(board_, Indicator::stalled, subject(), now, limits_.stall,
              [&] { return ceased("new access unit", limits_.stall); });
  if (pts_) pts_->poll(board_, Indicator::pts, subject(), now, limits_.pts, [&] { return ceased("PTS", limits_.pts); });
}

void ElementaryWatch::release(Moment at) {
  units_.release(board_, Indicator::stalled, subject(), at);
  if (pts_) pts_->release(board_, Indicator::pts, subject(), at);
}

}  // namespace tsmon
