#include "common/io/pacer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <thread>
#include <vector>

#include "common/io/datagram_queue.hpp"
#include "common/io/source.hpp"
#include "tests/support/network_namespace.hpp"
#include "tests/support/packet_builder.hpp"

namespace {

using namespace std::chrono_literals;
using ts::SteadyTime;

using Datagram = std::array<std::uint8_t, ts::packet_size>;

// A packet whose payload begins with `number`.
Datagram numbered(unsigned number) {
  std::vector<std::uint8_t> payload(184);
  payload[0] = static_cast<std::uint8_t>(number >> 8);
  payload[1] = static_cast<std::uint8_t>(number);
  return test::make_packet({}, payload).bytes;
}
unsigned number_of(const ts::Packet& packet) {
  return static_cast<unsigned>(packet.payload()[0] << 8 | packet.payload()[1]);
}

SteadyTime now() { return std::chrono::steady_clock::now(); }

TEST(DatagramQueue, HandsOverInOrderFromThreadToThread) {
  constexpr unsigned count = 20'000;
  io::DatagramQueue queue(1000);
  std::thread writer([&] {
    for (unsigned i = 0; i < count;) {
      if (queue.push(numbered(i), SteadyTime{} + std::chrono::nanoseconds(i))) {
        ++i;
      } else {
        std::this_thread::yield();
      }
    }
  });
  unsigned next = 0;
  bool in_order = true;
  while (next < count) {
    const auto slots = queue.front();
    for (const auto& slot : slots) {
      in_order = in_order && number_of(ts::packets_in(slot.datagram()).front()) == (next & 0xFFFF) &&
                 slot.due == SteadyTime{} + std::chrono::nanoseconds(next);
      ++next;
    }
    queue.pop(slots.size());
  }
  writer.join();
  EXPECT_TRUE(in_order);
  EXPECT_EQ(queue.size(), 0u);
}

TEST(DatagramQueue, RefusesMoreThanItsBound) {
  io::DatagramQueue queue(3);
  for (unsigned i = 0; i < 3; ++i) EXPECT_TRUE(queue.push(numbered(i), {}));
  EXPECT_FALSE(queue.push(numbered(3), {}));
  queue.pop(1);
  EXPECT_TRUE(queue.push(numbered(4), {}));
  EXPECT_EQ(queue.size(), 3u);
}

class PacerTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::enter_network_namespace()) GTEST_SKIP() << "no right to make a network namespace";
  }
  static std::unique_ptr<io::Source> receiver(std::uint16_t port) {
    return io::open_source(io::Endpoint::parse("udp://127.0.0.1:" + std::to_string(port)), {.gather = 0ms});
  }
  static io::Endpoint endpoint(std::uint16_t port) {
    return io::Endpoint::parse("udp://127.0.0.1:" + std::to_string(port));
  }
  struct Received {
    unsigned number;
    SteadyTime arrival;
  };
  static std::vector<Received> receive(io::Source& source, std::size_t count) {
    std::vector<Received> received;
    while (received.size() < count) {
      const auto chunks = source.read(10s);
      if (chunks.empty()) break;
      for (const auto& chunk : chunks) received.push_back({number_of(chunk.packets.front()), chunk.arrival.steady});
    }
    return received;
  }
};

TEST_F(PacerTest, SendsNothingBeforeItsTime) {
  const auto source = receiver(5000);
  io::Pacer pacer;
  auto& channel = pacer.open(endpoint(5000), 100);
  const SteadyTime start = now() + 20ms;
  for (unsigned i = 0; i < 50; ++i) ASSERT_TRUE(pacer.submit(channel, numbered(i), start + i * 2ms));
  const auto received = receive(*source, 50);
  ASSERT_EQ(received.size(), 50u);
  for (unsigned i = 0; i < 50; ++i) {
    EXPECT_EQ(received[i].number, i);
    EXPECT_GE(received[i].arrival, start + i * 2ms - 50us);  // two clocks are compared
  }
  EXPECT_TRUE(pacer.drain(10s));
  EXPECT_EQ(pacer.statistics(channel).datagrams, 50u);
}

