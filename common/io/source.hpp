// Packets in: from a file, pipe, device or socket, in batches, with the time that each arrived.
#pragma once

#include <csignal>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "common/io/endpoint.hpp"
#include "common/ts/packet.hpp"

namespace io {

// What the RTP header of a datagram says of its place in the stream.
struct RtpStamp {
  std::uint16_t sequence = 0;
  std::uint32_t ssrc = 0;
};

// Packets that arrived together: those of a datagram (kernel time, SO_TIMESTAMPNS), or of a read.
struct Chunk {
  std::span<const ts::Packet> packets;
  ts::Arrival arrival;
  bool after_loss = false;  // RTP datagrams, socket drops or skipped bytes lie before it
  std::optional<RtpStamp> rtp{};  // only with SourceOptions::rtp_as_received
};

// Counted since the source was opened. What a kind of source cannot know stays 0; see has_rtp, has_socket.
struct SourceStatistics {
  bool has_rtp = false, has_socket = false;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;  // received, with all that was skipped
  std::uint64_t datagrams = 0;
  std::uint64_t invalid_datagrams = 0;                             // no packet could be found in them
  std::uint64_t socket_drops = 0;                                  // SO_RXQ_OVFL: this host was too slow
  std::uint64_t bad_sync = 0, sync_losses = 0, skipped_bytes = 0;  // ts::Synchronizer
  std::uint64_t rtp_lost = 0, rtp_reordered = 0, rtp_duplicates = 0;
  std::uint64_t srt_lost = 0;    // messages that never came, or later than the latency allows
  std::uint64_t reconnects = 0;  // SRT
};

struct SourceOptions {
  // How long datagrams may wait in the socket buffer so that many are read by one system call. Their arrival times
  // are the kernel's, so nothing is lost by it but latency.
  std::chrono::milliseconds gather{10};
  // Signals let in while read() waits (cli::Signals::wait_mask()); null: no change.
  const sigset_t* wait_mask = nullptr;
  // How long a missing RTP datagram is waited for.
  std::chrono::milliseconds rtp_patience{50};
  // RTP datagrams as they come, repeated and out of order, each a chunk with its Chunk::rtp: for HitlessMerger, which
  // has to see what each path has. What of them is lost, reordered or repeated is not counted then.
  bool rtp_as_received = false;
};

class Source {
 public:
  virtual ~Source() = default;
  // Waits for packets, at most `timeout` or until a signal comes, and returns what there is; empty if nothing came.
  // The spans live until the next call. Throws std::system_error when the input fails for good.
  virtual std::span<const Chunk> read(std::chrono::milliseconds timeout) = 0;
  // No more will come: end of file, or all writers of a pipe have gone. Never for UDP; SRT reconnects.
  virtual bool ended() const = 0;
  // Packets come at their own time (sockets), not as fast as they are read.
  virtual bool is_live() const = 0;
  virtual SourceStatistics statistics() const = 0;
  // Why nothing can come at present, as far as that is known: of SRT, that there is no peer. Else empty.
  virtual std::string trouble() const { return {}; }
};

// Throws std::system_error or std::runtime_error that names the endpoint and the reason (no such host, a group needed,
// address in use, no such interface ...).
std::unique_ptr<Source> open_source(const Endpoint& endpoint, const SourceOptions& options = {});

}  // namespace io
