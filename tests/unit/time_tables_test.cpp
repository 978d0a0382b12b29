#include "common/psi/time_tables.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/si_section.hpp"

namespace psi {
namespace {

using namespace std::chrono_literals;
using Bytes = std::vector<std::uint8_t>;

constexpr auto at(int year, unsigned month, unsigned day, std::chrono::seconds time) {
  return std::chrono::sys_days{std::chrono::year{year} / static_cast<int>(month) / static_cast<int>(day)} + time;
}

TEST(Tdt, HasTheDateOfTheStandardsExample) {
  // EN 300 468 annex C: 1993-10-13 12:45:00 is 0xC079124500.
  EXPECT_EQ(tdt_section(at(1993, 10, 13, 12h + 45min)), (Bytes{0x70, 0x70, 0x05, 0xC0, 0x79, 0x12, 0x45, 0x00}));
}

TEST(Tdt, ComesBackAsItWasMade) {
  for (const auto time : {at(1999, 12, 31, 23h + 59min + 59s), at(2026, 11, 26, 0s), at(2038, 4, 22, 9h + 8min + 7s)}) {
    EXPECT_EQ(parse_time_section(tdt_section(time)), time);
    EXPECT_EQ(parse_time_section(tot_section(time, {})), time);
  }
}

TEST(Tot, HasItsDescriptorsAndACrc) {
  const auto time = at(2026, 3, 1, 1h);
  EXPECT_EQ(tot_section(time, {}), support::tot_section(time));
  const auto made = tot_section(time, {{0x58, {1, 2, 3}}});
  ASSERT_EQ(made.size(), 3u + 5 + 2 + 5 + 4);
  EXPECT_EQ(made[2], made.size() - 3);
  EXPECT_EQ((Bytes{made.begin() + 8, made.begin() + 15}), (Bytes{0xF0, 0x05, 0x58, 0x03, 1, 2, 3}));
  EXPECT_EQ(ts::crc32(made), 0u);
  EXPECT_LE(tot_section(time, Descriptors(10, {0x58, Bytes(255)})).size(), 1024u);
}

TEST(LocalTimeOffset, IsWrittenAsTheStandardSays) {
  // +1 h until 2026-03-29 01:00:00 UTC (MJD 61128), +2 h from then on.
  const LocalTimeOffset france{"FRA", 0, 1h, at(2026, 3, 29, 1h), 2h};
  EXPECT_EQ(local_time_offset_descriptor({&france, 1}).data,
            (Bytes{'F', 'R', 'A', 0x02, 0x01, 0x00, 0xEE, 0xC8, 0x01, 0x00, 0x00, 0x02, 0x00}));
  EXPECT_EQ(local_time_offset_descriptor({&france, 1}).tag, 0x58);
}

Bytes written(std::chrono::minutes offset, std::chrono::minutes next, std::uint8_t region = 0) {
  const LocalTimeOffset local{"ABC", region, offset, at(2026, 1, 1, 0s), next};
  const auto data = local_time_offset_descriptor({&local, 1}).data;
  return {data[3], data[4], data[5], data[11], data[12]};
}

TEST(LocalTimeOffset, HasOneSignForBothOffsets) {
  EXPECT_EQ(written(-210min, -150min), (Bytes{0x03, 0x03, 0x30, 0x02, 0x30}));  // St. John's
  EXPECT_EQ(written(345min, 345min), (Bytes{0x02, 0x05, 0x45, 0x05, 0x45}));    // Kathmandu
  EXPECT_EQ(written(0min, 60min), (Bytes{0x02, 0x00, 0x00, 0x01, 0x00}));       // Lisbon, in winter
  EXPECT_EQ(written(0min, -60min), (Bytes{0x03, 0x00, 0x00, 0x01, 0x00}));      // Azores, in summer
  EXPECT_EQ(written(-60min, 0min), (Bytes{0x03, 0x01, 0x00, 0x00, 0x00}));
  EXPECT_EQ(written(30min, -30min), (Bytes{0x02, 0x00, 0x30, 0x00, 0x00}));
  EXPECT_EQ(written(60min, 60min, 5), (Bytes{5 << 2 | 0x02, 0x01, 0x00, 0x01, 0x00}));
}

TEST(LocalTimeOffset, OfManyRegionsTakesWhatADescriptorHolds) {
  const std::vector<LocalTimeOffset> many(25, {"AUS", 1, 10h, at(2026, 4, 4, 16h), 10h});
  EXPECT_EQ(local_time_offset_descriptor(many).data.size(), 19u * 13);
}

}  // namespace
}  // namespace psi
