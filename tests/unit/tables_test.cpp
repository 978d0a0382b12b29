#include "common/psi/tables.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "tests/support/captures.hpp"
#include "tests/support/si_section.hpp"

namespace psi {
namespace {

using namespace std::chrono_literals;
using Bytes = std::vector<std::uint8_t>;

constexpr std::chrono::sys_seconds noon = std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 12h;

void expect_well_made(const std::vector<SectionBytes>& made) {
  for (std::size_t i = 0; i < made.size(); ++i) {
    const ts::Section section{made[i]};
    EXPECT_TRUE(section.has_long_header());
    EXPECT_TRUE(section.crc_ok());
    EXPECT_TRUE(section.is_current());
    EXPECT_EQ(section.number(), i);
    EXPECT_EQ(section.last_number() + 1u, made.size());
    EXPECT_LE(made[i].size(), 1024u);
  }
}

Sdt::Service described(std::uint16_t id, std::size_t descriptor_size) {
  Sdt::Service out;
  out.service = ServiceId{id};
  out.running_status = 4;
  out.descriptors = {{0x5F, Bytes(descriptor_size, 0xAB)}};
  return out;
}

TEST(Pat, ComesBackAsItWasMade) {
  const Pat pat{.transport_stream_id = 0x1234,
                .version = 31,
                .network_pid = ts::nit_pid,
                .services = {{ServiceId{0x0101}, ts::Pid{0x100}}, {ServiceId{1}, ts::Pid{0x1FFE}}}};
  const auto made = sections(pat);
  expect_well_made(made);
  EXPECT_EQ(made.size(), 1u);
  EXPECT_EQ(parse_pat(made), pat);
}

TEST(Pat, OfManyServicesTakesSeveralSections) {
  Pat pat{.transport_stream_id = 1, .version = 0, .network_pid = {}, .services = {}};
  for (std::uint16_t i = 1; i <= 600; ++i) pat.services.push_back({ServiceId{i}, ts::Pid{i}});
  const auto made = sections(pat);
  expect_well_made(made);
  EXPECT_EQ(made.size(), 3u);  // 253 entries each at most
  EXPECT_EQ(parse_pat(made), pat);
}

TEST(Pat, OfEveryProgrammeIsRead) {
  Pat pat{.transport_stream_id = 1, .version = 0, .network_pid = {}, .services = {}};
  for (unsigned i = 1; i <= 64000; ++i) {
    pat.services.push_back({ServiceId{static_cast<std::uint16_t>(i)}, ts::Pid{static_cast<std::uint16_t>(i & 0x1FFF)}});
  }
  EXPECT_EQ(parse_pat(sections(pat)), pat);
}

TEST(Pat, KeepsTheFirstOfEntriesWithOneNumber) {
  const ts::Pid a{0x100}, b{0x200};
  const Pat pat{.transport_stream_id = 1,
                .version = 0,
                .network_pid = ts::Pid{0x10},
                .services = {{ServiceId{1}, a}, {ServiceId{1}, b}, {ServiceId{0}, b}, {ServiceId{2}, b}}};
  const auto read = parse_pat(sections(pat));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->network_pid, ts::Pid{0x10});
  EXPECT_EQ(read->services, (std::vector<Pat::Entry>{{ServiceId{1}, a}, {ServiceId{2}, b}}));
}

TEST(Pat, MayBeEmpty) {
  const Pat pat{.transport_stream_id = 7, .version = 3, .network_pid = {}, .services = {}};
  EXPECT_EQ(parse_pat(sections(pat)), pat);
}

TEST(Pat, IsNotReadFromAPartOfIt) {
  Pat pat{.transport_stream_id = 1, .version = 0, .network_pid = {}, .services = {}};
  for (std::uint16_t i = 1; i <= 300; ++i) pat.services.push_back({ServiceId{i}, ts::Pid{i}});
  auto made = sections(pat);
  std::swap(made[0], made[1]);
  EXPECT_EQ(parse_pat(made), std::nullopt);
  made.pop_back();
  EXPECT_EQ(parse_pat(made), std::nullopt);
  EXPECT_EQ(parse_pat({}), std::nullopt);
}

TEST(Pmt, ComesBackWithEveryDescriptor) {
  const Pmt pmt{.service = ServiceId{0x0101},
                .version = 5,
                .pcr_pid = ts::Pid{0x201},
                .descriptors = {{tag::conditional_access, {1, 2, 0xE3, 4}}, {0xFE, Bytes(255, 0x55)}},
                .streams = {{0x1B, ts::Pid{0x201}, {}},
                            {0x03, ts::Pid{0x202}, {support::language_descriptor("fra"), {0x52, {}}}},
                            {0x86, ts::Pid{0x1FFE}, {{tag::registration, {'C', 'U', 'E', 'I'}}}}}};
  const auto made = sections(pmt);
  expect_well_made(made);
  EXPECT_EQ(made.size(), 1u);
  EXPECT_EQ(parse_pmt(made), pmt);
}

TEST(Pmt, StaysOneSectionWhateverItHolds) {
  Pmt pmt{.service = ServiceId{1}, .version = 0, .pcr_pid = ts::Pid{0x100}, .descriptors = {}, .streams = {}};
  for (unsigned i = 0; i < 300; ++i) pmt.streams.push_back({0x06, ts::Pid{0x100 + i}, {}});
  const auto made = sections(pmt);
  expect_well_made(made);
  ASSERT_EQ(made.size(), 1u);
  const auto read = parse_pmt(made);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->streams.size(), (1024u - 12 - 4) / 5);
}

