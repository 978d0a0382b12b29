// What a playout sends, judged as a receiver would: counters, clocks, time stamps, tables.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/playout/playout.hpp"
#include "common/psi/service_tracker.hpp"
#include "common/ts/pes.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/playout_facts.hpp"
#include "tests/unit/playout_stream.hpp"

namespace playout {
namespace {

using Files = std::map<std::string, std::vector<ts::Packet>>;

std::vector<ts::Packet> play(const Files& files, const std::vector<std::string>& order, std::uint64_t turns = 1,
                             PlayoutStatistics* statistics = nullptr) {
  test::MemorySink sink;
  const auto open = [&](const std::string& name) {
    const auto file = files.find(name);
    if (file == files.end()) throw std::runtime_error("open " + name + ": No such file or directory");
    return std::make_unique<test::MemorySource>(file->second);
  };
  Playout playout{{order, turns, 2000}, open, [] { return false; }, [] {}};
  playout.check();
  EXPECT_TRUE(playout.run(sink));
  EXPECT_TRUE(sink.in_order);
  if (statistics) *statistics = playout.statistics();
  return sink.packets;
}

std::uint64_t crc_errors(const std::vector<ts::Packet>& packets) {
  psi::ServiceTracker tracker;
  for (const auto& packet : packets) {
    if (tracker.wants(packet.pid())) tracker.feed(packet);
  }
  return tracker.crc_errors();
}

TEST(Playout, OneTurnIsTheFileItself) {
  const auto file = test::make_stream({});
  EXPECT_EQ(play({{"a", file}}, {"a"}), file);
}

// A FIFO that nobody writes to, until `is_over`.
class SilentSource : public test::MemorySource {
 public:
  explicit SilentSource(std::function<bool()> is_over) : MemorySource({}), is_over_(std::move(is_over)) {}
  std::span<const io::Chunk> read(std::chrono::milliseconds) override {
    std::this_thread::yield();
    return {};
  }
  bool ended() const override { return is_over_(); }

