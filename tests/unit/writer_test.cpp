#include "common/ring/writer.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <set>

#include "common/ring/recording.hpp"
#include "common/ring/ring_lock.hpp"
#include "tests/support/packet_builder.hpp"
#include "tests/support/ring_maker.hpp"
#include "tests/support/stream_builder.hpp"
#include "tests/support/temporary_directory.hpp"

namespace {

using namespace std::chrono_literals;
using ring::GapRecord;
using support::recorded_bytes;
using support::RingMaker;

class Writer : public testing::Test {
 protected:
  ring::WriterOptions options() {
    ring::WriterOptions options;
    options.directory = directory_.path() / "ring";
    options.segment = 10s;
    options.report = [this](ring::WriterOptions::Importance importance, const std::string& text) {
      reports_.push_back(text);
      losses_ += importance == ring::WriterOptions::Importance::loss;
    };
    options.boot = {1};
    return options;
  }
  std::vector<ts::Packet> stream(std::chrono::nanoseconds duration) { return builder_.make(duration); }
  std::filesystem::path path() const { return directory_.path() / "ring"; }
  std::size_t count(const std::string& extension) const {
    std::size_t n = 0;
    for (const auto& entry : std::filesystem::directory_iterator{path()}) n += entry.path().extension() == extension;
    return n;
  }
  static std::vector<ring::Gap> all_gaps(ring::Recording& ring) { return ring.gaps({0, 0}, ring.end()); }

  void SetUp() override { builder_.add(support::ServiceOptions::numbered(1)); }

