#include "common/ts/rtp.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace ts {
namespace {

using namespace std::chrono_literals;
using Bytes = std::vector<std::uint8_t>;

Bytes datagram(const RtpHeader& header, std::size_t payload) {
  std::array<std::uint8_t, RtpHeader::fixed_size> start{};
  header.write(start);
  Bytes bytes(start.begin(), start.end());
  bytes.resize(bytes.size() + payload, 0x47);
  return bytes;
}

TEST(RtpHeader, ReadsWhatItWrote) {
  RtpHeader header;
  header.sequence = 0xFEDC;
  header.timestamp = 0x89ABCDEF;
  header.ssrc = 0xDEADBEEF;
  header.payload_type = RtpHeader::mp2t;
  header.marker = true;
  const auto parsed = RtpHeader::parse(datagram(header, 1316));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->sequence, 0xFEDC);
  EXPECT_EQ(parsed->timestamp, 0x89ABCDEFu);
  EXPECT_EQ(parsed->ssrc, 0xDEADBEEFu);
  EXPECT_EQ(parsed->payload_type, 33);
  EXPECT_TRUE(parsed->marker);
  EXPECT_EQ(parsed->payload_offset, 12u);
  EXPECT_EQ(parsed->payload_size, 1316u);
}

TEST(RtpHeader, PassesOverContributorsExtensionAndPadding) {
  Bytes bytes = datagram({}, 4 * 3 + 4 + 4 * 2 + 188 + 5);
  bytes[0] = 0x80 | 0x20 | 0x10 | 3;
  bytes[12 + 12 + 2] = 0;
  bytes[12 + 12 + 3] = 2;
  bytes.back() = 5;
  const auto parsed = RtpHeader::parse(bytes);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->payload_offset, 12u + 12 + 4 + 8);
  EXPECT_EQ(parsed->payload_size, 188u);
}

TEST(RtpHeader, RefusesWhatIsNone) {
  const Bytes good = datagram({}, 10);
  for (std::size_t size = 0; size < 12; ++size) EXPECT_FALSE(RtpHeader::parse(std::span{good}.first(size)));
  for (const unsigned version : {0u, 1u, 3u}) {
    Bytes bytes = good;
    bytes[0] = static_cast<std::uint8_t>(version << 6);
    EXPECT_FALSE(RtpHeader::parse(bytes));
  }
  EXPECT_FALSE(RtpHeader::parse(Bytes(188 * 7, 0x47)));
}

TEST(RtpHeader, RefusesLengthsBeyondTheDatagram) {
  Bytes contributors = datagram({}, 10);
  contributors[0] |= 3;
  EXPECT_FALSE(RtpHeader::parse(contributors));
  Bytes extension = datagram({}, 10);
  extension[0] |= 0x10;
  EXPECT_FALSE(RtpHeader::parse(extension));
  Bytes no_room_for_extension = datagram({}, 3);
  no_room_for_extension[0] |= 0x10;
  EXPECT_FALSE(RtpHeader::parse(no_room_for_extension));
  Bytes padding = datagram({}, 10);
  padding[0] |= 0x20;
  padding.back() = 11;
  EXPECT_FALSE(RtpHeader::parse(padding));
  padding.back() = 0;
  EXPECT_FALSE(RtpHeader::parse(padding));
  padding.back() = 10;
  ASSERT_TRUE(RtpHeader::parse(padding));
  EXPECT_EQ(RtpHeader::parse(padding)->payload_size, 0u);
}

class RtpReorderTest : public testing::Test {
 protected:
  // Feeds datagrams numbered so, one each millisecond, and says in which order they came out; a `!` marks a loss
  // before one.
  void feed(std::initializer_list<unsigned> sequences, std::uint32_t ssrc = 1) {
    for (const unsigned sequence : sequences) feed_one(sequence, ssrc);
  }
  void feed_one(unsigned sequence, std::uint32_t ssrc = 1) {
    now_ += 1ms;
    RtpHeader header;
    header.sequence = static_cast<std::uint16_t>(sequence);
    header.ssrc = ssrc;
    const Bytes payload{static_cast<std::uint8_t>(sequence >> 8), static_cast<std::uint8_t>(sequence)};
    if (reorder_.is_next(header, payload, {now_, {}})) put(payload, reorder_.last_was_after_loss());
    drain();
  }
  void wait(std::chrono::milliseconds time) {
    now_ += time;
    drain();
  }
  std::string taken() { return std::exchange(out_, {}); }
  const RtpReorder::Statistics& statistics() const { return reorder_.statistics(); }

