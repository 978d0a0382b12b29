#include "common/mux/decoder_buffer.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>

#include "common/mux/ring.hpp"

namespace mux {
namespace {

using namespace std::chrono_literals;

constexpr MultiplexTime at(std::chrono::nanoseconds time) {
  return MultiplexTime{std::chrono::duration_cast<ts::Ticks27>(time)};
}

// 1 Mb/s out of TB, no MB, so many bytes of B.
ts::TstdLimits limits(std::uint64_t size) {
  ts::TstdLimits out;
  out.transport_rate = 1'000'000;
  out.elementary_size = size;
  out.elementary_holds_headers = true;
  return out;
}

TEST(Ring, KeepsOrderWhileItGrowsAndTurns) {
  Ring<int> ring;
  int in = 0, out = 0;
  for (int round = 0; round < 200; ++round) {
    for (int i = 0; i <= round % 41; ++i) ring.push(in++);
    for (int i = 0; i < round % 37 && !ring.empty(); ++i, ring.pop()) ASSERT_EQ(ring.front(), out++);
    for (std::size_t i = 0; i < ring.size(); ++i) ASSERT_EQ(ring[i], out + static_cast<int>(i));
    ASSERT_TRUE(ring.empty() || ring.back() == in - 1);
  }
  EXPECT_GT(ring.size(), 100u);
}

TEST(DecoderBuffer, HasRoomForAllWithoutLimits) {
  DecoderBuffer buffer;
  for (unsigned i = 0; i < 100; ++i)
    buffer.send(at(0ms), {.offset = 1000u * i, .stream_bytes = 1000, .header_bytes = 9});
  const auto room = buffer.room_at(at(5ms), {.offset = 100'000, .stream_bytes = 184, .header_bytes = 0});
  EXPECT_EQ(room.transport, at(5ms));
  EXPECT_EQ(room.elementary, at(5ms));
}

TEST(DecoderBuffer, FillsTheTransportBufferNoFurtherThanItsSizeAndDrainsItAtItsRate) {
  DecoderBuffer buffer{limits(100'000)};
  DecoderBuffer::Part part{.offset = 0, .stream_bytes = 184, .header_bytes = 0};
  EXPECT_EQ(buffer.room_at(at(0ms), part).transport, at(0ms));
  buffer.send(at(0ms), part);
  EXPECT_EQ(buffer.room_at(at(0ms), part).transport, at(0ms));
  buffer.send(at(0ms), part);
  // 376 bytes, with the next 564: 52 and the 4 that are left free have to go, at 125 bytes a ms.
  EXPECT_EQ(buffer.room_at(at(0ms), part).transport, at(448us));
  // With a packet in reserve 188 more.
  EXPECT_EQ(buffer.room_at(at(0ms), part, ts::packet_size).transport, at(1952us));
  EXPECT_EQ(buffer.room_at(at(10ms), part).transport, at(10ms));
}

TEST(DecoderBuffer, HasRoomInBWhenAccessUnitsHaveGone) {
  DecoderBuffer buffer{limits(1000)};
  for (unsigned i = 0; i < 3; ++i) buffer.begin_unit(400 * i, at(100ms * (i + 1)));
  for (unsigned i = 0; i < 4; ++i)
    buffer.send(at(5ms * i), {.offset = 200u * i, .stream_bytes = 200, .header_bytes = 0});
  const DecoderBuffer::Part next{.offset = 800, .stream_bytes = 184, .header_bytes = 0};
  EXPECT_EQ(buffer.room_at(at(20ms), next).elementary, at(20ms));
  buffer.send(at(20ms), next);
  const DecoderBuffer::Part more{.offset = 984, .stream_bytes = 184, .header_bytes = 0};
  EXPECT_EQ(buffer.room_at(at(30ms), more).elementary, at(100ms));
  EXPECT_EQ(buffer.room_at(at(101ms), more).elementary, at(101ms));
  EXPECT_EQ(buffer.decoded_at(0), at(100ms)) << "looking changes nothing";
  buffer.send(at(101ms), more);
  EXPECT_EQ(buffer.decoded_at(0), std::nullopt) << "it has been decoded";
  EXPECT_EQ(buffer.decoded_at(799), at(200ms));
  EXPECT_EQ(buffer.decoded_at(5000), at(300ms));
}

TEST(DecoderBuffer, DoesNotKnowWhenRoomComesBehindAUnitWithoutEnd) {
  DecoderBuffer buffer{limits(1000)};
  buffer.begin_unit(0, at(100ms));
  for (unsigned i = 0; i < 10; ++i)
    buffer.send(at(5ms * i), {.offset = 184u * i, .stream_bytes = 184, .header_bytes = 0});
  EXPECT_EQ(buffer.room_at(at(50ms), {.offset = 1840, .stream_bytes = 184, .header_bytes = 0}).elementary,
            std::nullopt);
}

TEST(DecoderBuffer, HoldsNothingThatComesBeforeTheFirstAccessUnit) {
  DecoderBuffer buffer{limits(1000)};
  for (unsigned i = 0; i < 20; ++i)
    buffer.send(at(5ms * i), {.offset = 184u * i, .stream_bytes = 184, .header_bytes = 9});
  const DecoderBuffer::Part next{.offset = 3680, .stream_bytes = 184, .header_bytes = 0};
  EXPECT_EQ(buffer.room_at(at(100ms), next).elementary, at(100ms));
  buffer.begin_unit(3780, at(300ms));
  buffer.send(at(100ms), next);
  buffer.send(at(105ms), {.offset = 3864, .stream_bytes = 184, .header_bytes = 0});
  EXPECT_EQ(buffer.room_at(at(110ms), {.offset = 4048, .stream_bytes = 184, .header_bytes = 0}).elementary, at(110ms));
}

// A buffer that is never empty: what is left of each PES header would fill it in the end.
TEST(DecoderBuffer, HeadersLeaveWithTheBytesBehindThem) {
  DecoderBuffer buffer{limits(3584)};
  const DecoderBuffer::Part part{.offset = 0, .stream_bytes = 170, .header_bytes = 14};
  for (unsigned i = 0; i < 5000; ++i) {
    DecoderBuffer::Part next = part;
    next.offset = 170u * i;
    const MultiplexTime now = at(10ms * i);
    buffer.begin_unit(next.offset, now + ts::Ticks27{100ms});
    ASSERT_EQ(buffer.room_at(now, next).elementary, now) << i;
    buffer.send(now, next);
  }
}

TEST(DecoderBuffer, HeadersTakeRoomUntilThen) {
  DecoderBuffer buffer{limits(1000)};
  for (unsigned i = 0; i < 5; ++i) {
    buffer.begin_unit(100 * i, at(100ms * (i + 1)));
    buffer.send(at(5ms * i), {.offset = 100u * i, .stream_bytes = 100, .header_bytes = 84});
  }
  // 920 bytes, of which 184 leave every 100 ms.
  EXPECT_EQ(buffer.room_at(at(30ms), {.offset = 500, .stream_bytes = 100, .header_bytes = 84}).elementary, at(100ms));
  EXPECT_EQ(buffer.room_at(at(30ms), {.offset = 500, .stream_bytes = 76, .header_bytes = 0}).elementary, at(30ms));
}

TEST(DecoderBuffer, KeepsNoMoreUnitsThanThereCanBe) {
  DecoderBuffer buffer{limits(1000)};
  for (unsigned i = 0; i < 100'000; ++i) buffer.begin_unit(i, at(1h));
  EXPECT_EQ(buffer.decoded_at(100'000 - 4097), std::nullopt);
  EXPECT_EQ(buffer.decoded_at(100'000 - 4096), at(1h));
}

}  // namespace
}  // namespace mux