  test::TemporaryDirectory directory_;
  std::vector<std::string> reports_;
  int losses_ = 0;  // of these
  support::StreamBuilder builder_{{.rate = 800'000}};
};

TEST_F(Writer, KeepsEveryByteOverSegments) {
  auto packets = stream(35s);
  packets[100].bytes[0] = 0x00;
  packets[200] = ts::Packet::null();
  RingMaker maker{options()};
  maker.feed(packets, 35s);
  maker.close();
  EXPECT_EQ(recorded_bytes(path()), test::to_bytes(packets));
  EXPECT_EQ(count(".ts"), 4u);
  EXPECT_EQ(count(".idx"), 4u);
  EXPECT_TRUE(reports_.empty());
}

TEST_F(Writer, BeginsSegmentsWithAPatAtMultiplesOfTheWallClock) {
  RingMaker maker{options(), RingMaker::plain_disk(), {ts::SteadyTime{1h}, RingMaker::start + 7s}};
  maker.feed(stream(25s), 25s);
  maker.close();
  const auto segments = ring::list_segments(path()).segments;
  ASSERT_EQ(segments.size(), 4u);
  for (std::size_t i = 1; i < segments.size(); ++i) {
    EXPECT_EQ(segments[i].name.date.time_since_epoch() % 10s, 0s);
    const auto bytes = ring::read_file(segments[i].path);
    const auto packet = ts::packets_in(std::span{bytes})[0];
    EXPECT_EQ(packet.pid(), ts::pat_pid);
    EXPECT_TRUE(packet.unit_start());
  }
}

TEST_F(Writer, BeginsSegmentsInAStreamWithoutPat) {
  RingMaker maker{options()};
  maker.feed(std::vector<ts::Packet>(2500, ts::Packet::null()), 25s);
  maker.close();
  EXPECT_EQ(count(".ts"), 3u);
  EXPECT_EQ(recorded_bytes(path()).size(), 2500 * ts::packet_size);
}

TEST_F(Writer, HasTheTablesInForceAtTheStartOfEachSegment) {
  RingMaker maker{options()};
  maker.feed(stream(25s), 25s);
  maker.close();
  for (const auto& segment : ring::list_segments(path()).segments) {
    if (segment.name.sequence == 1) continue;
    std::set<ts::Pid> pids;
    const auto loaded = ring::load_index(segment, ring::Tail::leave);
    for (const auto& record : loaded.index.range(0, 1)) {
      if (const auto* table = std::get_if<ring::TableRecord>(&record)) pids.insert(table->pid);
    }
    EXPECT_EQ(pids, (std::set{ts::pat_pid, ts::sdt_pid, ts::eit_pid, ts::Pid{0x100}}));
  }
}

TEST_F(Writer, WritesTheIndexAfterThePacketsThatItSpeaksOf) {
  RingMaker maker{options()};
  maker.feed(stream(5s), 5s);
  maker.writer().flush(maker.now());
  const auto segment = ring::list_segments(path()).segments.at(0);
  const auto loaded = ring::load_index(segment, ring::Tail::leave);
  EXPECT_EQ(loaded.known, loaded.packets);
  EXPECT_FALSE(loaded.complete);
}

TEST_F(Writer, GoesOnAfterAKillAtAnyByte) {
  const auto packets = stream(4s);
  {
    RingMaker maker{options()};
    maker.feed(packets, 4s);
  }  // killed: no close()
  const auto segment = ring::list_segments(path()).segments.at(0);
  const auto ts_bytes = ring::read_file(segment.path);
  const auto index_bytes = ring::read_file(segment.index_path);
  const auto write = [](const std::filesystem::path& file, std::span<const std::uint8_t> bytes) {
    std::ofstream{file, std::ios::binary}.write(reinterpret_cast<const char*>(bytes.data()),
                                                static_cast<std::streamsize>(bytes.size()));
  };
  for (std::size_t cut = 0; cut < index_bytes.size(); cut += 97) {
    const std::size_t kept = ts_bytes.size() - cut * 3 % 1000;
    write(segment.path, std::span{ts_bytes}.first(kept));
    write(segment.index_path, std::span{index_bytes}.first(index_bytes.size() - cut));
    {
      ring::Disk disk;
      ring::Writer repairing{options(), disk};
      repairing.prepare({ts::SteadyTime{2h}, RingMaker::start + 1h});
    }
    const auto summary = ring::summarize(segment);
    ASSERT_TRUE(summary) << cut;
    EXPECT_EQ(summary->packets, kept / ts::packet_size);
    const auto loaded = ring::load_index(segment, ring::Tail::leave);
    EXPECT_TRUE(loaded.complete);
    std::size_t access = 0;
    for (const auto& record : loaded.index.records()) access += std::holds_alternative<ring::AccessRecord>(record);
    EXPECT_GE(access, 3u) << cut;
    EXPECT_NEAR(std::chrono::duration<double>(summary->end.last - RingMaker::start).count(), 4, 0.5) << cut;
  }
}

TEST_F(Writer, ShowsARestartAsAGap) {
  {
    RingMaker maker{options()};
    maker.feed(stream(4s), 4s);
  }
  builder_.make(3s);
  const auto packets = stream(2s);
  {
    RingMaker maker{options(), RingMaker::plain_disk(), {ts::SteadyTime{1h + 7s}, RingMaker::start + 7s}};
    maker.feed(packets, 2s);
    maker.close();
  }
  const auto ring = ring::open_ring(path());
  ASSERT_EQ(ring->segments().size(), 2u);
  const auto gaps = all_gaps(*ring);
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].cause, GapRecord::Cause::restart);
  EXPECT_EQ(gaps[0].before, (ring::Position{2, 0}));
  EXPECT_NEAR(std::chrono::duration<double>(gaps[0].to - gaps[0].from).count(), 3, 0.2);
  ASSERT_EQ(ring->coverage(1s).size(), 2u);
  EXPECT_EQ(ring->coverage(10s).size(), 1u);
}

TEST_F(Writer, RefusesADirectoryThatIsBeingWritten) {
  RingMaker maker{options()};
  try {
    const RingMaker second{options()};
    FAIL() << "not refused";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string{error.what()}.find("process " + std::to_string(getpid())), std::string::npos) << error.what();
  }
}

