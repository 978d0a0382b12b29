#include "common/io/socket_sink.hpp"

#include <algorithm>
#include <cstring>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>

namespace io {

namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using ts::SteadyTime;

constexpr int default_packets = 7;  // 1316 bytes, what fits an Ethernet frame
// A packet of a low-rate service does not wait longer than this for its datagram to fill.
constexpr nanoseconds longest_fill = milliseconds{20};
// A PCR that would is its datagram's last packet, and so leaves at its time: a receiver sees no jitter of ours. Above 7
// Mb/s datagrams fill in less.
constexpr nanoseconds longest_pcr_wait = milliseconds{1};
// How far ahead of its time, beyond the latency, a packet is taken from an input that is not live, and what is left of
// that when more are taken: one pause for many datagrams.
constexpr nanoseconds most_ahead = milliseconds{300};
constexpr nanoseconds least_ahead = milliseconds{150};
// How often an answer to stopping() is looked for.
constexpr milliseconds patience{50};
// How much longer than the last datagram's time finish() waits for it.
constexpr nanoseconds grace = milliseconds{500};
// Queued at most: the latency at 100 Mb/s, in datagrams, and never less than a second at 43 Mb/s.
constexpr std::size_t least_bound = 4096;
constexpr std::int64_t datagrams_a_second = 100'000'000 / (default_packets * 188 * 8);

SteadyTime now() { return std::chrono::steady_clock::now(); }

Pacer& pacer_of(const Endpoint& endpoint, const SinkOptions& options) {
  if (options.pacer == nullptr) throw std::logic_error(endpoint.text + ": a socket sink needs a pacer");
  return *options.pacer;
}

std::size_t bound_for(const SinkOptions& options) {
  const auto latency = static_cast<std::size_t>(options.latency.count() * datagrams_a_second / 1000);
  return std::max(least_bound, 2 * latency);
}

std::uint32_t rtp_ticks(SteadyTime time) {
  return static_cast<std::uint32_t>(std::chrono::duration_cast<ts::Ticks90>(time.time_since_epoch()).count());
}

}  // namespace

SocketSink::SocketSink(const Endpoint& endpoint, const SinkOptions& options)
    : name_(endpoint.text),
      options_(options),
      packets_per_datagram_(static_cast<std::size_t>(endpoint.packets.value_or(default_packets))),
      has_rtp_(endpoint.kind == Endpoint::Kind::rtp),
      channel_(pacer_of(endpoint, options).open(endpoint, bound_for(options))),
      timer_({.pcr_pid = options.pcr_pid, .live = options.live, .latency = options.latency}) {
  // Random, so that a restart is seen as a new stream (RFC 3550 5.1).
  std::random_device random;
  rtp_.payload_type = ts::RtpHeader::mp2t;
  rtp_.ssrc = random();
  rtp_.sequence = static_cast<std::uint16_t>(random());
  rtp_offset_ = random();
}

SocketSink::~SocketSink() { options_.pacer->close(channel_); }

void SocketSink::write(std::span<const ts::Packet> packets, const Stamp& stamp) {
  packets_ += packets.size();
  std::uint64_t position = stamp.position;
  if (options_.due) {
    for (const ts::Packet& packet : packets) add(packet, options_.due(position++));
    return;
  }
  const SteadyTime arrival = options_.live ? stamp.arrival.steady : now();
  for (const ts::Packet& packet : packets) timer_.feed(packet, position++, arrival);
  collect();
}

void SocketSink::set_pcr_pid(std::optional<ts::Pid> pid) {
  timer_.set_pcr_pid(pid, now());
  collect();
}

void SocketSink::flush() {
  const SteadyTime present = now();
  timer_.expire(present);
  collect();
  if (collected_ > 0 && present > last_due_) send();
}

void SocketSink::collect() {
  if (timer_.ready().empty()) return;
  for (const auto& timed : timer_.ready()) add(timed.packet, timed.due);
  timer_.forget_ready();
}

void SocketSink::add(const ts::Packet& packet, SteadyTime due) {
  if (collected_ > 0 && due - first_due_ > longest_fill) send();
  if (collected_ == 0) first_due_ = due;
  last_due_ = due;
  std::memcpy(datagram_.data() + ts::RtpHeader::fixed_size + collected_ * ts::packet_size, packet.bytes.data(),
              ts::packet_size);
  ++collected_;
  const bool late = makes_pcr_wait(packet, due);
  if (collected_ == packets_per_datagram_ || late) send();
}

// Whether the packet has a PCR, and the datagram, at the rate since the PCR before, is far from full.
bool SocketSink::makes_pcr_wait(const ts::Packet& packet, SteadyTime due) {
  ++packets_since_pcr_;
  if (!packet.has_sync() || packet.transport_error() || !packet.pcr()) return false;
  const nanoseconds interval = pcr_due_ ? due - *pcr_due_ : nanoseconds{0};
  const auto missing = static_cast<std::int64_t>(packets_per_datagram_ - collected_);
  const nanoseconds wait = interval * missing / packets_since_pcr_;
  pcr_due_ = due;
  packets_since_pcr_ = 0;
  return wait > longest_pcr_wait;
}

// A datagram leaves when its last packet is due.
void SocketSink::send() {
  if (!options_.live) wait_until_near(last_due_);
  const std::size_t size = std::exchange(collected_, 0) * ts::packet_size;
  const std::size_t header = has_rtp_ ? ts::RtpHeader::fixed_size : 0;
  if (has_rtp_) {
    rtp_.timestamp = rtp_ticks(last_due_) + rtp_offset_;
    rtp_.write(std::span{datagram_}.first<ts::RtpHeader::fixed_size>());
    ++rtp_.sequence;
  }
  const auto datagram = std::span{datagram_}.subspan(ts::RtpHeader::fixed_size - header, header + size);
  while (!options_.live && !options_.pacer->wait_for_room(channel_, patience)) {
    if (stopping()) break;
  }
  if (options_.pacer->submit(channel_, datagram, last_due_)) {
    bytes_ += datagram.size();
  } else {
    dropped_ += size / ts::packet_size;
  }
}

// Back pressure: the queue holds what is due soon, and the input waits with the rest.
void SocketSink::wait_until_near(SteadyTime due) {
  const SteadyTime written = options_.due ? due : due - options_.latency;
  if (now() >= written - most_ahead) return;
  const SteadyTime near = written - least_ahead;
  while (now() < near && !stopping()) std::this_thread::sleep_until(std::min(near, now() + patience));
  timer_.throttled();
}

void SocketSink::finish() {
  timer_.finish(now());
  collect();
  if (collected_ > 0) send();
  while (!options_.pacer->drain(patience)) {
    if (now() > last_due_ + grace || (!options_.live && stopping())) return;
  }
}

SinkStatistics SocketSink::statistics() const {
  SinkStatistics result;
  result.packets = packets_;
  result.bytes = bytes_;
  result.pacer = options_.pacer->statistics(channel_);
  const std::size_t header = has_rtp_ ? ts::RtpHeader::fixed_size : 0;
  result.refused_packets = (result.pacer->refused_bytes - result.pacer->send_errors * header) / ts::packet_size;
  result.dropped_packets = dropped_ + result.refused_packets;
  result.unclocked_packets = timer_.unclocked();
  return result;
}

}  // namespace io
