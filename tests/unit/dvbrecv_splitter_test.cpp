#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <set>

#include "common/psi/elementary_stream.hpp"
#include "tests/support/captures.hpp"
#include "tests/unit/dvbrecv_fixture.hpp"

namespace dvbrecv {
namespace {

using namespace std::chrono_literals;
using psi::ServiceId;
using support::ServiceOptions;
using ts::Pid;

constexpr ServiceId first{0x0101}, second{0x0102};
constexpr Pid video{0x0101}, french{0x0102}, english{0x0103}, pmt_pid{0x0100};

std::uint16_t extension(const psi::SectionBytes& section) { return ts::Section{section}.extension(); }
unsigned version(const psi::SectionBytes& section) { return ts::Section{section}.version(); }

std::set<psi::SectionBytes> distinct(const std::vector<psi::SectionBytes>& sections) {
  return {sections.begin(), sections.end()};
}

bool is_tail(const std::vector<ts::Packet>& tail, const std::vector<ts::Packet>& all) {
  return tail.size() <= all.size() && std::equal(tail.rbegin(), tail.rend(), all.rbegin());
}

TEST(Splitter, GivesEachServiceAPatOfItsOwn) {
  auto builder = two_services();
  Rig rig{{"0x0101=a", "0x0102=b"}};
  rig.feed(builder.make(1s));
  const auto pat = rig.at("b").tracked().pat();
  ASSERT_TRUE(pat);
  EXPECT_EQ(pat->transport_stream_id, 1);
  EXPECT_EQ(pat->network_pid, ts::nit_pid);
  EXPECT_EQ(pat->services, (std::vector<psi::Pat::Entry>{{second, Pid{0x0200}}}));
}

TEST(Splitter, PassesThePmtAsItWasSent) {
  support::StreamBuilder builder;
  auto options = ServiceOptions::numbered(1);
  options.descriptors = {{0x05, {'C', 'U', 'E', 'I'}}, {0xC3, {1, 2, 3}}};
  options.other_streams = {{0x86, Pid{0x0109}, {{0x8A, {1}}, {0xFE, {}}}}};
  builder.add(options);
  builder.add(ServiceOptions::numbered(2));
  Rig rig{{"0x0101=a"}};
  rig.feed(builder.make(1s));
  const auto sections = rig.at("a").sections(pmt_pid);
  ASSERT_FALSE(sections.empty());
  EXPECT_EQ(distinct(sections), (std::set{psi::sections(builder.pmt(first)).front()}));
}

TEST(Splitter, SendsTheSdtWithThisServiceOnly) {
  auto builder = two_services();
  Rig rig{{"0x0102=b"}};
  rig.feed(builder.make(2s));
  const auto sdt = rig.at("b").tracked().sdt();
  ASSERT_TRUE(sdt);
  EXPECT_EQ(sdt->original_network_id, 0x20FA);
  ASSERT_EQ(sdt->services.size(), 1u);
  EXPECT_EQ(sdt->services.front(), builder.sdt().services.back());
}

TEST(Splitter, SendsEventsOfThisServiceOnly) {
  support::StreamBuilder builder;
  for (const unsigned n : {1u, 2u}) {
    auto options = ServiceOptions::numbered(n);
    options.schedule = {*options.present, *options.following};
    builder.add(options);
  }
  const auto packets = builder.make(2s);
  Rig rig{{"0x0101=pf", "0x0101=schedule,eit=schedule", "0x0101=none,eit=none"}};
  rig.feed(packets);
  rig.splitter().finish();
  const auto count = [&](const char* place, std::uint8_t table) {
    const auto sections = rig.at(place).sections(ts::eit_pid, table);
    for (const auto& section : sections) EXPECT_EQ(extension(section), first.value());
    return distinct(sections).size();
  };
  EXPECT_EQ(count("pf", psi::table_id::eit_pf_actual), 2u);
  EXPECT_EQ(count("pf", psi::table_id::eit_schedule_actual_first), 0u);
  EXPECT_EQ(count("schedule", psi::table_id::eit_pf_actual), 2u);
  EXPECT_EQ(count("schedule", psi::table_id::eit_schedule_actual_first), 1u);
  EXPECT_TRUE(rig.at("none").of(ts::eit_pid).empty());
}

TEST(Splitter, SpacesEventsForTheTransportBuffer) {
  support::StreamBuilder builder{{.rate = 8'000'000}};
  auto options = ServiceOptions::numbered(1);
  options.present->text = options.following->text = std::string(200, 'x');
  options.schedule.assign(8, *options.present);
  builder.add(options);
  Rig rig{{"0x0101=a,eit=schedule"}};
  rig.feed(builder.make(500ms));
  rig.at("a").clear();  // the clock runs now
  rig.feed(builder.make(3s));
  const auto positions = rig.at("a").positions_of(ts::eit_pid);
  ASSERT_GT(positions.size(), 50u);
  // 1 Mb/s of a multiplex of 8 Mb/s: every eighth packet at most.
  for (std::size_t i = 1; i < positions.size(); ++i) EXPECT_GE(positions[i] - positions[i - 1], 8u);
  EXPECT_EQ(rig.at("a").continuity_errors(), 0u);
}

TEST(Splitter, PassesNetworkAndTimeTablesAsTheyAre) {
  auto builder = two_services();
  const auto packets = builder.make(5s);
  Rig rig{{"0x0101=a"}};
  rig.feed(packets);
  for (const Pid pid : {ts::nit_pid, ts::tdt_pid}) {
    const auto passed = rig.at("a").of(pid);
    ASSERT_GE(passed.size(), 2u);
    EXPECT_TRUE(is_tail(passed, only(packets, pid)));
  }
}

TEST(Splitter, PassesComponentsAsTheyAreAndNothingElse) {
  auto builder = two_services();
  const auto packets = builder.make(3s);
  Rig rig{{"0x0101=a"}};
  rig.feed(packets);
  auto& a = rig.at("a");
  for (const Pid pid : {video, french, english}) {
    const auto passed = a.of(pid);
    EXPECT_GE(passed.size() + 10, only(packets, pid).size()) << pid.value();
    EXPECT_TRUE(is_tail(passed, only(packets, pid))) << pid.value();
  }
  std::set<Pid> pids;
  for (const auto& packet : a.packets) pids.insert(packet.pid());
  EXPECT_EQ(pids, (std::set{ts::pat_pid, ts::nit_pid, ts::sdt_pid, ts::eit_pid, ts::tdt_pid, pmt_pid, video, french,
                            english}));
  EXPECT_EQ(a.continuity_errors(), 0u);
  EXPECT_EQ(a.pcr_pid, video);
  EXPECT_TRUE(std::ranges::is_sorted(a.positions));
}

TEST(Splitter, BeginsWithPatAndPmt) {
  auto builder = two_services();
  Rig rig{{"0x0101=a"}};
  rig.feed(builder.make(1s));
  ASSERT_GE(rig.at("a").packets.size(), 2u);
  EXPECT_EQ(rig.at("a").packets[0].pid(), ts::pat_pid);
  EXPECT_EQ(rig.at("a").packets[1].pid(), pmt_pid);
}

TEST(Splitter, RepeatsPatAndPmtEvery100MsWhateverTheSourceDoes) {
  auto builder = two_services();
  auto packets = builder.make(4s);
  // After the first ones, tables once in a second (11 times 90 ms).
  for (const Pid pid : {ts::pat_pid, pmt_pid}) {
    for (std::size_t n = 3; n < 40; n += 12) support::lose(packets, pid, n, 11);
  }
  Rig rig{{"0x0101=a"}};
  rig.feed(packets);
  const auto packets_in_100_ms = static_cast<std::uint64_t>(4'000'000 / 10 / 1504);
  for (const Pid pid : {ts::pat_pid, pmt_pid}) {
    const auto positions = rig.at("a").positions_of(pid);
    ASSERT_GE(positions.size(), 38u) << pid.value();
    for (std::size_t i = 1; i < positions.size(); ++i) {
      EXPECT_LE(positions[i] - positions[i - 1], packets_in_100_ms) << pid.value() << " at " << positions[i];
    }
  }
}

TEST(Splitter, RepeatsTablesAsTheSourceDoesWithoutAClock) {
  support::StreamBuilder builder;
  auto options = ServiceOptions::numbered(1);
  options.pcr_pid = ts::null_pid;
  builder.add(options);
  Rig rig{{"0x0101=a"}};
  rig.feed(builder.make(2s));
  EXPECT_NEAR(static_cast<double>(rig.at("a").of(ts::pat_pid).size()), 2000.0 / 90, 2);
  EXPECT_FALSE(rig.at("a").of(video).empty());
  EXPECT_FALSE(rig.at("a").pcr_pid);
}

TEST(Splitter, FollowsAPmtThatChanges) {
  auto builder = two_services();
  Rig rig{{"0x0101=a"}};
  rig.feed(builder.make(1s));
  auto& a = rig.at("a");
  EXPECT_FALSE(a.of(english).empty());

  auto options = builder.service(first);
  options.audio = {{french, "fra"}, {Pid{0x0107}, "deu"}};
  options.pcr_pid = Pid{0x0108};
  builder.replace(options);
  a.clear();
  rig.feed(builder.make(1s));
  const auto sections = distinct(a.sections(pmt_pid));
  EXPECT_TRUE(sections.contains(psi::sections(builder.pmt(first)).front()));
  EXPECT_FALSE(a.of(Pid{0x0107}).empty());
  EXPECT_FALSE(a.of(Pid{0x0108}).empty());
  EXPECT_EQ(a.pcr_pid, Pid{0x0108});
  EXPECT_EQ(a.continuity_errors(), 0u);
}

TEST(Splitter, StopsAComponentThatLeftThePmt) {
  auto builder = two_services();
  Rig rig{{"0x0101=a"}};
  rig.feed(builder.make(1s));
  auto changed = builder.pmt(first);
  changed.version = 9;
  std::erase_if(changed.streams, [](const auto& stream) { return stream.pid == english; });
  std::vector<ts::Packet> pmt;
  ts::SectionPacketizer{pmt_pid, 5}.packetize(psi::sections(changed), pmt);
  rig.feed(pmt);
  rig.at("a").clear();
  auto packets = builder.make(500ms);
  support::lose(packets, pmt_pid, 0, 100);  // still the old ones
  rig.feed(packets);
  EXPECT_TRUE(rig.at("a").of(english).empty());
  EXPECT_FALSE(rig.at("a").of(french).empty());
}

TEST(Splitter, FollowsAPmtThatMovesToAnotherPid) {
  auto builder = two_services();
  Rig rig{{"0x0101=a"}};
  rig.feed(builder.make(1s));
  auto& a = rig.at("a");
  const auto before = version(a.sections(ts::pat_pid).back());
  auto options = builder.service(first);
  options.pmt_pid = Pid{0x0777};
  builder.replace(options);
  const auto packets = builder.make(1s);
  rig.feed(packets);
  const auto pat = a.tracked().pat();
  EXPECT_EQ(pat->services, (std::vector<psi::Pat::Entry>{{first, Pid{0x0777}}}));
  EXPECT_EQ(pat->version, (before + 1) % 32);
  EXPECT_FALSE(a.of(Pid{0x0777}).empty());
  EXPECT_TRUE(is_tail(only(packets, video), a.of(video)));  // none is missing meanwhile
  EXPECT_EQ(a.continuity_errors(), 0u);
}

TEST(Splitter, KeepsItsPatWhenOnlyOtherServicesChange) {
  auto builder = two_services();
  Rig rig{{"0x0101=a"}};
  rig.feed(builder.make(1s));
  builder.add(ServiceOptions::numbered(3));
  rig.feed(builder.make(1s));
  EXPECT_EQ(distinct(rig.at("a").sections(ts::pat_pid)).size(), 1u);
  EXPECT_EQ(distinct(rig.at("a").sections(ts::sdt_pid)).size(), 1u);
}

TEST(Splitter, CountsAVersionUpThatTheSourceForgot) {
  auto builder = two_services();
  Rig rig{{"0x0101=a"}};
  rig.feed(builder.make(1s));
  auto changed = builder.pmt(first);  // with the version that it had
  changed.streams.pop_back();
  std::vector<ts::Packet> pmt;
  ts::SectionPacketizer{pmt_pid, 7}.packetize(psi::sections(changed), pmt);
  auto& a = rig.at("a");
  const auto before = version(a.sections(pmt_pid).back());
  a.clear();
  rig.feed(pmt);
  ASSERT_FALSE(a.sections(pmt_pid).empty());
  const auto sent = a.sections(pmt_pid).back();
  EXPECT_EQ(version(sent), (before + 1) % 32);
  EXPECT_TRUE(ts::Section{sent}.crc_ok());
}

TEST(Splitter, SendsOnlyThisServicesPmtWhereTheyShareAPid) {
  support::StreamBuilder builder;
  for (const unsigned n : {1u, 2u}) {
    auto options = ServiceOptions::numbered(n);
    options.pmt_pid = Pid{0x0500};
    builder.add(options);
  }
  Rig rig{{"0x0101=a", "0x0102=b"}};
  rig.feed(builder.make(1s));
  for (const auto& section : rig.at("a").sections(Pid{0x0500})) EXPECT_EQ(extension(section), first.value());
  for (const auto& section : rig.at("b").sections(Pid{0x0500})) EXPECT_EQ(extension(section), second.value());
  EXPECT_EQ(rig.at("a").continuity_errors(), 0u);
  EXPECT_FALSE(rig.at("b").of(Pid{0x0201}).empty());
}

TEST(Splitter, RewritesTheServiceIdInEveryTable) {
  support::StreamBuilder builder;
  auto options = ServiceOptions::numbered(1);
  options.schedule = {*options.present};
  builder.add(options);
  builder.add(ServiceOptions::numbered(2));
  Rig rig{{"0x0101=a,newsid=0x1234,eit=schedule"}};
  rig.feed(builder.make(2s));
  rig.splitter().finish();
  const auto& a = rig.at("a");
  const auto tracker = a.tracked();
  EXPECT_EQ(tracker.crc_errors(), 0u);
  ASSERT_NE(tracker.find(ServiceId{0x1234}), nullptr);
  const auto& service = *tracker.find(ServiceId{0x1234});
  EXPECT_EQ(tracker.services().size(), 1u);
  ASSERT_TRUE(service.pmt && service.sdt && service.present && service.following);
  EXPECT_EQ(service.pmt->streams, builder.pmt(first).streams);
  EXPECT_EQ(service.sdt->descriptors, builder.sdt().services.front().descriptors);
  for (const auto& section : a.sections(ts::eit_pid)) EXPECT_EQ(extension(section), 0x1234);
}

TEST(Splitter, MapsPidsInPacketsAndTables) {
  support::StreamBuilder builder;
  auto options = ServiceOptions::numbered(1);
  const Pid ecm{0x0106};
  options.section_pids = {ecm};
  options.descriptors = {support::ca_descriptor(0x0500, ecm)};
  builder.add(options);
  Rig rig{{"0x0101=a,ca=ecm,pid-map=0x100:0x1000+0x101:0x1001+0x102:0x103+0x103:0x102+0x106:0x1006"}};
  const auto packets = builder.make(1s);
  rig.feed(packets);
  const auto& a = rig.at("a");
  const auto tracker = a.tracked();
  ASSERT_NE(tracker.find(first), nullptr);
  const auto& service = *tracker.find(first);
  EXPECT_EQ(service.pmt_pid, Pid{0x1000});
  ASSERT_TRUE(service.pmt);
  EXPECT_EQ(service.pmt->pcr_pid, Pid{0x1001});
  ASSERT_EQ(service.pmt->streams.size(), 3u);
  EXPECT_EQ(service.pmt->streams[0].pid, Pid{0x1001});
  EXPECT_EQ(service.pmt->streams[1].pid, english);  // changed places
  EXPECT_EQ(service.pmt->streams[2].pid, french);
  EXPECT_EQ(psi::conditional_access_pids(service.pmt->descriptors), (std::vector{Pid{0x1006}}));
  EXPECT_EQ(a.pcr_pid, Pid{0x1001});
  EXPECT_TRUE(a.of(video).empty());
  EXPECT_FALSE(a.of(Pid{0x1006}).empty());
  EXPECT_EQ(a.continuity_errors(), 0u);
  auto expected = only(packets, video);
  for (auto& packet : expected) packet.set_pid(Pid{0x1001});
  EXPECT_TRUE(is_tail(a.of(Pid{0x1001}), expected));
}

TEST(Splitter, LeavesOutComponentsThatAreNotListed) {
  auto builder = two_services();
  Rig rig{{"0x0101=a,pids=0x102"}};
  rig.feed(builder.make(1s));
  const auto& a = rig.at("a");
  const auto tracker = a.tracked();
  ASSERT_TRUE(tracker.find(first) != nullptr && tracker.find(first)->pmt);
  const auto& pmt = *tracker.find(first)->pmt;
  ASSERT_EQ(pmt.streams.size(), 1u);
  EXPECT_EQ(pmt.streams.front(), builder.pmt(first).streams[1]);
  EXPECT_EQ(pmt.pcr_pid, video);
  EXPECT_TRUE(a.of(english).empty());
  EXPECT_FALSE(a.of(french).empty());
  EXPECT_FALSE(a.of(video).empty());  // its clock
}

TEST(Splitter, PassesConditionalAccessOnRequest) {
  const Pid ecm{0x0106}, emm{0x0700};
  support::StreamBuilder builder{{.cat = {support::ca_descriptor(0x0500, emm)}}};
  auto options = ServiceOptions::numbered(1);
  options.section_pids = {ecm, emm};
  options.descriptors = {support::ca_descriptor(0x0500, ecm)};
  builder.add(options);
  Rig rig{{"0x0101=without", "0x0101=ecm,ca=ecm", "0x0101=emm,ca=emm", "0x0101=both,ca=ecm+emm"}};
  rig.feed(builder.make(2s));
  const auto has = [&](const char* place, Pid pid) { return !rig.at(place).of(pid).empty(); };
  for (const char* place : {"without", "ecm", "emm", "both"}) {
    const std::string name{place};
    EXPECT_EQ(has(place, ecm), name == "ecm" || name == "both") << name;
    EXPECT_EQ(has(place, emm), name == "emm" || name == "both") << name;
    EXPECT_EQ(has(place, ts::cat_pid), name == "emm" || name == "both") << name;
    EXPECT_EQ(rig.at(place).continuity_errors(), 0u) << name;
  }
}

TEST(Splitter, IsSilentWhileAServiceIsGoneAndResumesWithIt) {
  auto builder = two_services();
  Rig rig{{"0x0101=a", "0x0102=b"}};
  rig.feed(builder.make(1s));
  auto& b = rig.at("b");
  const auto options = builder.service(second);
  builder.remove(second);
  rig.feed(builder.make(200ms));
  b.clear();
  rig.feed(builder.make(1s));
  EXPECT_TRUE(b.packets.empty());
  EXPECT_EQ(rig.splitter().outputs()[1].service->state(), ServiceOutput::State::gone);

  builder.add(options);
  rig.feed(builder.make(1s));
  EXPECT_EQ(rig.splitter().outputs()[1].service->state(), ServiceOutput::State::present);
  ASSERT_FALSE(b.packets.empty());
  EXPECT_EQ(b.packets.front().pid(), ts::pat_pid);
  EXPECT_NE(b.tracked().find(second), nullptr);
  EXPECT_FALSE(b.of(Pid{0x0201}).empty());
  EXPECT_TRUE(b.tracked().sdt());
  EXPECT_EQ(b.opened, 1u);
  EXPECT_EQ(rig.at("a").continuity_errors(), 0u);
}

TEST(Splitter, WaitsForAServiceThatComesLater) {
  support::StreamBuilder builder;
  builder.add(ServiceOptions::numbered(1));
  Rig rig{{"0x0102=b"}};
  rig.feed(builder.make(1s));
  EXPECT_TRUE(rig.at("b").packets.empty());
  EXPECT_EQ(rig.splitter().outputs()[0].service->state(), ServiceOutput::State::waiting);
  builder.add(ServiceOptions::numbered(2));
  rig.feed(builder.make(1s));
  EXPECT_FALSE(rig.at("b").of(Pid{0x0201}).empty());
}

TEST(Splitter, PassesTheWholeMultiplexByteForByte) {
  auto builder = two_services();
  auto packets = builder.make(1s);
  packets[50].bytes[0] = 0;
  packets[60].bytes[1] |= 0x80;
  Rig rig{{"*=all", "0x0101=a"}};
  rig.feed(packets);
  EXPECT_EQ(rig.at("all").packets, packets);
  EXPECT_EQ(rig.splitter().statistics().bad_sync, 1u);
  EXPECT_EQ(rig.splitter().statistics().transport_errors, 1u);
  EXPECT_GT(rig.splitter().statistics().null_packets, 0u);
}

TEST(Splitter, PassesChosenPidsOfTheMultiplexAsTheyAre) {
  auto builder = two_services();
  const auto packets = builder.make(1s);
  Rig rig{{"*=raw,pids=0+0x12+0x201+8191"}};
  rig.feed(packets);
  std::vector<ts::Packet> expected;
  for (const auto& packet : packets) {
    if (std::set<unsigned>{0, 0x12, 0x201, 8191}.contains(packet.pid().value())) expected.push_back(packet);
  }
  EXPECT_EQ(rig.at("raw").packets, expected);
}

TEST(Splitter, CountsLossWhereItHappened) {
  auto builder = two_services();
  Rig rig{{"0x0101=a", "0x0102=b", "*=all"}};
  rig.feed(builder.make(1s));
  auto packets = builder.make(1s);
  ASSERT_EQ(support::lose(packets, video, 5, 3), 3u);
  rig.feed(packets);
  const auto& outputs = rig.splitter().outputs();
  EXPECT_EQ(outputs[0].port->continuity_errors(), 1u);
  EXPECT_EQ(outputs[1].port->continuity_errors(), 0u);
  EXPECT_EQ(outputs[2].port->continuity_errors(), 1u);
  EXPECT_EQ(rig.splitter().statistics().continuity_errors, 1u);
}

TEST(Splitter, MakesNoBrokenTablesFromDamagedOnes) {
  auto builder = two_services();
  auto packets = builder.make(5s);
  std::mt19937 random{7};
  for (auto& packet : packets) {
    const bool table = packet.pid() <= ts::tdt_pid || packet.pid() == pmt_pid;
    if (table && random() % 3 == 0) packet.bytes[4 + random() % 40] ^= static_cast<std::uint8_t>(1 + random() % 255);
  }
  Rig rig{{"0x0101=a,eit=schedule"}};
  rig.feed(packets);
  rig.splitter().finish();
  const auto& a = rig.at("a");
  for (const Pid pid : {ts::pat_pid, pmt_pid, ts::sdt_pid, ts::eit_pid}) {
    for (const auto& section : a.sections(pid)) EXPECT_TRUE(ts::Section{section}.crc_ok()) << pid.value();
  }
  EXPECT_EQ(distinct(a.sections(pmt_pid)).size(), 1u);
}

TEST(Splitter, PassesPacketsThatTheDemodulatorFlagged) {
  auto builder = two_services();
  Rig rig{{"0x0101=a"}};
  rig.feed(builder.make(1s));
  auto packet = only(builder.make(200ms), video).front();
  packet.bytes[1] |= 0x80;
  rig.at("a").clear();
  rig.feed({packet});
  EXPECT_EQ(rig.at("a").packets, std::vector{packet});
}

TEST(Splitter, SurvivesRandomBytes) {
  std::mt19937 random{11};
  std::vector<ts::Packet> packets(20'000);
  for (auto& packet : packets) {
    for (auto& byte : packet.bytes) byte = static_cast<std::uint8_t>(random());
    packet.bytes[0] = ts::sync_byte;
    packet.bytes[1] &= 0x5F;  // PIDs of tables mostly
  }
  Rig rig{{"0x0101=a,eit=schedule,ca=ecm+emm", "*=all"}};
  rig.feed(packets);
  EXPECT_EQ(rig.at("all").packets.size(), packets.size());
  EXPECT_TRUE(rig.at("a").packets.empty());
}

TEST(Splitter, GoesOnWithoutAnOutputThatFails) {
  auto builder = two_services();
  Rig rig{{"0x0101=a", "0x0102=b"}};
  rig.feed(builder.make(1s));
  rig.at("a").fails = true;
  rig.at("b").clear();
  rig.feed(builder.make(1s));
  EXPECT_FALSE(rig.splitter().outputs()[0].port->is_open());
  EXPECT_EQ(rig.splitter().outputs()[0].port->failure(), "write place: No space left on device");
  EXPECT_FALSE(rig.at("b").of(Pid{0x0201}).empty());
}

TEST(Configure, LeavesAnUnchangedOutputAlone) {
  auto builder = two_services();
  Rig rig{{"0x0101=a", "0x0102=b"}};
  rig.feed(builder.make(1s));
  EXPECT_TRUE(rig.configure({"0x0102=c", "0x0101=a"}).empty());
  rig.feed(builder.make(1s));
  const auto& a = rig.at("a");
  EXPECT_EQ(a.opened, 1u);
  EXPECT_EQ(a.closed, 0u);
  EXPECT_EQ(a.continuity_errors(), 0u);
  EXPECT_EQ(distinct(a.sections(ts::pat_pid)).size(), 1u);
  EXPECT_FALSE(rig.at("c").of(Pid{0x0201}).empty());
}

TEST(Configure, ServesANewOutputAtOnce) {
  auto builder = two_services();
  Rig rig{{"0x0101=a"}};
  rig.feed(builder.make(1s));
  rig.configure({"0x0101=a", "0x0101=also"});
  auto packets = builder.make(50ms);
  rig.feed(packets);
  EXPECT_EQ(rig.at("also").packets.front().pid(), ts::pat_pid);
  EXPECT_FALSE(rig.at("also").of(video).empty());
}

TEST(Configure, KeepsTheSinkOfAnOutputWhoseContentChanges) {
  auto builder = two_services();
  Rig rig{{"0x0101=a"}};
  rig.feed(builder.make(1s));
  auto& a = rig.at("a");
  rig.configure({"0x0101=a,pids=0x102,newsid=7"});
  rig.feed(builder.make(1s));
  EXPECT_EQ(a.opened, 1u);
  EXPECT_EQ(a.closed, 0u);
  EXPECT_EQ(a.continuity_errors(), 0u);
  const auto tracker = a.tracked();
  ASSERT_TRUE(tracker.find(ServiceId{7}) != nullptr && tracker.find(ServiceId{7})->pmt);
  EXPECT_EQ(tracker.find(ServiceId{7})->pmt->streams.size(), 1u);

  rig.configure({"0x0102=a"});
  rig.feed(builder.make(1s));
  EXPECT_EQ(a.opened, 1u);
  EXPECT_NE(a.tracked().find(second), nullptr);
  EXPECT_EQ(a.pcr_pid, Pid{0x0201});
  std::set<unsigned> pat_versions;
  for (const auto& section : distinct(a.sections(ts::pat_pid))) pat_versions.insert(version(section));
  EXPECT_EQ(pat_versions.size(), 3u);
}

TEST(Configure, EndsAnOutputThatIsTakenAway) {
  auto builder = two_services();
  Rig rig{{"0x0101=a", "0x0102=b"}};
  rig.feed(builder.make(1s));
  rig.configure({"0x0101=a"});
  rig.splitter().poll(std::chrono::steady_clock::now());
  EXPECT_EQ(rig.at("b").finished, 1u);
  EXPECT_EQ(rig.at("b").closed, 1u);
  rig.at("b").clear();
  rig.feed(builder.make(1s));
  EXPECT_TRUE(rig.at("b").packets.empty());
}

TEST(Configure, SaysWhichOutputCannotBeOpenedAndTakesOverTheOthers) {
  auto builder = two_services();
  Rig rig;
  rig.refuse("a");
  EXPECT_EQ(rig.configure({"0x0101=a", "0x0102=b"}), (std::vector<std::string>{"open a: Permission denied"}));
  rig.feed(builder.make(1s));
  EXPECT_FALSE(rig.at("b").packets.empty());
}

// Broken multiplexers name all kinds of PIDs there.
TEST(Splitter, TablesMadeHereStayAloneWhateverPidTheNetworkHas) {
  for (const unsigned pid : {0x0000u, 0x0001u, 0x0011u, 0x0012u, 0x0100u, 0x1FFFu}) {
    auto builder = two_services();
    auto packets = builder.make(2s);
    auto pat = builder.pat();
    pat.network_pid = ts::Pid{pid};
    for (auto& packet : packets) {
      if (packet.pid() != ts::pat_pid) continue;
      std::vector<ts::Packet> changed;
      ts::SectionPacketizer{ts::pat_pid, packet.continuity()}.packetize(psi::sections(pat), changed);
      ASSERT_EQ(changed.size(), 1u);
      packet = changed.front();
    }
    Rig rig{{"0x0101=a"}};
    rig.feed(packets);
    const auto& received = rig.at("a");
    EXPECT_EQ(received.continuity_errors(), 0u) << pid;
    EXPECT_EQ(received.tracked().services().size(), 1u) << pid;
    EXPECT_TRUE(received.of(ts::null_pid).empty()) << pid;
    EXPECT_TRUE(received.of(ts::cat_pid).empty()) << pid;
    for (const auto& section : received.sections(ts::pat_pid)) {
      EXPECT_EQ(psi::parse_pat({section})->services.size(), 1u) << pid;
    }
  }
}

// Two multiplexers on one network, or one that is broken: the log must not fill the disk.
TEST(Splitter, SaysLittleThoughTablesChangeAllTheTime) {
  auto builder = two_services();
  const auto second_service = builder.service(psi::ServiceId{0x0102});
  auto other_sound = builder.service(psi::ServiceId{0x0101});
  other_sound.audio.pop_back();
  const auto first_service = builder.service(psi::ServiceId{0x0101});
  Rig rig{{"0x0101=a", "0x0102=b,pids=0x1000"}};
  testing::internal::CaptureStderr();
  for (int i = 0; i < 50; ++i) {
    builder.remove(psi::ServiceId{0x0102});
    builder.replace(other_sound);
    rig.feed(builder.make(200ms));
    builder.add(second_service);
    builder.replace(first_service);
    rig.feed(builder.make(200ms));
  }
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_GT(std::ranges::count(said, '\n'), 5);
  EXPECT_LT(std::ranges::count(said, '\n'), 50);
}

// Every service of a real multiplex, split and checked against the multiplex itself.
TEST(Captures, EveryServiceOfAMultiplexIsWhole) {
  CAPTURE_OR_SKIP(bytes, "mpts-dvbt-22394kbps.ts");
  const auto packets = ts::packets_in(bytes);
  const std::vector<ts::Packet> input(packets.begin(), packets.end());
  psi::ServiceTracker source;
  for (const auto& packet : input) source.feed(packet);
  ASSERT_EQ(source.services().size(), 8u);
  std::vector<std::string> outputs;
  for (const auto& [id, service] : source.services()) {
    outputs.push_back(std::to_string(id.value()) + "=" + std::to_string(id.value()));
  }
  Rig rig{outputs};
  rig.feed(input);
  rig.splitter().finish();
  for (const auto& [id, service] : source.services()) {
    const auto& received = rig.at(std::to_string(id.value()));
    EXPECT_EQ(received.continuity_errors(), 0u) << id.value();
    const auto tracker = received.tracked();
    EXPECT_EQ(tracker.crc_errors(), 0u);
    ASSERT_EQ(tracker.services().size(), 1u) << id.value();
    ASSERT_NE(tracker.find(id), nullptr);
    EXPECT_EQ(tracker.find(id)->pmt_sections, service.pmt_sections) << id.value();
    EXPECT_EQ(tracker.find(id)->sdt, service.sdt) << id.value();
    for (const auto& stream : service.pmt->streams) {
      const auto passed = received.of(stream.pid);
      EXPECT_TRUE(is_tail(passed, only(input, stream.pid))) << id.value() << " " << stream.pid.value();
      EXPECT_EQ(passed.empty(), only(input, stream.pid).empty()) << id.value() << " " << stream.pid.value();
    }
  }
}

}  // namespace
}  // namespace dvbrecv