TEST_F(Writer, ExpiresByAgeOverADay) {
  auto with = options();
  with.segment = 5min;
  with.limits.keep = 24h;
  RingMaker maker{with};
  const auto packets = std::vector<ts::Packet>(2 * 26 * 3600, ts::Packet::null());
  maker.feed(packets, 26h, 60s);
  maker.close();
  const auto ring = ring::open_ring(path());
  const auto covered = *ring->segments().back().last - *ring->segments().front().first;
  EXPECT_GE(covered, 24h);
  EXPECT_LE(covered, 24h + 10min);
  EXPECT_EQ(count(".ts"), ring->segments().size());
  EXPECT_EQ(count(".idx"), ring->segments().size());
}

TEST_F(Writer, ExpiresBySizeAndNeverExceedsIt) {
  auto with = options();
  with.segment = 1h;
  with.limits.size = 400'000;
  RingMaker maker{with};
  for (int i = 0; i < 20; ++i) {
    maker.feed(stream(1s), 1s);
    maker.writer().flush(maker.now());
    EXPECT_LE(maker.writer().state().bytes, 400'000u);
  }
  EXPECT_GE(maker.writer().state().bytes, 300'000u);
  EXPECT_GT(maker.writer().state().expired_segments, 5u);
}

TEST_F(Writer, ExpiresWhatEarlierRecordersLeft) {
  auto with = options();
  with.limits.keep = 1min;
  {
    RingMaker maker{with};
    maker.feed(stream(30s), 30s);
  }
  ring::Disk disk;
  ring::Writer later{with, disk};
  later.prepare({ts::SteadyTime{1h + 10min}, RingMaker::start + 10min});
  EXPECT_EQ(later.state().segments, 0u);
  EXPECT_EQ(count(".ts"), 0u);
}

TEST_F(Writer, KeepsAllWhenTheWallClockLeapsAYear) {
  auto with = options();
  with.limits.keep = 1min;
  RingMaker maker{with};
  maker.feed(stream(30s), 30s);
  maker.step(24h * 365);
  maker.feed(stream(10s), 10s);
  maker.step(-24h * 365);
  maker.feed(stream(10s), 10s);
  maker.close();
  EXPECT_EQ(maker.writer().state().expired_segments, 0u);
  const auto ring = ring::open_ring(path());
  EXPECT_EQ(ring->find(RingMaker::start + 45s)->segment, ring->segments().back().sequence);
  EXPECT_EQ(ring->coverage(1s).size(), 3u);
}

TEST_F(Writer, AgesSegmentsOfAnEarlierBootByDateOnlyWhenTheClockHadTimeToBeSet) {
  auto with = options();
  with.limits.keep = 1h;
  {
    RingMaker maker{with};
    maker.feed(stream(20s), 20s);
    maker.close();
  }
  with.boot = {2};
  const ts::SteadyTime boot{10s};
  RingMaker maker{with, RingMaker::plain_disk(), {boot, RingMaker::start + 24h * 365}};
  maker.feed(stream(1s), 1s);
  EXPECT_EQ(maker.writer().state().expired_segments, 0u);
  maker.step(30min - 24h * 365);
  maker.wait(11min);
  maker.feed(stream(1s), 1s);
  EXPECT_EQ(maker.writer().state().expired_segments, 0u);
  maker.wait(20min);
  maker.feed(stream(1s), 1s);
  EXPECT_EQ(maker.writer().state().expired_segments, 2u);
}

TEST_F(Writer, FindsTheFirstOfTwoWhenTheClockIsSetBack) {
  RingMaker maker{options()};
  maker.feed(stream(20s), 20s);
  maker.step(-10s);
  maker.feed(stream(20s), 20s);
  maker.close();
  const auto ring = ring::open_ring(path());
  const auto found = ring->find(RingMaker::start + 15s);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->segment, 2u);
  bool stepped = false;
  ring->visit({0, 0}, ring->end(), [&](ring::Position, const ring::Record& record) {
    if (const auto* step = std::get_if<ring::ClockStepRecord>(&record)) stepped = step->step == -10s;
  });
  EXPECT_TRUE(stepped);
  EXPECT_EQ(ring->coverage(1s).size(), 2u);
}

TEST_F(Writer, ShowsAnInputThatStoppedForHours) {
  RingMaker maker{options()};
  maker.feed(stream(10s), 10s);
  const auto from = maker.now().wall;
  maker.wait(3h);
  maker.miss({0, GapRecord::Cause::input, from, maker.now().wall, 0}, true);
  maker.feed(stream(10s), 10s);
  maker.close();
  const auto ring = ring::open_ring(path());
  const auto gaps = all_gaps(*ring);
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].cause, GapRecord::Cause::input);
  const auto after = ring->find(from + 1h);
  ASSERT_TRUE(after);
  EXPECT_EQ(*after, gaps[0].before);
  EXPECT_EQ(ring->coverage(1s).size(), 2u);
}