TEST(Pmt, WhoseLoopsDoNotEndWhereTheySayIsNotRead) {
  const Pmt pmt{.service = ServiceId{1},
                .version = 0,
                .pcr_pid = ts::Pid{0x100},
                .descriptors = {{0x52, {1}}},
                .streams = {{0x03, ts::Pid{0x101}, {{0x0A, {'f', 'r', 'a', 0}}}}}};
  const auto made = sections(pmt).front();
  // program_info_length, a programme descriptor's length, ES_info_length, a stream descriptor's length
  for (const std::size_t at : {11u, 13u, 19u, 21u}) {
    for (const int change : {-1, 1, 100}) {
      auto damaged = made;
      damaged[at] = static_cast<std::uint8_t>(damaged[at] + change);
      ts::seal_section(damaged);
      EXPECT_EQ(parse_pmt({damaged}), std::nullopt) << "byte " << at << " changed by " << change;
    }
  }
}

TEST(Tables, WithAWrongCrcAreNotRead) {
  auto made =
      sections(Pat{.transport_stream_id = 1, .version = 0, .network_pid = {}, .services = {{ServiceId{1}, {}}}});
  ASSERT_TRUE(parse_pat(made));
  made[0][9] ^= 1;
  EXPECT_EQ(parse_pat(made), std::nullopt);
  EXPECT_EQ(parse_pat({Bytes{0x00, 0xB0}}), std::nullopt);
}

TEST(Tables, AreNotReadAsOthers) {
  const auto made = sections(Pat{.transport_stream_id = 1, .version = 0, .network_pid = {}, .services = {}});
  EXPECT_EQ(parse_pmt(made), std::nullopt);
  EXPECT_EQ(parse_cat(made), std::nullopt);
  EXPECT_EQ(parse_sdt(made), std::nullopt);
  EXPECT_FALSE(parse_eit_section(made.front()));
}

TEST(Cat, KeepsItsDescriptors) {
  const Bytes body{tag::conditional_access, 4, 0x01, 0x00, 0xE1, 0x23, 0x80, 0};
  const auto cat = parse_cat({support::long_section({.table = 0x01, .extension = 0xFFFF, .version = 9}, body)});
  ASSERT_TRUE(cat);
  EXPECT_EQ(cat->version, 9);
  EXPECT_EQ(cat->descriptors, (Descriptors{{tag::conditional_access, {0x01, 0x00, 0xE1, 0x23}}, {0x80, {}}}));
}

TEST(Sdt, ComesBackAsItWasMade) {
  Sdt sdt{.transport_stream_id = 0x1234, .original_network_id = 0x20FA, .version = 17, .services = {}};
  sdt.services.push_back({.service = ServiceId{0x0101},
                          .eit_schedule = true,
                          .eit_present_following = false,
                          .running_status = 5,
                          .free_ca_mode = true,
                          .descriptors = {support::service_descriptor(0x19, "Pr\u00e9", "Nom")}});
  sdt.services.push_back({.service = ServiceId{0x0102},
                          .eit_schedule = false,
                          .eit_present_following = true,
                          .running_status = 0,
                          .free_ca_mode = false,
                          .descriptors = {}});
  const auto made = sections(sdt);
  expect_well_made(made);
  EXPECT_EQ(parse_sdt(made), sdt);
  const auto name = service_name(sdt.services[0].descriptors);
  ASSERT_TRUE(name);
  EXPECT_EQ(name->service_type, 0x19);
  EXPECT_EQ(name->provider, "Pr\u00e9");
  EXPECT_EQ(name->name, "Nom");
}

