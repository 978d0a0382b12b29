#include "tools/tscut/recording_cut.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "common/ring/segment_file.hpp"
#include "tests/support/ring_maker.hpp"
#include "tests/support/stream_builder.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/tscut_stream.hpp"
#include "tools/tscut/listing.hpp"

namespace {

using namespace std::chrono_literals;
using support::RingMaker;

tscut::Moment moment(const std::string& text) {
  tscut::Moment value;
  parse_value(text, value);
  return value;
}

class RecordingCut : public testing::Test {
 protected:
  static constexpr unsigned video = 0x101;

  ring::WriterOptions options() {
    ring::WriterOptions options;
    options.directory = ring_path();
    options.segment = 10s;
    options.boot = {1};
    return options;
  }
  // By a recorder that has ended.
  void record(std::span<const ts::Packet> packets, std::chrono::nanoseconds duration) {
    RingMaker maker{options()};
    maker.feed(packets, duration);
    maker.close();
  }
  // Twenty seconds, seven of nothing, twenty seconds.
  void record_with_gap() {
    RingMaker maker{options()};
    maker.feed(builder_.make(20s), 20s);
    const auto from = maker.now().wall;
    maker.wait(7s);
    maker.miss({0, ring::GapRecord::Cause::input, from, maker.now().wall, 0}, true);
    maker.feed(builder_.make(20s), 20s);
    maker.close();
  }
  std::filesystem::path ring_path() const { return directory_.path() / "ring"; }
  std::filesystem::path output() const { return directory_.path() / "cut.ts"; }
  std::string date(std::chrono::nanoseconds offset) const { return cli::utc_text(RingMaker::start + offset); }

  tscut::Summary cut(ring::Recording& recording, const std::string& from, const std::string& to) {
    options_.from = moment(from);
    options_.to = moment(to);
    options_.operands = {"ring", output()};
    const tscut::Surroundings around{
        .stopping = [this] { return stop_; },
        .wait = [this] { on_wait_(); },
        .now =
            [this] {
              return ts::Arrival{ts::SteadyTime{now_.time_since_epoch()}, now_};
            },
        .report = [](const auto&, const auto&) {},
        .open_output = [this] { return std::make_unique<tscut::Output>(output(), options_.force); },
    };
    tscut::RecordingCut cut{recording, options_, around};
    return cut.run();
  }
  std::vector<ts::Packet> written() const { return test::read_packets(output()); }
  bool nothing_is_left() const {
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator{directory_.path()}) files += entry.is_regular_file();
    return files == 0;
  }

  void SetUp() override {
    auto service = support::ServiceOptions::numbered(1);
    service.gop = 12;
    builder_.add(service);
  }

  test::TemporaryDirectory directory_;
  support::StreamBuilder builder_{{.rate = 1'000'000}};
  tscut::Options options_;
  bool stop_ = false;
  std::function<void()> on_wait_ = [] { throw std::logic_error("nothing to wait for"); };
  ts::WallTime now_ = RingMaker::start + 1h;
};

TEST_F(RecordingCut, CutsByDateOverSegments) {
  const auto stream = builder_.make(60s);
  record(stream, 60s);
  const auto ring = ring::open_ring(ring_path());
  const auto summary = cut(*ring, date(15s), date(45s));
  EXPECT_EQ(summary.status(), cli::ExitStatus::done);
  EXPECT_LE(summary.from, RingMaker::start + 15s);
  EXPECT_GT(summary.from, RingMaker::start + 14400ms);
  EXPECT_LT(RingMaker::start + 45s - summary.to, 100ms);
  const auto packets = written();
  EXPECT_EQ(summary.bytes, packets.size() * ts::packet_size);
  EXPECT_EQ(test::continuity_errors(packets), 0u);
  EXPECT_EQ(packets[0].pid(), ts::pat_pid);
  // 20 s to 40 s, over three segments, bit by bit.
  const auto at = [&](std::size_t seconds) {
    return stream.begin() + static_cast<std::ptrdiff_t>(stream.size() * seconds / 60);
  };
  EXPECT_NE(std::search(packets.begin(), packets.end(), at(20), at(40)), packets.end());
}

TEST_F(RecordingCut, CutsRelativeToTheEndsAndByDuration) {
  record(builder_.make(30s), 30s);
  const auto ring = ring::open_ring(ring_path());
  EXPECT_EQ(cut(*ring, "start", "end").status(), cli::ExitStatus::done);
  options_.force = true;
  const auto summary = cut(*ring, "10s", "end-5s");
  EXPECT_LT(std::chrono::abs(summary.to - (RingMaker::start + 25s)), 200ms);
  EXPECT_LE(summary.from, RingMaker::start + 10s);
}