TEST_F(Writer, CountsWhatContinuityCountersMiss) {
  auto packets = stream(10s);
  const auto lost = support::lose(packets, ts::Pid{0x101}, 50, 5);
  ASSERT_EQ(lost, 5u);
  RingMaker maker{options()};
  maker.feed(packets, 10s);
  maker.close();
  const auto ring = ring::open_ring(path());
  const auto gaps = all_gaps(*ring);
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].cause, GapRecord::Cause::lost);
  EXPECT_GE(gaps[0].packets, 4u);  // one of them may be a PCR without payload, which is not counted
  EXPECT_LE(gaps[0].packets, 5u);
}

// A disk of limited size, that fails when told to.
class FaultyDisk : public ring::Disk {
 public:
  std::uint64_t capacity = ~std::uint64_t{0};
  std::uint64_t used = 0;
  int error = 0;                                  // of all writes
  std::uint64_t error_after = ~std::uint64_t{0};  // bytes, once
  bool refuses_files = false;
  bool refuses_indexes = false;  // their data

  io::FileDescriptor create(const std::filesystem::path& path) override {
    if (refuses_files) {
      errno = EIO;
      return {};
    }
    auto file = Disk::create(path);
    if (path.extension() == ".idx") indexes_.insert(file.get());
    return file;
  }
  ssize_t write(int fd, std::span<const std::uint8_t> bytes) override {
    if (refuses_indexes && indexes_.contains(fd)) {
      errno = EIO;
      return -1;
    }
    if (error != 0) {
      errno = error;
      return -1;
    }
    if (error_after < bytes.size()) {
      const auto some = Disk::write(fd, bytes.first(error_after));
      error_after = ~std::uint64_t{0};
      error = EIO;
      return some;
    }
    if (error_after != ~std::uint64_t{0}) error_after -= bytes.size();
    const auto room = capacity - used;
    if (room == 0) {
      errno = ENOSPC;
      return -1;
    }
    const auto written = Disk::write(fd, bytes.first(std::min<std::uint64_t>(room, bytes.size())));
    used += static_cast<std::uint64_t>(std::max<ssize_t>(written, 0));
    return written;
  }
  int remove(const std::filesystem::path& path) override {
    std::error_code ignored;
    const auto size = std::filesystem::file_size(path, ignored);
    const int result = Disk::remove(path);
    if (result == 0 && !ignored) used -= size;
    return result;
  }

 private:
  std::set<int> indexes_;
};

TEST_F(Writer, DeletesTheOldestWhenTheDiskIsFull) {
  FaultyDisk disk;
  disk.capacity = 3'000'000;
  RingMaker maker{options(), disk};
  const auto packets = stream(60s);
  maker.feed(packets, 60s);
  maker.close();
  EXPECT_GT(maker.writer().state().sacrificed_segments, 0u);
  EXPECT_LE(disk.used, disk.capacity);
  const auto bytes = recorded_bytes(path());
  const auto all = test::to_bytes(packets);
  ASSERT_LE(bytes.size(), all.size());
  EXPECT_GT(bytes.size(), 1'500'000u);
  EXPECT_TRUE(std::equal(bytes.rbegin(), bytes.rend(), all.rbegin())) << "the last packets, without a hole";
  EXPECT_EQ(maker.writer().state().trouble, "");
  ASSERT_FALSE(reports_.empty());
  EXPECT_NE(reports_[0].find("disk full: deleted the oldest segment"), std::string::npos) << reports_[0];
}