  RtpReorder reorder_{50ms, 8};

 private:
  void drain() {
    while (const auto datagram = reorder_.next(now_)) put(datagram->payload, datagram->after_loss);
  }
  void put(std::span<const std::uint8_t> payload, bool after_loss) {
    if (!out_.empty()) out_ += ' ';
    if (after_loss) out_ += '!';
    out_ += std::to_string(payload[0] << 8 | payload[1]);
  }
  SteadyTime now_{};
  std::string out_;
};
using RtpReorderer = RtpReorderTest;

TEST_F(RtpReorderer, LetsOrderedDatagramsThroughAtOnce) {
  feed({65534, 65535, 0, 1});
  EXPECT_EQ(taken(), "65534 65535 0 1");
  EXPECT_FALSE(reorder_.holds());
  EXPECT_EQ(statistics().received, 4u);
  EXPECT_EQ(statistics().lost, 0u);
  EXPECT_EQ(statistics().restarts, 0u);
}

TEST_F(RtpReorderer, PutsLateOnesInTheirPlace) {
  feed({10, 12, 13});
  EXPECT_EQ(taken(), "10");
  EXPECT_TRUE(reorder_.holds());
  feed({11, 14, 17, 16, 15, 18});
  EXPECT_EQ(taken(), "11 12 13 14 15 16 17 18");
  EXPECT_EQ(statistics().reordered, 3u);
  EXPECT_EQ(statistics().lost, 0u);
}

TEST_F(RtpReorderer, ReordersAcrossTheWrap) {
  feed({65534, 0, 65535, 2, 1});
  EXPECT_EQ(taken(), "65534 65535 0 1 2");
}

TEST_F(RtpReorderer, GivesUpAfterItsPatience) {
  feed({10, 13});
  wait(49ms);
  EXPECT_EQ(taken(), "10");
  wait(1ms);
  EXPECT_EQ(taken(), "!13");
  EXPECT_EQ(statistics().lost, 2u);
  feed({14});
  EXPECT_EQ(taken(), "14");
}

TEST_F(RtpReorderer, GivesUpAfterItsWindow) {
  feed({10, 12, 13, 14, 15, 16, 17, 18});
  EXPECT_EQ(taken(), "10");
  feed({19});
  EXPECT_EQ(taken(), "!12 13 14 15 16 17 18 19");
  EXPECT_EQ(statistics().lost, 1u);
}

