// PES headers: read, and their time stamps moved there and back.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "common/ts/access_unit.hpp"
#include "common/ts/pes.hpp"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void read(std::span<const std::uint8_t> bytes) {
  if (const auto header = ts::PesHeader::parse(bytes)) {
    require(header->header_size >= 6 && header->header_size <= 9 + 255);
    require(!header->pts || header->dts || bytes[7] >> 6 == 3);
  }
  for (const auto codec : {ts::VideoCodec::mpeg2, ts::VideoCodec::h264, ts::VideoCodec::hevc}) {
    ts::classify_access_unit(codec, bytes);
  }
}

// Time stamps move together, and nothing else does.
void move(const ts::Packet& packet) {
  constexpr ts::Ticks90 delta{0x1'2345'6789};
  ts::Packet moved = packet;
  ts::move_timestamps(moved, delta);
  const auto before = ts::PesHeader::parse(packet.payload());
  const auto after = ts::PesHeader::parse(moved.payload());
  require(before.has_value() == after.has_value());
  if (moved != packet && before->pts) require(after->pts == *before->pts + delta);
  ts::move_timestamps(moved, -delta);
  require(moved == packet);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read({data, size});
  ts::Packet packet = ts::Packet::null();
  std::copy_n(data, std::min(size, ts::packet_size - 1), packet.bytes.begin() + 1);
  move(packet);
  // The same as the payload of a packet that starts a unit.
  packet = ts::Packet::null();
  packet.bytes[1] = 0x40;
  std::copy_n(data, std::min<std::size_t>(size, 184), packet.bytes.begin() + 4);
  move(packet);
  return 0;
}
