#include "common/cli/table.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "common/cli/json.hpp"

namespace cli {
namespace {

TEST(Table, AlignsByWhatATerminalShows) {
  Table table{{{"SERVICE"}, {"RATE", Table::Align::right}, {"LANGUAGES"}}};
  table.add_row({"Télé", "8.00 Mb/s", "fra"});
  table.add_row({"日本", "12 Mb/s"});
  EXPECT_EQ(table.text(),
            "SERVICE       RATE  LANGUAGES\n"
            "Télé     8.00 Mb/s  fra\n"
            "日本       12 Mb/s\n");
}

TEST(Table, MakesNamesFromStreamsSafe) {
  EXPECT_EQ(printable("a\x1b[31mb\n"), "a?[31mb?");
  EXPECT_EQ(printable("\xC2\x86"
                      "France\xFF\xE9t\xE9"),
            "?France??t?");
  EXPECT_EQ(printable("\u202Eabc"), "?abc");
  EXPECT_EQ(printable("\xC0\x80\xED\xA0\x80\xF4\x90\x80\x80"), std::string(9, '?'));
  EXPECT_EQ(printable("é日😀"), "é日😀");
}

TEST(Table, CountsColumns) {
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("e\u0301"), 1u);
  EXPECT_EQ(display_width("日本"), 4u);
  EXPECT_EQ(display_width("\xFF\xFE"), 2u);
}

TEST(Json, ReplacesBytesThatAreNoUtf8) {
  EXPECT_EQ(json_text(nlohmann::ordered_json{{"name", "t\xE9l"}}), "{\n  \"name\": \"t\uFFFDl\"\n}\n");
}

}  // namespace
}  // namespace cli
