// RTP headers, and any order of sequence numbers.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "common/ts/rtp.hpp"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void read(std::span<const std::uint8_t> bytes) {
  if (const auto header = ts::RtpHeader::parse(bytes)) {
    require(header->payload_offset >= ts::RtpHeader::fixed_size);
    require(header->payload_offset + header->payload_size <= bytes.size());
  }
}

// Four bytes a datagram: sequence, ssrc, milliseconds passed.
void reorder(std::span<const std::uint8_t> bytes) {
  ts::RtpReorder reorder{std::chrono::milliseconds{50}, 16};
  ts::SteadyTime now{};
  std::uint64_t out = 0;
  for (; bytes.size() >= 4; bytes = bytes.subspan(4)) {
    ts::RtpHeader header;
    header.sequence = static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
    header.ssrc = bytes[2];
    now += std::chrono::milliseconds{bytes[3] & 0x3F};
    if (reorder.is_next(header, bytes.first(4), {now, {}})) ++out;
    while (reorder.next(now)) ++out;
  }
  now += std::chrono::milliseconds{50};
  while (reorder.next(now)) ++out;
  const auto& statistics = reorder.statistics();
  require(!reorder.holds());
  require(out + statistics.late + statistics.duplicates == statistics.received);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read({data, size});
  reorder({data, size});
  return 0;
}
