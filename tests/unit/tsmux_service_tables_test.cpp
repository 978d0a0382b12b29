#include "tools/tsmux/service_tables.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "tests/support/si_section.hpp"
#include "tools/tsmux/table_version.hpp"

namespace tsmux {
namespace {

using psi::ServiceId;
using ts::Pid;

// Video with the PCR, sound with a language and its own ECMs, and data.
psi::Pmt source_pmt() {
  psi::Pmt pmt;
  pmt.service = ServiceId{0x101};
  pmt.version = 7;
  pmt.pcr_pid = Pid{0x110};
  pmt.descriptors = {support::ca_descriptor(0x500, Pid{0x150}), {0x80, {1, 2, 3}}};
  pmt.streams = {{0x1b, Pid{0x110}, {{0x52, {1}}}},
                 {0x03, Pid{0x111}, {support::language_descriptor("fra"), support::ca_descriptor(0x500, Pid{0x151})}},
                 {0x06, Pid{0x112}, {{0x59, {9, 9}}}}};
  return pmt;
}

ServiceIds moved_ids() {
  return {ServiceId{0x202},
          Pid{0x200},
          {{Pid{0x110}, Pid{0x210}},
           {Pid{0x111}, Pid{0x211}},
           {Pid{0x112}, Pid{0x212}},
           {Pid{0x150}, Pid{0x250}},
           {Pid{0x151}, Pid{0x251}}}};
}

TEST(MultiplexPmt, HasTheIdsOfTheMultiplexAndEverythingElseAsItWas) {
  const auto pmt = multiplex_pmt(source_pmt(), InputSpec::parse("a.ts"), moved_ids(), {});
  psi::Pmt wanted = source_pmt();
  wanted.service = ServiceId{0x202};
  wanted.version = 0;
  wanted.pcr_pid = Pid{0x210};
  wanted.descriptors[0] = support::ca_descriptor(0x500, Pid{0x250});
  wanted.streams[0].pid = Pid{0x210};
  wanted.streams[1].pid = Pid{0x211};
  wanted.streams[1].descriptors[1] = support::ca_descriptor(0x500, Pid{0x251});
  wanted.streams[2].pid = Pid{0x212};
  EXPECT_EQ(pmt, wanted);
}

TEST(MultiplexPmt, LeavesOutComponents) {
  auto ids = moved_ids();
  ids.pids.erase(Pid{0x112});
  const auto pmt = multiplex_pmt(source_pmt(), InputSpec::parse("a.ts,drop=0x110"), ids, {});
  ASSERT_EQ(pmt.streams.size(), 1U);
  EXPECT_EQ(pmt.streams[0].pid, Pid{0x211});
  EXPECT_EQ(pmt.pcr_pid, Pid{0x210});
}

TEST(MultiplexPmt, HasComponentsFromElsewhereBehindItsOwn) {
  const auto grafted = grafted_streams(source_pmt(), {Pid{0x112}, Pid{0x199}},
                                       {{Pid{0x112}, Pid{0x300}}, {Pid{0x150}, Pid{0x350}}});
  const psi::Pmt::Stream wanted{0x06, Pid{0x300}, {{0x59, {9, 9}}, support::ca_descriptor(0x500, Pid{0x350})}};
  ASSERT_EQ(grafted, std::vector{wanted});
  const auto pmt = multiplex_pmt(source_pmt(), InputSpec::parse("a.ts"), moved_ids(), grafted);
  ASSERT_EQ(pmt.streams.size(), 4U);
  EXPECT_EQ(pmt.streams[3], wanted);
}

psi::Sdt::Service source_entry() {
  psi::Sdt::Service entry;
  entry.service = ServiceId{0x101};
  entry.eit_schedule = entry.eit_present_following = true;
  entry.running_status = 4;
  entry.free_ca_mode = true;
  entry.descriptors = {{0x5f, {0, 0, 0, 1}}, support::service_descriptor(0x19, "Groupe", "Un"), {0x80, {5}}};
  return entry;
}

psi::Pmt sent_pmt() { return multiplex_pmt(source_pmt(), InputSpec::parse("a.ts"), moved_ids(), {}); }

TEST(SdtEntry, IsThatOfTheSourceWithTheNewId) {
  auto wanted = source_entry();
  wanted.service = ServiceId{0x202};
  wanted.eit_schedule = false;
  EXPECT_EQ(sdt_entry(source_entry(), InputSpec::parse("a.ts"), sent_pmt(), {.eit_present_following = true}), wanted);
}

TEST(SdtEntry, IsNotRunningWhenTheInputIsLost) {
  EXPECT_EQ(sdt_entry(source_entry(), InputSpec::parse("a.ts"), sent_pmt(), {.running = false}).running_status, 1);
}

TEST(SdtEntry, TakesItsNamesFromTheInput) {
  const auto entry = sdt_entry(source_entry(), InputSpec::parse("a.ts,name=Chaîne deux,type=1"), sent_pmt(), {});
  auto wanted = source_entry().descriptors;
  wanted[1] = support::service_descriptor(1, "Groupe", "Chaîne deux");
  EXPECT_EQ(entry.descriptors, wanted);
  const auto other = sdt_entry(source_entry(), InputSpec::parse("a.ts,provider=Autre"), sent_pmt(), {});
  EXPECT_EQ(other.descriptors[1], support::service_descriptor(0x19, "Autre", "Un"));
}

TEST(SdtEntry, IsMadeWhereTheSourceHasNone) {
  const auto entry = sdt_entry(std::nullopt, InputSpec::parse("a.ts"), sent_pmt(), {});
  EXPECT_EQ(entry.service, ServiceId{0x202});
  EXPECT_TRUE(entry.free_ca_mode);
  EXPECT_EQ(entry.descriptors, (psi::Descriptors{support::service_descriptor(1, "", "Service 514")}));
  psi::Pmt radio = sent_pmt();
  radio.streams.erase(radio.streams.begin());
  EXPECT_EQ(sdt_entry(std::nullopt, InputSpec::parse("a.ts,name=R"), radio, {}).descriptors,
            (psi::Descriptors{support::service_descriptor(2, "", "R")}));
}

TEST(SdtEntry, ReplacesADamagedServiceDescriptor) {
  auto broken = source_entry();
  broken.descriptors[1].data = {1, 200, 3};
  const auto entry = sdt_entry(broken, InputSpec::parse("a.ts"), sent_pmt(), {});
  ASSERT_EQ(entry.descriptors.size(), 3U);
  EXPECT_EQ(entry.descriptors[1], support::service_descriptor(1, "", "Service 514"));
}

TEST(SdtEntry, CutsTheProviderThatLeavesNoRoomForTheName) {
  auto entry = source_entry();
  entry.descriptors[1] = support::service_descriptor(1, std::string(240, 'p'), "Un");
  const std::string name(120, 'n');
  const auto made = sdt_entry(entry, InputSpec::parse("a.ts,name=" + name), sent_pmt(), {});
  EXPECT_EQ(made.descriptors[1], support::service_descriptor(1, std::string(132, 'p'), name));
}

TEST(MultiplexPat, ListsTheNetworkAndServicesInOrder) {
  const auto pat = multiplex_pat(5, {{ServiceId{2}, Pid{0x200}}, {ServiceId{1}, Pid{0x300}}});
  EXPECT_EQ(psi::parse_pat(psi::sections(pat)), pat);
  EXPECT_EQ(pat.transport_stream_id, 5);
  EXPECT_EQ(pat.network_pid, ts::nit_pid);
  EXPECT_EQ(pat.services[0].service, ServiceId{1});
}

TEST(MergedCat, NamesWhatAllInputsNameUnderTheirNewPids) {
  const psi::Cat first{.version = 3, .descriptors = {support::ca_descriptor(0x500, Pid{0x40}), {0x80, {1}}}};
  const psi::Cat second{.version = 4, .descriptors = {support::ca_descriptor(0x500, Pid{0x40}), {0x80, {1}}}};
  const auto cat = merged_cat(std::array{MappedCat{&first, {}}, MappedCat{&second, {{Pid{0x40}, Pid{0x240}}}}});
  const psi::Descriptors wanted{support::ca_descriptor(0x500, Pid{0x40}), {0x80, {1}},
                                support::ca_descriptor(0x500, Pid{0x240})};
  EXPECT_EQ(cat.descriptors, wanted);
  EXPECT_EQ(psi::parse_cat(psi::sections(cat)), cat);
}

TEST(MergedCat, TakesAsManySectionsAsItNeeds) {
  psi::Cat cat;
  for (std::uint8_t i = 0; i < 20; ++i) cat.descriptors.push_back({0x80, std::vector<std::uint8_t>(200, i)});
  const auto sections = psi::sections(cat);
  EXPECT_EQ(sections.size(), 4U);
  EXPECT_EQ(psi::parse_cat(sections), cat);
}

std::uint8_t version_of(const std::vector<psi::SectionBytes>& sections) {
  return ts::Section{sections.front()}.version();
}
std::vector<psi::SectionBytes> pat_of(std::uint16_t transport_stream) {
  return psi::sections(multiplex_pat(transport_stream, {{ServiceId{1}, Pid{0x100}}}));
}

TEST(TableVersion, IsTheSameAfterARestartAndAnotherWithOtherContent) {
  TableVersion first, second, third;
  const auto sent = first.stamp(pat_of(1));
  EXPECT_EQ(second.stamp(pat_of(1)), sent);
  EXPECT_NE(version_of(third.stamp(pat_of(2))), version_of(sent));
  EXPECT_EQ(first.version(), version_of(sent));
}

TEST(TableVersion, CountsUpWithEachChangeAndOnlyThen) {
  TableVersion version;
  unsigned last = version_of(version.stamp(pat_of(1)));
  for (std::uint16_t i = 2; i < 40; ++i) {
    const auto sent = version.stamp(pat_of(i));
    EXPECT_EQ(version_of(sent), (last + 1) % 32);
    EXPECT_TRUE(ts::Section{sent.front()}.crc_ok());
    EXPECT_EQ(version.stamp(pat_of(i)), sent);
    last = version_of(sent);
  }
}

TEST(TableVersion, LooksAtNoVersionThatSectionsCameWith) {
  TableVersion version;
  auto other = pat_of(1);
  ts::set_version(other.front(), 9);
  EXPECT_EQ(version.stamp(pat_of(1)), version.stamp(other));
}

}  // namespace
}  // namespace tsmux
