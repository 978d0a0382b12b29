#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/psi/network_descriptors.hpp"
#include "common/psi/tables.hpp"
#include "tests/support/si_section.hpp"

namespace psi {
namespace {

using Bytes = std::vector<std::uint8_t>;

void expect_well_made(const std::vector<SectionBytes>& made) {
  for (std::size_t i = 0; i < made.size(); ++i) {
    const ts::Section section{made[i]};
    EXPECT_TRUE(section.crc_ok());
    EXPECT_EQ(section.number(), i);
    EXPECT_EQ(section.last_number() + 1u, made.size());
    EXPECT_LE(made[i].size(), 1024u);
    EXPECT_EQ(made[i].size(), ((made[i][1] & 0xFu) << 8 | made[i][2]) + 3u);
  }
}

TEST(Nit, IsMadeAsTheStandardSays) {
  const Nit nit{.network_id = 0x20FA,
                .version = 5,
                .actual = true,
                .descriptors = {network_name_descriptor("Net")},
                .streams = {{0x0001, 0x20FA, {{tag::service_list, {0x01, 0x02, 0x01}}}}}};
  const auto made = sections(nit);
  ASSERT_EQ(made.size(), 1u);
  Bytes expected{0x40, 0xF0, 0x21, 0x20, 0xFA, 0xCB, 0x00, 0x00,  // long header
                 0xF0, 0x05, 0x40, 0x03, 'N',  'e',  't',         // network_name
                 0xF0, 0x0B, 0x00, 0x01, 0x20, 0xFA, 0xF0, 0x05,  // a stream
                 0x41, 0x03, 0x01, 0x02, 0x01, 0,    0,    0,    0};
  expected[2] = static_cast<std::uint8_t>(expected.size() - 3);
  ts::seal_section(expected);
  EXPECT_EQ(made[0], expected);
}

TEST(Nit, ComesBackAsItWasMade) {
  for (const bool actual : {true, false}) {
    const Nit nit{.network_id = 1,
                  .version = 31,
                  .actual = actual,
                  .descriptors = {{0x4A, {1, 2, 3, 4, 5, 6, 7}}, {tag::network_name, {}}},
                  .streams = {{1, 2, {}}, {1, 3, {{0x5A, Bytes(11, 9)}}}, {2, 3, {}}, {2, 3, {}}}};
    EXPECT_EQ(parse_nit(sections(nit)), nit);
  }
  EXPECT_EQ(parse_nit(sections(Nit{})), Nit{});
}

TEST(Nit, OfManyStreamsTakesSeveralSections) {
  Nit nit;
  nit.descriptors = {network_name_descriptor("Network")};
  for (std::uint16_t i = 1; i <= 300; ++i) nit.streams.push_back({i, 7, {{0x5A, Bytes(i % 40, 1)}}});
  const auto made = sections(nit);
  expect_well_made(made);
  EXPECT_GT(made.size(), 5u);
  EXPECT_EQ(parse_nit(made), nit);
}

TEST(Nit, OfAStreamWithManyDescriptorsTakesSeveralSections) {
  Nit nit;
  nit.streams.push_back({1, 7, {}});
  for (unsigned i = 0; i < 12; ++i) nit.streams[0].descriptors.push_back({0x4A, Bytes(200, 1)});
  nit.streams.push_back({2, 7, {}});
  const auto made = sections(nit);
  expect_well_made(made);
  EXPECT_EQ(made.size(), 3u);
  EXPECT_EQ(parse_nit(made), nit);
}

TEST(Nit, TellsInEverySectionWhosePrivateDescriptorsFollow) {
  std::vector<LogicalChannel> channels;
  for (std::uint16_t i = 1; i <= 400; ++i) channels.push_back({ServiceId{i}, i, true});
  Nit nit;
  nit.streams.push_back({1, 7, logical_channel_descriptors(channels)});
  const auto made = sections(nit);
  expect_well_made(made);
  ASSERT_EQ(made.size(), 2u);
  for (const SectionBytes& section : made) {
    constexpr std::size_t first_descriptor = 8 + 2 + 2 + 6;
    EXPECT_EQ(section[first_descriptor], tag::private_data_specifier);
  }
}

TEST(Nit, KeepsDescriptorsThatFit) {
  Nit nit;
  nit.descriptors = {{0x4A, Bytes(255, 1)}, {0x4A, Bytes(255, 1)}, {0x4A, Bytes(255, 1)}, {0x4A, Bytes(255, 1)}};
  nit.streams = {{1, 7, {{0x4A, Bytes(256, 1)}, {0x4A, Bytes(255, 1)}}}};
  const auto made = sections(nit);
  expect_well_made(made);
  const auto read = parse_nit(made);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->descriptors.size(), 3u);
  EXPECT_EQ(read->streams, (std::vector<Nit::Stream>{{1, 7, {{0x4A, Bytes(255, 1)}}}}));
}

TEST(Nit, IsNotReadFromDamage) {
  const auto body_of = [](const Bytes& body) {
    return support::long_section({.table = table_id::nit_actual, .extension = 1}, body);
  };
  EXPECT_TRUE(parse_nit({body_of({0xF0, 0x00, 0xF0, 0x00})}));
  for (const Bytes& body :
       {Bytes{}, Bytes{0xF0}, Bytes{0xF0, 0x00}, Bytes{0xF0, 0x00, 0xF0}, Bytes{0xF0, 0x03, 0, 0},
        Bytes{0xF0, 0x01, 0x40, 0xF0, 0x00}, Bytes{0xF0, 0x00, 0xF0, 0x01},
        Bytes{0xF0, 0x00, 0xF0, 0x00, 0, 1, 0, 1, 0xF0, 0x00}, Bytes{0xF0, 0x00, 0xF0, 0x05, 0, 1, 0, 1, 0xF0},
        Bytes{0xF0, 0x00, 0xF0, 0x06, 0, 1, 0, 1, 0xF0, 0x01}}) {
    EXPECT_FALSE(parse_nit({body_of(body)})) << body.size();
  }
  auto damaged = body_of({0xF0, 0x00, 0xF0, 0x00});
  damaged.back() ^= 1;
  EXPECT_FALSE(parse_nit({damaged}));
  EXPECT_FALSE(parse_nit({}));
  EXPECT_FALSE(parse_nit({{}}));
  EXPECT_FALSE(parse_nit({support::tdt_section({})}));
}

TEST(Cat, ComesBackAsItWasMade) {
  const Cat cat{.version = 9, .descriptors = {{tag::conditional_access, {5, 0, 0xE1, 0}}, {0xFE, {}}}};
  const auto made = sections(cat);
  expect_well_made(made);
  EXPECT_EQ(parse_cat(made), cat);
  EXPECT_EQ(ts::Section{made[0]}.extension(), 0xFFFF);
  EXPECT_EQ(sections(Cat{}).size(), 1u);
}

TEST(Cat, OfManyDescriptorsTakesSeveralSections) {
  Cat cat;
  cat.descriptors.assign(20, {tag::conditional_access, Bytes(150, 1)});
  const auto made = sections(cat);
  expect_well_made(made);
  EXPECT_EQ(made.size(), 4u);
  EXPECT_EQ(parse_cat(made), cat);
}

TEST(ServiceDescriptor, IsReadBack) {
  const ServiceName name{.service_type = 0x19, .provider = "Télé", .name = "Chaîne 1"};
  const auto read = service_name({service_descriptor(name)});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->service_type, name.service_type);
  EXPECT_EQ(read->provider, name.provider);
  EXPECT_EQ(read->name, name.name);
  EXPECT_EQ(service_descriptor({1, "A", "BC"}).data, (Bytes{0x01, 0x01, 'A', 0x02, 'B', 'C'}));
}

