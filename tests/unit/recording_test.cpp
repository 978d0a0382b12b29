#include "common/ring/recording.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "common/ring/segment_file.hpp"
#include "tests/support/captures.hpp"
#include "tests/support/packet_builder.hpp"
#include "tests/support/ring_maker.hpp"
#include "tests/support/stream_builder.hpp"
#include "tests/support/temporary_directory.hpp"

namespace {

using namespace std::chrono_literals;
using ring::Position;
using support::RingMaker;

void write_file(const std::filesystem::path& path, std::span<const std::uint8_t> bytes) {
  std::ofstream{path, std::ios::binary}.write(reinterpret_cast<const char*>(bytes.data()),
                                              static_cast<std::streamsize>(bytes.size()));
}

class Recording : public testing::Test {
 protected:
  Recording() { stream_.add(support::ServiceOptions::numbered(1)); }
  std::filesystem::path path() const { return directory_.path() / "ring"; }
  ring::WriterOptions options() const {
    ring::WriterOptions options;
    options.directory = path();
    options.segment = 10s;
    options.boot = {1};
    return options;
  }
  std::filesystem::path file(const std::string& name, std::span<const ts::Packet> packets) {
    write_file(directory_.path() / name, ts::bytes_of(packets));
    return directory_.path() / name;
  }
  // A ring of 25 s in three segments.
  std::unique_ptr<ring::Recording> three_segments() {
    {
      RingMaker maker{options()};
      maker.feed(stream_.make(25s), 25s);
      maker.close();
    }
    return ring::open_ring(path());
  }
  static std::string refusal(const std::function<void()>& action) {
    try {
      action();
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  }

  test::TemporaryDirectory directory_;
  support::StreamBuilder stream_{{.rate = 800'000}};
};

TEST_F(Recording, FindsDatesAndBack) {
  const auto ring = three_segments();
  ASSERT_EQ(ring->segments().size(), 3u);
  EXPECT_FALSE(ring->being_written());
  for (const auto after : {0s, 3s, 10s, 17s, 24s}) {
    const auto position = ring->find(RingMaker::start + after);
    ASSERT_TRUE(position);
    EXPECT_LT(std::chrono::abs(*ring->date_of(*position) - (RingMaker::start + after)), 100ms) << after.count();
  }
  EXPECT_EQ(ring->find(RingMaker::start - 1h), (Position{1, 0}));
  EXPECT_FALSE(ring->find(RingMaker::start + 1h));
  EXPECT_NEAR(std::chrono::duration<double>(ring->duration()).count(), 25, 0.3);
  const auto coverage = ring->coverage(1s);
  ASSERT_EQ(coverage.size(), 1u);
  EXPECT_EQ(coverage[0].from, RingMaker::start);
}

TEST_F(Recording, FindsOffsets) {
  const auto ring = three_segments();
  const auto position = ring->find_offset(12s);
  ASSERT_TRUE(position);
  EXPECT_EQ(position->segment, 2u);
  EXPECT_NEAR(std::chrono::duration<double>(*ring->date_of(*position) - RingMaker::start).count(), 12, 0.3);
  EXPECT_FALSE(ring->find_offset(1h));
}

TEST_F(Recording, AdvancesOverSegmentsBothWays) {
  const auto ring = three_segments();
  const auto& segments = ring->segments();
  const auto first = static_cast<std::int64_t>(segments[0].packets);
  EXPECT_EQ(ring->advance({1, 0}, first - 1), (Position{1, segments[0].packets - 1}));
  EXPECT_EQ(ring->advance({1, 0}, first), (Position{2, 0}));
  EXPECT_EQ(ring->advance({1, 0}, first + 7), (Position{2, 7}));
  EXPECT_EQ(ring->advance({2, 7}, -7), (Position{2, 0}));
  EXPECT_EQ(ring->advance({2, 7}, -8), (Position{1, segments[0].packets - 1}));
  EXPECT_EQ(ring->advance({1, 5}, -100), (Position{1, 0}));
  EXPECT_EQ(ring->advance({1, 0}, 1 << 30), ring->end());
  EXPECT_EQ(ring->advance(ring->end(), -1), (Position{3, segments[2].packets - 1}));
}

TEST_F(Recording, KnowsTheTablesInForceAnywhere) {
  RingMaker maker{options()};
  maker.feed(stream_.make(12s), 12s);
  auto service = stream_.service(psi::ServiceId{0x101});
  service.audio.clear();
  stream_.replace(service);
  maker.feed(stream_.make(12s), 12s);
  maker.close();
  const auto ring = ring::open_ring(path());
  const auto streams_at = [&](std::chrono::seconds time) {
    const auto tracker = ring->tables_at(*ring->find(RingMaker::start + time));
    const auto* found = tracker->find(psi::ServiceId{0x101});
    return found != nullptr && found->pmt ? found->pmt->streams.size() : 0;
  };
  EXPECT_EQ(streams_at(0s), 3u);
  EXPECT_EQ(streams_at(11s), 3u);
  EXPECT_EQ(streams_at(13s), 1u);
  EXPECT_EQ(streams_at(22s), 1u);
  const auto tracker = ring->tables_at(ring->end());
  ASSERT_TRUE(tracker->find(psi::ServiceId{0x101}));
  EXPECT_TRUE(tracker->find(psi::ServiceId{0x101})->sdt);
  EXPECT_TRUE(tracker->find(psi::ServiceId{0x101})->present);
}

TEST_F(Recording, GrowsWhileItIsWritten) {
  RingMaker maker{options()};
  maker.feed(stream_.make(5s), 5s);
  maker.writer().flush(maker.now());
  const auto ring = ring::open_ring(path());
  EXPECT_TRUE(ring->being_written());
  EXPECT_EQ(ring->writer(), getpid());
  const auto before = ring->end();
  EXPECT_FALSE(ring->segments().back().complete);
  maker.feed(stream_.make(10s), 10s);
  maker.writer().flush(maker.now());
  EXPECT_EQ(ring->end(), before);
  ring->refresh();
  EXPECT_GT(ring->end(), before);
  EXPECT_EQ(ring->segments().size(), 2u);
  maker.close();
  ring->refresh();
  EXPECT_TRUE(ring->segments().back().complete);
}

TEST_F(Recording, LetsGoOfSegmentsThatExpire) {
  const auto ring = three_segments();
  std::filesystem::remove(ring->segments()[0].path);
  EXPECT_EQ(ring->open_segment(1), nullptr);
  ring->refresh();
  EXPECT_EQ(ring->segments().size(), 2u);
  EXPECT_EQ(ring->advance({1, 5}, 0), (Position{2, 0}));
}

TEST_F(Recording, ShowsARemovedSegmentAsAGap) {
  three_segments();
  std::filesystem::remove(ring::list_segments(path()).segments[1].path);
  const auto ring = ring::open_ring(path());
  const auto gaps = ring->gaps({0, 0}, ring->end());
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].before, (Position{3, 0}));
  EXPECT_NEAR(std::chrono::duration<double>(gaps[0].to - gaps[0].from).count(), 10, 0.3);
  EXPECT_EQ(ring->coverage(1s).size(), 2u);
}

TEST_F(Recording, ReadsARingWhoseIndexesAreGone) {
  three_segments();
  const auto expected = ring::open_ring(path())->access_points({0, 0}, {9, 0}).size();
  for (const auto& segment : ring::list_segments(path()).segments) std::filesystem::remove(segment.index_path);
  const auto ring = ring::open_ring(path());
  EXPECT_EQ(ring->segments().size(), 3u);
  EXPECT_EQ(ring->access_points({0, 0}, ring->end()).size(), expected);
  EXPECT_NEAR(std::chrono::duration<double>(ring->duration()).count(), 25, 0.5);
}

TEST_F(Recording, RefusesWhatIsNotARing) {
  EXPECT_NE(refusal([&] { ring::open_ring(path()); }).find("No such file"), std::string::npos);
  std::filesystem::create_directory(path());
  EXPECT_NE(refusal([&] { ring::open_ring(path()); }).find("not a recording"), std::string::npos);
  const auto plain = file("plain.ts", stream_.make(1s));
  EXPECT_NE(refusal([&] { ring::open_ring(plain); }).find("a file"), std::string::npos);
}

TEST_F(Recording, SeesFilesAsOne) {
  const auto first = stream_.make(6s), second = stream_.make(4s);
  const auto recording = ring::open_files({file("a.ts", first), file("b.ts", second)});
  ASSERT_EQ(recording->segments().size(), 2u);
  EXPECT_EQ(recording->end(), (Position{2, second.size()}));
  EXPECT_NEAR(std::chrono::duration<double>(recording->duration()).count(), 10, 0.2);
  EXPECT_EQ(recording->find_offset(8s)->segment, 2u);
  EXPECT_GE(recording->access_points({0, 0}, recording->end()).size(), 8u);
  EXPECT_TRUE(recording->gaps({0, 0}, recording->end()).empty());
}

TEST_F(Recording, DatesFilesByTheirTdt) {
  const auto recording = ring::open_files({file("a.ts", stream_.make(10s))});
  ASSERT_TRUE(recording->segments()[0].first);
  const ts::WallTime utc{std::chrono::sys_days{std::chrono::year{2026} / 1 / 15} + 12h};
  EXPECT_LT(std::chrono::abs(*recording->segments()[0].first - utc), 1500ms);
  const auto position = recording->find(utc + 5s);
  ASSERT_TRUE(position);
  EXPECT_LT(std::chrono::abs(*recording->date_of(*position) - (utc + 5s)), 600ms);
}

TEST_F(Recording, HasNoDatesWhereThereIsNoTdt) {
  auto packets = stream_.make(5s);
  for (auto& packet : packets) {
    if (packet.pid() == ts::tdt_pid) packet = ts::Packet::null();
  }
  const auto recording = ring::open_files({file("a.ts", packets)});
  EXPECT_FALSE(recording->segments()[0].first);
  EXPECT_FALSE(recording->find(ts::WallTime{}));
  EXPECT_FALSE(recording->date_of({1, 100}));
  EXPECT_TRUE(recording->coverage(1s).empty());
  EXPECT_NEAR(std::chrono::duration<double>(recording->duration()).count(), 5, 0.2);
}

TEST_F(Recording, TakesTheFirstPmtForAPositionBetweenPatAndPmt) {
  auto packets = stream_.make(20s);
  // The first PMT, and the SDT, come half a second after the first PAT.
  for (std::size_t i = 0; i < packets.size() / 40; ++i) {
    if (packets[i].pid() == ts::Pid{0x100} || packets[i].pid() == ts::sdt_pid) packets[i] = ts::Packet::null();
  }
  const auto recording = ring::open_files({file("a.ts", packets)});
  const auto tables = recording->tables_at({1, packets.size() / 80});
  ASSERT_TRUE(tables->find(psi::ServiceId{0x101}));
  EXPECT_TRUE(tables->find(psi::ServiceId{0x101})->pmt);
  EXPECT_TRUE(tables->sdt());
}

TEST_F(Recording, TakesNoPmtFromLongAfterAPosition) {
  auto packets = stream_.make(20s);
  for (std::size_t i = 0; i < packets.size() / 2; ++i) {
    if (packets[i].pid() == ts::Pid{0x100}) packets[i] = ts::Packet::null();
  }
  const auto recording = ring::open_files({file("a.ts", packets)});
  const auto tables = recording->tables_at({1, packets.size() / 4});
  ASSERT_TRUE(tables->find(psi::ServiceId{0x101}));
  EXPECT_FALSE(tables->find(psi::ServiceId{0x101})->pmt);
}

TEST_F(Recording, TakesTheFirstTablesForTheVeryStart) {
  const auto recording = ring::open_files({file("a.ts", stream_.make(2s))});
  EXPECT_TRUE(recording->tables_at({1, 0})->find(psi::ServiceId{0x101}));
}

// Bytes of one file: packets [from, to) of a stream.
void append(std::vector<std::uint8_t>& bytes, const std::vector<ts::Packet>& packets, std::size_t from,
            std::size_t to) {
  const auto more = ts::bytes_of(std::span{packets}.subspan(from, to - from));
  bytes.insert(bytes.end(), more.begin(), more.end());
}

TEST_F(Recording, ResynchronisesOverBytesThatAreNoPackets) {
  const auto packets = stream_.make(10s);
  const auto half = packets.size() / 2, last = packets.size();
  std::vector<std::uint8_t> inserted{1, 2, 3}, deleted, ended;
  append(inserted, packets, 0, half);
  inserted.insert(inserted.end(), 1000, 'x');
  append(inserted, packets, half, last);
  append(deleted, packets, 0, last);
  const auto hole = deleted.begin() + static_cast<std::ptrdiff_t>(half * ts::packet_size - 100);
  deleted.erase(hole, hole + 100);
  append(ended, packets, 0, half);
  ended.insert(ended.end(), 1000, 'x');

  const auto expect = [&](const std::vector<std::uint8_t>& bytes, std::size_t lost_from, std::size_t lost_to) {
    write_file(directory_.path() / "damaged.ts", bytes);
    const auto recording = ring::open_files({directory_.path() / "damaged.ts"});
    const auto& segment = recording->segments().front();
    auto left = packets;
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(lost_from),
               left.begin() + static_cast<std::ptrdiff_t>(lost_to));
    ASSERT_EQ(segment.packets, left.size());
    for (std::size_t i = 0; i < left.size(); ++i) {
      const auto place = ring::place_of(segment, i);
      ASSERT_LE(place.offset + ts::packet_size, bytes.size());
      // Of the packet before a hole, nobody knows where it ended.
      const auto sure = i + 1 == lost_from ? 88 : ts::packet_size;
      ASSERT_TRUE(std::equal(left[i].bytes.begin(), left[i].bytes.begin() + sure,
                             bytes.begin() + static_cast<std::ptrdiff_t>(place.offset)));
      ASSERT_EQ(place.end, i < lost_from ? lost_from : left.size());
    }
    const auto gaps = recording->gaps({1, 0}, recording->end());
    ASSERT_EQ(gaps.size(), 1u);
    EXPECT_EQ(gaps[0].before, (Position{1, lost_from}));
    EXPECT_EQ(gaps[0].cause, ring::GapRecord::Cause::damaged);
  };
  expect(inserted, half, half);
  expect(deleted, half, half + 1);
  expect(ended, half, last);
}

TEST_F(Recording, LeavesOutATornLastPacketWithoutAWord) {
  std::vector<std::uint8_t> bytes;
  append(bytes, stream_.make(1s), 0, 500);
  bytes.resize(bytes.size() - 100);
  write_file(directory_.path() / "torn.ts", bytes);
  const auto recording = ring::open_files({directory_.path() / "torn.ts"});
  EXPECT_EQ(recording->end(), (Position{1, 499}));
  EXPECT_TRUE(recording->gaps({1, 0}, recording->end()).empty());
}

TEST_F(Recording, RefusesFilesOfOtherPackets) {
  const auto open = [&](const std::string& name) { ring::open_files({directory_.path() / name}); };
  const auto packets = stream_.make(1s);
  std::vector<std::uint8_t> long_packets;
  for (const auto& packet : packets) {
    long_packets.insert(long_packets.end(), packet.bytes.begin(), packet.bytes.end());
    long_packets.resize(long_packets.size() + 16);
  }
  write_file(directory_.path() / "204.ts", long_packets);
  write_file(directory_.path() / "text.ts", std::vector<std::uint8_t>(5000, 'x'));
  write_file(directory_.path() / "empty.ts", {});
  write_file(directory_.path() / "short.ts", std::vector<std::uint8_t>(100, 0x47));
  EXPECT_NE(refusal([&] { open("204.ts"); }).find("204 bytes long"), std::string::npos);
  EXPECT_NE(refusal([&] { open("text.ts"); }).find("not a transport stream"), std::string::npos);
  EXPECT_NE(refusal([&] { open("empty.ts"); }).find("empty"), std::string::npos);
  EXPECT_NE(refusal([&] { open("short.ts"); }).find("shorter"), std::string::npos);
  EXPECT_NE(refusal([&] { open("nowhere.ts"); }).find("No such file"), std::string::npos);
}

TEST(RecordingOfCaptures, KnowsTheDurationOfEach) {
  CAPTURE_OR_SKIP(bytes, "sd-h264-aac.ts");
  const auto recording = ring::open_files({test::capture_path("sd-h264-aac.ts")});
  EXPECT_NEAR(std::chrono::duration<double>(recording->duration()).count(), 12, 0.3);
  EXPECT_GE(recording->access_points({0, 0}, recording->end()).size(), 2u);
}

}  // namespace