TEST_F(RecordingCut, NextAccessPointIfThatIsPreferred) {
  record(builder_.make(30s), 30s);
  const auto ring = ring::open_ring(ring_path());
  options_.start = tscut::Preference::next;
  const auto summary = cut(*ring, date(15s), date(20s));
  EXPECT_GE(summary.from, RingMaker::start + 15s);
  EXPECT_LT(summary.from, RingMaker::start + 15600ms);
  EXPECT_EQ(summary.status(), cli::ExitStatus::done);
}

TEST_F(RecordingCut, TellsOfAGapAndWritesTheRest) {
  record_with_gap();
  const auto ring = ring::open_ring(ring_path());
  const auto summary = cut(*ring, date(10s), date(40s));
  EXPECT_EQ(summary.status(), cli::ExitStatus::incomplete);
  ASSERT_EQ(summary.missing.size(), 1u);
  EXPECT_LT(std::chrono::abs(summary.missing[0].from - (RingMaker::start + 20s)), 100ms);
  EXPECT_LT(std::chrono::abs(summary.missing[0].to - (RingMaker::start + 27s)), 100ms);
  EXPECT_EQ(test::continuity_errors(written()), 0u);
}

TEST_F(RecordingCut, BeginsAfterTheGapThatTheRangeBeginsIn) {
  record_with_gap();
  const auto ring = ring::open_ring(ring_path());
  const auto summary = cut(*ring, date(22s), date(40s));
  ASSERT_EQ(summary.missing.size(), 1u);
  EXPECT_EQ(summary.missing[0].from, RingMaker::start + 22s);
  EXPECT_GE(summary.from, RingMaker::start + 26900ms);
}

TEST_F(RecordingCut, TellsWhatLiesOutsideTheRecording) {
  record(builder_.make(20s), 20s);
  const auto ring = ring::open_ring(ring_path());
  const auto summary = cut(*ring, date(-10s), date(50s));
  EXPECT_EQ(summary.status(), cli::ExitStatus::incomplete);
  ASSERT_EQ(summary.missing.size(), 2u);
  EXPECT_EQ(summary.missing[0].from, RingMaker::start - 10s);
  EXPECT_EQ(summary.missing[1].to, RingMaker::start + 50s);
}

TEST_F(RecordingCut, WaitsForNothingWhereNoRecorderIsAtWork) {
  const auto stream = builder_.make(20s);
  record(stream, 20s);
  const auto path = directory_.path() / "film.ts";
  std::ofstream{path, std::ios::binary}.write(reinterpret_cast<const char*>(stream.data()),
                                              static_cast<std::streamsize>(stream.size() * ts::packet_size));
  const auto ring = ring::open_ring(ring_path());
  now_ = RingMaker::start + 20s;
  EXPECT_THROW(cut(*ring, date(30s), date(50s)), std::runtime_error);
  const auto files = ring::open_files({path});
  now_ = *files->segments().back().last;
  EXPECT_THROW(cut(*files, "end+10s", "end+20s"), std::runtime_error);
  std::filesystem::create_directory(directory_.path() / "empty");
  std::ofstream{directory_.path() / "empty" / ".lock"};
  const auto empty = ring::open_ring(directory_.path() / "empty");
  EXPECT_THROW(cut(*empty, "start", "end"), std::runtime_error);
}

// A file of a minute, read in a second, of which an index was lost: by its stream's clock, the first segment lasts
// longer than the whole recording did.
TEST_F(RecordingCut, LosesNothingOfASegmentWhoseDatesOverlap) {
  const auto stream = builder_.make(60s);
  auto fast = options();
  fast.segment = 1s;
  {
    RingMaker maker{fast};
    maker.feed(stream, 3s);
    maker.close();
  }
  std::filesystem::remove(ring::list_segments(ring_path()).segments.front().index_path);
  const auto ring = ring::open_ring(ring_path());
  ASSERT_GE(ring->segments().size(), 3u);
  // Each packet is in one stretch of the list.
  const auto list = nlohmann::json::parse(tscut::Listing{*ring, now_}.json());
  std::size_t listed = 0;
  for (const auto& stretch : list["stretches"]) listed += stretch["bytes"].get<std::size_t>();
  EXPECT_EQ(listed, stream.size() * ts::packet_size);
  EXPECT_EQ(cut(*ring, "start", "end").status(), cli::ExitStatus::done);
  const auto packets = written();
  EXPECT_EQ(test::continuity_errors(packets), 0u);
  EXPECT_NE(std::search(packets.begin(), packets.end(), stream.end() - 5000, stream.end() - 100), packets.end());
  // The first passage of these dates; the other is not passed over in silence.
  options_.force = true;
  const auto part = cut(*ring, date(500ms), date(2500ms));
  EXPECT_EQ(part.status(), cli::ExitStatus::incomplete);
  ASSERT_FALSE(part.missing.empty());
  EXPECT_NE(part.missing.front().cause.find("come twice"), std::string::npos);
}

