// Real captures, against the figures of an independent analyser.
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>

#include "common/io/source.hpp"
#include "tests/support/captures.hpp"
#include "tests/unit/tsmon_fixture.hpp"

namespace tsmon_test {
namespace {

// A capture watched as a session does.
class Capture {
 public:
  explicit Capture(const std::string& name) : monitor(Options{}.monitor(false)) {
    const auto source = io::open_source(io::Endpoint::parse(test::capture_path(name).string()));
    while (!source->ended()) {
      const auto chunks = source->read(std::chrono::milliseconds{100});
      monitor.feed(chunks, source->statistics());
    }
    monitor.finish();
  }
  std::uint64_t count(Indicator indicator) const { return monitor.board().count(indicator); }
  std::uint64_t continuity_errors(unsigned pid) const { return monitor.state(ts::Pid{pid}).continuity_errors; }
  std::size_t pcr_pids() const {
    std::size_t count = 0;
    for (const ts::Pid pid : monitor.pids()) {
      const auto& pcr = monitor.state(pid).pcr;
      if (pcr && pcr->figures().count > 0) ++count;
    }
    return count;
  }
  double mean_interval_rate() const {
    return monitor.timeline().mean_interval_rate().value_or(0) * 8 * static_cast<double>(ts::packet_size);
  }
  std::string told() const {
    std::string out;
    for (const auto& [key, alarm] : monitor.board().history()) out += describe(alarm) + "\n";
    return out;
  }

  Monitor monitor;
};

#define WATCH_OR_SKIP(name)                 \
  { CAPTURE_OR_SKIP(bytes, name); }         \
  const Capture capture{name};              \
  const Monitor& monitor = capture.monitor; \
  SCOPED_TRACE(capture.told())

TEST(Captures, WholeMultiplex) {
  WATCH_OR_SKIP("mpts-dvbt-22394kbps.ts");
  EXPECT_EQ(monitor.totals().packets, 20'000u);
  EXPECT_EQ(monitor.tracker().services().size(), 8u);
  EXPECT_EQ(monitor.pids().size(), 41u);
  EXPECT_EQ(capture.pcr_pids(), 9u);
  EXPECT_NEAR(capture.mean_interval_rate(), 22'394'313, 22'394);
  EXPECT_NEAR(*monitor.mean_rate(), 22'394'313, 22'394);
  EXPECT_EQ(capture.count(Indicator::continuity), 0u);
  EXPECT_EQ(monitor.totals().transport_errors, 0u);
  EXPECT_EQ(monitor.totals().bad_sync, 0u);
}

TEST(Captures, SatelliteService) {
  WATCH_OR_SKIP("hd1080i-h264-eac3-dvbsub.ts");
  EXPECT_EQ(monitor.totals().packets, 5320u);
  EXPECT_EQ(capture.count(Indicator::continuity), 0u);
  EXPECT_NEAR(capture.mean_interval_rate(), 7'155'787, 7155);
}

TEST(Captures, FullHdService) {
  WATCH_OR_SKIP("hd1080p-h264-mp2.ts");
  EXPECT_EQ(monitor.totals().packets, 10'888u);
  EXPECT_NEAR(capture.mean_interval_rate(), 1'664'477, 1664);
  // Some PCRs are 100 ms off a constant rate: that is no inaccuracy, it has none.
  EXPECT_EQ(capture.count(Indicator::pcr_accuracy), 0u);
  EXPECT_EQ(monitor.board().unmeasured(Indicator::pcr_accuracy), "no constant rate between PCRs");
}

TEST(Captures, SdService) {
  WATCH_OR_SKIP("sd-h264-aac.ts");
  EXPECT_EQ(monitor.totals().packets, 9692u);
  EXPECT_NEAR(capture.mean_interval_rate(), 1'213'134, 1213);
}

TEST(Captures, PcrOnItsOwnPid) {
  WATCH_OR_SKIP("sd-mpeg2-mp2.ts");
  EXPECT_EQ(monitor.totals().packets, 9751u);
  EXPECT_EQ(monitor.pids().size(), 6u);
  EXPECT_EQ(capture.pcr_pids(), 1u);
  EXPECT_NEAR(capture.mean_interval_rate(), 4'963'330, 4963);
}

TEST(Captures, EventSchedule) {
  WATCH_OR_SKIP("eit-schedule.ts");
  EXPECT_EQ(monitor.totals().packets, 1145u);
  EXPECT_EQ(monitor.totals().transport_errors, 9u);
  EXPECT_EQ(capture.count(Indicator::transport), 9u);
}

TEST(Captures, CorruptSync) {
  WATCH_OR_SKIP("corrupt-sync.ts");
  EXPECT_EQ(monitor.totals().packets, 300u);
  EXPECT_EQ(monitor.totals().bad_sync, 5u);
  EXPECT_EQ(capture.count(Indicator::sync_byte), 5u);
  EXPECT_EQ(monitor.totals().transport_errors, 3u);
  EXPECT_EQ(capture.count(Indicator::transport), 3u);
}

TEST(Captures, BadReception) {
  WATCH_OR_SKIP("scrambled-tei-cc-errors.ts");
  EXPECT_EQ(monitor.totals().packets, 4000u);
  EXPECT_EQ(monitor.pids().size(), 58u);
  EXPECT_EQ(monitor.scrambled_pids(), 12u);
  EXPECT_EQ(monitor.totals().transport_errors, 19u);
  EXPECT_NEAR(static_cast<double>(capture.count(Indicator::continuity)), 140, 10);
}

TEST(Captures, ThreeMissingThenSeven) {
  WATCH_OR_SKIP("cc-3-missing-then-7-missing.ts");
  EXPECT_EQ(monitor.totals().packets, 33u);
  EXPECT_EQ(monitor.pids().size(), 1u);
  EXPECT_EQ(capture.count(Indicator::continuity), 2u);
  EXPECT_EQ(monitor.lost_packets(), 10u);
  EXPECT_EQ(monitor.board().total(), 2u);
}

// Allowed duplicates, a gap of ten, and a counter that counts where there is no payload.
TEST(Captures, DuplicatesAndAGapOfTen) {
  WATCH_OR_SKIP("cc-duplicates-and-gap-of-10.ts");
  EXPECT_EQ(monitor.totals().packets, 21u);
  EXPECT_EQ(monitor.pids().size(), 2u);
  std::uint64_t duplicates = 0;
  bool gap_of_ten = false;
  for (const ts::Pid pid : monitor.pids()) {
    duplicates += monitor.state(pid).duplicates;
    gap_of_ten = gap_of_ten || monitor.state(pid).lost == 10;
  }
  EXPECT_GT(duplicates, 0u);
  EXPECT_TRUE(gap_of_ten);
}

}  // namespace
}  // namespace tsmon_test
