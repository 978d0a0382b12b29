// Packets of a UDP socket, with or without RTP headers.
#pragma once

#include <sys/socket.h>

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "common/io/address.hpp"
#include "common/io/file_descriptor.hpp"
#include "common/io/payload_parser.hpp"
#include "common/io/source.hpp"
#include "common/ts/rtp.hpp"

namespace io {

class DatagramSource final : public Source {
 public:
  DatagramSource(const Endpoint& endpoint, const SourceOptions& options);

  std::span<const Chunk> read(std::chrono::milliseconds timeout) override;
  bool ended() const override { return false; }
  bool is_live() const override { return true; }
  SourceStatistics statistics() const override;

  // The port that it listens on, for tests that let the kernel choose.
  std::uint16_t port() const;

 private:
  // The two clocks, read together.
  struct ClockPair {
    ts::SteadyTime steady;
    ts::WallTime wall;
    static ClockPair read();
  };
  struct Ancillary {
    std::optional<ts::WallTime> stamp;
    std::optional<std::uint32_t> drops;
  };

  void join_group();
  void join_again(ts::SteadyTime now);
  bool wait(std::chrono::nanoseconds timeout);
  void receive();
  void take(const msghdr& message, std::span<const std::uint8_t> datagram, const ClockPair& clocks);
  void take_rtp(const ts::RtpHeader& header, std::span<const std::uint8_t> datagram, const ts::Arrival& arrival);
  void release(ts::SteadyTime now);
  ts::Arrival arrival_of(const std::optional<ts::WallTime>& stamp, const ClockPair& clocks);
  static Ancillary ancillary_of(const msghdr& message);

  const std::string name_;
  const Endpoint endpoint_;
  const SourceOptions options_;
  FileDescriptor socket_;
  std::optional<SocketAddress> group_;
  unsigned interface_ = 0;  // that the group was joined on; 0: the routing table's choice
  ts::SteadyTime next_join_{};

  std::unique_ptr<std::uint8_t[]> slots_;
  std::vector<mmsghdr> messages_;
  std::vector<iovec> vectors_;
  std::vector<std::uint8_t> controls_;

  std::vector<Chunk> chunks_;
  PayloadParser parser_;
  ts::RtpReorder reorder_;
  std::deque<ts::RtpReorder::Datagram> released_;  // chunks_ lie over them
  ts::SteadyTime last_drain_{};
  ts::SteadyTime last_arrival_{};
  std::uint32_t last_drops_ = 0;
  bool after_drops_ = false;
  bool has_rtp_ = false;
  std::uint64_t bytes_ = 0, datagrams_ = 0, drops_ = 0;
};

}  // namespace io
