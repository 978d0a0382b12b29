// A file as an input that goes on: played over and over as one stream, whose counters, clocks, time stamps and tables
// have no break where the file begins anew.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <thread>

#include "common/io/endpoint.hpp"
#include "common/io/source.hpp"
#include "common/playout/packet_buffer.hpp"
#include "common/playout/playout.hpp"

namespace playout {

struct LoopOptions {
  std::optional<std::uint64_t> turns{};             // nothing: for ever
  std::size_t buffer_bytes = std::size_t{1} << 20;  // played and not read yet, at most; besides the windows of Pass
  Playout::Teller teller{};                         // called from threads of the source's own
};

// The file is opened anew at each turn. One that cannot be read to its end begins anew where it fails; one that cannot
// be played any more ends the source: read() throws, after the last packets, with its name and the reason.
class LoopSource final : public io::Source {
 public:
  // Throws std::invalid_argument for an endpoint that can be read once only, and std::runtime_error with the file's
  // name and the reason for a file that cannot be played (empty, no transport stream, no PCR).
  explicit LoopSource(const io::Endpoint& file, LoopOptions options = {});
  ~LoopSource() override;
  LoopSource(const LoopSource&) = delete;
  LoopSource& operator=(const LoopSource&) = delete;

  std::span<const io::Chunk> read(std::chrono::milliseconds timeout) override;
  bool ended() const override { return buffer_.ended(); }
  bool is_live() const override { return false; }
  // Of what read() has returned.
  io::SourceStatistics statistics() const override { return statistics_; }

  // Packets played and not read yet.
  std::size_t buffered() const { return buffer_.size(); }

 private:
  void play();

  std::atomic<bool> stopping_{false};
  PacketBuffer buffer_;
  Playout playout_;
  io::Chunk chunk_{};
  io::SourceStatistics statistics_;
  std::thread thread_;
};

}  // namespace playout
