#include "common/ts/section.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string_view>
#include <vector>

#include "tests/support/captures.hpp"
#include "tests/support/packet_builder.hpp"

namespace ts {
namespace {

using Bytes = std::vector<std::uint8_t>;

// A sealed section of `size` bytes in all, at least 12.
Bytes make_section(std::size_t size, std::uint8_t table_id = 0x42, unsigned version = 3) {
  Bytes section(size);
  section[0] = table_id;
  section[1] = static_cast<std::uint8_t>(0xF0 | (size - 3) >> 8);
  section[2] = static_cast<std::uint8_t>((size - 3) & 0xFF);
  section[3] = 0x12;
  section[4] = 0x34;
  section[5] = static_cast<std::uint8_t>(0xC1 | version << 1);
  section[6] = 1;
  section[7] = 2;
  for (std::size_t i = 8; i < size; ++i) section[i] = static_cast<std::uint8_t>(i * 7);
  seal_section(section);
  return section;
}

std::vector<Bytes> assemble(SectionAssembler& assembler, std::span<const Packet> packets) {
  std::vector<Bytes> sections;
  for (const Packet& packet : packets) {
    assembler.feed(
        packet, [&](const Section& section) { sections.emplace_back(section.bytes().begin(), section.bytes().end()); });
  }
  return sections;
}

std::vector<Bytes> assemble(std::span<const Packet> packets) {
  SectionAssembler assembler;
  return assemble(assembler, packets);
}

std::vector<Packet> packetize(const std::vector<Bytes>& sections, unsigned counter = 0) {
  SectionPacketizer packetizer{Pid{0x11}, counter};
  std::vector<Packet> packets;
  packetizer.packetize(sections, packets);
  return packets;
}

TEST(Crc32, HasTheKnownCheckValue) {
  // The check value of CRC-32/MPEG-2 in catalogues of CRCs.
  constexpr std::string_view text = "123456789";
  EXPECT_EQ(crc32(Bytes(text.begin(), text.end())), 0x0376E6E7u);
  EXPECT_EQ(crc32({}), 0xFFFFFFFFu);
}

TEST(Crc32, IsThatOfItsDefinitionForEveryLength) {
  Bytes bytes;
  std::uint32_t expected = 0xFFFFFFFF;
  for (int length = 0; length < 100; ++length) {
    EXPECT_EQ(crc32(bytes), expected) << length;
    bytes.push_back(static_cast<std::uint8_t>(length * 37 + 11));
    for (int bit = 7; bit >= 0; --bit) {
      const bool one = ((expected >> 31 ^ static_cast<std::uint32_t>(bytes.back() >> bit)) & 1) != 0;
      expected = expected << 1 ^ (one ? 0x04C11DB7u : 0u);
    }
  }
}

TEST(Section, ReadsLongHeader) {
  const Bytes bytes = make_section(20, 0x4E, 17);
  const Section section{bytes};
  EXPECT_TRUE(section.has_long_header());
  EXPECT_EQ(section.table_id(), 0x4E);
  EXPECT_EQ(section.extension(), 0x1234);
  EXPECT_EQ(section.version(), 17);
  EXPECT_TRUE(section.is_current());
  EXPECT_EQ(section.number(), 1);
  EXPECT_EQ(section.last_number(), 2);
  EXPECT_EQ(section.body().size(), 8u);
  EXPECT_EQ(section.body().data(), bytes.data() + 8);
  EXPECT_TRUE(section.crc_ok());
}

TEST(Section, SeesAnyFlippedBit) {
  const Bytes good = make_section(40);
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes bad = good;
    bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ 1u << bit % 8);
    EXPECT_NE(crc32(bad), 0u);
  }
}

TEST(Section, ShortSectionHasNoLongHeader) {
  const Bytes tdt{0x70, 0x70, 0x05, 0xC0, 0x79, 0x12, 0x45, 0x00};
  EXPECT_FALSE(Section{tdt}.has_long_header());
  const Bytes claims_long{0x42, 0xF0, 0x00};
  EXPECT_FALSE(Section{claims_long}.has_long_header());
}

