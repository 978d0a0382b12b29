#include "tools/tscut/live_cut.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "tests/support/stream_builder.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/tscut_stream.hpp"

namespace {

using namespace std::chrono_literals;

constexpr ts::WallTime epoch{std::chrono::seconds{1'800'000'000}};

tscut::Moment moment(const std::string& text) {
  tscut::Moment value;
  parse_value(text, value);
  return value;
}

// Hands out packets evenly over their duration, 7 a chunk, by a clock of its own.
class FakeSource : public io::Source {
 public:
  FakeSource(std::vector<ts::Packet> packets, std::chrono::nanoseconds duration, bool live)
      : packets_(std::move(packets)), duration_(duration), live_(live) {}

  std::span<const io::Chunk> read(std::chrono::milliseconds) override {
    if (next_ == silent_at_) wall_offset_ += silence_;
    const std::size_t count = std::min<std::size_t>(7, packets_.size() - next_);
    chunk_.packets = std::span{packets_}.subspan(next_, count);
    next_ += count;
    const auto packets = static_cast<std::int64_t>(std::max<std::size_t>(packets_.size(), 1));
    const auto passed = duration_ / packets * static_cast<std::int64_t>(next_) + wall_offset_;
    chunk_.arrival = {ts::SteadyTime{1h} + passed, epoch + passed};
    chunk_.after_loss = next_ == lost_at_;
    statistics_.packets += count;
    if (chunk_.after_loss) statistics_.rtp_lost += 1;
    if (on_read) on_read(next_);
    return count > 0 ? std::span{&chunk_, 1} : std::span<const io::Chunk>{};
  }
  bool ended() const override { return !live_ && next_ == packets_.size(); }
  bool is_live() const override { return live_; }
  io::SourceStatistics statistics() const override { return statistics_; }

  // Before the packet at this place (a multiple of 7), nothing came for so long.
  void be_silent(std::size_t at, std::chrono::nanoseconds duration) {
    silent_at_ = at;
    silence_ = duration;
  }
  void lose(std::size_t at) { lost_at_ = at; }
  const ts::Arrival& now() const { return chunk_.arrival; }
  bool exhausted() const { return next_ == packets_.size(); }

  std::function<void(std::size_t next)> on_read;

 private:
  std::vector<ts::Packet> packets_;
  std::chrono::nanoseconds duration_, wall_offset_{0}, silence_{0};
  bool live_;
  std::size_t next_ = 0;
  std::size_t silent_at_ = 1, lost_at_ = 1;  // 1: never
  io::Chunk chunk_{.packets = {}, .arrival = {ts::SteadyTime{1h}, epoch}};
  io::SourceStatistics statistics_;
};

class LiveCut : public testing::Test {
 protected:
  static constexpr unsigned video = 0x101;

  tscut::Summary cut(FakeSource& source, const std::string& from, std::chrono::nanoseconds duration) {
    options_.from = moment(from);
    options_.duration = duration;
    options_.operands = {"source", output()};
    const tscut::Surroundings around{
        .stopping = [&] { return stop_; },
        .wait = [] {},
        // When all has been handed out, this host's time goes on.
        .now =
            [&] {
              auto now = source.now();
              const auto later = source.exhausted() ? 1h : 0h;
              return ts::Arrival{now.steady + later, now.wall + later};
            },
        .report = [](const auto&, const auto&) {},
        .open_output = [&] { return std::make_unique<tscut::Output>(output(), true); },
    };
    tscut::LiveCut cut{source, options_, around};
    return cut.run();
  }
  std::filesystem::path output() const { return directory_.path() / "cut.ts"; }
  std::vector<ts::Packet> written() const { return test::read_packets(output()); }

  void SetUp() override { builder_.add(support::ServiceOptions::numbered(1)); }

  test::TemporaryDirectory directory_;
  support::StreamBuilder builder_{{.rate = 1'000'000}};
  tscut::Options options_;
  bool stop_ = false;
};

TEST_F(LiveCut, RecordsFromNowToItsDuration) {
  FakeSource source{builder_.make(30s), 30s, true};
  const auto summary = cut(source, "now", 20s);
  EXPECT_EQ(summary.status(), cli::ExitStatus::done);
  EXPECT_LT(summary.from - epoch, 1500ms);
  EXPECT_LT(epoch + 20s - summary.to, 100ms);
  const auto packets = written();
  EXPECT_EQ(packets[0].pid(), ts::pat_pid);
  EXPECT_EQ(test::continuity_errors(packets), 0u);
  EXPECT_LE(test::access_points(packets, video).front(), 5u);
  EXPECT_GE(test::units(packets, video).size(), 18u * 25);
}

TEST_F(LiveCut, WaitsForItsBeginning) {
  FakeSource source{builder_.make(30s), 30s, true};
  const auto summary = cut(source, "now+10s", 10s);
  EXPECT_EQ(summary.status(), cli::ExitStatus::done);
  EXPECT_GE(summary.from, epoch + 10s);
  EXPECT_LT(summary.from, epoch + 11100ms);
}

TEST_F(LiveCut, IsShorterThanItsHead) {
  FakeSource source{builder_.make(30s), 30s, true};
  const auto summary = cut(source, "now+5s", 2s);
  EXPECT_EQ(summary.status(), cli::ExitStatus::done);
  const auto count = test::units(written(), video).size();
  EXPECT_GE(count, 24u);
  EXPECT_LE(count, 52u);
  EXPECT_EQ(test::continuity_errors(written()), 0u);
}

TEST_F(LiveCut, TellsOfSilence) {
  FakeSource source{builder_.make(30s), 30s, true};
  source.be_silent(7 * 1000, 8s);
  const auto summary = cut(source, "now", 30s);
  EXPECT_EQ(summary.status(), cli::ExitStatus::incomplete);
  ASSERT_EQ(summary.missing.size(), 1u);
  EXPECT_LT(std::chrono::abs(summary.missing[0].to - summary.missing[0].from - 8s), 100ms);
}

TEST_F(LiveCut, TellsOfLossWithItsCause) {
  auto stream = builder_.make(30s);
  stream.erase(stream.begin() + 7 * 1200, stream.begin() + 7 * 1203);
  FakeSource source{stream, 30s, true};
  source.lose(7 * 1201);
  const auto summary = cut(source, "now", 25s);
  EXPECT_EQ(summary.status(), cli::ExitStatus::incomplete);
  ASSERT_EQ(summary.missing.size(), 1u);
  EXPECT_NE(summary.missing[0].cause.find("RTP"), std::string::npos);
  EXPECT_GT(summary.missing[0].packets, 5u);
}

TEST_F(LiveCut, EndsThoughNothingComesAnyMore) {
  FakeSource source{builder_.make(10s), 10s, true};
  const auto summary = cut(source, "now", 60s);
  EXPECT_EQ(summary.status(), cli::ExitStatus::incomplete);
  EXPECT_GE(test::units(written(), video).size(), 8u * 25);
}

TEST_F(LiveCut, ASignalEndsItWithAWholeFile) {
  FakeSource source{builder_.make(30s), 30s, true};
  source.on_read = [&](std::size_t next) { stop_ = next > 7 * 1500; };
  const auto summary = cut(source, "now", 1h);
  EXPECT_EQ(summary.status(), cli::ExitStatus::incomplete);
  EXPECT_GE(test::units(written(), video).size(), 8u * 25);
}

TEST_F(LiveCut, NothingReceivedLeavesNothing) {
  FakeSource source{{}, 1s, false};
  EXPECT_THROW(cut(source, "now", 10s), std::runtime_error);
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
}

TEST_F(LiveCut, APipeIsCutByItsOwnClock) {
  FakeSource source{builder_.make(30s), 1ms, false};  // as fast as it can be read
  const auto summary = cut(source, "start+10s", 10s);
  EXPECT_EQ(summary.status(), cli::ExitStatus::done);
  EXPECT_GE(summary.from.time_since_epoch(), 10s);
  EXPECT_LT(summary.from.time_since_epoch(), 11200ms);
  EXPECT_GE(test::units(written(), video).size(), 9u * 25 - 5);
  EXPECT_LE(test::units(written(), video).size(), 10u * 25 + 5);
}

TEST_F(LiveCut, APipeThatEndsEarlyIsIncomplete) {
  FakeSource source{builder_.make(15s), 1ms, false};
  EXPECT_EQ(cut(source, "start+10s", 10s).status(), cli::ExitStatus::incomplete);
}

TEST_F(LiveCut, RadioBeginsAtOnce) {
  support::StreamBuilder radio{{.rate = 500'000}};
  auto service = support::ServiceOptions::numbered(1);
  service.video_pid.reset();
  service.pcr_pid = ts::Pid{0x102};
  radio.add(service);
  FakeSource source{radio.make(20s), 20s, true};
  const auto summary = cut(source, "now", 10s);
  EXPECT_EQ(summary.status(), cli::ExitStatus::done);
  EXPECT_LT(summary.from - epoch, 500ms);
}

TEST_F(LiveCut, StreamsWithoutTablesAreStillRecorded) {
  auto stream = builder_.make(30s);
  for (auto& packet : stream) {
    if (packet.pid() == ts::pat_pid) packet = ts::Packet::null();
  }
  FakeSource source{stream, 30s, true};
  const auto summary = cut(source, "now", 20s);
  EXPECT_GT(summary.bytes, 100'000u);
}

TEST(LiveClock, SaysWhatCannotBe) {
  const auto now = epoch;
  EXPECT_THROW((tscut::LiveClock{{moment("now-2h"), moment("now-1h"), {}}, true, now}), std::invalid_argument);
  EXPECT_THROW((tscut::LiveClock{{moment("end-5m"), moment("end"), {}}, true, now}), std::invalid_argument);
  EXPECT_THROW((tscut::LiveClock{{moment("start"), moment("now+5s"), {}}, false, now}), std::invalid_argument);
  EXPECT_THROW((tscut::LiveClock{{moment("now+10s"), moment("now+5s"), {}}, true, now}), cli::UsageError);
}

TEST(LiveClock, ADurationIsNotChangedByAStepOfTheWallClock) {
  tscut::LiveClock clock{{moment("now"), {}, 10s}, true, epoch};
  clock.arrive({ts::SteadyTime{1h}, epoch});
  clock.arrive({ts::SteadyTime{1h} + 5s, epoch + 1h});
  EXPECT_FALSE(clock.is_over());
  clock.arrive({ts::SteadyTime{1h} + 10s, epoch - 1h});
  EXPECT_TRUE(clock.is_over());
}

}  // namespace