// libdvbpsi's own generator loses the descriptor of the service that does not fit.
TEST(Sdt, LosesNothingWhereASectionIsFull) {
  for (std::size_t size = 0; size <= 255; ++size) {
    Sdt sdt{.transport_stream_id = 1, .original_network_id = 2, .version = 0, .services = {}};
    for (std::uint16_t i = 1; i <= 40; ++i) sdt.services.push_back(described(i, size));
    const auto made = sections(sdt);
    expect_well_made(made);
    ASSERT_EQ(parse_sdt(made), sdt) << size << " bytes a descriptor";
  }
}

TEST(Eit, SectionIsReadWithItsEvents) {
  const std::vector<support::Event> events{{0x1234, noon, 90min, "Le film", "Drame"},
                                           {0x1235, noon + 90min, 5min, "", ""}};
  const auto eit = parse_eit_section(support::eit_section(
      {.table = table_id::eit_pf_actual, .extension = 0x0101, .version = 4}, 0x0001, 0x20FA, events));
  ASSERT_TRUE(eit);
  EXPECT_EQ(eit->service, ServiceId{0x0101});
  EXPECT_EQ(eit->version, 4);
  EXPECT_EQ(eit->transport_stream_id, 1);
  EXPECT_EQ(eit->original_network_id, 0x20FA);
  ASSERT_EQ(eit->events.size(), 2u);
  EXPECT_EQ(eit->events[0].event_id, 0x1234);
  EXPECT_EQ(eit->events[0].start, noon);
  EXPECT_EQ(eit->events[0].duration, 90min);
  EXPECT_EQ(eit->events[0].running_status, 4);
  const auto text = short_event(eit->events[0].descriptors);
  ASSERT_TRUE(text);
  EXPECT_EQ(text->language, "fra");
  EXPECT_EQ(text->name, "Le film");
  EXPECT_EQ(text->text, "Drame");
}

TEST(Eit, ScheduleSectionsAreReadOneByOneAcrossGapsInTheirNumbers) {
  const std::vector<support::Event> events{{1, noon, 1h, "a", ""}};
  for (const unsigned number : {0u, 8u, 128u, 248u}) {
    const auto eit = parse_eit_section(support::eit_section(
        {.table = 0x5F, .extension = 1, .number = static_cast<std::uint8_t>(number), .last_number = 248}, 1, 1,
        events));
    ASSERT_TRUE(eit) << number;
    EXPECT_EQ(eit->table, 0x5F);
    EXPECT_EQ(eit->number, number);
    EXPECT_EQ(eit->events.size(), 1u);
  }
}

TEST(Eit, SectionMayHave4096Bytes) {
  // 8 + 6 bytes of headers, 4 of CRC, events of 12 + 2 + 5 bytes and their texts
  std::vector<support::Event> events(15, {1, noon, 1h, std::string(200, 'n'), std::string(40, 't')});
  const std::size_t left = 4096 - 18 - 15 * (19 + 240) - 19;
  events.push_back({2, noon, 1h, std::string(left, 'z'), ""});
  const auto section = support::eit_section({.table = 0x50, .extension = 1}, 1, 1, events);
  ASSERT_EQ(section.size(), 4096u);
  const auto eit = parse_eit_section(section);
  ASSERT_TRUE(eit);
  EXPECT_EQ(eit->events.size(), 16u);
  EXPECT_EQ(short_event(eit->events.back().descriptors)->name, std::string(left, 'z'));
}

TEST(Eit, MayHaveNoEvent) {
  const auto eit = parse_eit_section(support::eit_section({.table = 0x4F, .extension = 3, .number = 1}, 1, 1, {}));
  ASSERT_TRUE(eit);
  EXPECT_TRUE(eit->events.empty());
}

