#include "common/mux/decoder_buffer.hpp"

#include <algorithm>
#include <cmath>

namespace mux {
namespace {

constexpr auto whole_packet = static_cast<double>(ts::packet_size);
// Bytes left free: what rounds up to ticks and whole bytes may be more by these.
constexpr double spare = 4;
// MB gets its bytes from TB, later than it is reckoned here, and so may hold what TB does more.
constexpr double behind_transport = 512;
// Damage: no stream has so many access units under way.
constexpr std::size_t most_units = 4096;

constexpr double bytes_per_tick(std::uint64_t bits_per_second) {
  return static_cast<double>(bits_per_second) / 8 / static_cast<double>(ts::system_clock_hz);
}

// How long `excess` bytes take to drain, in ticks; nothing where there is no excess.
ts::Ticks27 time_to_drain(double excess, double rate) {
  if (excess <= 0 || rate <= 0) return ts::Ticks27{0};
  return ts::Ticks27{static_cast<std::int64_t>(std::ceil(excess / rate))};
}

}  // namespace

void DecoderBuffer::set_limits(const ts::TstdLimits& limits) {
  limits_ = limits;
  transport_rate_ = bytes_per_tick(limits.transport_rate);
  multiplex_rate_ = bytes_per_tick(limits.multiplex_rate);
  spacing_ = std::max(time_to_drain(whole_packet, transport_rate_), time_to_drain(whole_packet, multiplex_rate_));
}

void DecoderBuffer::begin_unit(std::uint64_t offset, MultiplexTime decoded) {
  if (!units_.empty()) {
    if (offset <= units_.back().offset) return;
    decoded = std::max(decoded, units_.back().decoded);
  } else {
    removed_ = offset;  // what comes before it belongs to nothing
  }
  if (units_.size() == most_units) units_.pop();
  units_.push({offset, decoded});
}

void DecoderBuffer::drain(MultiplexTime now) {
  if (now > drained_) {
    const auto passed = static_cast<double>((now - drained_).count());
    transport_ = std::max(0.0, transport_ - passed * transport_rate_);
    multiplex_ = std::max(0.0, multiplex_ - passed * multiplex_rate_);
    drained_ = now;
  }
  // A unit leaves at its time, with all up to the next one.
  while (units_.size() > 1 && units_.front().decoded <= now) {
    units_.pop();
    removed_ = std::max(removed_, units_.front().offset);
  }
  while (!headers_.empty() && headers_.front().offset < removed_) {
    header_bytes_ -= headers_.front().bytes;
    headers_.pop();
  }
}

// When decoding will have made room for so many bytes more.
std::optional<MultiplexTime> DecoderBuffer::room_in_elementary_at(MultiplexTime from, double bytes) const {
  const double limit = static_cast<double>(limits_->elementary_size) - spare - bytes;
  double headers = header_bytes_;
  const auto held_from = [&](std::uint64_t removed) {
    return (sent_ > removed ? static_cast<double>(sent_ - removed) : 0.0) + headers;
  };
  if (held_from(removed_) <= limit) return from;
  std::size_t header = 0;
  for (std::size_t i = 1; i < units_.size(); ++i) {
    for (; header < headers_.size() && headers_[header].offset < units_[i].offset; ++header) {
      headers -= headers_[header].bytes;
    }
    // What is larger than the buffer goes when that is empty.
    if (held_from(units_[i].offset) <= limit || units_[i].offset >= sent_) {
      return std::max(from, units_[i - 1].decoded);
    }
  }
  return std::nullopt;
}

DecoderBuffer::Room DecoderBuffer::room_at(MultiplexTime from, const Part& part, std::size_t reserve) const {
  if (!limits_) return {from, from};
  const auto bytes = static_cast<double>(part.stream_bytes + part.header_bytes);
  MultiplexTime room = from;
  if (transport_rate_ > 0) {
    const double free =
        static_cast<double>(limits_->transport_size) - spare - whole_packet - static_cast<double>(reserve);
    room = std::max(room, drained_ + time_to_drain(transport_ - free, transport_rate_));
  }
  if (limits_->multiplex_rate > 0 && limits_->multiplex_size > 0) {
    const double free = static_cast<double>(limits_->multiplex_size) - spare - behind_transport - bytes;
    room = std::max(room, drained_ + time_to_drain(multiplex_ - std::max(free, 0.0), multiplex_rate_));
  }
  if (limits_->elementary_size == 0) return {room, from};
  return {room, room_in_elementary_at(from, bytes)};
}

std::optional<MultiplexTime> DecoderBuffer::decoded_at(std::uint64_t offset) const {
  for (std::size_t i = units_.size(); i-- > 0;) {
    if (units_[i].offset <= offset) return units_[i].decoded;
  }
  return std::nullopt;
}

void DecoderBuffer::send(MultiplexTime at, const Part& part) {
  if (limits_) {
    drain(at);
    transport_ += whole_packet;
    multiplex_ += static_cast<double>(part.stream_bytes + part.header_bytes);
    if (limits_->elementary_holds_headers && part.header_bytes > 0) {
      headers_.push({part.offset, static_cast<double>(part.header_bytes)});
      header_bytes_ += static_cast<double>(part.header_bytes);
    }
  }
  sent_ = std::max(sent_, part.offset + part.stream_bytes);
  if (units_.empty()) removed_ = sent_;
}

}  // namespace mux