TEST_F(Writer, NeverDeletesTheSegmentBeingWrittenAndGoesOnWhenThereIsRoom) {
  FaultyDisk disk;
  disk.capacity = 300'000;
  auto with = options();
  with.segment = 1h;
  const auto packets = stream(10s);
  RingMaker maker{with, disk};
  const auto size = ring::Block::capacity;
  ring::Block block;
  for (std::size_t at = 0; at < packets.size();) {
    block.clear();
    at += block.add(std::span{packets}.subspan(at, std::min(size, packets.size() - at)), maker.now());
    while (!maker.writer().write(block, maker.now())) {
      EXPECT_NE(maker.writer().state().trouble.find("No space left on device"), std::string::npos);
      EXPECT_EQ(count(".ts"), 1u);
      disk.capacity += 100'000;  // somebody made room
    }
    EXPECT_EQ(maker.writer().state().trouble, "");
  }
  maker.close();
  EXPECT_EQ(recorded_bytes(path()), test::to_bytes(packets));
}

TEST_F(Writer, LeavesAFileThatCannotBeWrittenAndLosesNothing) {
  FaultyDisk disk;
  disk.error_after = 500'001;
  RingMaker maker{options(), disk};
  const auto packets = stream(9s);
  ring::Block block;
  int refused = 0;
  for (std::size_t at = 0; at < packets.size();) {
    block.clear();
    at += block.add(std::span{packets}.subspan(at), maker.now());
    while (!maker.writer().write(block, maker.now())) {
      if (++refused == 3) disk.error = 0;
    }
  }
  maker.close();
  EXPECT_EQ(refused, 3);
  EXPECT_EQ(recorded_bytes(path()), test::to_bytes(packets));
  EXPECT_EQ(count(".ts"), 2u);
  const auto ring = ring::open_ring(path());
  EXPECT_TRUE(all_gaps(*ring).empty());
  EXPECT_TRUE(ring->tables_at({ring->segments().back().sequence, 0})->pat());
}

TEST_F(Writer, BeginsASegmentAnewWhenItsIndexCannotBeWritten) {
  FaultyDisk disk;
  const auto packets = stream(9s);
  RingMaker maker{options(), disk};
  maker.feed(std::span{packets}.first(packets.size() / 2), 4500ms);
  disk.refuses_indexes = true;
  maker.writer().flush(maker.now());
  disk.refuses_indexes = false;
  maker.feed(std::span{packets}.subspan(packets.size() / 2), 4500ms);
  maker.close();
  EXPECT_EQ(recorded_bytes(path()), test::to_bytes(packets));
  EXPECT_EQ(count(".ts"), 2u);
  const auto ring = ring::open_ring(path());
  EXPECT_GE(ring->access_points({0, 0}, ring->end()).size(), 8u);
  EXPECT_EQ(maker.writer().state().trouble, "");
}

TEST_F(Writer, WaitsForADiskThatMakesNoFiles) {
  FaultyDisk disk;
  disk.refuses_files = true;
  RingMaker maker{options(), disk};
  ring::Block block;
  const auto packets = stream(1s);
  block.add(packets, maker.now());
  EXPECT_FALSE(maker.writer().write(block, maker.now()));
  EXPECT_FALSE(maker.writer().write(block, maker.now()));
  EXPECT_EQ(reports_.size(), 1u);
  disk.refuses_files = false;
  EXPECT_TRUE(maker.writer().write(block, maker.now()));
  EXPECT_EQ(reports_.size(), 2u);
  maker.close();
  EXPECT_EQ(recorded_bytes(path()), test::to_bytes(packets));
}

TEST_F(Writer, MakesItsDirectoryAnewWhenThatWasRemoved) {
  RingMaker maker{options()};
  maker.feed(stream(5s), 5s);
  std::filesystem::remove_all(path());
  maker.writer().flush(maker.now());
  const auto packets = stream(5s);
  maker.feed(packets, 5s);
  maker.close();
  EXPECT_EQ(recorded_bytes(path()), test::to_bytes(packets));
  ASSERT_GE(reports_.size(), 2u);
  EXPECT_NE(reports_[0].find("removed"), std::string::npos);
  EXPECT_EQ(losses_, 2);
  EXPECT_TRUE(ring::summarize(ring::list_segments(path()).segments.at(0)));
}

