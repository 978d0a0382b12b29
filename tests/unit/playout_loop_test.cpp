#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "common/playout/loop_source.hpp"
#include "tests/support/packet_builder.hpp"
#include "tests/support/stream_builder.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/playout_facts.hpp"

namespace playout {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t bit_rate = 4'000'000;

std::vector<ts::Packet> make_stream(std::chrono::nanoseconds duration) {
  support::StreamBuilder builder{{.rate = bit_rate}};
  builder.add(support::ServiceOptions::numbered(1));
  builder.add(support::ServiceOptions::numbered(2));
  return builder.make(duration);
}

TEST(PacketBuffer, HandsOverWholeBlocksAndTheRestAtTheEnd) {
  PacketBuffer buffer{1000};
  const std::vector<ts::Packet> packets(300, ts::Packet::null());
  EXPECT_TRUE(buffer.read(0ms).empty());
  buffer.write(packets);
  EXPECT_EQ(buffer.read(0ms).size(), 224u);
  EXPECT_TRUE(buffer.read(0ms).empty());
  EXPECT_FALSE(buffer.ended());
  buffer.finish(nullptr);
  EXPECT_FALSE(buffer.ended());
  EXPECT_EQ(buffer.read(0ms).size(), 76u);
  EXPECT_TRUE(buffer.ended());
}

TEST(PacketBuffer, TakesNothingAfterItIsStopped) {
  PacketBuffer buffer{448};
  buffer.write(std::vector<ts::Packet>(448, ts::Packet::null()));
  buffer.stop();
  buffer.write(std::vector<ts::Packet>(448, ts::Packet::null()));
  EXPECT_EQ(buffer.size(), 448u);
}

class LoopSourceTest : public testing::Test {
 protected:
  io::Endpoint file() const { return io::Endpoint::parse(path()); }
  std::string path() const { return directory_.path() / "loop.ts"; }
  void write_file(const std::vector<ts::Packet>& packets) const {
    const auto bytes = test::to_bytes(packets);
    std::ofstream{path(), std::ios::binary}.write(reinterpret_cast<const char*>(bytes.data()),
                                                  static_cast<std::streamsize>(bytes.size()));
  }
  std::string refusal() const {
    try {
      LoopSource source{file()};
    } catch (const std::exception& error) {
      return error.what();
    }
    return "none";
  }