TEST(SectionAssembler, ReturnsEverySizeOfSection) {
  for (std::size_t size = 12; size <= 4096; size += size < 400 ? 1 : 37) {
    const std::vector<Bytes> sections{make_section(size)};
    EXPECT_EQ(assemble(packetize(sections)), sections) << size;
  }
  const std::vector<Bytes> largest{make_section(4096)};
  EXPECT_EQ(assemble(packetize(largest)), largest);
}

TEST(SectionAssembler, ReturnsSectionsPackedTogether) {
  // Every position in a packet for the end of one and the start of the next, headers split over packets included.
  for (std::size_t size = 12; size < 400; ++size) {
    const std::vector<Bytes> sections{make_section(size), make_section(30), make_section(500), make_section(12),
                                      make_section(13)};
    const auto packets = packetize(sections);
    SectionAssembler assembler;
    EXPECT_EQ(assemble(assembler, packets), sections) << size;
    EXPECT_EQ(assembler.dropped(), 0u);
  }
}

TEST(SectionAssembler, WaitsForTheStartOfASection) {
  auto packets = packetize({make_section(500), make_section(100)});
  packets.erase(packets.begin());
  EXPECT_EQ(assemble(packets), std::vector<Bytes>{make_section(100)});
}

TEST(SectionAssembler, DropsTheSectionThatLostAPacket) {
  auto packets = packetize({make_section(500), make_section(100), make_section(50)});
  packets.erase(packets.begin() + 1);
  SectionAssembler assembler;
  EXPECT_EQ(assemble(assembler, packets), (std::vector<Bytes>{make_section(100), make_section(50)}));
  EXPECT_EQ(assembler.dropped(), 1u);
}

TEST(SectionAssembler, SkipsOneDuplicate) {
  auto packets = packetize({make_section(500), make_section(100)});
  for (std::size_t i = 0; i < packets.size(); i += 2)
    packets.insert(packets.begin() + static_cast<long>(i), packets[i]);
  SectionAssembler assembler;
  EXPECT_EQ(assemble(assembler, packets), (std::vector<Bytes>{make_section(500), make_section(100)}));
  EXPECT_EQ(assembler.dropped(), 0u);
}

TEST(SectionAssembler, ReadsOnWhileTheCounterIsStuck) {
  std::vector<Packet> packets;
  for (std::uint8_t i = 0; i < 6; ++i) packets.push_back(packetize({make_section(50, i)}, 7).front());
  EXPECT_EQ(assemble(packets), (std::vector<Bytes>{make_section(50, 0), make_section(50, 2), make_section(50, 4)}));
}

TEST(SectionAssembler, PassesOverPacketsWithoutPayload) {
  auto packets = packetize({make_section(500)});
  packets.insert(packets.begin() + 1, test::make_packet({.pid = 0x11, .counter = packets[0].continuity()}));
  EXPECT_EQ(assemble(packets), std::vector<Bytes>{make_section(500)});
}

TEST(SectionAssembler, FollowsASignalledDiscontinuity) {
  const Bytes one = make_section(100);
  Bytes payload{0};
  payload.insert(payload.end(), one.begin(), one.end());
  payload.resize(180, 0xFF);
  const Packet packets[] = {
      test::make_packet({.pid = 0x11, .counter = 3, .unit_start = true}, payload),
      test::make_packet({.pid = 0x11, .counter = 3, .unit_start = true, .discontinuity = true}, payload)};
  EXPECT_EQ(assemble(packets), (std::vector<Bytes>{one, one}));
}