// 16 MB of the largest datagrams would fit the default window.
TEST(RtpReorder, HoldsNoMoreBytesThanItMay) {
  RtpReorder reorder{50ms};
  const Bytes payload(65'000);
  RtpHeader header;
  std::size_t held = 0, most = 0;
  for (unsigned i = 0; i < 1000; ++i) {
    header.sequence = static_cast<std::uint16_t>(i * 2);  // each after a hole
    if (!reorder.is_next(header, payload, {SteadyTime{}, {}})) ++held;
    most = std::max(most, held);
    while (reorder.next(SteadyTime{})) --held;
  }
  EXPECT_LE(most, RtpReorder::most_held_bytes / payload.size() + 1);
  EXPECT_EQ(reorder.statistics().lost, 999u - held);
}

TEST_F(RtpReorderer, LongLossIsGivenUpAtOnce) {
  feed({10, 510, 511});
  EXPECT_EQ(taken(), "10 !510 511");
  EXPECT_EQ(statistics().lost, 499u);
  EXPECT_EQ(statistics().restarts, 0u);
}

TEST_F(RtpReorderer, TellsLateFromDuplicate) {
  feed({10, 12});
  wait(50ms);
  feed({11, 12, 10});
  EXPECT_EQ(taken(), "10 !12");
  EXPECT_EQ(statistics().late, 1u);
  EXPECT_EQ(statistics().duplicates, 2u);
  feed({14, 14, 13});
  EXPECT_EQ(taken(), "13 14");
  EXPECT_EQ(statistics().duplicates, 3u);
}

TEST_F(RtpReorderer, StartsAnewWithAnotherSender) {
  feed({10, 11});
  feed({500, 501}, 2);
  EXPECT_EQ(taken(), "10 11 !500 501");
  EXPECT_EQ(statistics().restarts, 1u);
  EXPECT_EQ(statistics().lost, 0u);
}

TEST_F(RtpReorderer, StartsAnewFarFromTheLastNumber) {
  feed({10, 11, 30000, 30001, 5, 6});
  EXPECT_EQ(taken(), "10 11 !30000 30001 !5 6");
  EXPECT_EQ(statistics().restarts, 2u);
  EXPECT_EQ(statistics().lost, 0u);
}

TEST_F(RtpReorderer, KeepsWhatItHoldsWhenTheSenderStartsAnew) {
  feed({10, 12, 13});
  feed({500, 501}, 2);
  EXPECT_EQ(taken(), "10");
  wait(50ms);
  EXPECT_EQ(taken(), "!12 13 !500 501");
  EXPECT_EQ(statistics().lost, 1u);
  EXPECT_EQ(statistics().restarts, 1u);
}

TEST_F(RtpReorderer, StartsAnewWithASenderThatGoesBackALittle) {
  RtpReorder reorder;  // its window is wider than the step
  std::uint64_t out = 0, after_loss = 0;
  const auto send = [&](unsigned sequence) {
    RtpHeader header;
    header.sequence = static_cast<std::uint16_t>(sequence);
    if (!reorder.is_next(header, {}, {})) return;
    ++out;
    if (reorder.last_was_after_loss()) ++after_loss;
  };
  for (unsigned i = 1000; i < 1200; ++i) send(i);
  for (unsigned i = 1050; i < 1400; ++i) send(i);
  EXPECT_EQ(out, 200u + 350 - 15);
  EXPECT_EQ(after_loss, 1u);
  EXPECT_EQ(reorder.statistics().restarts, 1u);
  EXPECT_EQ(reorder.statistics().duplicates, 15u);
}

TEST_F(RtpReorderer, LetsASenderThatDoesNotCountThrough) {
  for (int i = 0; i < 400; ++i) feed_one(7);
  const std::string out = taken();
  EXPECT_EQ(std::count(out.begin(), out.end(), '7'), 400 - 15);
  EXPECT_EQ(std::count(out.begin(), out.end(), '!'), 1);
  EXPECT_EQ(statistics().duplicates, 15u);
  EXPECT_EQ(statistics().restarts, 1u);
  feed({8, 9, 9, 10});
  EXPECT_EQ(taken(), "8 9 10");
  EXPECT_EQ(statistics().duplicates, 16u);
}

TEST_F(RtpReorderer, LetsASenderThatCountsDownThrough) {
  RtpReorder reorder;
  std::uint64_t out = 0;
  for (unsigned sequence = 1000; sequence > 600; --sequence) {
    RtpHeader header;
    header.sequence = static_cast<std::uint16_t>(sequence);
    if (reorder.is_next(header, {}, {})) ++out;
  }
  EXPECT_EQ(out, 400u - 15);
  EXPECT_EQ(reorder.statistics().late, 15u);
  EXPECT_EQ(reorder.statistics().lost, 15u);
  EXPECT_EQ(reorder.statistics().restarts, 1u);
}

TEST_F(RtpReorderer, TakesAShortRunOfRepeatsForDuplicates) {
  feed({1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3});
  EXPECT_EQ(taken(), "1 2 3");
  EXPECT_EQ(statistics().duplicates, 15u);
  EXPECT_EQ(statistics().restarts, 0u);
}

TEST_F(RtpReorderer, AccountsForEveryDatagram) {
  std::mt19937 random{4};
  std::vector<unsigned> sent(20000);
  for (unsigned i = 0; i < sent.size(); ++i) sent[i] = i;
  std::vector<unsigned> network;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    const auto fate = random() % 100;
    if (fate == 0 && i > 0) continue;
    network.push_back(sent[i]);
    if (fate == 1) network.push_back(sent[i]);
  }
  const auto distinct = sent.size() - static_cast<std::size_t>(std::count_if(sent.begin(), sent.end(), [&](unsigned i) {
                          return !std::binary_search(network.begin(), network.end(), i);
                        }));
  for (std::size_t i = 3; i + 3 < network.size(); ++i) {
    if (random() % 50 == 0) std::swap(network[i], network[i + random() % 3]);
  }
  for (const unsigned sequence : network) feed_one(sequence);
  wait(50ms);
  const std::string out = taken();
  EXPECT_EQ(static_cast<std::size_t>(std::count(out.begin(), out.end(), ' ')) + 1, distinct - statistics().late);
  EXPECT_EQ(statistics().received, network.size());
  EXPECT_EQ(statistics().lost, network.back() + 1 - (distinct - statistics().late));
  EXPECT_EQ(statistics().duplicates, network.size() - distinct);
  EXPECT_EQ(statistics().restarts, 0u);
}

}  // namespace
}  // namespace ts
