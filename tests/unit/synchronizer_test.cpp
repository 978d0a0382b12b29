#include "common/ts/synchronizer.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/support/captures.hpp"
#include "tests/support/packet_builder.hpp"

namespace ts {
namespace {

using Bytes = std::vector<std::uint8_t>;

// Packets that differ, and that hold no sync byte but their own.
std::vector<Packet> numbered_packets(std::size_t count) {
  std::vector<Packet> packets(count, Packet::null());
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t digit = 0; digit < 4; ++digit) {
      packets[i].bytes[4 + digit] = static_cast<std::uint8_t>(0x80 | (i >> (7 * digit) & 0x7F));
    }
  }
  return packets;
}

Bytes with_stride(const std::vector<Packet>& packets, std::size_t before, std::size_t after) {
  Bytes bytes;
  for (const Packet& packet : packets) {
    bytes.insert(bytes.end(), before, 0x11);
    bytes.insert(bytes.end(), packet.bytes.begin(), packet.bytes.end());
    bytes.insert(bytes.end(), after, 0x22);
  }
  return bytes;
}

struct Run {
  std::vector<Packet> packets;
  Synchronizer::Statistics statistics;
};

// Everything that comes out if the bytes go in in blocks of this size.
Run run(std::span<const std::uint8_t> bytes, std::size_t block) {
  Synchronizer synchronizer;
  Run result;
  const auto keep = [&](std::span<const Packet> packets) {
    result.packets.insert(result.packets.end(), packets.begin(), packets.end());
  };
  while (!bytes.empty()) {
    // A copy of just this block, so that a sanitizer sees any use of it after the call it was good for.
    const auto part = bytes.first(std::min(block, bytes.size()));
    const Bytes copy(part.begin(), part.end());
    for (auto packets = synchronizer.feed(copy); !packets.empty(); packets = synchronizer.feed({})) keep(packets);
    bytes = bytes.subspan(part.size());
  }
  keep(synchronizer.finish());
  result.statistics = synchronizer.statistics();
  return result;
}

constexpr std::size_t blocks[] = {1, 4, 100, 188, 189, 376, 1000, 1316, 4096, 10000, 1 << 20};

TEST(Synchronizer, ReturnsAlignedInputInPlace) {
  const Bytes bytes = test::to_bytes(numbered_packets(7));
  Synchronizer synchronizer;
  for (int i = 0; i < 3; ++i) {
    const auto packets = synchronizer.feed(bytes);
    EXPECT_EQ(packets.size(), 7u);
    EXPECT_EQ(bytes_of(packets).data(), bytes.data());
    EXPECT_TRUE(synchronizer.feed({}).empty());
  }
  EXPECT_EQ(synchronizer.stride(), 188u);
  EXPECT_EQ(synchronizer.statistics().packets, 21u);
}

TEST(Synchronizer, CopiesOnlyThePacketBetweenTwoBlocks) {
  const Bytes bytes = test::to_bytes(numbered_packets(100));
  const auto first = std::span{bytes}.first(188 * 50 + 60);
  const auto second = std::span{bytes}.subspan(first.size());
  Synchronizer synchronizer;
  EXPECT_EQ(synchronizer.feed(first).size(), 50u);
  EXPECT_TRUE(synchronizer.feed({}).empty());
  EXPECT_EQ(synchronizer.feed(second).size(), 1u);
  const auto rest = synchronizer.feed({});
  EXPECT_EQ(rest.size(), 49u);
  EXPECT_EQ(bytes_of(rest).data(), bytes.data() + 188 * 51);
}

TEST(Synchronizer, FindsEveryStrideInAnyBlocks) {
  const auto packets = numbered_packets(60);
  for (const std::size_t block : blocks) {
    for (const auto& [before, after] : std::vector<std::pair<std::size_t, std::size_t>>{{0, 0}, {4, 0}, {0, 16}}) {
      const auto result = run(with_stride(packets, before, after), block);
      EXPECT_EQ(result.packets, packets) << block << '/' << before << '/' << after;
      EXPECT_EQ(result.statistics.skipped_bytes, 0u) << block << '/' << before << '/' << after;
      EXPECT_EQ(result.statistics.sync_losses, 0u);
    }
  }
}

TEST(Synchronizer, SkipsToTheFirstPacket) {
  const auto packets = numbered_packets(20);
  Bytes bytes(3001, 0x33);
  const Bytes good = test::to_bytes(packets);
  bytes.insert(bytes.end(), good.begin(), good.end());
  for (const std::size_t block : blocks) {
    const auto result = run(bytes, block);
    EXPECT_EQ(result.packets, packets);
    EXPECT_EQ(result.statistics.skipped_bytes, 3001u);
  }
}

