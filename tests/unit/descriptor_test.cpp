#include "common/psi/descriptor.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace psi {
namespace {

using Bytes = std::vector<std::uint8_t>;

// The text of a field that begins with `selector`.
std::string read(const Bytes& selector, const std::string& field) {
  Bytes bytes = selector;
  bytes.insert(bytes.end(), field.begin(), field.end());
  return text(bytes);
}

TEST(DvbText, IsIso6937WithoutSelector) {
  EXPECT_EQ(text({}), "");
  EXPECT_EQ(read({}, "France 2"), "France 2");
  EXPECT_EQ(read({},
                 "T\xC2"
                 "el\xC2"
                 "e \xC8"
                 "u\xCB"
                 "c"),
            "T\u00e9l\u00e9 \u00fc\u00e7");
  EXPECT_EQ(read({}, "10 \xA4"), "10 \u20ac");  // figure A.1 of EN 300 468 has the euro there
}

TEST(DvbText, WithoutSelectorIsLatinWhereIso6937WouldHaveCapitalsInsideWords) {
  EXPECT_EQ(read({},
                 "R\xE9"
                 "alis\xE9 \xE0 No\xEBl"),
            "R\u00e9alis\u00e9 \u00e0 No\u00ebl");
  EXPECT_EQ(read({}, "\xE9re sm\xF9r 1\xE3 n\xEB 2"), "\u00d8re sm\u00f8r 1\u00aa n\u00ba 2");
}

TEST(DvbText, KeepsALastLetterThatCouldHaveTakenAnAccent) {
  EXPECT_EQ(read({}, "ca"), "ca");
  EXPECT_EQ(read({}, "ab\xC2"), "ab\uFFFD");  // an accent and no letter
}

TEST(DvbText, TakesTheTablesOfIso8859) {
  EXPECT_EQ(read({0x01}, "\xBF\xE0\xD8"), "\u041f\u0440\u0438");  // 8859-5
  EXPECT_EQ(read({0x05}, "\xF0"), "\u011f");                      // 8859-9
  EXPECT_EQ(read({0x0B}, "\xA4"), "\u20ac");                      // 8859-15
  EXPECT_EQ(read({0x10, 0x00, 0x01}, "\xE9"), "\u00e9");          // 8859-1
  EXPECT_EQ(read({0x10, 0x00, 0x02}, "\xB1"), "\u0105");          // 8859-2
}

TEST(DvbText, TakesWideTables) {
  EXPECT_EQ(text(Bytes{0x11, 0x00, 0x41, 0x04, 0x1F}), "A\u041f");
  EXPECT_EQ(read({0x15}, "\u00e9t\u00e9"), "\u00e9t\u00e9");
  EXPECT_EQ(text(Bytes{0x12, 0xB0, 0xA1}), "\uac00");
}

TEST(DvbText, DropsControlCodesAndTurnsLineBreaksIntoSpaces) {
  EXPECT_EQ(read({},
                 "\x86"
                 "Film\x87\x8A"
                 "Drame\x01\x1B[2J"),
            "Film Drame[2J");
  EXPECT_EQ(read({0x05},
                 "a\x8A"
                 "b"),
            "a b");
  EXPECT_EQ(text(Bytes{0x11, 0x00, 0x41, 0xE0, 0x8A, 0xE0, 0x86, 0x00, 0x42}), "A B");
}

TEST(DvbText, ReplacesWhatItCannotConvert) {
  EXPECT_EQ(text(Bytes{0x11, 0x00, 0x41, 0x00}), "A\uFFFD");           // half a character
  EXPECT_EQ(text(Bytes{0x10, 0x00, 0x0C, 'a', 'b'}), "\uFFFD\uFFFD");  // 8859-12 was never made
  EXPECT_EQ(text(Bytes{0x10, 0x00}), "");
  EXPECT_EQ(read({0x15},
                 "a\xFF"
                 "b"),
            "a\uFFFD"
            "b");
}

TEST(DvbText, ComesBackAsItWasMade) {
  for (const std::string& name :
       {std::string{}, std::string{"France 2"}, std::string{"T\u00e9l\u00e9 \u041f \u20ac"}}) {
    EXPECT_EQ(text(to_dvb_text(name)), name);
  }
  EXPECT_EQ(to_dvb_text("abc"), (Bytes{'a', 'b', 'c'}));
}

TEST(LanguageCode, IsSafeToPrint) {
  EXPECT_EQ(language_code(std::array<std::uint8_t, 3>{'f', 'r', 'a'}), "fra");
  EXPECT_EQ(language_code(std::array<std::uint8_t, 3>{0x1B, 0, 0xE9}), "???");
}

TEST(Descriptors, AreFoundByTheirTag) {
  const Descriptors descriptors{{0x52, {1}}, {0x0A, {2}}, {0x0A, {3}}};
  ASSERT_NE(find(descriptors, tag::iso_639_language), nullptr);
  EXPECT_EQ(find(descriptors, tag::iso_639_language)->data, Bytes{2});
  EXPECT_EQ(find(descriptors, tag::teletext), nullptr);
}

}  // namespace
}  // namespace psi
