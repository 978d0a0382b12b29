// Packets in datagrams, each sent at its time.
#pragma once

#include <array>
#include <cstdint>

#include "common/io/pcr_timer.hpp"
#include "common/io/sink.hpp"
#include "common/ts/rtp.hpp"

namespace io {

class SocketSink final : public Sink {
 public:
  SocketSink(const Endpoint& endpoint, const SinkOptions& options);
  ~SocketSink() override;
  SocketSink(const SocketSink&) = delete;
  SocketSink& operator=(const SocketSink&) = delete;

  void write(std::span<const ts::Packet> packets, const Stamp& stamp) override;
  void set_pcr_pid(std::optional<ts::Pid> pid) override;
  void flush() override;
  void finish() override;
  SinkStatistics statistics() const override;

 private:
  void collect();
  void add(const ts::Packet& packet, ts::SteadyTime due);
  bool makes_pcr_wait(const ts::Packet& packet, ts::SteadyTime due);
  void send();
  void wait_until_near(ts::SteadyTime due);
  bool stopping() const { return options_.stopping && options_.stopping(); }

  const std::string name_;
  const SinkOptions options_;
  const std::size_t packets_per_datagram_;
  const bool has_rtp_;
  Pacer::Channel& channel_;
  PcrTimer timer_;

  std::array<std::uint8_t, ts::RtpHeader::fixed_size + 7 * ts::packet_size> datagram_;
  std::size_t collected_ = 0;  // packets in datagram_
  ts::SteadyTime first_due_{}, last_due_{};
  std::optional<ts::SteadyTime> pcr_due_;  // of the last PCR
  std::int64_t packets_since_pcr_ = 0;
  ts::RtpHeader rtp_;
  std::uint32_t rtp_offset_ = 0;

  std::uint64_t packets_ = 0, bytes_ = 0, dropped_ = 0;
};

}  // namespace io