TEST(Synchronizer, DeliversPacketWithOneBadSyncByte) {
  auto packets = numbered_packets(30);
  packets[9].bytes[0] = 0;
  packets[11].bytes[0] = 0;
  packets[29].bytes[0] = 0;
  for (const std::size_t block : blocks) {
    const auto result = run(test::to_bytes(packets), block);
    EXPECT_EQ(result.packets, packets);
    EXPECT_EQ(result.statistics.bad_sync, 3u);
    EXPECT_EQ(result.statistics.sync_losses, 0u);
  }
}

TEST(Synchronizer, DeliversFewBadPacketsIfAlignmentHolds) {
  auto packets = numbered_packets(40);
  for (std::size_t i = 10; i < 18; ++i) packets[i].bytes[0] = 0;
  for (const std::size_t block : blocks) {
    const auto result = run(test::to_bytes(packets), block);
    EXPECT_EQ(result.packets, packets) << block;
    EXPECT_EQ(result.statistics.packets, 40u);
    EXPECT_EQ(result.statistics.bad_sync, 8u);
    EXPECT_EQ(result.statistics.sync_losses, 1u);
    EXPECT_EQ(result.statistics.skipped_bytes, 0u);
  }
}

TEST(Synchronizer, SkipsManyBadPackets) {
  auto packets = numbered_packets(40);
  for (std::size_t i = 10; i < 19; ++i) packets[i].bytes[0] = 0;
  auto expected = packets;
  expected.erase(expected.begin() + 10, expected.begin() + 19);
  for (const std::size_t block : blocks) {
    const auto result = run(test::to_bytes(packets), block);
    EXPECT_EQ(result.packets, expected) << block;
    EXPECT_EQ(result.statistics.skipped_bytes, 9u * 188) << block;
    EXPECT_EQ(result.statistics.sync_losses, 1u);
  }
}

TEST(Synchronizer, FindsAlignmentAgainAfterLostBytes) {
  const auto packets = numbered_packets(40);
  Bytes bytes = test::to_bytes(packets);
  bytes.erase(bytes.begin() + 188 * 10 + 50, bytes.begin() + 188 * 10 + 60);
  for (const std::size_t block : blocks) {
    const auto result = run(bytes, block);
    // Packet 10 is damaged at its end, which holds the first bytes of packet 11.
    ASSERT_EQ(result.packets.size(), 39u) << block;
    EXPECT_EQ(result.packets[9], packets[9]);
    EXPECT_EQ(result.packets[11], packets[12]);
    EXPECT_EQ(result.packets.back(), packets.back());
    EXPECT_EQ(result.statistics.skipped_bytes, 178u);
    EXPECT_EQ(result.statistics.sync_losses, 1u);
  }
}

TEST(Synchronizer, FindsAnotherStrideAfterLoss) {
  const auto packets = numbered_packets(20);
  Bytes bytes = with_stride(packets, 0, 0);
  const Bytes more = with_stride(packets, 0, 16);
  bytes.insert(bytes.end(), 500, 0x33);
  bytes.insert(bytes.end(), more.begin(), more.end());
  for (const std::size_t block : blocks) {
    const auto result = run(bytes, block);
    EXPECT_EQ(result.packets.size(), 40u) << block;
    EXPECT_EQ(result.statistics.skipped_bytes, 500u) << block;
  }
}

TEST(Synchronizer, TakesShortFileAtItsEnd) {
  for (std::size_t count = 1; count < 5; ++count) {
    const auto packets = numbered_packets(count);
    for (const auto& [before, after] : std::vector<std::pair<std::size_t, std::size_t>>{{0, 0}, {4, 0}, {0, 16}}) {
      const auto result = run(with_stride(packets, before, after), 100);
      EXPECT_EQ(result.packets, packets) << count << '/' << before << '/' << after;
      EXPECT_EQ(result.statistics.skipped_bytes, 0u) << count << '/' << before << '/' << after;
    }
  }
}

TEST(Synchronizer, TakesTheWholePacketsOfATruncatedFile) {
  for (const std::size_t count : {3u, 30u}) {
    const auto packets = numbered_packets(count);
    Bytes bytes = test::to_bytes(packets);
    bytes.erase(bytes.end() - 100, bytes.end());
    const auto result = run(bytes, 1000);
    EXPECT_EQ(result.packets.size(), count - 1);
    EXPECT_EQ(result.statistics.skipped_bytes, 88u);
  }
}

