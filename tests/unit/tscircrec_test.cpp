#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "common/ring/segment_file.hpp"
#include "tests/support/ring_maker.hpp"
#include "tests/support/stream_builder.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tools/tscircrec/block_queue.hpp"
#include "tools/tscircrec/clock_watch.hpp"
#include "tools/tscircrec/options.hpp"
#include "tools/tscircrec/report.hpp"

namespace {

using namespace std::chrono_literals;
using ring::Block;
using tscircrec::BlockQueue;
using Intake = BlockQueue::Intake;

ts::Arrival arrival_at(std::chrono::nanoseconds time) {
  return {ts::SteadyTime{1h + time}, ts::WallTime{1'800'000'000s + time}};
}

void add(BlockQueue& queue, std::size_t packets, std::chrono::nanoseconds time) {
  const std::vector<ts::Packet> some(packets, ts::Packet::null());
  Intake{queue}.add(some, arrival_at(time));
}

TEST(BlockQueue, GivesBlocksInOrderAndKeepsThemUntilTheyAreWritten) {
  BlockQueue queue{10s};
  EXPECT_EQ(queue.front(), nullptr);
  add(queue, 7, 0s);
  const Block* block = queue.front();
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(block->packets.size(), 7u);
  add(queue, 5, 1s);  // not into the block that is being written
  EXPECT_EQ(queue.front(), block);
  EXPECT_EQ(block->packets.size(), 7u);
  queue.pop();
  EXPECT_EQ(queue.front()->packets.size(), 5u);
  queue.pop();
  EXPECT_EQ(queue.front(), nullptr);
}

TEST(BlockQueue, SplitsABatchOverBlocks) {
  BlockQueue queue{10s};
  add(queue, 3 * Block::capacity + 1, 0s);
  std::size_t packets = 0, blocks = 0;
  while (const Block* block = queue.front()) {
    packets += block->packets.size();
    ++blocks;
    queue.pop();
  }
  EXPECT_EQ(packets, 3 * Block::capacity + 1);
  EXPECT_EQ(blocks, 4u);
}

TEST(BlockQueue, LosesNothingUntilItsTimeIsFullAndThenCountsWhatItLost) {
  BlockQueue queue{10s};
  for (int second = 0; second <= 10; ++second) add(queue, 1000, second * 1s);
  EXPECT_EQ(queue.statistics().dropped_packets, 0u);
  EXPECT_EQ(queue.statistics().waiting, 10s);
  for (int second = 11; second < 15; ++second) add(queue, 1000, second * 1s);
  EXPECT_EQ(queue.statistics().dropped_packets, 4000u);
  EXPECT_EQ(queue.statistics().overflows, 1u);

  std::size_t packets = 0;
  while (const Block* block = queue.front()) {
    packets += block->packets.size();
    queue.pop();
  }
  EXPECT_EQ(packets, 11'000u);
  add(queue, 1000, 20s);
  const Block* block = queue.front();
  ASSERT_EQ(block->entries.size(), 2u);
  const auto& missing = std::get<Block::Missing>(block->entries[0]);
  EXPECT_TRUE(missing.known);
  EXPECT_EQ(missing.gap.cause, ring::GapRecord::Cause::overflow);
  EXPECT_EQ(missing.gap.packets, 4000u);
  EXPECT_EQ(missing.gap.from, arrival_at(11s).wall);
  EXPECT_EQ(missing.gap.to, arrival_at(20s).wall);
}

TEST(BlockQueue, PutsDropsDownToADiskThatFails) {
  BlockQueue queue{1s};
  add(queue, 10, 0s);
  queue.set_disk_failing(true);
  add(queue, 10, 5s);
  queue.front();
  queue.pop();
  queue.set_disk_failing(false);
  add(queue, 10, 6s);
  EXPECT_EQ(std::get<Block::Missing>(queue.front()->entries[0]).gap.cause, ring::GapRecord::Cause::disk);
}

TEST(BlockQueue, EndsWhenAllIsTaken) {
  BlockQueue queue{10s};
  add(queue, 10, 0s);
  queue.finish();
  EXPECT_FALSE(queue.finished());
  queue.wait(ts::SteadyTime::max());  // does not wait any more
  queue.front();
  queue.pop();
  EXPECT_TRUE(queue.finished());
}

TEST(BlockQueue, LetsAnInputWaitForRoom) {
  BlockQueue queue{std::chrono::nanoseconds::max()};
  EXPECT_TRUE(queue.wait_for_room(0ms, 1 << 20));
  add(queue, 10 * Block::capacity, 0s);
  EXPECT_FALSE(queue.wait_for_room(0ms, 1 << 20));
  for (int i = 0; i < 7; ++i) {
    queue.front();
    queue.pop();
  }
  EXPECT_TRUE(queue.wait_for_room(0ms, 1 << 20));
}

TEST(ClockWatch, SeesStepsEitherWayAndNotDrift) {
  tscircrec::ClockWatch watch;
  auto now = arrival_at(0s);
  EXPECT_FALSE(watch.feed(now));
  for (int i = 0; i < 1000; ++i) {
    now.steady += 50ms;
    now.wall += 50ms + 25us;  // 500 ppm, as fast as a clock is slewed
    EXPECT_FALSE(watch.feed(now));
  }
  now.wall += 1h;
  EXPECT_EQ(watch.feed(now), 1h);
  EXPECT_FALSE(watch.feed(now));
  now.wall -= 2h;
  EXPECT_EQ(watch.feed(now), -2h);
}

TEST(ClockWatch, CorrectsStampsFromBeforeAStep) {
  tscircrec::ClockWatch watch;
  auto now = arrival_at(0s);
  watch.feed(now);
  const auto before = watch.correct(now);
  EXPECT_EQ(before.wall, now.wall);
  auto stamp = arrival_at(10ms);
  now = arrival_at(20ms);
  now.wall += 1h;
  watch.feed(now);
  const auto corrected = watch.correct(stamp);
  EXPECT_EQ(corrected.steady, stamp.steady);
  EXPECT_EQ(corrected.wall, stamp.wall + 1h);
  stamp.steady -= 1h;  // converted across the step
  EXPECT_GE(watch.correct(stamp).steady, corrected.steady);
}

// The options as a command line gives them.
tscircrec::Options parsed(const std::vector<std::string>& arguments) {
  cli::App app{"tscircrec", "test"};
  tscircrec::Options options;
  tscircrec::declare(app, options);
  app.parse(arguments);
  tscircrec::check(options);
  return options;
}

TEST(TscircrecOptions, NeedALimit) {
  EXPECT_THROW(parsed({"in.ts", "ring"}), cli::UsageError);
  EXPECT_EQ(parsed({"--keep", "24h", "in.ts", "ring"}).limits().keep, 24h);
  EXPECT_EQ(parsed({"--max-size", "100G", "in.ts", "ring"}).limits().size, 100'000'000'000u);
}

TEST(TscircrecOptions, NeedNoInputForAReport) {
  EXPECT_EQ(parsed({"--status", "ring"}).status, "ring");
  EXPECT_THROW(parsed({"--status", "ring", "in.ts"}), cli::UsageError);
  EXPECT_THROW(parsed({"--json", "--keep", "1h", "in.ts", "ring"}), cli::UsageError);
}

TEST(Report, SaysWhatIsRecordedAndWhatIsNot) {
  const test::TemporaryDirectory directory;
  support::StreamBuilder stream{{.rate = 800'000}};
  auto service = support::ServiceOptions::numbered(1);
  stream.add(service);
  ring::WriterOptions options;
  options.directory = directory.path() / "ring";
  options.segment = 10s;
  support::RingMaker maker{options};
  maker.feed(stream.make(12s), 12s);
  service.present->id = 77;
  service.present->name = "News";
  stream.replace(service);
  maker.feed(stream.make(5s), 5s);
  const auto silence = maker.now().wall;
  maker.wait(1h);
  maker.miss({0, ring::GapRecord::Cause::input, silence, maker.now().wall, 0}, true);
  maker.feed(stream.make(5s), 5s);
  maker.step(-2h);
  maker.feed(stream.make(5s), 5s);
  maker.writer().flush(maker.now());

  const auto live = tscircrec::look_at(options.directory, maker.now().wall + 1s);
  EXPECT_TRUE(live.being_written);
  EXPECT_EQ(live.process, getpid());
  EXPECT_FALSE(live.silence);
  EXPECT_EQ(tscircrec::look_at(options.directory, maker.now().wall + 3h).silence.value_or(0s) / 1min, 180);

  maker.close();
  const auto report = tscircrec::look_at(options.directory, maker.now().wall);
  EXPECT_NEAR(std::chrono::duration<double>(report.recorded).count(), 27, 1);
  EXPECT_NEAR(static_cast<double>(report.rate.value()), 800'000, 40'000);
  EXPECT_EQ(report.coverage.size(), 3u);
  ASSERT_EQ(report.gaps.size(), 1u);
  ASSERT_EQ(report.clock_steps.size(), 1u);
  EXPECT_EQ(report.clock_steps[0].step, -2h);
  ASSERT_EQ(report.services.size(), 1u);
  EXPECT_EQ(report.services[0].name, "Service 1");
  EXPECT_EQ(report.services[0].codecs, (std::vector<std::string>{"h264", "mp2", "mp2"}));
  ASSERT_EQ(report.events.size(), 2u);
  EXPECT_EQ(report.events[1].name, "News");
  EXPECT_NEAR(std::chrono::duration<double>(*report.events[1].seen - support::RingMaker::start).count(), 12, 1);

  const auto json = report.json();
  EXPECT_EQ(json["gaps"][0]["cause"], "input");
  EXPECT_TRUE(json["gaps"][0]["packets"].is_null());
  EXPECT_EQ(json["clock_steps"][0]["seconds"], -7200);
  const auto text = report.text();
  for (const char* expected :
       {"being written by process", "Service 1", "h264 mp2 mp2", "News", "input", "unknown", "-2 h"}) {
    EXPECT_NE(text.find(expected), std::string::npos) << expected << "\n" << text;
  }
}

TEST(Report, ShowsTheHourThatComesTwiceAsTwoHours) {
  // Clocks in Paris went back on 2026-10-25 at 01:00 UTC.
  const char* before = std::getenv("TZ");
  const std::optional<std::string> zone = before != nullptr ? std::optional<std::string>{before} : std::nullopt;
  setenv("TZ", "Europe/Paris", 1);
  tzset();
  const test::TemporaryDirectory directory;
  support::StreamBuilder stream{{.rate = 800'000}};
  stream.add(support::ServiceOptions::numbered(1));
  ring::WriterOptions options;
  options.directory = directory.path() / "ring";
  options.segment = 10s;
  const ts::WallTime begin{std::chrono::sys_days{std::chrono::year{2026} / 10 / 25} + 59min + 50s};
  support::RingMaker maker{options, support::RingMaker::plain_disk(), {ts::SteadyTime{1h}, begin}};
  maker.feed(stream.make(20s), 20s);
  maker.close();
  const auto report = tscircrec::look_at(options.directory, maker.now().wall);
  EXPECT_EQ(report.coverage.size(), 1u);
  EXPECT_TRUE(report.gaps.empty());
  EXPECT_TRUE(report.clock_steps.empty());
  const auto text = report.text();
  EXPECT_NE(text.find("2026-10-25T02:59:50"), std::string::npos) << text;
  EXPECT_NE(text.find("+02:00"), std::string::npos) << text;
  EXPECT_NE(text.find("2026-10-25T02:00:"), std::string::npos) << text;
  EXPECT_NE(text.find("+01:00"), std::string::npos) << text;
  const auto segments = ring::list_segments(options.directory).segments;
  ASSERT_EQ(segments.size(), 2u);
  EXPECT_EQ(segments[0].name.stem().substr(0, 16), "20261025T005950Z");
  EXPECT_EQ(segments[1].name.stem().substr(0, 16), "20261025T010000Z");
  zone ? setenv("TZ", zone->c_str(), 1) : unsetenv("TZ");
  tzset();
}

}  // namespace