TEST_F(PacerTest, WakesForAnEarlierDatagramOfAnotherChannel) {
  const auto late_source = receiver(5000);
  const auto early_source = receiver(5001);
  io::Pacer pacer;
  auto& late = pacer.open(endpoint(5000), 10);
  auto& early = pacer.open(endpoint(5001), 10);
  ASSERT_TRUE(pacer.submit(late, numbered(1), now() + 1h));
  ASSERT_TRUE(pacer.submit(early, numbered(2), now()));
  const auto received = receive(*early_source, 1);
  ASSERT_EQ(received.size(), 1u);
  EXPECT_EQ(received[0].number, 2u);
  EXPECT_FALSE(pacer.drain(0ms));
  EXPECT_EQ(pacer.statistics(late).datagrams, 0u);
}

TEST_F(PacerTest, SendsTogetherWhatIsDueWithinTheCoalescingTime) {
  const auto source = receiver(5000);
  io::Pacer pacer({.coalesce = 1h});
  auto& channel = pacer.open(endpoint(5000), 100);
  const SteadyTime start = now() + 50ms;
  for (unsigned i = 0; i < 50; ++i) ASSERT_TRUE(pacer.submit(channel, numbered(i), start + i * 1min));
  EXPECT_EQ(receive(*source, 50).size(), 50u);
}

TEST_F(PacerTest, CountsWhatItsBoundRefuses) {
  const auto source = receiver(5000);
  io::Pacer pacer;
  auto& channel = pacer.open(endpoint(5000), 2);
  const SteadyTime far = now() + 1h;
  EXPECT_TRUE(pacer.submit(channel, numbered(0), far));
  EXPECT_TRUE(pacer.submit(channel, numbered(1), far));
  EXPECT_FALSE(pacer.submit(channel, numbered(2), far));
  EXPECT_EQ(pacer.statistics(channel).overflows, 1u);
  EXPECT_FALSE(pacer.wait_for_room(channel, 1ms));
}

TEST_F(PacerTest, TellsOfRoom) {
  const auto source = receiver(5000);
  io::Pacer pacer;
  auto& channel = pacer.open(endpoint(5000), 1);
  for (unsigned i = 0; i < 100; ++i) {
    ASSERT_TRUE(pacer.wait_for_room(channel, 10s));
    ASSERT_TRUE(pacer.submit(channel, numbered(i), now()));
  }
  EXPECT_EQ(receive(*source, 100).size(), 100u);
}

TEST_F(PacerTest, DoesNotMindThatNobodyListens) {
  io::Pacer pacer;
  auto& channel = pacer.open(endpoint(5000), 100);
  for (unsigned i = 0; i < 100; ++i) ASSERT_TRUE(pacer.submit(channel, numbered(i), now()));
  ASSERT_TRUE(pacer.drain(10s));
  EXPECT_EQ(pacer.statistics(channel).datagrams, 100u);
  EXPECT_EQ(pacer.statistics(channel).send_errors, 0u);
}

TEST_F(PacerTest, CountsWhatTheNetworkRefuses) {
  ASSERT_TRUE(test::add_interface_pair("v0", "v1"));
  io::Pacer pacer;
  auto& channel = pacer.open(io::Endpoint::parse("udp://[ff15::1]:5000,iface=v0"), 100);
  ASSERT_TRUE(pacer.submit(channel, numbered(0), now()));
  ASSERT_TRUE(pacer.drain(10s));
  EXPECT_EQ(pacer.statistics(channel).datagrams, 1u);
  ASSERT_EQ(std::system("ip link set v0 down"), 0);
  ASSERT_TRUE(pacer.submit(channel, numbered(1), now()));
  ASSERT_TRUE(pacer.drain(10s));
  EXPECT_EQ(pacer.statistics(channel).send_errors, 1u);
}

TEST_F(PacerTest, ClosesChannelsWhileOthersGoOn) {
  const auto source = receiver(5000);
  io::Pacer pacer;
  auto& kept = pacer.open(endpoint(5000), 100);
  auto& closed = pacer.open(endpoint(5001), 100);
  ASSERT_TRUE(pacer.submit(closed, numbered(0), now() + 1h));
  pacer.close(closed);
  ASSERT_TRUE(pacer.submit(kept, numbered(1), now()));
  EXPECT_EQ(receive(*source, 1).size(), 1u);
  EXPECT_TRUE(pacer.drain(10s));
}

}  // namespace