TEST(Synchronizer, TakesLastPacketsAfterLoss) {
  const auto packets = numbered_packets(20);
  Bytes bytes = test::to_bytes(packets);
  bytes.erase(bytes.begin() + 188 * 16, bytes.begin() + 188 * 16 + 70);
  const auto result = run(bytes, 1000);
  EXPECT_EQ(result.packets.back(), packets.back());
  EXPECT_EQ(result.packets.size(), 19u);
}

TEST(Synchronizer, TakesNothingFromWhatIsNoStream) {
  std::mt19937 random{1};
  Bytes noise(1 << 20);
  for (auto& byte : noise) byte = static_cast<std::uint8_t>(random());
  std::string text;
  while (text.size() < 100000) text += "GOD SAVE THE GREAT GUN; Gin, Gold and Glory! Go on, George.\n";
  const Bytes cases[] = {noise,           Bytes(text.begin(), text.end()), Bytes(5000, 0), Bytes{}, Bytes{0x47},
                         Bytes(187, 0x47)};
  for (const Bytes& bytes : cases) {
    const auto result = run(bytes, 4096);
    EXPECT_TRUE(result.packets.empty());
    EXPECT_EQ(result.statistics.skipped_bytes, bytes.size());
  }
}

TEST(Synchronizer, AccountsForEveryByteOfDamagedInput) {
  std::mt19937 random{2};
  for (int round = 0; round < 200; ++round) {
    Bytes bytes = test::to_bytes(numbered_packets(50));
    for (int damage = 0; damage < 6; ++damage) {
      const auto at = static_cast<std::ptrdiff_t>(random() % bytes.size());
      const auto size = std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(random() % 700),
                                                 static_cast<std::ptrdiff_t>(bytes.size()) - at);
      switch (random() % 3) {
        case 0:
          bytes.erase(bytes.begin() + at, bytes.begin() + at + size);
          break;
        case 1:
          bytes.insert(bytes.begin() + at, static_cast<std::size_t>(size),
                       static_cast<std::uint8_t>(random() | 1u << 7));
          break;
        default:
          std::fill_n(bytes.begin() + at, size, std::uint8_t{0});
      }
    }
    const auto whole = run(bytes, bytes.size());
    EXPECT_EQ(whole.statistics.packets, whole.packets.size());
    EXPECT_EQ(whole.statistics.packets * 188 + whole.statistics.skipped_bytes, bytes.size());
    const auto pieces = run(bytes, 1 + random() % 2000);
    EXPECT_EQ(pieces.statistics.packets * 188 + pieces.statistics.skipped_bytes, bytes.size());
  }
}

TEST(Synchronizer, ResetForgetsTheAlignment) {
  const Bytes bytes = test::to_bytes(numbered_packets(10));
  Synchronizer synchronizer;
  synchronizer.feed(std::span{bytes}.first(1000));
  EXPECT_TRUE(synchronizer.locked());
  synchronizer.reset();
  EXPECT_FALSE(synchronizer.locked());
  EXPECT_EQ(synchronizer.statistics().skipped_bytes, 1000u - 5 * 188);
  EXPECT_EQ(synchronizer.feed(bytes).size(), 10u);
}

TEST(SynchronizerOfCapture, DeliversFiveInvalidSyncs) {
  CAPTURE_OR_SKIP(bytes, "corrupt-sync.ts");
  for (const std::size_t block : blocks) {
    const auto result = run(bytes, block);
    EXPECT_EQ(result.statistics.packets, 300u);
    EXPECT_EQ(result.statistics.bad_sync, 5u);
    EXPECT_EQ(result.statistics.sync_losses, 1u);
    EXPECT_EQ(test::to_bytes(result.packets), bytes);
  }
}

TEST(SynchronizerOfCapture, ReturnsCleanCapturesByteForByte) {
  for (const char* name : {"mpts-dvbt-22394kbps.ts", "scrambled-tei-cc-errors.ts", "cc-3-missing-then-7-missing.ts"}) {
    CAPTURE_OR_SKIP(bytes, name);
    const auto result = run(bytes, 65536);
    EXPECT_EQ(test::to_bytes(result.packets), bytes) << name;
    EXPECT_EQ(result.statistics.bad_sync, 0u);
  }
}

}  // namespace
}  // namespace ts