TEST(Eit, TimesThatAreNotDefinedAreAbsent) {
  Bytes body{0, 1, 0, 1, 0, 0x4E};
  body.insert(body.end(), {0, 9, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0});
  const auto eit = parse_eit_section(support::long_section({.table = 0x4E, .extension = 1}, body));
  ASSERT_TRUE(eit);
  ASSERT_EQ(eit->events.size(), 1u);
  EXPECT_EQ(eit->events[0].start, std::nullopt);
  EXPECT_EQ(eit->events[0].duration, std::nullopt);
}

TEST(Eit, WhoseEventsDoNotEndWhereTheySayIsNotRead) {
  const std::vector<support::Event> events{{1, noon, 1h, "abc", ""}};
  auto section = support::eit_section({.table = 0x4E, .extension = 1}, 1, 1, events);
  for (const std::size_t at : {25u, 27u}) {  // descriptors_loop_length, descriptor_length
    auto damaged = section;
    ++damaged[at];
    ts::seal_section(damaged);
    EXPECT_FALSE(parse_eit_section(damaged)) << at;
  }
}

TEST(TimeSection, IsReadAsUtc) {
  EXPECT_EQ(parse_time_section(support::tdt_section(noon)), noon);
  // The example of EN 300 468 annex C: 93/10/13 12:45:00.
  EXPECT_EQ(parse_time_section({0x70, 0x70, 5, 0xC0, 0x79, 0x12, 0x45, 0x00}),
            std::chrono::sys_days{std::chrono::year{1993} / 10 / 13} + 12h + 45min);
}

TEST(TimeSection, ThatIsNoTimeIsNotRead) {
  EXPECT_EQ(parse_time_section({0x70, 0x70, 5, 0xC0, 0x79, 0x12, 0x4A, 0x00}), std::nullopt);
  EXPECT_EQ(parse_time_section({0x70, 0x70, 5, 0xC0, 0x79, 0x24, 0x00, 0x00}), std::nullopt);
  EXPECT_EQ(parse_time_section({0x70, 0x70, 4, 0xC0, 0x79, 0x12, 0x45}), std::nullopt);
  EXPECT_EQ(parse_time_section({0x71, 0x70, 5, 0xC0, 0x79, 0x12, 0x45, 0x00}), std::nullopt);
}

TEST(ServiceName, OfADescriptorCutShortIsAbsent) {
  const auto whole = support::service_descriptor(1, "Provider", "Name");
  ASSERT_TRUE(service_name({whole}));
  for (std::size_t size = 0; size < whole.data.size(); ++size) {
    EXPECT_FALSE(service_name({{whole.tag, Bytes(whole.data.begin(), whole.data.begin() + static_cast<long>(size))}}));
  }
  EXPECT_FALSE(service_name({}));
}

TEST(ShortEvent, OfADescriptorCutShortIsAbsent) {
  const Bytes whole{'f', 'r', 'a', 2, 'a', 'b', 1, 'c'};
  ASSERT_TRUE(short_event({{tag::short_event, whole}}));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes part(whole.begin(), whole.begin() + static_cast<long>(size));
    EXPECT_FALSE(short_event({{tag::short_event, part}}));
  }
}

// What broadcasters send comes out of our writer byte for byte.
TEST(Tables, OfARealMultiplexAreMadeAgainToTheByte) {
  CAPTURE_OR_SKIP(bytes, "mpts-dvbt-22394kbps.ts");
  int compared = 0;
  std::vector<ts::SectionAssembler> assemblers(ts::Pid::count);
  for (const ts::Packet& packet : ts::packets_in(std::span<const std::uint8_t>{bytes})) {
    assemblers[packet.pid().value()].feed(packet, [&](const ts::Section& section) {
      if (!section.has_long_header() || !section.crc_ok() || section.last_number() != 0) return;
      const std::vector<SectionBytes> sent{{section.bytes().begin(), section.bytes().end()}};
      std::vector<SectionBytes> made;
      if (const auto pat = parse_pat(sent)) made = sections(*pat);
      if (const auto pmt = parse_pmt(sent)) made = sections(*pmt);
      if (const auto sdt = parse_sdt(sent)) made = sections(*sdt);
      if (const auto nit = parse_nit(sent)) made = sections(*nit);
      if (made.empty()) return;
      EXPECT_EQ(made, sent);
      ++compared;
    });
  }
  EXPECT_GT(compared, 70);
}

}  // namespace
}  // namespace psi