TEST_F(Writer, LeavesADirectoryThatWasMovedAwayAndBeginsItAnew) {
  const auto packets = stream(5s);
  const auto later = stream(5s);
  const auto aside = directory_.path() / "aside";
  RingMaker maker{options()};
  maker.feed(packets, 5s);
  std::filesystem::rename(path(), aside);
  maker.writer().flush(maker.now());
  EXPECT_EQ(recorded_bytes(aside), test::to_bytes(packets));
  EXPECT_TRUE(ring::summarize(ring::list_segments(aside).segments.at(0))) << "completed where it is";
  EXPECT_FALSE(ring::RingLock::holder(aside));
  EXPECT_TRUE(ring::RingLock::holder(path()));
  maker.feed(later, 5s);
  maker.close();
  EXPECT_EQ(recorded_bytes(path()), test::to_bytes(later));
  EXPECT_EQ(losses_, 2);
  EXPECT_EQ(maker.writer().state().trouble, "");
}

TEST_F(Writer, LeavesASegmentThatWasMovedAway) {
  const auto packets = stream(5s);
  const auto later = stream(5s);
  RingMaker maker{options()};
  maker.feed(packets, 5s);
  const auto segment = ring::list_segments(path()).segments.at(0);
  std::filesystem::rename(segment.path, directory_.path() / "aside.ts");
  maker.writer().flush(maker.now());
  maker.feed(later, 5s);
  maker.close();
  EXPECT_EQ(ring::read_file(directory_.path() / "aside.ts"), test::to_bytes(packets));
  EXPECT_EQ(recorded_bytes(path()), test::to_bytes(later));
}

TEST_F(Writer, LocksADirectoryAgainWhoseLockWasRemoved) {
  const auto packets = stream(10s);
  RingMaker maker{options()};
  maker.feed(std::span{packets}.first(packets.size() / 2), 5s);
  std::filesystem::remove(path() / ".lock");
  maker.writer().flush(maker.now());
  EXPECT_TRUE(ring::RingLock::holder(path()));
  maker.feed(std::span{packets}.subspan(packets.size() / 2), 5s);
  maker.close();
  EXPECT_EQ(recorded_bytes(path()), test::to_bytes(packets));
  EXPECT_EQ(count(".ts"), 1u) << "the segment goes on";
}

TEST_F(Writer, TakesNoDirectoryThatAnotherHasTakenMeanwhile) {
  RingMaker maker{options()};
  maker.feed(stream(5s), 5s);
  std::filesystem::rename(path(), directory_.path() / "aside");
  RingMaker other{options()};
  EXPECT_THROW(maker.writer().flush(maker.now()), std::runtime_error);
}

TEST_F(Writer, GoesOnAfterTheSegmentsOfADirectoryThatTookThePlaceOfItsOwn) {
  const auto aside = directory_.path() / "aside";
  const auto before = stream(15s);
  {
    RingMaker maker{options()};
    maker.feed(before, 15s);
    maker.close();
  }
  std::filesystem::rename(path(), aside);
  RingMaker maker{options()};
  maker.feed(stream(5s), 5s);
  std::filesystem::remove_all(path());
  std::filesystem::rename(aside, path());
  const auto later = stream(5s);
  maker.feed(later, 5s);
  maker.close();
  const auto bytes = recorded_bytes(path());
  ASSERT_GT(bytes.size(), before.size() * ts::packet_size);
  EXPECT_TRUE(std::ranges::equal(std::span{bytes}.first(before.size() * ts::packet_size), test::to_bytes(before)));
}

TEST_F(Writer, LeavesNothingOfADirectoryInWhichItRecordedNothing) {
  { RingMaker maker{options()}; }
  EXPECT_FALSE(std::filesystem::exists(path()));
  std::filesystem::create_directories(path());
  { RingMaker maker{options()}; }
  EXPECT_TRUE(std::filesystem::exists(path())) << "somebody made it, with rights of his choice";
  EXPECT_TRUE(std::filesystem::is_empty(path()));
  {
    RingMaker maker{options()};
    maker.feed(stream(1s), 1s);
    maker.close();
  }
  { RingMaker maker{options()}; }
  EXPECT_TRUE(std::filesystem::exists(path() / ".lock")) << "a recording stays one";
}

