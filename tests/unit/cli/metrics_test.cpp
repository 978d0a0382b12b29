#include "common/cli/metrics.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "common/cli/app.hpp"

namespace cli {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class MetricsFile : public testing::Test {
 protected:
  MetricsFile() {
    std::string pattern = fs::temp_directory_path() / "metrics_test.XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~MetricsFile() override { fs::remove_all(folder_); }

  static std::string read(const fs::path& path) {
    std::ostringstream out;
    out << std::ifstream{path}.rdbuf();
    return out.str();
  }

  fs::path folder_;
};

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(Metrics, AreWrittenAsPrometheusReadsThem) {
  Metrics metrics{"tscircrec"};
  metrics.counter("packets_total", "Packets received.").add(7);
  metrics.counter("lost_total", "Lost.", {{"pid", "0x0100"}}).add();
  metrics.counter("lost_total", "Lost.", {{"pid", "0x0101"}}).set(9);
  metrics.gauge("buffer_seconds", "In the buffer.").set(0.25);
  const std::string text = metrics.text("france3");
  EXPECT_TRUE(has_line(text, "# HELP headend_tscircrec_packets_total Packets received."));
  EXPECT_TRUE(has_line(text, "# TYPE headend_tscircrec_packets_total counter"));
  EXPECT_TRUE(has_line(text, "headend_tscircrec_packets_total{channel=\"france3\"} 7"));
  EXPECT_TRUE(has_line(text, "headend_tscircrec_lost_total{channel=\"france3\",pid=\"0x0100\"} 1"));
  EXPECT_TRUE(has_line(text, "headend_tscircrec_lost_total{channel=\"france3\",pid=\"0x0101\"} 9"));
  EXPECT_TRUE(has_line(text, "# TYPE headend_tscircrec_buffer_seconds gauge"));
  EXPECT_TRUE(has_line(text, "headend_tscircrec_buffer_seconds{channel=\"france3\"} 0.25"));
  EXPECT_NE(text.find("headend_build_info{channel=\"france3\",tool=\"tscircrec\",version=\""), std::string::npos);
}

TEST(Metrics, HaveOneHeadAFamily) {
  Metrics metrics{"t"};
  metrics.counter("a_total", "A.", {{"x", "1"}});
  metrics.counter("b_total", "B.");
  metrics.counter("a_total", "A.", {{"x", "2"}});
  const std::string text = metrics.text("c");
  EXPECT_EQ(text.find("# TYPE headend_t_a_total"), text.rfind("# TYPE headend_t_a_total"));
  EXPECT_LT(text.find("x=\"2\""), text.find("b_total"));
}

TEST(Metrics, SameNameAndLabelsAreTheSameCell) {
  Metrics metrics{"t"};
  EXPECT_EQ(&metrics.counter("a_total", "A.", {{"x", "1"}}), &metrics.counter("a_total", "A.", {{"x", "1"}}));
}

TEST(Metrics, EscapeNamesFromStreams) {
  Metrics metrics{"t"};
  metrics.counter("a_total", "A.", {{"service", "say \"hi\" \\ \n"}});
  EXPECT_TRUE(has_line(metrics.text("c"), R"(headend_t_a_total{channel="c",service="say \"hi\" \\ ?"} 0)"));
}

// Prometheus takes nothing of a file that is not UTF-8.
TEST(Metrics, AreUtf8WhateverAnOutputIsCalled) {
  Metrics metrics{"t"};
  metrics.counter("a_total", "A.", {{"output", "caf\xE9.ts"}});
  EXPECT_TRUE(has_line(metrics.text("c\xFF"), R"(headend_t_a_total{channel="c?",output="caf?.ts"} 0)"));
}

TEST(Metrics, GaugeThatWasNotMeasuredIsNotWritten) {
  Metrics metrics{"t"};
  Gauge& gauge = metrics.gauge("delay_seconds", "Delay.");
  EXPECT_EQ(metrics.text("c").find("delay"), std::string::npos);
  gauge.set(0);
  EXPECT_TRUE(has_line(metrics.text("c"), "headend_t_delay_seconds{channel=\"c\"} 0"));
  gauge.clear();
  EXPECT_EQ(metrics.text("c").find("delay"), std::string::npos);
}

TEST(Metrics, OfAnOutputThatEndedAreForgotten) {
  Metrics metrics{"t"};
  metrics.counter("a_total", "A.", {{"output", "x"}});
  metrics.counter("a_total", "A.", {{"output", "y"}});
  metrics.forget("output", "x");
  const std::string text = metrics.text("c");
  EXPECT_EQ(text.find("output=\"x\""), std::string::npos);
  EXPECT_NE(text.find("output=\"y\""), std::string::npos);
}

TEST_F(MetricsFile, IsReplacedWhole) {
  Metrics metrics{"t"};
  const fs::path path = folder_ / "france3.prom";
  metrics.write_file(path);
  // A reader that has the old file open keeps it.
  std::ifstream reader{path};
  metrics.counter("a_total", "A.").add(5);
  metrics.write_file(path);
  std::string old;
  std::getline(reader, old, '\0');
  EXPECT_FALSE(has_line(old, "headend_t_a_total{channel=\"france3\"} 5"));
  EXPECT_TRUE(has_line(read(path), "headend_t_a_total{channel=\"france3\"} 5"));
  EXPECT_EQ(std::distance(fs::directory_iterator{folder_}, fs::directory_iterator{}), 1);
}

TEST_F(MetricsFile, DoesNotReplaceWhatHoldsSomethingElse) {
  const Metrics metrics{"t"};
  const fs::path stream = folder_ / "film.ts";
  std::ofstream{stream} << "G@";
  EXPECT_THROW(metrics.write_file(stream), std::system_error);
  EXPECT_THROW((MetricsWriter{metrics, stream}), UsageError);
  EXPECT_EQ(read(stream), "G@");
  const fs::path fifo = folder_ / "fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_THROW((MetricsWriter{metrics, fifo}), UsageError);
  EXPECT_TRUE(fs::is_fifo(fifo));
}

TEST_F(MetricsFile, ThatCannotBeWrittenIsNamed) {
  try {
    Metrics{"t"}.write_file(folder_ / "no" / "x.prom");
    FAIL();
  } catch (const std::system_error& error) {
    const std::string expected = "open " + (folder_ / "no" / "x.prom").string() + ".";
    EXPECT_EQ(std::string{error.what()}.substr(0, expected.size()), expected);
    EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
  }
}

TEST_F(MetricsFile, IsWrittenAtMostEachIntervalAndAtTheEnd) {
  const fs::path path = folder_ / "x.prom";
  Metrics metrics{"t"};
  int refreshed = 0;
  const ts::SteadyTime start{1h};
  {
    MetricsWriter writer{metrics, path, [&] { ++refreshed; }, 5s};
    writer.poll(start);
    writer.poll(start + 4s);
    EXPECT_EQ(refreshed, 1);
    writer.poll(start + 5s);
    EXPECT_EQ(refreshed, 2);
    metrics.counter("a_total", "A.").add(3);
  }
  EXPECT_EQ(refreshed, 3);
  EXPECT_TRUE(has_line(read(path), "headend_t_a_total{channel=\"x\"} 3"));
}

TEST_F(MetricsFile, ThatCannotBeWrittenDoesNotStopTheTool) {
  const Metrics metrics{"t"};
  set_log("t", Priority::info);
  testing::internal::CaptureStderr();
  {
    MetricsWriter writer{metrics, folder_ / "no" / "x.prom", {}, 5s};
    writer.poll(ts::SteadyTime{1h});
  }
  const std::string message = testing::internal::GetCapturedStderr();
  EXPECT_EQ(message.substr(0, 16), "t: metrics: open");
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 1);
}

}  // namespace
}  // namespace cli
