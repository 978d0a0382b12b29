// Bytes as a stream: synchronizer, packet accessors, continuity and access units.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "common/ts/access_unit.hpp"
#include "common/ts/continuity.hpp"
#include "common/ts/program_clock.hpp"
#include "common/ts/synchronizer.hpp"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

class Consumer {
 public:
  void use(std::span<const ts::Packet> packets) {
    for (const ts::Packet& packet : packets) use(packet);
  }

 private:
  void use(const ts::Packet& packet) {
    const auto result = continuity_.check(packet);
    require((result.missing != 0) == (result.verdict == ts::Continuity::Verdict::lost));
    require(packet.payload().size() + packet.adaptation().size() <= 184);
    if (const auto pcr = packet.pcr()) {
      const auto before = clock_.last_time();
      require(clock_.feed(*pcr, position_, packet.discontinuity()).time >= before);
      require(clock_.wire(clock_.unwrap(*pcr)) == *pcr);
      ts::Packet copy = packet;
      copy.set_pcr(*pcr);
      require(copy.pcr() == pcr);
    }
    for (auto& parser : parsers_) parser.feed(packet, position_);
    ++position_;
  }

  ts::Continuity continuity_;
  ts::ProgramClock clock_;
  ts::AccessUnitParser parsers_[3] = {ts::AccessUnitParser{ts::VideoCodec::mpeg2},
                                      ts::AccessUnitParser{ts::VideoCodec::h264},
                                      ts::AccessUnitParser{ts::VideoCodec::hevc}};
  std::uint64_t position_ = 0;
};

}  // namespace

// The first byte chooses the block size.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t block = 1 + std::size_t{data[0]} * 8;
  std::span<const std::uint8_t> bytes{data + 1, size - 1};
  ts::Synchronizer synchronizer;
  Consumer consumer;
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(block, bytes.size()));
    const std::vector<std::uint8_t> copy(part.begin(), part.end());
    for (auto packets = synchronizer.feed(copy); !packets.empty(); packets = synchronizer.feed({})) {
      consumer.use(packets);
    }
    bytes = bytes.subspan(part.size());
  }
  consumer.use(synchronizer.finish());
  const auto& statistics = synchronizer.statistics();
  require(statistics.packets * ts::packet_size + statistics.skipped_bytes <= size - 1);
  require(statistics.bad_sync <= statistics.packets);
  return 0;
}