TEST_F(RecordingCut, WritesNothingOfARangeThatIsWhollyOutside) {
  record(builder_.make(20s), 20s);
  const auto ring = ring::open_ring(ring_path());
  EXPECT_THROW(cut(*ring, date(30s), date(50s)), std::runtime_error);
  EXPECT_THROW(cut(*ring, date(-30s), date(-10s)), std::runtime_error);
  EXPECT_THROW(cut(*ring, date(10s), date(5s)), cli::UsageError);
  EXPECT_TRUE(nothing_is_left());
}

TEST_F(RecordingCut, WaitsForARangeThatEndsInTheFuture) {
  RingMaker maker{options()};
  maker.feed(builder_.make(20s), 20s);
  const auto ring = ring::open_ring(ring_path());
  now_ = maker.now().wall;
  int waits = 0;
  on_wait_ = [&] {
    ++waits;
    maker.feed(builder_.make(1s), 1s);
    now_ = maker.now().wall;
  };
  const auto summary = cut(*ring, date(15s), date(33s));
  EXPECT_EQ(summary.status(), cli::ExitStatus::done);
  EXPECT_GE(waits, 13);
  EXPECT_LT(RingMaker::start + 33s - summary.to, 100ms);
  const auto packets = written();
  EXPECT_EQ(test::continuity_errors(packets), 0u);
  EXPECT_GE(test::units(packets, video).size(), 18u * 25);
}

TEST_F(RecordingCut, WaitsForARangeThatBeginsInTheFuture) {
  RingMaker maker{options()};
  maker.feed(builder_.make(5s), 5s);
  const auto ring = ring::open_ring(ring_path());
  now_ = maker.now().wall;
  on_wait_ = [&] {
    maker.feed(builder_.make(1s), 1s);
    now_ = maker.now().wall;
  };
  const auto summary = cut(*ring, date(12s), date(18s));
  EXPECT_EQ(summary.status(), cli::ExitStatus::done);
  EXPECT_GE(test::units(written(), video).size(), 6u * 25);
}

TEST_F(RecordingCut, ASignalEndsTheWaitWithAWholeFile) {
  RingMaker maker{options()};
  maker.feed(builder_.make(20s), 20s);
  const auto ring = ring::open_ring(ring_path());
  now_ = maker.now().wall;
  on_wait_ = [&] {
    stop_ = true;
    now_ += 1s;
  };
  const auto summary = cut(*ring, date(15s), date(1h));
  EXPECT_EQ(summary.status(), cli::ExitStatus::incomplete);
  EXPECT_GE(test::units(written(), video).size(), 3u * 25);
  EXPECT_EQ(test::continuity_errors(written()), 0u);
}

TEST_F(RecordingCut, EndsWithWhatThereIsWhenTheRecorderHasEnded) {
  std::optional<RingMaker> maker{options()};
  maker->feed(builder_.make(20s), 20s);
  const auto ring = ring::open_ring(ring_path());
  now_ = maker->now().wall;
  on_wait_ = [&] {
    if (maker) maker->close();
    maker.reset();
    now_ += 3s;
  };
  const auto summary = cut(*ring, date(15s), date(1h));
  ASSERT_EQ(summary.missing.size(), 1u);
  EXPECT_EQ(summary.missing[0].cause, "the recorder has ended");
  EXPECT_LT(now_, RingMaker::start + 1min);
}

TEST_F(RecordingCut, EndsInTimeThoughTheRecorderReceivesNothing) {
  RingMaker maker{options()};
  maker.feed(builder_.make(20s), 20s);
  const auto ring = ring::open_ring(ring_path());
  now_ = maker.now().wall;
  on_wait_ = [&] { now_ += 1s; };
  const auto summary = cut(*ring, date(15s), date(40s));
  EXPECT_EQ(summary.status(), cli::ExitStatus::incomplete);
  EXPECT_LT(now_, RingMaker::start + 50s);
}

TEST_F(RecordingCut, ASignalWhileCopyingLeavesNothing) {
  record(builder_.make(60s), 60s);
  const auto ring = ring::open_ring(ring_path());
  stop_ = true;
  EXPECT_THROW(cut(*ring, "start", "end"), std::runtime_error);
  EXPECT_TRUE(nothing_is_left());
}