TEST(SectionAssembler, DropsWhatDamagedOrScrambledPacketsInterrupt) {
  for (const int kind : {0, 1, 2}) {
    auto packets = packetize({make_section(500), make_section(100)});
    if (kind == 0) packets[1].bytes[0] = 0;
    if (kind == 1) packets[1].bytes[1] |= 0x80;
    if (kind == 2) packets[1].bytes[3] |= 0xC0;
    SectionAssembler assembler;
    EXPECT_EQ(assemble(assembler, packets), std::vector<Bytes>{make_section(100)});
    EXPECT_EQ(assembler.dropped(), 1u);
  }
}

TEST(SectionAssembler, DropsSectionCutShortByTheNextOne) {
  auto packets = packetize({make_section(500)});
  packets.pop_back();
  const auto more = packetize({make_section(60)}, packets.back().continuity() + 1u);
  packets.insert(packets.end(), more.begin(), more.end());
  SectionAssembler assembler;
  EXPECT_EQ(assemble(assembler, packets), std::vector<Bytes>{make_section(60)});
  EXPECT_EQ(assembler.dropped(), 1u);
}

TEST(SectionAssembler, DropsImpossibleLength) {
  auto packets = packetize({make_section(500)});
  packets[0].bytes[6] = 0xFF;
  packets[0].bytes[7] = 0xFE;
  SectionAssembler assembler;
  EXPECT_TRUE(assemble(assembler, packets).empty());
  EXPECT_EQ(assembler.dropped(), 1u);
}

TEST(SectionAssembler, RefusesPointerBeyondThePacket) {
  auto packets = packetize({make_section(50)});
  packets[0].bytes[4] = 184;
  EXPECT_TRUE(assemble(packets).empty());
}

TEST(SectionPacketizer, NeedsNoMorePacketsThanTheBytes) {
  std::mt19937 random{3};
  for (int round = 0; round < 200; ++round) {
    std::vector<Bytes> sections;
    std::size_t bytes = 0;
    for (int i = 0; i < 10; ++i) {
      sections.push_back(make_section(12 + random() % 600));
      bytes += sections.back().size();
    }
    const auto packets = packetize(sections);
    EXPECT_LE(packets.size(), bytes / 183 + 1 + sections.size() / 10);
    EXPECT_EQ(assemble(packets), sections);
    std::size_t starts = 0;
    for (std::size_t i = 0; i < packets.size(); ++i) {
      EXPECT_EQ(packets[i].continuity(), i % 16);
      EXPECT_EQ(packets[i].pid(), Pid{0x11});
      EXPECT_EQ(packets[i].payload().size(), 184u);
      starts += packets[i].unit_start() ? 1u : 0u;
    }
    EXPECT_GE(starts, 1u);
    EXPECT_LE(starts, sections.size());
  }
}

TEST(SectionPacketizer, CountsOnFromCallToCall) {
  SectionPacketizer packetizer{Pid{0x11}, 14};
  std::vector<Packet> packets;
  for (int i = 0; i < 4; ++i) packetizer.packetize(make_section(200), packets);
  ASSERT_EQ(packets.size(), 8u);
  for (unsigned i = 0; i < 8; ++i) EXPECT_EQ(packets[i].continuity(), (14 + i) % 16);
  EXPECT_EQ(packetizer.next_counter(), 6u);
  EXPECT_EQ(assemble(packets).size(), 4u);
}

TEST(SectionOfCapture, AllSectionsOfEitScheduleHaveRightCrc) {
  CAPTURE_OR_SKIP(bytes, "eit-schedule.ts");
  SectionAssembler assembler;
  std::size_t good = 0;
  std::size_t bad = 0;
  for (const Packet& packet : packets_in(std::span<const std::uint8_t>{bytes})) {
    if (packet.pid() != eit_pid) continue;
    assembler.feed(packet, [&](const Section& section) { ++(section.crc_ok() ? good : bad); });
  }
  EXPECT_GT(good, 100u);
  EXPECT_EQ(bad, 0u);
}

}  // namespace
}  // namespace ts
