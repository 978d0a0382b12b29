#include "common/psi/service_tracker.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

#include <chrono>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "common/psi/elementary_stream.hpp"
#include "tests/support/captures.hpp"
#include "tests/support/stream_builder.hpp"

namespace psi {
namespace {

using namespace std::chrono_literals;
using Change = ServiceTracker::Change;

constexpr ServiceId first{0x0101}, second{0x0102};

// A tracker and what it reported.
class Followed {
 public:
  explicit Followed(bool events = true)
      : tracker_(
            [this](Change change, std::optional<ServiceId> id) {
              ++changes_[{change, id}];
            },
            {.events = events}) {}

  void feed(std::span<const ts::Packet> packets) {
    for (const ts::Packet& packet : packets) tracker_.feed(packet);
  }
  void feed(ts::Pid pid, const SectionBytes& section) {
    std::vector<ts::Packet> packets;
    packetizers_.try_emplace(pid, pid).first->second.packetize(section, packets);
    feed(packets);
  }
  int count(Change change, std::optional<ServiceId> id = std::nullopt) const {
    const auto found = changes_.find({change, id});
    return found == changes_.end() ? 0 : found->second;
  }
  void forget_changes() { changes_.clear(); }
  bool quiet() const { return changes_.empty(); }
  ServiceTracker& operator*() { return tracker_; }
  ServiceTracker* operator->() { return &tracker_; }

