#include "common/ts/rtp.hpp"

#include <algorithm>
#include <utility>

namespace ts {
namespace {

std::uint16_t read16(std::span<const std::uint8_t> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

std::uint32_t read32(std::span<const std::uint8_t> bytes, std::size_t at) {
  return static_cast<std::uint32_t>(read16(bytes, at)) << 16 | read16(bytes, at + 2);
}

void write32(std::span<std::uint8_t> bytes, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

// RFC 1982: which of two numbers that wrap is the later one.
bool is_after(std::uint16_t wire, std::uint16_t other) {
  return static_cast<std::int16_t>(static_cast<std::uint16_t>(wire - other)) > 0;
}

}  // namespace

std::optional<RtpHeader> RtpHeader::parse(std::span<const std::uint8_t> datagram) {
  if (datagram.size() < fixed_size || datagram[0] >> 6 != 2) return std::nullopt;
  const bool has_padding = (datagram[0] & 0x20) != 0;
  const bool has_extension = (datagram[0] & 0x10) != 0;
  const std::size_t csrc_count = datagram[0] & 0x0F;

  RtpHeader header;
  header.marker = (datagram[1] & 0x80) != 0;
  header.payload_type = datagram[1] & 0x7F;
  header.sequence = read16(datagram, 2);
  header.timestamp = read32(datagram, 4);
  header.ssrc = read32(datagram, 8);

  std::size_t offset = fixed_size + 4 * csrc_count;
  if (has_extension) {
    if (offset + 4 > datagram.size()) return std::nullopt;
    offset += 4 + 4 * std::size_t{read16(datagram, offset + 2)};
  }
  const std::size_t padding = has_padding ? datagram.back() : 0;
  if (offset + padding > datagram.size() || (has_padding && padding == 0)) return std::nullopt;
  header.payload_offset = offset;
  header.payload_size = datagram.size() - offset - padding;
  return header;
}

void RtpHeader::write(std::span<std::uint8_t, fixed_size> out) const {
  out[0] = 0x80;
  out[1] = static_cast<std::uint8_t>((marker ? 0x80 : 0) | (payload_type & 0x7F));
  out[2] = static_cast<std::uint8_t>(sequence >> 8);
  out[3] = static_cast<std::uint8_t>(sequence & 0xFF);
  write32(out, 4, timestamp);
  write32(out, 8, ssrc);
}

RtpReorder::RtpReorder(std::chrono::milliseconds patience, std::size_t window)
    : patience_(patience), window_(static_cast<std::int64_t>(std::max<std::size_t>(window, 1))) {
  delivered_.resize(static_cast<std::size_t>(window_));
}

std::int64_t RtpReorder::unwrap(std::uint16_t sequence) const {
  return newest_ + static_cast<std::int16_t>(static_cast<std::uint16_t>(sequence - newest_wire_));
}

// The new stream's first datagram takes the place after the last one's.
void RtpReorder::restart(const RtpHeader& header) {
  if (started_) ++statistics_.restarts;
  started_ = true;
  ssrc_ = header.ssrc;
  append(header.sequence);
  restart_at_ = newest_;
}

void RtpReorder::append(std::uint16_t wire) {
  newest_ = std::max(newest_ + 1, expected_);
  newest_wire_ = wire;
}

bool RtpReorder::is_last_of_old_run(std::uint16_t wire) {
  const bool rises = is_after(wire, std::exchange(last_old_wire_, wire));
  if (++old_run_ < longest_old_run) return false;
  uncounted_ = !rises;
  return true;
}

bool RtpReorder::is_next(const RtpHeader& header, std::span<const std::uint8_t> payload, Arrival arrival) {
  ++statistics_.received;
  const bool first = !started_;
  std::int64_t sequence = unwrap(header.sequence);
  const bool far = sequence - expected_ > largest_gap || expected_ - sequence > window_;
  bool anew = first || header.ssrc != ssrc_ || far;
  const bool old = !anew && (sequence < expected_ || sequence < restart_at_);
  const bool follows = !anew && uncounted_ && !is_after(header.sequence, newest_wire_);
  if (old && !follows) {
    anew = is_last_of_old_run(header.sequence);
    if (!anew) {
      drop_old(sequence);
      return false;
    }
  } else if (!follows) {
    uncounted_ = false;
  }
  old_run_ = 0;
  if (anew) restart(header);
  if (follows) append(header.sequence);
  if (anew || follows) sequence = newest_;
  if (sequence == expected_ && held_.empty()) {
    after_loss_ = anew && !first;
    newest_ = sequence;
    newest_wire_ = header.sequence;
    advance();
    return true;
  }
  hold(sequence, anew, payload, arrival);
  if (sequence > newest_) {
    newest_ = sequence;
    newest_wire_ = header.sequence;
  }
  return false;
}

void RtpReorder::drop_old(std::int64_t sequence) {
  const bool duplicate = sequence >= restart_at_ && delivered_[static_cast<std::size_t>(sequence % window_)];
  ++(duplicate ? statistics_.duplicates : statistics_.late);
  if (sequence < restart_at_) ++statistics_.lost;  // those after it were counted when they were given up
}

void RtpReorder::hold(std::int64_t sequence, bool restart, std::span<const std::uint8_t> payload, Arrival arrival) {
  const auto place = std::lower_bound(held_.begin(), held_.end(), sequence,
                                      [](const Held& held, std::int64_t value) { return held.sequence < value; });
  if (place != held_.end() && place->sequence == sequence) {
    ++statistics_.duplicates;
    return;
  }
  if (sequence < newest_) ++statistics_.reordered;
  held_bytes_ += payload.size();
  held_.insert(place, Held{.sequence = sequence,
                           .restart = restart,
                           .datagram = {.payload = {payload.begin(), payload.end()}, .arrival = arrival}});
}

void RtpReorder::advance() {
  delivered_[static_cast<std::size_t>(expected_ % window_)] = true;
  ++expected_;
}

void RtpReorder::give_up_to(std::int64_t sequence) {
  statistics_.lost += static_cast<std::uint64_t>(sequence - expected_);
  for (expected_ = std::max(expected_, sequence - window_); expected_ < sequence; ++expected_) {
    delivered_[static_cast<std::size_t>(expected_ % window_)] = false;
  }
}

std::optional<RtpReorder::Datagram> RtpReorder::next(SteadyTime now) {
  if (held_.empty()) return std::nullopt;
  Held& front = held_.front();
  const bool missing = front.sequence != expected_;
  if (missing) {
    const bool patient = now - front.datagram.arrival.steady < patience_;
    const bool few = held_.back().sequence - expected_ < window_ && held_bytes_ <= most_held_bytes;
    if (patient && few) return std::nullopt;
    give_up_to(front.sequence);
  }
  Datagram datagram = std::move(front.datagram);
  held_bytes_ -= datagram.payload.size();
  datagram.after_loss = missing || front.restart;
  held_.pop_front();
  advance();
  return datagram;
}

}  // namespace ts
