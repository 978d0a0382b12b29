#include "tests/support/ring_maker.hpp"

#include <algorithm>
#include <stdexcept>

#include "common/ring/segment_file.hpp"

namespace support {

RingMaker::RingMaker(ring::WriterOptions options, ring::Disk& disk, ts::Arrival now)
    : writer_(std::move(options), disk), now_(now), flushed_(now.steady) {
  writer_.prepare(now);
}

ring::Disk& RingMaker::plain_disk() {
  static ring::Disk disk;
  return disk;
}

void RingMaker::advance(std::chrono::nanoseconds by) {
  now_.steady += by;
  now_.wall += by;
}

void RingMaker::feed(std::span<const ts::Packet> packets, std::chrono::nanoseconds duration,
                     std::chrono::nanoseconds batch) {
  const auto batches = std::max<std::int64_t>(duration / batch, 1);
  for (std::int64_t i = 0; i < batches; ++i) {
    const auto at = [&](std::int64_t n) {
      return packets.size() * static_cast<std::uint64_t>(n) / static_cast<std::uint64_t>(batches);
    };
    auto some = packets.subspan(at(i), at(i + 1) - at(i));
    while (!some.empty()) {
      some = some.subspan(block_.add(some, now_));
      if (block_.full()) write();
    }
    write();
    advance(duration / batches);
    if (now_.steady - flushed_ >= std::chrono::seconds{1}) {
      writer_.flush(now_);
      flushed_ = now_.steady;
    }
  }
}

void RingMaker::write() {
  constexpr int most_refusals = 1000;
  for (int i = 0; !writer_.write(block_, now_); ++i) {
    if (i == most_refusals) throw std::runtime_error("the disk refuses for ever: " + writer_.state().trouble);
    ++refusals_;
    advance(std::chrono::milliseconds{250});
  }
  block_.clear();
}

void RingMaker::step(std::chrono::nanoseconds by) {
  now_.wall += by;
  block_.entries.emplace_back(ring::Block::ClockStep{by});
}

void RingMaker::miss(const ring::GapRecord& gap, bool known) {
  block_.entries.emplace_back(ring::Block::Missing{gap, known});
}

std::vector<std::uint8_t> recorded_bytes(const std::filesystem::path& directory) {
  std::vector<std::uint8_t> all;
  for (const auto& segment : ring::list_segments(directory).segments) {
    const auto bytes = ring::read_file(segment.path);
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  return all;
}

}  // namespace support
