#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "tests/support/captures.hpp"
#include "tests/unit/dvbrecv_fixture.hpp"
#include "tools/dvbrecv/service_list.hpp"

namespace dvbrecv {
namespace {

using namespace std::chrono_literals;

nlohmann::ordered_json listed(std::span<const ts::Packet> packets) {
  ServiceList list;
  list.feed({packets, {}, false});
  return list.json();
}

TEST(ServiceList, NamesServicesAndTheirComponents) {
  auto builder = two_services();
  const auto packets = builder.make(3s);
  const auto json = listed(packets);
  EXPECT_EQ(json["transport_stream_id"], 1);
  EXPECT_EQ(json["original_network_id"], 0x20FA);
  EXPECT_NEAR(json["bit_rate"].get<double>(), 4e6, 2);
  ASSERT_EQ(json["services"].size(), 2u);
  const auto& service = json["services"][0];
  EXPECT_EQ(service["service_id"], 0x0101);
  EXPECT_EQ(service["name"], "Service 1");
  EXPECT_EQ(service["provider"], "Support");
  EXPECT_EQ(service["pmt_pid"], 0x0100);
  EXPECT_EQ(service["pcr_pid"], 0x0101);
  EXPECT_EQ(service["scrambled"], false);
  ASSERT_EQ(service["components"].size(), 3u);
  EXPECT_EQ(service["components"][0]["codec"], "h264");
  EXPECT_EQ(service["components"][2]["kind"], "audio");
  EXPECT_EQ(service["components"][2]["languages"], (std::vector<std::string>{"eng"}));
  const auto share = static_cast<double>(only(packets, ts::Pid{0x0101}).size()) / static_cast<double>(packets.size());
  EXPECT_NEAR(service["components"][0]["bit_rate"].get<double>(), 4e6 * share, 2);
}

TEST(ServiceList, SaysWhatItDidNotMeasure) {
  auto builder = two_services();
  auto packets = builder.make(3s);
  support::lose(packets, ts::Pid{0x0103}, 0, 1000);
  support::lose(packets, ts::Pid{0x0200}, 0, 1000);
  support::lose(packets, ts::sdt_pid, 0, 1000);
  const auto json = listed(packets);
  EXPECT_TRUE(json["services"][0]["name"].is_null());
  EXPECT_TRUE(json["services"][0]["components"][2]["scrambled"].is_null());
  EXPECT_TRUE(json["services"][1]["components"].is_null());
  EXPECT_TRUE(json["services"][1]["scrambled"].is_null());
}

TEST(ServiceList, SeesScrambling) {
  auto builder = two_services();
  auto packets = builder.make(3s);
  for (auto& packet : packets) {
    if (packet.pid() == ts::Pid{0x0101}) packet.bytes[3] |= 0x80;
  }
  const auto json = listed(packets);
  EXPECT_EQ(json["services"][0]["scrambled"], true);
  EXPECT_EQ(json["services"][0]["components"][0]["scrambled"], true);
  EXPECT_EQ(json["services"][0]["components"][1]["scrambled"], false);
  EXPECT_EQ(json["services"][1]["scrambled"], false);
}

TEST(ServiceList, PrintsOneRowAComponent) {
  auto builder = two_services();
  const auto packets = builder.make(3s);
  ServiceList list;
  list.feed({packets, {}, false});
  const auto text = list.text();
  EXPECT_NE(text.find("0x0101 (257)"), std::string::npos);
  EXPECT_NE(text.find("audio mp2"), std::string::npos);
  EXPECT_NE(text.find("video h264, PCR"), std::string::npos);
  EXPECT_NE(text.find("0x0203 (515)"), std::string::npos);
}

TEST(ServiceList, AgreesWithAnAnalyserOnARealMultiplex) {
  CAPTURE_OR_SKIP(bytes, "mpts-dvbt-22394kbps.ts");
  const auto json = listed(ts::packets_in(bytes));
  EXPECT_EQ(json["services"].size(), 8u);
  EXPECT_NEAR(json["bit_rate"].get<double>(), 22'394'313, 500);
}

}  // namespace
}  // namespace dvbrecv
