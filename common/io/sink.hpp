// Packets out: to a file or pipe as fast as they come, to a socket each at its time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "common/io/endpoint.hpp"
#include "common/io/pacer.hpp"
#include "common/ts/packet.hpp"

namespace io {

// Where a packet stood in the stream that it came from: between two PCRs, time passes evenly by position.
struct Stamp {
  std::uint64_t position = 0;  // packets of the whole input, this packet's own
  ts::Arrival arrival;
};

struct SinkStatistics {
  std::uint64_t packets = 0;            // handed over
  std::uint64_t bytes = 0;              // written
  std::uint64_t dropped_packets = 0;    // queue full, reader gone, or refused by the network
  std::uint64_t refused_packets = 0;    // of these, by the network; or no SRT peer took them
  std::uint64_t unclocked_packets = 0;  // sent without a PCR to tell their time
  std::optional<PacerStatistics> pacer;
};

struct SinkOptions {
  // The input is live: never block on the output, drop and count instead. Otherwise writing blocks (back pressure).
  bool live = false;
  // Socket outputs: whose clock to send by. Without one the PID of the first PCR seen is followed, and another when
  // that one is silent for a second.
  std::optional<ts::Pid> pcr_pid{};
  // Live input to socket: from a packet's arrival to its sending; must cover input jitter and the spacing of PCRs.
  std::chrono::milliseconds latency{200};
  // Socket outputs: when the packet at a position has to leave, where the writer knows: in order. PCRs are not asked
  // for it then, and the latency is not added; the queue still holds what is written so far ahead.
  std::function<ts::SteadyTime(std::uint64_t position)> due{};
  // Live input to file or pipe: how much may be queued.
  std::size_t queue_bytes = 8 << 20;
  // Needed for sockets; must live longer than the sink.
  Pacer* pacer = nullptr;
  // Asked while a write blocks (not live): true gives up, so that SIGTERM ends a paced output at once.
  std::function<bool()> stopping{};
};

class Sink {
 public:
  virtual ~Sink() = default;
  // Copies what it must keep. `packets` follow from the stamp, one position each.
  virtual void write(std::span<const ts::Packet> packets, const Stamp& stamp) = 0;
  // A new PCR PID (the service's PMT has changed).
  virtual void set_pcr_pid(std::optional<ts::Pid> pid) = 0;
  // The batch of the source ends here: a pipe gets now what was written, and what waits for a PCR does so no longer
  // than it may. To be called after each Source::read(), also one that returned nothing.
  virtual void flush() = 0;
  // All that was written leaves: files flushed, sockets drained (within their latency). Errors throw.
  virtual void finish() = 0;
  virtual SinkStatistics statistics() const = 0;
};

// What happened to refused_packets of such an endpoint, for messages: "12 packets ...".
std::string_view refusal(const Endpoint& endpoint);

// EPIPE on standard output or a pipe of an offline tool.
class BrokenPipe : public std::exception {
 public:
  const char* what() const noexcept override { return "broken pipe"; }
};

// Files are created or truncated. A FIFO without a reader: a live sink drops and counts until there is one, another
// waits for it. Throws as open_source() does.
std::unique_ptr<Sink> open_sink(const Endpoint& endpoint, const SinkOptions& options);

}  // namespace io
