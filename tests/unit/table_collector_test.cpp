#include "common/psi/table_collector.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/si_section.hpp"

namespace psi {
namespace {

SectionBytes part(std::uint8_t version, std::uint8_t number, std::uint8_t last, std::uint8_t content = 0) {
  const std::vector<std::uint8_t> body{content};
  return support::long_section(
      {.table = 0x42, .extension = 1, .version = version, .number = number, .last_number = last}, body);
}

bool feed(TableCollector& collector, const SectionBytes& bytes) { return collector.feed(ts::Section{bytes}); }

TEST(TableCollector, CompletesATableInAnyOrder) {
  TableCollector collector;
  EXPECT_FALSE(feed(collector, part(1, 2, 2)));
  EXPECT_FALSE(feed(collector, part(1, 0, 2)));
  EXPECT_TRUE(collector.sections().empty());
  EXPECT_TRUE(feed(collector, part(1, 1, 2)));
  EXPECT_EQ(collector.sections(), (std::vector{part(1, 0, 2), part(1, 1, 2), part(1, 2, 2)}));
}

TEST(TableCollector, TellsARepetitionFromAChange) {
  TableCollector collector;
  EXPECT_TRUE(feed(collector, part(1, 0, 0)));
  EXPECT_FALSE(feed(collector, part(1, 0, 0)));
  EXPECT_TRUE(feed(collector, part(2, 0, 0)));
  EXPECT_TRUE(feed(collector, part(2, 0, 0, 99))) << "same version, other content";
}

TEST(TableCollector, KeepsTheLastWholeTableWhileTheNextComes) {
  TableCollector collector;
  feed(collector, part(1, 0, 1));
  feed(collector, part(1, 1, 1));
  EXPECT_FALSE(feed(collector, part(2, 0, 1)));
  EXPECT_EQ(ts::Section{collector.sections()[0]}.version(), 1);
  EXPECT_TRUE(feed(collector, part(2, 1, 1)));
  EXPECT_EQ(ts::Section{collector.sections()[0]}.version(), 2);
}

TEST(TableCollector, NeverMixesVersions) {
  TableCollector collector;
  EXPECT_FALSE(feed(collector, part(1, 0, 1)));
  EXPECT_FALSE(feed(collector, part(2, 1, 1)));
  EXPECT_FALSE(feed(collector, part(3, 0, 1)));
  EXPECT_TRUE(collector.sections().empty());
  EXPECT_TRUE(feed(collector, part(3, 1, 1)));
}

TEST(TableCollector, FollowsATableThatGrowsOrShrinks) {
  TableCollector collector;
  EXPECT_TRUE(feed(collector, part(1, 0, 0)));
  EXPECT_FALSE(feed(collector, part(1, 0, 1)));
  EXPECT_TRUE(feed(collector, part(1, 1, 1)));
  EXPECT_TRUE(feed(collector, part(1, 0, 0)));
  EXPECT_EQ(collector.sections().size(), 1u);
}

TEST(TableCollector, RefusesANumberBeyondTheLast) {
  TableCollector collector;
  EXPECT_FALSE(feed(collector, part(1, 3, 0)));
  EXPECT_TRUE(collector.sections().empty());
}

TEST(TableCollector, StartsAnewAfterReset) {
  TableCollector collector;
  feed(collector, part(1, 0, 0));
  collector.reset();
  EXPECT_TRUE(collector.sections().empty());
  EXPECT_TRUE(feed(collector, part(1, 0, 0)));
}

}  // namespace
}  // namespace psi