  test::TemporaryDirectory directory_;
};

// All that comes until the end, or an error.
std::vector<ts::Packet> read_all(LoopSource& source) {
  std::vector<ts::Packet> packets;
  while (!source.ended()) {
    for (const auto& chunk : source.read(10s))
      packets.insert(packets.end(), chunk.packets.begin(), chunk.packets.end());
  }
  return packets;
}

TEST_F(LoopSourceTest, PlaysAFileOverAndOverWithoutABreak) {
  const auto stream = make_stream(3s);
  write_file(stream);
  LoopSource source{file(), {.turns = 5}};
  const auto packets = read_all(source);
  EXPECT_GE(packets.size(), 5 * stream.size());
  EXPECT_LT(packets.size(), 5 * stream.size() + 4 * 100) << "a pause at a join";
  EXPECT_EQ(test::counter_errors(packets), 0u);
  const auto clocks = test::clocks_of(packets);
  ASSERT_EQ(clocks.size(), 2u);
  for (const auto& [pid, clock] : clocks) {
    EXPECT_GT(clock.shortest_step, 0) << pid.value();
    EXPECT_LE(clock.longest_step, 1'080'000) << pid.value() << ": 40 ms";
    EXPECT_LT(test::worst_inaccuracy(clock, bit_rate), 13.5) << pid.value() << ": 500 ns";
  }
  const auto once = test::stamps_of(stream, bit_rate), looped = test::stamps_of(packets, bit_rate);
  ASSERT_EQ(looped.size(), 6u);
  for (const auto& [pid, facts] : looped) {
    EXPECT_GT(facts.count, 5 * once.at(pid).count - 10) << pid.value();
    EXPECT_LE(std::abs(facts.least_ahead - once.at(pid).least_ahead), 90) << pid.value() << ": 1 ms";
    EXPECT_LE(std::abs(facts.most_ahead - once.at(pid).most_ahead), 90) << pid.value() << ": 1 ms";
  }
}

TEST_F(LoopSourceTest, CountsWhatItHandsOut) {
  const auto stream = make_stream(500ms);
  write_file(stream);
  LoopSource source{file(), {.turns = 1}};
  EXPECT_FALSE(source.is_live());
  EXPECT_EQ(source.statistics().packets, 0u);
  EXPECT_EQ(read_all(source), stream);
  EXPECT_EQ(source.statistics().packets, stream.size());
  EXPECT_EQ(source.statistics().bytes, stream.size() * ts::packet_size);
  EXPECT_TRUE(source.read(10s).empty()) << "at once";
}

// 13 blocks: neither turn nor batch of a file of half a second ends there.
constexpr std::size_t full = 13 * 224;

// The reader takes one block after another, each when no more is played.
TEST_F(LoopSourceTest, PlaysNoFartherAheadThanItsBufferHolds) {
  const auto stream = make_stream(500ms);
  write_file(stream);
  std::atomic<std::size_t> turns{0};
  LoopSource source{file(),
                    {.buffer_bytes = full * ts::packet_size, .teller = [&](Severity, const std::string&) { ++turns; }}};
  std::size_t taken = 0, reading = 0;
  while (taken < 10 * stream.size()) {
    while (source.buffered() + reading < full) std::this_thread::yield();
    EXPECT_EQ(source.buffered() + reading, full);
    EXPECT_LE(turns, (taken + full) / stream.size() + 2);
    reading = source.read(10s).front().packets.size();
    taken += reading;
  }
}

TEST_F(LoopSourceTest, EndsAtOnceWhileItsBufferIsFull) {
  write_file(make_stream(500ms));
  const auto source = std::make_unique<LoopSource>(file(), LoopOptions{.buffer_bytes = full * ts::packet_size});
  while (source->buffered() < full) std::this_thread::yield();
}

TEST_F(LoopSourceTest, SaysAfterTheLastPacketWhyAFileCannotBePlayedAnyMore) {
  const auto stream = make_stream(500ms);
  write_file(stream);
  std::string told;
  LoopSource source{file(), {.teller = [&](Severity severity, const std::string& message) {
                      if (severity == Severity::warning) told = message;
                    }}};
  ASSERT_EQ(::unlink(path().c_str()), 0);
  std::size_t packets = 0;
  std::string error;
  try {
    for (;;) {
      for (const auto& chunk : source.read(10s)) packets += chunk.packets.size();
    }
  } catch (const std::exception& thrown) {
    error = thrown.what();
  }
  EXPECT_GE(packets, stream.size());
  EXPECT_EQ(error, "open " + path() + ": No such file or directory");
  EXPECT_EQ(told, error + "; skipped");
  EXPECT_FALSE(source.ended()) << "it failed";
}

TEST_F(LoopSourceTest, RefusesWhatCannotBePlayed) {
  EXPECT_EQ(refusal(), "open " + path() + ": No such file or directory");
  write_file({});
  EXPECT_EQ(refusal(), path() + ": is empty");
  write_file(std::vector<ts::Packet>(500, ts::Packet::null()));
  EXPECT_EQ(refusal(), path() + ": has no program clock (PCR) to play it by");
  std::ofstream{path(), std::ios::binary} << std::string(100'000, 'x');
  EXPECT_EQ(refusal(), path() + ": is no transport stream: no packets of 188, 192 or 204 bytes in it");
}

TEST_F(LoopSourceTest, RefusesWhatCanBeReadOnceOnly) {
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  EXPECT_THROW((LoopSource{file()}), std::invalid_argument);
  EXPECT_THROW((LoopSource{io::Endpoint::parse("-")}), std::invalid_argument);
  EXPECT_THROW((LoopSource{io::Endpoint::parse("udp://239.1.1.1:5000")}), std::invalid_argument);
}

}  // namespace
}  // namespace playout