 private:
  std::map<std::pair<Change, std::optional<ServiceId>>, int> changes_;
  std::map<ts::Pid, ts::SectionPacketizer> packetizers_;
  ServiceTracker tracker_;
};

support::StreamBuilder two_services() {
  support::StreamBuilder builder;
  builder.add(support::ServiceOptions::numbered(1));
  builder.add(support::ServiceOptions::numbered(2));
  return builder;
}

TEST(ServiceTracker, LearnsAllOfAMultiplex) {
  auto builder = two_services();
  Followed followed;
  followed.feed(builder.make(1s));
  ASSERT_EQ(followed->services().size(), 2u);
  const Service* service = followed->find(first);
  ASSERT_NE(service, nullptr);
  EXPECT_EQ(service->pmt_pid, ts::Pid{0x100});
  EXPECT_EQ(service->pmt, builder.pmt(first));
  EXPECT_EQ(service->pmt_sections, sections(builder.pmt(first)));
  ASSERT_TRUE(service->sdt);
  EXPECT_EQ(service_name(service->sdt->descriptors)->name, "Service 1");
  ASSERT_TRUE(service->present && service->following);
  EXPECT_EQ(short_event(service->present->descriptors)->name, "Le journal");
  EXPECT_EQ(short_event(service->following->descriptors)->name, "Le film");
  EXPECT_EQ(followed->pat(), builder.pat());
  EXPECT_EQ(followed->pat_sections(), sections(builder.pat()));
  EXPECT_EQ(followed->sdt(), builder.sdt());
  EXPECT_EQ(followed->sdt_sections(), sections(builder.sdt()));
  EXPECT_EQ(followed->utc(), support::StreamBuilder::Options{}.utc);
  EXPECT_EQ(followed->crc_errors(), 0u);
}

TEST(ServiceTracker, ReportsEachChangeOnceHoweverOftenItIsRepeated) {
  auto builder = two_services();
  Followed followed;
  followed.feed(builder.make(5s));
  EXPECT_EQ(followed.count(Change::pat), 1);
  EXPECT_EQ(followed.count(Change::sdt), 1);
  EXPECT_EQ(followed.count(Change::pmt, first), 1);
  EXPECT_EQ(followed.count(Change::pmt, second), 1);
  EXPECT_EQ(followed.count(Change::event, first), 2);  // present and following
  EXPECT_EQ(followed.count(Change::cat), 0);
}

TEST(ServiceTracker, FollowsAPatOfEveryProgramme) {
  Pat pat{.transport_stream_id = 1, .version = 0, .network_pid = {}, .services = {}};
  for (unsigned i = 1; i <= 64000; ++i) {
    pat.services.push_back({ServiceId{static_cast<std::uint16_t>(i)}, ts::Pid{static_cast<std::uint16_t>(i & 0x1FFF)}});
  }
  Followed followed;
  for (const bool again : {false, true}) {
    pat.version = again ? 1 : 0;
    for (const SectionBytes& section : sections(pat)) followed.feed(ts::pat_pid, section);
  }
  EXPECT_EQ(followed->services().size(), 64000u);
  EXPECT_EQ(followed.count(Change::pat), 2);
}

TEST(ServiceTracker, FollowsAPmtThatChanges) {
  auto builder = two_services();
  Followed followed;
  followed.feed(builder.make(1s));
  followed.forget_changes();
  auto options = builder.service(first);
  options.audio.pop_back();
  builder.replace(options);
  followed.feed(builder.make(1s));
  EXPECT_EQ(followed.count(Change::pmt, first), 1);
  EXPECT_EQ(followed.count(Change::pmt, second), 0);
  EXPECT_EQ(followed.count(Change::pat), 0);
  EXPECT_EQ(followed->find(first)->pmt->streams.size(), 2u);
}

TEST(ServiceTracker, FollowsAPmtToAnotherPid) {
  auto builder = two_services();
  Followed followed;
  followed.feed(builder.make(1s));
  followed.forget_changes();
  auto options = builder.service(first);
  options.pmt_pid = ts::Pid{0x0ABC};
  options.audio.clear();
  builder.replace(options);
  followed.feed(builder.make(1s));
  EXPECT_EQ(followed.count(Change::pat), 1);
  EXPECT_EQ(followed->find(first)->pmt_pid, ts::Pid{0x0ABC});
  EXPECT_EQ(followed->find(first)->pmt->streams.size(), 1u);
  EXPECT_TRUE(followed->wants(ts::Pid{0x0ABC}));
  EXPECT_FALSE(followed->wants(ts::Pid{0x0100}));
}

TEST(ServiceTracker, KeepsWhatItKnowsOfAServiceWhenOthersComeAndGo) {
  auto builder = two_services();
  Followed followed;
  followed.feed(builder.make(1s));
  followed.forget_changes();
  builder.remove(second);
  builder.add(support::ServiceOptions::numbered(3));
  followed.feed(builder.make(1s));
  EXPECT_EQ(followed->find(second), nullptr);
  EXPECT_FALSE(followed->wants(ts::Pid{0x200}));
  ASSERT_NE(followed->find(ServiceId{0x0103}), nullptr);
  EXPECT_TRUE(followed->find(ServiceId{0x0103})->pmt);
  EXPECT_TRUE(followed->find(ServiceId{0x0103})->sdt);
  EXPECT_EQ(followed.count(Change::pmt, first), 0);
  EXPECT_EQ(followed->find(first)->pmt, builder.pmt(first));
}

TEST(ServiceTracker, LearnsAServiceThatReturnsAnew) {
  auto builder = two_services();
  const auto options = builder.service(second);
  Followed followed;
  followed.feed(builder.make(1s));
  builder.remove(second);
  followed.feed(builder.make(1s));
  followed.forget_changes();
  builder.add(options);
  followed.feed(builder.make(1s));
  EXPECT_EQ(followed.count(Change::pmt, second), 1);
  EXPECT_TRUE(followed->find(second)->pmt);
  EXPECT_TRUE(followed->find(second)->present);
}

TEST(ServiceTracker, TellsServicesApartThatShareAPmtPid) {
  support::StreamBuilder builder;
  auto one = support::ServiceOptions::numbered(1);
  auto two = support::ServiceOptions::numbered(2);
  two.pmt_pid = one.pmt_pid;
  builder.add(one);
  builder.add(two);
  Followed followed;
  followed.feed(builder.make(2s));
  EXPECT_EQ(followed->find(first)->pmt, builder.pmt(first));
  EXPECT_EQ(followed->find(second)->pmt, builder.pmt(second));
  EXPECT_EQ(followed.count(Change::pmt, first), 1);
  EXPECT_EQ(followed.count(Change::pmt, second), 1);
}

TEST(ServiceTracker, IgnoresAPmtOnThePidOfAnotherService) {
  auto builder = two_services();
  Followed followed;
  followed.feed(ts::pat_pid, sections(builder.pat()).front());
  followed.feed(ts::Pid{0x200}, sections(builder.pmt(first)).front());
  EXPECT_FALSE(followed->find(first)->pmt);
  followed.feed(ts::Pid{0x100}, sections(builder.pmt(first)).front());
  EXPECT_TRUE(followed->find(first)->pmt);
}

TEST(ServiceTracker, FollowsEventsAsTheyBeginAndEnd) {
  auto builder = two_services();
  Followed followed;
  followed.feed(builder.make(1s));
  followed.forget_changes();
  auto options = builder.service(first);
  options.present = options.following;
  options.following.reset();
  builder.replace(options);
  followed.feed(builder.make(1s));
  EXPECT_EQ(short_event(followed->find(first)->present->descriptors)->name, "Le film");
  EXPECT_FALSE(followed->find(first)->following);
  EXPECT_EQ(followed.count(Change::event, first), 2);
  EXPECT_EQ(followed.count(Change::event, second), 0) << "a new version of the same events is no change";
}

TEST(ServiceTracker, LeavesEventsAloneWhenNotAsked) {
  auto builder = two_services();
  Followed followed{false};
  followed.feed(builder.make(1s));
  EXPECT_FALSE(followed->find(first)->present);
  EXPECT_TRUE(followed->wants(ts::eit_pid)) << "the sections are still handed on";
}

TEST(ServiceTracker, KeepsTheCat) {
  support::StreamBuilder::Options options;
  options.cat = {support::ca_descriptor(0x0500, ts::Pid{0x0777})};
  support::StreamBuilder builder{options};
  Followed followed;
  followed.feed(builder.make(1s));
  ASSERT_TRUE(followed->cat());
  EXPECT_EQ(conditional_access_pids(followed->cat()->descriptors), std::vector{ts::Pid{0x0777}});
  EXPECT_EQ(followed.count(Change::cat), 1);
}

TEST(ServiceTracker, CountsSectionsWithAWrongCrcAndKeepsWhatItHas) {
  auto builder = two_services();
  Followed followed;
  followed.feed(builder.make(1s));
  followed.forget_changes();
  auto damaged = sections(builder.pat()).front();
  damaged[9] ^= 0x40;
  followed.feed(ts::pat_pid, damaged);
  EXPECT_EQ(followed->crc_errors(), 1u);
  EXPECT_TRUE(followed.quiet());
}

TEST(ServiceTracker, IgnoresTablesThatAreNotYetInForce) {
  auto builder = two_services();
  Followed followed;
  auto next = sections(builder.pat()).front();
  next[5] &= 0xFE;
  ts::seal_section(next);
  followed.feed(ts::pat_pid, next);
  EXPECT_FALSE(followed->pat());
}

TEST(ServiceTracker, HandsOnEverySoundSectionBeforeItsChanges) {
  auto builder = two_services();
  std::vector<std::string> order;
  ServiceTracker tracker{[&](Change change, auto) {
    if (change == Change::pat) order.emplace_back("changed");
  }};
  tracker.on_section([&](ts::Pid pid, const ts::Section& section) {
    if (pid == ts::pat_pid) order.emplace_back("section " + std::to_string(section.table_id()));
  });
  std::vector<ts::Packet> packets;
  ts::SectionPacketizer packetizer{ts::pat_pid};
  packetizer.packetize(sections(builder.pat()), packets);
  packetizer.packetize(sections(builder.pat()), packets);
  for (const ts::Packet& packet : packets) tracker.feed(packet);
  EXPECT_EQ(order, (std::vector<std::string>{"section 0", "changed", "section 0"}));
}

TEST(ServiceTracker, DropsASectionBegunWhenInterrupted) {
  support::StreamBuilder builder;
  auto service = support::ServiceOptions::numbered(1);
  service.descriptors = {{0xFE, std::vector<std::uint8_t>(250, 1)}};  // a PMT of two packets
  builder.add(service);
  std::vector<ts::Packet> pmt;
  ts::SectionPacketizer{ts::Pid{0x100}}.packetize(sections(builder.pmt(first)), pmt);
  ASSERT_EQ(pmt.size(), 2u);
  Followed followed;
  followed.feed(ts::pat_pid, sections(builder.pat()).front());
  followed->feed(pmt[0]);
  followed->interrupt();
  followed->feed(pmt[1]);
  EXPECT_FALSE(followed->find(first)->pmt);
  EXPECT_NE(followed->find(first), nullptr) << "what is known stays";
}

TEST(ServiceTracker, ForgetsEverythingAtReset) {
  auto builder = two_services();
  Followed followed;
  const auto packets = builder.make(1s);
  followed.feed(packets);
  followed->reset();
  EXPECT_TRUE(followed->services().empty());
  EXPECT_FALSE(followed->pat() || followed->sdt() || followed->utc());
  EXPECT_FALSE(followed->wants(ts::Pid{0x100}));
  followed.forget_changes();
  followed.feed(packets);
  EXPECT_EQ(followed.count(Change::pat), 1);
  EXPECT_TRUE(followed->find(first)->pmt);
}

TEST(ServiceTracker, WantsOnlyPidsOfTables) {
  auto builder = two_services();
  Followed followed;
  followed.feed(builder.make(1s));
  for (const unsigned pid : {0x00u, 0x01u, 0x10u, 0x11u, 0x12u, 0x14u, 0x100u, 0x200u}) {
    EXPECT_TRUE(followed->wants(ts::Pid{pid})) << pid;
  }
  for (const unsigned pid : {0x101u, 0x102u, 0x201u, 0x1FFFu}) EXPECT_FALSE(followed->wants(ts::Pid{pid})) << pid;
}

TEST(ServiceTracker, NeverAssemblesNullPackets) {
  Followed followed;
  const Pat pat{.transport_stream_id = 1, .version = 0, .network_pid = {}, .services = {{ServiceId{1}, ts::null_pid}}};
  followed.feed(ts::pat_pid, sections(pat).front());
  EXPECT_NE(followed->find(ServiceId{1}), nullptr);
  EXPECT_FALSE(followed->wants(ts::null_pid));
}

TEST(ServiceTracker, ReadsARealMultiplex) {
  CAPTURE_OR_SKIP(bytes, "mpts-dvbt-22394kbps.ts");
  Followed followed;
  followed.feed(ts::packets_in(std::span<const std::uint8_t>{bytes}));
  ASSERT_EQ(followed->services().size(), 8u);
  const Service* service = followed->find(ServiceId{3401});
  ASSERT_TRUE(service && service->pmt && service->sdt && service->present);
  EXPECT_EQ(service_name(service->sdt->descriptors)->name, "Rai 1");
  EXPECT_EQ(service->pmt->streams.size(), 10u);
  EXPECT_EQ(describe(service->pmt->streams[0]).codec, "mpeg2video");
  EXPECT_EQ(describe(service->pmt->streams[1]).languages, std::vector<std::string>{"ita"});
  EXPECT_EQ(short_event(followed->find(ServiceId{3403})->following->descriptors)->name, "TG3");
  EXPECT_EQ(describe(followed->find(ServiceId{3410})->pmt->streams[0]).codec, "hevc");
  EXPECT_EQ(followed->crc_errors(), 0u);
}

// Of a PMT with more than one section, which no multiplex may have, nothing is collected: 64 MB here.
TEST(ServiceTracker, CollectsNoPmtThatHasMoreThanOneSection) {
  Followed followed;
  Pat pat;
  for (std::uint16_t id = 1; id <= 253; ++id) pat.services.push_back({ServiceId{id}, ts::Pid{0x0100}});
  followed.feed(ts::pat_pid, sections(pat).front());
  ASSERT_EQ(followed->services().size(), 253u);
  Pmt pmt;
  pmt.pcr_pid = ts::Pid{0x0101};
  for (int i = 0; i < 4; ++i) pmt.descriptors.push_back({0x80, std::vector<std::uint8_t>(240, 0xAA)});
  const auto before = mallinfo2().uordblks;
  for (std::uint16_t id = 1; id <= 253; ++id) {
    pmt.service = ServiceId{id};
    auto section = sections(pmt).front();
    section[7] = 255;  // last_section_number
    for (unsigned number = 0; number < 255; ++number) {
      section[6] = static_cast<std::uint8_t>(number);
      ts::seal_section(section);
      followed.feed(ts::Pid{0x0100}, section);
    }
  }
  EXPECT_LT(mallinfo2().uordblks, before + 1'000'000);
}

TEST(ServiceTracker, ReadsTheEventsOfRealSchedules) {
  CAPTURE_OR_SKIP(bytes, "eit-schedule.ts");
  ServiceTracker tracker;
  int read = 0;
  int sent = 0;
  tracker.on_section([&](ts::Pid pid, const ts::Section& section) {
    if (pid != ts::eit_pid) return;
    ++sent;
    if (parse_eit_section({section.bytes().begin(), section.bytes().end()})) ++read;
  });
  for (const ts::Packet& packet : ts::packets_in(std::span<const std::uint8_t>{bytes})) tracker.feed(packet);
  EXPECT_EQ(tracker.services().size(), 11u);
  EXPECT_GT(sent, 300);
  EXPECT_EQ(read, sent);
  EXPECT_EQ(short_event(tracker.find(ServiceId{0x2262})->present->descriptors)->name, "LE GROS JOURNAL");
}

}  // namespace
}  // namespace psi
