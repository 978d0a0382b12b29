#include "common/ts/splice.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "common/ts/section.hpp"
#include "tests/support/packet_builder.hpp"

namespace {

constexpr std::size_t section_size = 20;

// A splice_null(), pts_adjustment 2^33 - 16.
std::array<std::uint8_t, section_size> splice_section() {
  std::array<std::uint8_t, section_size> section{0xFC, 0x30, 17, 0,    0x01, 0xFF, 0xFF, 0xFF, 0xF0, 0,
                                                 0xFF, 0xF0, 0,  0x00, 0,    0,    0,    0,    0,    0};
  ts::seal_section(section);
  return section;
}

ts::Packet packet_of(std::span<const std::uint8_t> section, std::size_t times = 1) {
  std::vector<std::uint8_t> payload(184, 0xFF);
  payload[0] = 0;  // pointer_field
  for (std::size_t i = 0; i < times; ++i) {
    std::ranges::copy(section, payload.begin() + static_cast<std::ptrdiff_t>(1 + i * section.size()));
  }
  return test::make_packet({.pid = 0x1F0, .unit_start = true}, payload);
}

TEST(SpliceTimes, MovePtsAdjustmentAndItsCrcOfEverySection) {
  auto packet = packet_of(splice_section(), 2);
  ts::move_splice_times(packet, ts::Ticks90{0x20});
  for (const std::size_t start : {std::size_t{1}, 1 + section_size}) {
    const auto moved = packet.payload().subspan(start, section_size);
    EXPECT_EQ(ts::crc32(moved), 0u);
    EXPECT_EQ(moved[4] & 1, 0);
    EXPECT_EQ(moved[8], 0x10) << "modulo 2^33";
  }
}

TEST(SpliceTimes, LeaveASectionWithAWrongCrcAsItIs) {
  auto section = splice_section();
  section.back() ^= 1;
  auto packet = packet_of(section);
  const auto before = packet;
  ts::move_splice_times(packet, ts::Ticks90{0x20});
  EXPECT_EQ(packet, before);
}

}  // namespace