TEST(ServiceDescriptor, IsCutBetweenCharacters) {
  std::string longer;
  for (unsigned i = 0; i < 100; ++i) longer += "é€";
  const auto made = service_descriptor({1, longer, longer});
  EXPECT_LE(made.data.size(), 255u);
  const auto read = service_name({made});
  ASSERT_TRUE(read);
  EXPECT_TRUE(longer.starts_with(read->name));
  EXPECT_GE(read->name.size(), 248u);
  EXPECT_TRUE(read->provider.empty());
  EXPECT_EQ(network_name_descriptor(longer).data.size(), 253u);  // the next character has 3 bytes
}

TEST(ServiceList, NamesEveryServiceAndItsType) {
  std::vector<ListedService> services{{ServiceId{0x0102}, 0x19}, {ServiceId{0x0304}, 0x02}};
  EXPECT_EQ(service_list_descriptors(services), (Descriptors{{0x41, {0x01, 0x02, 0x19, 0x03, 0x04, 0x02}}}));
  services.resize(100);
  const auto made = service_list_descriptors(services);
  ASSERT_EQ(made.size(), 2u);
  EXPECT_EQ(made[0].data.size() + made[1].data.size(), 300u);
  EXPECT_TRUE(service_list_descriptors({}).empty());
}

TEST(LogicalChannels, AreThoseOfEacem) {
  const std::vector<LogicalChannel> channels{{ServiceId{0x0102}, 5, true}, {ServiceId{0x0103}, 801, false}};
  EXPECT_EQ(logical_channel_descriptors(channels),
            (Descriptors{{0x5F, {0x00, 0x00, 0x00, 0x28}}, {0x83, {0x01, 0x02, 0xFC, 0x05, 0x01, 0x03, 0x7F, 0x21}}}));
  EXPECT_TRUE(logical_channel_descriptors({}).empty());
}

}  // namespace
}  // namespace psi
