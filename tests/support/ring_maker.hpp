// Makes rings for tests: packets through a ring::Writer at times of the test's own.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "common/ring/block.hpp"
#include "common/ring/disk.hpp"
#include "common/ring/writer.hpp"
#include "common/ts/packet.hpp"

namespace support {

class RingMaker {
 public:
  static constexpr ts::WallTime start{std::chrono::seconds{1'800'000'000}};  // a multiple of 5 minutes

  explicit RingMaker(ring::WriterOptions options, ring::Disk& disk = plain_disk(),
                     ts::Arrival now = {ts::SteadyTime{std::chrono::hours{1}}, start});

  // The packets arrive evenly over `duration`, in batches of `batch`; flushed every second.
  void feed(std::span<const ts::Packet> packets, std::chrono::nanoseconds duration,
            std::chrono::nanoseconds batch = std::chrono::milliseconds{50});
  // Nothing comes for so long.
  void wait(std::chrono::nanoseconds duration) { advance(duration); }
  // The wall clock is set.
  void step(std::chrono::nanoseconds by);
  void miss(const ring::GapRecord& gap, bool known);
  void close() { writer_.close(now_); }
  // What a killed recorder leaves: nothing more is written.
  ring::Writer& writer() { return writer_; }
  const ts::Arrival& now() const { return now_; }
  // Writes that the disk refused.
  std::uint64_t refusals() const { return refusals_; }

  static ring::Disk& plain_disk();

 private:
  void advance(std::chrono::nanoseconds by);
  void write();

  ring::Writer writer_;
  ts::Arrival now_;
  ts::SteadyTime flushed_;
  ring::Block block_;
  std::uint64_t refusals_ = 0;
};

// The segments of a directory concatenated in their order.
std::vector<std::uint8_t> recorded_bytes(const std::filesystem::path& directory);

}  // namespace support
