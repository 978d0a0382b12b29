// Packets of one PID into sections, and each section back into packets.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "common/ts/section.hpp"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void round_trip(const ts::Section& section) {
  const auto bytes = section.bytes();
  require(bytes.size() >= 3 && bytes.size() <= ts::Section::maximum_size);
  if (section.has_long_header()) require(section.body().size() + 12 == bytes.size());
  section.crc_ok();

  ts::SectionPacketizer packetizer{ts::Pid{0x20}};
  std::vector<ts::Packet> packets;
  packetizer.packetize(bytes, packets);
  ts::SectionAssembler assembler;
  std::size_t found = 0;
  for (const ts::Packet& packet : packets) {
    assembler.feed(packet, [&](const ts::Section& again) {
      ++found;
      require(std::equal(bytes.begin(), bytes.end(), again.bytes().begin(), again.bytes().end()));
    });
  }
  require(found == 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ts::SectionAssembler assembler;
  for (ts::Packet packet : ts::packets_in(std::span<const std::uint8_t>{data, size})) {
    packet.bytes[0] = ts::sync_byte;
    assembler.feed(packet, round_trip);
  }
  return 0;
}