TEST_F(Writer, LeavesFilesThatAreNotItsOwn) {
  std::filesystem::create_directories(path());
  std::ofstream{path() / "film.ts"} << "x";
  std::ofstream{path() / "20270115T080000Z_00000009.idx"} << "an index without a segment";
  auto with = options();
  with.limits.size = 1000;
  RingMaker maker{with};
  maker.feed(stream(5s), 5s);
  maker.close();
  EXPECT_TRUE(std::filesystem::exists(path() / "film.ts"));
  EXPECT_FALSE(std::filesystem::exists(path() / "20270115T080000Z_00000009.idx"));
}

TEST_F(Writer, LeavesLinksPipesAndTextOfASegmentsNameAlone) {
  std::filesystem::create_directories(path());
  const auto victim = directory_.path() / "victim";
  const std::string text(1000, 'x');
  std::ofstream{victim} << text;
  const auto link = path() / "20270115T070000Z_00000005.ts", pipe = path() / "20270115T070000Z_00000006.ts";
  const auto small = path() / "20270115T070000Z_00000007.ts", large = path() / "20270115T070000Z_00000008.ts";
  std::filesystem::create_symlink(victim, link);
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  std::ofstream{small} << "notes";
  std::ofstream{large} << text;
  auto with = options();
  with.limits.keep = 1s;
  const auto packets = stream(5s);
  {
    RingMaker maker{with};
    maker.feed(packets, 5s);
    maker.close();
  }
  EXPECT_EQ(reports_.size(), 4u);
  EXPECT_EQ(std::filesystem::file_size(victim), text.size());
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
  EXPECT_EQ(std::filesystem::file_size(small), 5u);
  EXPECT_EQ(std::filesystem::file_size(large), text.size());
  const auto ring = ring::open_ring(path());
  ASSERT_EQ(ring->segments().size(), 1u);
  EXPECT_EQ(ring->segments()[0].packets, packets.size());
  EXPECT_EQ(ring::reindex(path(), [](const std::string&) {}), 0u);
  EXPECT_EQ(std::filesystem::file_size(large), text.size());
}

TEST_F(Writer, FollowsNoLinkInPlaceOfAnIndex) {
  {
    RingMaker maker{options()};
    maker.feed(stream(5s), 5s);
    maker.close();
  }
  const auto segment = ring::list_segments(path()).segments.at(0);
  const auto victim = directory_.path() / "victim";
  std::filesystem::rename(segment.index_path, victim);
  const auto size = std::filesystem::file_size(victim);
  std::filesystem::create_symlink(victim, segment.index_path);
  EXPECT_FALSE(ring::summarize(segment));
  EXPECT_EQ(ring::reindex(path(), [](const std::string&) {}), 1u);
  EXPECT_TRUE(ring::summarize(segment));
  EXPECT_EQ(std::filesystem::file_size(victim), size);
}

TEST_F(Writer, MakesLostIndexesAgain) {
  {
    RingMaker maker{options()};
    maker.feed(stream(25s), 25s);
    maker.close();
  }
  const auto before = ring::open_ring(path());
  const auto points = before->access_points({0, 0}, before->end());
  for (const auto& segment : ring::list_segments(path()).segments) std::filesystem::remove(segment.index_path);
  EXPECT_EQ(ring::reindex(path(), [](const std::string&) {}), 3u);
  EXPECT_EQ(ring::reindex(path(), [](const std::string&) {}), 0u);
  const auto after = ring::open_ring(path());
  const auto found = after->access_points({0, 0}, after->end());
  ASSERT_EQ(found.size(), points.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].position, points[i].position);
    EXPECT_EQ(found[i].pts, points[i].pts);
    EXPECT_LT(std::chrono::abs(*found[i].date - *points[i].date), 300ms);
  }
}

}  // namespace
