#include "common/ts/packet.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "tests/support/packet_builder.hpp"

namespace ts {
namespace {

TEST(Packet, ReadsHeader) {
  Packet packet = Packet::null();
  packet.bytes[1] = 0xC1;
  packet.bytes[2] = 0x23;
  packet.bytes[3] = 0xBA;
  EXPECT_TRUE(packet.has_sync());
  EXPECT_TRUE(packet.transport_error());
  EXPECT_TRUE(packet.unit_start());
  EXPECT_EQ(packet.pid(), Pid{0x123});
  EXPECT_EQ(packet.scrambling(), 2u);
  EXPECT_TRUE(packet.has_adaptation());
  EXPECT_TRUE(packet.has_payload());
  EXPECT_EQ(packet.continuity(), 10);
}

TEST(Packet, NullIsNull) {
  const Packet packet = Packet::null();
  EXPECT_EQ(packet.pid(), null_pid);
  EXPECT_EQ(packet.payload().size(), 184u);
  EXPECT_FALSE(packet.transport_error());
  EXPECT_FALSE(packet.pcr());
}

TEST(Packet, PayloadFollowsAdaptationField) {
  const std::array<std::uint8_t, 3> payload{1, 2, 3};
  const Packet packet = test::make_packet({}, payload);
  ASSERT_EQ(packet.payload().size(), 3u);
  EXPECT_EQ(packet.payload()[0], 1);
  EXPECT_EQ(packet.payload()[2], 3);
  EXPECT_EQ(packet.adaptation().size(), 180u);
}

TEST(Packet, AdaptationFieldOfLengthZeroIsEmpty) {
  Packet packet = Packet::null();
  packet.bytes[3] = 0x30;
  packet.bytes[4] = 0;
  EXPECT_TRUE(packet.adaptation().empty());
  EXPECT_EQ(packet.payload().size(), 183u);
  EXPECT_FALSE(packet.discontinuity());
}

TEST(Packet, EveryAdaptationLengthStaysInside) {
  for (const unsigned control : {0x00u, 0x10u, 0x20u, 0x30u}) {
    for (unsigned length = 0; length < 256; ++length) {
      Packet packet = Packet::null();
      packet.bytes[3] = static_cast<std::uint8_t>(control);
      packet.bytes[4] = static_cast<std::uint8_t>(length);
      EXPECT_LE(packet.adaptation().size(), 183u);
      EXPECT_LE(packet.payload().size(), 184u);
      const bool fits = length <= (control == 0x30 ? 182u : 183u);
      EXPECT_EQ(packet.adaptation().size(), (control & 0x20) != 0 && fits ? length : 0u);
    }
  }
}

TEST(Packet, KeepsPcrOfEveryBit) {
  for (int bit = 0; bit < 42; ++bit) {
    const Pcr pcr{Ticks27{std::int64_t{1} << bit}};
    const Packet packet = Packet::pcr_only(Pid{0x321}, pcr, 5);
    ASSERT_TRUE(packet.pcr());
    EXPECT_EQ(packet.pcr()->ticks(), pcr.ticks()) << bit;
    EXPECT_EQ(packet.pid(), Pid{0x321});
    EXPECT_FALSE(packet.has_payload());
    EXPECT_EQ(packet.continuity(), 5);
  }
  const Pcr last{Ticks27{-1}};
  EXPECT_EQ(Packet::pcr_only(Pid{1}, last, 0).pcr(), last);
}

TEST(Packet, SetPcrLeavesPacketsWithoutPcrAlone) {
  Packet packet = Packet::null();
  packet.set_pcr(Pcr{Ticks27{1234}});
  EXPECT_EQ(packet, Packet::null());
}

TEST(Packet, NeedsRoomForPcr) {
  Packet packet = Packet::pcr_only(Pid{0x100}, Pcr{Ticks27{99}}, 0);
  packet.bytes[3] = 0x30;
  packet.bytes[4] = 6;
  EXPECT_FALSE(packet.pcr());
  packet.bytes[4] = 7;
  EXPECT_TRUE(packet.pcr());
}

TEST(Packet, SettersChangeNothingElse) {
  Packet packet = test::make_packet({.pid = 0x1ABC, .counter = 7, .unit_start = true, .discontinuity = true});
  packet.set_pid(Pid{0x0042});
  EXPECT_EQ(packet.pid(), Pid{0x42});
  EXPECT_TRUE(packet.unit_start());
  packet.set_continuity(18);
  EXPECT_EQ(packet.continuity(), 2);
  EXPECT_TRUE(packet.has_adaptation());
  packet.set_discontinuity(false);
  EXPECT_FALSE(packet.discontinuity());
  packet.set_discontinuity(true);
  EXPECT_TRUE(packet.discontinuity());
}

TEST(Packet, SpanLiesOverBytes) {
  const std::vector<std::uint8_t> bytes(188 * 3 + 100);
  const auto packets = packets_in(std::span<const std::uint8_t>{bytes});
  ASSERT_EQ(packets.size(), 3u);
  EXPECT_EQ(packets[1].bytes.data(), bytes.data() + 188);
  EXPECT_EQ(bytes_of(packets).size(), 564u);
}

TEST(Pid, KeepsThirteenBits) {
  EXPECT_EQ(Pid{0x3FFF}.value(), 0x1FFF);
  EXPECT_LT(Pid{1}, Pid{2});
}

}  // namespace
}  // namespace ts
