#include "tools/tsmux/options.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tsmux {
namespace {

using namespace std::chrono_literals;

struct Asked {
  Options options;
  std::string refusal;
};
Asked asked(const std::vector<std::string>& arguments) {
  Asked out;
  cli::App app{"tsmux", "multiplex services"};
  declare(app, out.options);
  try {
    app.parse(arguments);
    complete(out.options);
  } catch (const cli::UsageError& e) {
    out.refusal = e.what();
  }
  return out;
}
std::string refusal(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"--bitrate", "10M", "--input", "a.ts"});
  return asked(arguments).refusal;
}

TEST(TsmuxOptions, NeedARateAndAnInput) {
  EXPECT_EQ(asked({"--bitrate", "24M", "--input", "a.ts"}).refusal, "");
  EXPECT_EQ(asked({"--input", "a.ts"}).refusal, "--bitrate is missing");
  EXPECT_EQ(asked({"--bitrate", "24M"}).refusal, "no input: give --input ENDPOINT");
}

TEST(TsmuxOptions, RefuseARateThatTablesAloneWouldFill) {
  EXPECT_NE(asked({"--bitrate", "99999", "--input", "a.ts"}).refusal.find("too low"), std::string::npos);
  EXPECT_EQ(asked({"--bitrate", "100k", "--input", "a.ts"}).refusal, "");
  EXPECT_NE(asked({"--bitrate", "24G", "--input", "a.ts"}).refusal, "");
}

TEST(TsmuxOptions, WriteToStandardOutputUnlessToldWhere) {
  EXPECT_EQ(asked({"--bitrate", "24M", "--input", "a.ts"}).options.output.text, "-");
  EXPECT_EQ(asked({"--bitrate", "24M", "--input", "a.ts", "b.ts"}).options.output.path, "b.ts");
}

TEST(TsmuxOptions, GiveOneServiceToVbr) {
  EXPECT_EQ(refusal({"--vbr"}), "");
  EXPECT_NE(refusal({"--vbr", "--input", "b.ts"}), "");
  EXPECT_NE(asked({"--bitrate", "10M", "--vbr", "--input", "b.ts,service=all"}).refusal, "");
}

TEST(TsmuxOptions, RefuseTheOutputWhereSomethingElseIs) {
  EXPECT_EQ(refusal({"./a.ts"}), "input a.ts and output ./a.ts are one file");
  EXPECT_NE(refusal({"--remember", "a.ts", "b.ts"}), "");
  EXPECT_NE(refusal({"--remember", "b.ts", "b.ts"}), "");
  EXPECT_NE(asked({"--bitrate", "10M", "--input", "udp://239.1.1.1:5000", "rtp://239.1.1.1:5000"}).refusal, "");
}

TEST(TsmuxOptions, RefuseTimesOutOfRange) {
  EXPECT_NE(refusal({"--pcr-interval", "9ms"}), "");
  EXPECT_NE(refusal({"--pcr-interval", "101ms"}), "");
  EXPECT_NE(refusal({"--latency", "1ms"}), "");
  EXPECT_NE(refusal({"--duration", "0"}), "");
  EXPECT_EQ(refusal({"--pcr-interval", "100ms", "--latency", "1s", "--duration", "1s"}), "");
}

TEST(TsmuxOptions, GiveTheirLatencyToInputsThatHaveNone) {
  const auto all = asked({"--bitrate", "10M", "--latency", "1s", "-i", "udp://:5000", "-i", "udp://:5001,latency=2s"});
  ASSERT_EQ(all.options.receptions.size(), 2U);
  EXPECT_EQ(all.options.receptions[0].latency, 1s);
  EXPECT_EQ(all.options.receptions[1].latency, 2s);
}

TEST(TsmuxOptions, BeginAtADateOnlyWithFiles) {
  const auto begun = asked({"--bitrate", "10M", "-i", "a.ts", "--start", "2026-11-22T19:50:00Z"});
  EXPECT_EQ(begun.options.start_time, ts::WallTime{1795377000s});
  EXPECT_NE(asked({"--bitrate", "10M", "-i", "udp://:5000", "--start", "2026-11-22T19:50:00Z"}).refusal, "");
}

TEST(TsmuxOptions, AskForTheXmltvFileAndItsChannelTogether) {
  EXPECT_NE(refusal({"--xmltv", "guide.xml"}), "");
  EXPECT_NE(asked({"--bitrate", "10M", "-i", "a.ts,xmltv=un"}).refusal, "");
  EXPECT_EQ(asked({"--bitrate", "10M", "-i", "a.ts,xmltv=un", "--xmltv", "guide.xml"}).refusal, "");
}

TEST(TsmuxOptions, CheckTheDeliverySystem) {
  EXPECT_EQ(refusal({"--delivery", "dvb-c:frequency=330M,symbol-rate=6.9M,modulation=qam256"}), "");
  EXPECT_NE(refusal({"--delivery", "dvb-c:frequency=330M"}), "");
}

TEST(TsmuxOptions, CheckTheCountry) {
  EXPECT_EQ(refusal({"--country", "FRA", "--time-zone", "Europe/Paris"}), "");
  EXPECT_NE(refusal({"--country", "FR"}), "");
  EXPECT_NE(refusal({"--country", "fra"}), "");
  EXPECT_EQ(refusal({"--time-zone", "Europe/Paris"}), "");
  EXPECT_NE(refusal({"--time-zone", "Europe/Pari"}), "");
  EXPECT_NE(refusal({"--time-zone", "Etc/UTC"}), "");  // which country?
  EXPECT_EQ(refusal({"--time-zone", "Etc/UTC", "--country", "ISL"}), "");
  EXPECT_NE(refusal({"--country", "FRA", "--no-time"}), "");
}

TEST(TsmuxOptions, ClaimNoNetworkThatIsNotOurs) {
  const auto plain = asked({"--bitrate", "10M", "-i", "a.ts"}).options;
  EXPECT_GE(plain.original_network_id, 0xFF01);
  EXPECT_GE(plain.network_id, 0xFF01);
  EXPECT_EQ(asked({"--bitrate", "10M", "-i", "a.ts", "--onid", "0x20fa"}).options.original_network_id, 0x20FA);
  EXPECT_NE(refusal({"--onid", "65536"}), "");
}

}  // namespace
}  // namespace tsmux