TEST_F(RecordingCut, ExpiryDuringTheCutTakesNothingAway) {
  record(builder_.make(60s), 60s);
  const auto ring = ring::open_ring(ring_path());
  // The recorder deletes the segments after the cut has opened them: when it looks for its output.
  options_.from = moment("start");
  options_.to = moment("end");
  options_.operands = {"ring", output()};
  const tscut::Surroundings around{
      .stopping = [] { return false; },
      .wait = [] {},
      .now =
          [this] {
            return ts::Arrival{ts::SteadyTime{now_.time_since_epoch()}, now_};
          },
      .report = [](const auto&, const auto&) {},
      .open_output =
          [this] {
            std::filesystem::remove_all(ring_path());
            return std::make_unique<tscut::Output>(output(), false);
          },
  };
  tscut::RecordingCut cut{*ring, options_, around};
  const auto summary = cut.run();
  EXPECT_GE(test::units(written(), video).size(), 59u * 25);
}

TEST_F(RecordingCut, AnExistingFileIsKept) {
  record(builder_.make(10s), 10s);
  const auto ring = ring::open_ring(ring_path());
  std::ofstream{output()} << "precious";
  EXPECT_THROW(cut(*ring, "start", "end"), std::runtime_error);
  EXPECT_EQ(std::filesystem::file_size(output()), 8u);
}

TEST_F(RecordingCut, FilesWithoutDatesAreCutByOffset) {
  const auto stream = builder_.make(1500ms);  // before the first TDT but one
  std::vector<ts::Packet> undated;
  for (const auto& packet : stream) {
    if (packet.pid() != ts::tdt_pid) undated.push_back(packet);
  }
  const auto path = directory_.path() / "film.ts";
  std::ofstream{path, std::ios::binary}.write(reinterpret_cast<const char*>(undated.data()),
                                              static_cast<std::streamsize>(undated.size() * ts::packet_size));
  const auto files = ring::open_files({path});
  EXPECT_THROW(cut(*files, "20:50", "20:51"), std::invalid_argument);
  EXPECT_THROW(cut(*files, "now", "now+1s"), std::invalid_argument);
  const auto summary = cut(*files, "500ms", "1s");
  EXPECT_EQ(summary.status(), cli::ExitStatus::done);
  EXPECT_LT(summary.to.time_since_epoch(), 1100ms);
  EXPECT_EQ(test::continuity_errors(written()), 0u);
}

TEST_F(RecordingCut, FilesWithDatesAreCutByThem) {
  const auto stream = builder_.make(20s);
  const auto path = directory_.path() / "film.ts";
  std::ofstream{path, std::ios::binary}.write(reinterpret_cast<const char*>(stream.data()),
                                              static_cast<std::streamsize>(stream.size() * ts::packet_size));
  const auto files = ring::open_files({path});
  const auto summary = cut(*files, "2026-01-15T12:00:05Z", "2026-01-15T12:00:12Z");
  EXPECT_EQ(summary.status(), cli::ExitStatus::done);
  EXPECT_NEAR(static_cast<double>(test::units(written(), video).size()), 7 * 25, 2 * 12 + 5);
  const tscut::Listing listing{*files, now_};
  EXPECT_NE(listing.json().find("\"dated\": true"), std::string::npos);
}

TEST_F(RecordingCut, ARecorderThatIsUpdatedMeanwhileDoesNotEndTheCut) {
  std::optional<RingMaker> maker{options()};
  maker->feed(builder_.make(20s), 20s);
  const auto ring = ring::open_ring(ring_path());
  now_ = maker->now().wall;
  int waits = 0;
  on_wait_ = [&] {
    ++waits;
    if (waits == 3) maker->close();
    if (waits == 3) maker.reset();
    if (waits == 5) maker.emplace(options(), RingMaker::plain_disk(), ts::Arrival{ts::SteadyTime{2h}, now_});
    if (maker) maker->feed(builder_.make(1s), 1s);
    now_ = maker ? maker->now().wall : now_ + 1s;
  };
  const auto summary = cut(*ring, date(15s), date(33s));
  EXPECT_LT(RingMaker::start + 33s - summary.to, 1s);
  ASSERT_EQ(summary.missing.size(), 1u);
  EXPECT_EQ(summary.missing[0].cause, "the recorder was not running");
}

TEST_F(RecordingCut, ListsStretchesServicesGapsAndEvents) {
  record_with_gap();
  const auto ring = ring::open_ring(ring_path());
  const tscut::Listing listing{*ring, now_};
  const std::string table = listing.table();
  EXPECT_NE(table.find("Service 1"), std::string::npos) << table;
  EXPECT_NE(table.find("0.48 s"), std::string::npos) << table;
  EXPECT_NE(table.find("GAP FROM"), std::string::npos) << table;
  EXPECT_NE(table.find("EVENT"), std::string::npos) << table;
  const std::string json = listing.json();
  EXPECT_NE(json.find("\"stretches\""), std::string::npos);
}

}  // namespace