 private:
  std::function<bool()> is_over_;
};

TEST(Playout, AnOutputThatFailsDoesNotWaitForTheNextFile) {
  struct FullSink : test::MemorySink {
    void write(std::span<const ts::Packet>, const io::Stamp&) override { throw std::runtime_error("write: full"); }
  } sink;
  const auto file = test::make_stream({});
  std::atomic<bool> is_over{false};
  const auto open = [&](const std::string& name) -> std::unique_ptr<io::Source> {
    if (name == "a") return std::make_unique<test::MemorySource>(file);
    return std::make_unique<SilentSource>([&] { return is_over.load(); });
  };
  // As a FIFO, the next file is not looked into at the start.
  const test::TemporaryDirectory directory;
  const std::string fifo = directory.path() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  std::promise<void> ended;
  auto has_ended = ended.get_future();
  std::thread player{[&] {
    Playout playout{{{"a", fifo}, 1, 4000}, open, [] { return false; }, [] {}};
    playout.check();
    EXPECT_THROW(playout.run(sink), std::runtime_error);
    ended.set_value();
  }};
  EXPECT_EQ(has_ended.wait_for(std::chrono::seconds{20}), std::future_status::ready);
  is_over = true;
  player.join();
}

// The service manager must hear that all is well.
TEST(Playout, LooksUpFromWaitingForAFile) {
  test::MemorySink sink;
  const auto file = test::make_stream({});
  std::atomic<int> looks{0};
  const auto open = [&](const std::string& name) -> std::unique_ptr<io::Source> {
    if (name == "a") return std::make_unique<test::MemorySource>(file);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    return std::make_unique<SilentSource>(
        [&looks, deadline] { return looks > 200 || std::chrono::steady_clock::now() > deadline; });
  };
  const test::TemporaryDirectory directory;
  const std::string fifo = directory.path() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  Playout playout{{{"a", fifo}, 1, 4000},
                  open,
                  [] { return false; },
                  [&] { looks += sink.packets.size() == file.size() ? 100 : 1; }};
  playout.check();
  playout.run(sink);
  EXPECT_GT(looks, 200);
}

// By such a clock, the pause that keeps the decoding times in order would be terabytes.
TEST(Playout, AClockThatNearlyStandsStillMakesNoEndlessPause) {
  auto file = test::make_stream({});
  std::int64_t pcr = 0;
  for (auto& packet : file) {
    if (packet.pcr()) packet.set_pcr(ts::Pcr{ts::Ticks27{++pcr}});
  }
  struct BoundedSink : test::MemorySink {
    std::size_t count = 0;
    void write(std::span<const ts::Packet> batch, const io::Stamp&) override {
      count += batch.size();
      if (count > 2'000'000) throw std::runtime_error("too much");
    }
  } sink;
  const auto open = [&](const std::string&) { return std::make_unique<test::MemorySource>(file); };
  Playout playout{{{"a"}, 3, 4000}, open, [] { return false; }, [] {}};
  playout.check();
  EXPECT_TRUE(playout.run(sink));
  EXPECT_EQ(sink.count, 3 * file.size());
}

TEST(Playout, LoopKeepsCountersClockAndTimeStampsGoing) {
  const test::StreamOptions options;
  const auto packets = play({{"a", test::make_stream(options)}}, {"a"}, 50);
  EXPECT_EQ(test::counter_errors(packets), 0u);
  EXPECT_EQ(crc_errors(packets), 0u);
  const auto clock = test::clocks_of(packets).at(ts::Pid{0x101});
  EXPECT_GT(clock.shortest_step, 0);
  EXPECT_LE(clock.longest_step, 1'080'000);
  EXPECT_LT(test::worst_inaccuracy(clock, options.bit_rate), 13.5) << "500 ns, over all turns";
  for (const auto& [pid, facts] : test::stamps_of(packets)) {
    EXPECT_GT(facts.shortest_step, 1900) << pid.value();
    EXPECT_LT(facts.longest_step, 20'000) << pid.value();
    EXPECT_GE(facts.least_ahead, 0) << pid.value();
    EXPECT_LT(facts.most_ahead, 45'000) << pid.value();
  }
}

TEST(Playout, LoopGoesOverTheWrapOfTheClock) {
  test::StreamOptions options;
  options.services[0].first_pcr = ts::Pcr::modulus - 27'000'000LL * 5;
  const auto packets = play({{"a", test::make_stream(options)}}, {"a"}, 8);
  const auto clock = test::clocks_of(packets).at(ts::Pid{0x101});
  EXPECT_GT(clock.times.back(), 27'000'000LL * 10);
  EXPECT_GT(clock.shortest_step, 0);
  EXPECT_LT(test::worst_inaccuracy(clock, options.bit_rate), 13.5);
  EXPECT_GT(test::stamps_of(packets).at(ts::Pid{0x101}).shortest_step, 1900);
}

TEST(Playout, EveryProgrammeOfAMultiplexKeepsItsOwnClock) {
  test::StreamOptions options{.bit_rate = 6'000'013, .packets = 9001};
  options.services = {{.id = 1, .first_pid = 0x100, .first_pcr = 0},
                      {.id = 2, .first_pid = 0x200, .first_pcr = 27'000'000LL * 5000},
                      {.id = 3, .first_pid = 0x300, .first_pcr = ts::Pcr::modulus - 27'000'000LL * 3}};
  const auto packets = play({{"a", test::make_stream(options)}}, {"a"}, 10);
  EXPECT_EQ(test::counter_errors(packets), 0u);
  const auto clocks = test::clocks_of(packets);
  ASSERT_EQ(clocks.size(), 3u);
  for (const auto& [pid, clock] : clocks) {
    EXPECT_LE(clock.longest_step, 1'080'000) << pid.value();
    EXPECT_LT(test::worst_inaccuracy(clock, options.bit_rate), 13.5) << pid.value();
  }
  const auto stamps = test::stamps_of(packets);
  ASSERT_EQ(stamps.size(), 6u);
  for (const auto& [pid, facts] : stamps) {
    EXPECT_GT(facts.shortest_step, 1900) << pid.value();
    EXPECT_GE(facts.least_ahead, 0) << pid.value();
  }
}

TEST(Playout, FilesOfDifferentRatesAndTimesBecomeOneTimeline) {
  test::StreamOptions b{.bit_rate = 3'000'001, .first_counter = 0};
  b.services[0].first_pcr = 27'000'000LL * 70'000;
  const auto packets = play({{"a", test::make_stream({})}, {"b", test::make_stream(b)}}, {"a", "b", "a"}, 3);
  EXPECT_EQ(test::counter_errors(packets), 0u);
  const auto clock = test::clocks_of(packets).at(ts::Pid{0x101});
  EXPECT_GT(clock.shortest_step, 0);
  EXPECT_LE(clock.longest_step, 1'080'000);
  EXPECT_GT(test::stamps_of(packets).at(ts::Pid{0x101}).shortest_step, 3500);
  EXPECT_GE(test::stamps_of(packets).at(ts::Pid{0x101}).least_ahead, 0);
}

// The second file's pictures come 300 ms earlier after their PCR than the first one's.
TEST(Playout, OverlapOfPicturesBecomesAPauseWithItsClockGoingOn) {
  auto late = test::make_stream({});
  for (auto& packet : late) ts::move_timestamps(packet, ts::Ticks90{27'000});
  PlayoutStatistics statistics;
  const test::StreamOptions options;
  const auto packets = play({{"late", late}, {"a", test::make_stream(options)}}, {"late", "a"}, 2, &statistics);
  EXPECT_GT(statistics.filler_packets, 300u);
  EXPECT_EQ(test::counter_errors(packets), 0u);
  const auto clock = test::clocks_of(packets).at(ts::Pid{0x101});
  EXPECT_LE(clock.longest_step, 1'080'000);
  EXPECT_LT(test::worst_inaccuracy(clock, options.bit_rate), 13.5);
  for (const auto& [pid, facts] : test::stamps_of(packets)) EXPECT_GT(facts.shortest_step, 1900) << pid.value();
}

TEST(Playout, TablesThatDifferGetAnotherVersion) {
  test::StreamOptions b;
  b.services[0].video_type = 0x24;
  std::vector<std::uint8_t> types;
  std::vector<std::uint8_t> versions;
  psi::ServiceTracker* known = nullptr;
  psi::ServiceTracker tracker{[&](psi::ServiceTracker::Change change, std::optional<psi::ServiceId> service) {
    if (change != psi::ServiceTracker::Change::pmt) return;
    const auto& pmt = *known->find(*service)->pmt;
    types.push_back(pmt.streams.at(0).type);
    versions.push_back(pmt.version);
  }};
  known = &tracker;
  for (const auto& packet : play({{"a", test::make_stream({})}, {"b", test::make_stream(b)}}, {"a", "a", "b", "a"})) {
    if (tracker.wants(packet.pid())) tracker.feed(packet);
  }
  EXPECT_EQ(types, (std::vector<std::uint8_t>{0x1B, 0x24, 0x1B}));
  EXPECT_EQ(versions, (std::vector<std::uint8_t>{3, 4, 3}));
  EXPECT_EQ(tracker.crc_errors(), 0u);
}

TEST(Playout, JumpWithinAFileIsSmoothed) {
  auto file = test::make_stream({});
  test::StreamOptions other;
  other.services[0].first_pcr = 27'000'000LL * 9000;
  const auto more = test::make_stream(other);
  file.insert(file.end(), more.begin(), more.end());
  PlayoutStatistics statistics;
  const auto packets = play({{"a", file}}, {"a"}, 2, &statistics);
  const auto clock = test::clocks_of(packets).at(ts::Pid{0x101});
  EXPECT_GT(clock.shortest_step, 0);
  EXPECT_LE(clock.longest_step, 1'080'000);
  EXPECT_EQ(statistics.clock_jumps, 2u);
  const auto stamps = test::stamps_of(packets).at(ts::Pid{0x101});
  EXPECT_GE(stamps.least_ahead, -2000);
  EXPECT_LT(stamps.most_ahead, 45'000);
}

// A service whose PIDs change within the file, over three turns.
TEST(Playout, ServiceKeepsItsClockWhenItsPcrPidChanges) {
  const test::StreamOptions first;
  const auto start = test::make_stream(first);
  test::StreamOptions second{.first_counter = 9, .table_version = 4};
  second.services[0].first_pid = 0x200;
  second.services[0].first_pcr = test::StreamMaker{first}.time_of(start.size());
  auto file = start;
  for (const auto& packet : test::make_stream(second)) file.push_back(packet);
  const auto packets = play({{"a", file}}, {"a"}, 3);
  std::optional<ts::Pcr> last;
  std::size_t changes = 0;
  ts::Pid pid;
  for (const auto& packet : packets) {
    const auto pcr = packet.pcr();
    if (!pcr) continue;
    if (last) {
      EXPECT_GT(distance(*last, *pcr).count(), 0);
      EXPECT_LE(distance(*last, *pcr).count(), 1'080'000);
    }
    changes += last && packet.pid() != pid;
    pid = packet.pid();
    last = pcr;
  }
  EXPECT_EQ(changes, 5u);
}

TEST(Playout, LossesWithinAFileStayVisible) {
  auto file = test::make_stream({});
  const auto victim = std::find_if(file.begin() + 1000, file.end(),
                                   [](const ts::Packet& p) { return p.pid() == ts::Pid{0x101} && p.has_payload(); });
  file.erase(victim);
  EXPECT_EQ(test::counter_errors(play({{"a", file}}, {"a"}, 3)), 3u);
}

TEST(Playout, FileThatIsGoneLaterIsSkipped) {
  Files files{{"a", test::make_stream({})}, {"b", test::make_stream({})}};
  test::MemorySink sink;
  int opened = 0;
  const auto open = [&](const std::string& name) -> std::unique_ptr<io::Source> {
    if (name == "b" && ++opened > 1) throw std::runtime_error("open b: No such file or directory");
    return std::make_unique<test::MemorySource>(files.at(name));
  };
  Playout playout{{{"a", "b", "a"}, 1, 2000}, open, [] { return false; }, [] {}};
  playout.check();
  EXPECT_TRUE(playout.run(sink));
  EXPECT_EQ(playout.statistics().files_skipped, 1u);
  EXPECT_EQ(playout.statistics().files, 2u);
  EXPECT_GE(sink.packets.size(), 2 * files.at("a").size());
  EXPECT_EQ(test::counter_errors(sink.packets), 0u);
}

TEST(Playout, EndsWhenNothingOfALoopCanBePlayedAnyMore) {
  const auto file = test::make_stream({});
  test::MemorySink sink;
  int opened = 0;
  const auto open = [&](const std::string&) -> std::unique_ptr<io::Source> {
    if (++opened > 2) throw std::runtime_error("open a: No such file or directory");
    return std::make_unique<test::MemorySource>(file);
  };
  Playout playout{{{"a"}, std::nullopt, 2000}, open, [] { return false; }, [] {}};
  playout.check();
  EXPECT_FALSE(playout.run(sink));
  EXPECT_GE(sink.packets.size(), 2 * file.size());
}

TEST(Playout, RefusesAFileWithoutClockAndNamesIt) {
  const std::vector<ts::Packet> nulls(500, ts::Packet::null());
  try {
    play({{"a", test::make_stream({})}, {"nulls.ts", nulls}}, {"a", "nulls.ts"});
    FAIL() << "played";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "nulls.ts: has no program clock (PCR) to play it by");
  }
}

// Any bytes with sync: nothing may break, and all packets come out.
TEST(Playout, SurvivesDamage) {
  auto file = test::make_stream({});
  std::uint32_t random = 1;
  for (std::size_t i = 200; i < file.size(); ++i) {
    for (std::size_t j = 1; j < ts::packet_size; ++j) {
      random = random * 1664525 + 1013904223;
      if (random >> 25 == 0) file[i].bytes[j] ^= static_cast<std::uint8_t>(random >> 8);
    }
  }
  EXPECT_GE(play({{"a", file}}, {"a"}, 4).size(), 4 * file.size());
}

}  // namespace
}  // namespace playout
