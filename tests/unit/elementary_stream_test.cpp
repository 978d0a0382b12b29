#include "common/psi/elementary_stream.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace psi {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Languages = std::vector<std::string>;

Pmt::Stream stream(std::uint8_t type, Descriptors descriptors = {}) {
  return {type, ts::Pid{0x100}, std::move(descriptors)};
}
Descriptor registration(const std::string& format) { return {tag::registration, Bytes(format.begin(), format.end())}; }
std::string codec(std::uint8_t type, Descriptors descriptors = {}) {
  return describe(stream(type, std::move(descriptors))).codec;
}

TEST(ElementaryStream, IsNamedByItsStreamType) {
  EXPECT_EQ(codec(0x02), "mpeg2video");
  EXPECT_EQ(codec(0x04), "mp2");
  EXPECT_EQ(codec(0x0F), "aac");
  EXPECT_EQ(codec(0x11), "aac_latm");
  EXPECT_EQ(codec(0x1B), "h264");
  EXPECT_EQ(codec(0x24), "hevc");
  EXPECT_EQ(codec(0x0B), "dsmcc");
  EXPECT_EQ(codec(0xC3), "0xc3");
  EXPECT_EQ(describe(stream(0x1B)).kind, StreamKind::video);
  EXPECT_EQ(describe(stream(0xC3)).kind, StreamKind::data);
}

TEST(ElementaryStream, OfPrivateTypeIsNamedByItsDescriptors) {
  EXPECT_EQ(codec(0x06), "private");
  EXPECT_EQ(codec(0x06, {{tag::stream_identifier, {1}}, {tag::enhanced_ac3, {0}}}), "eac3");
  EXPECT_EQ(codec(0x06, {{tag::ac3, {0}}}), "ac3");
  EXPECT_EQ(codec(0x06, {{tag::extension, {0x15, 0}}}), "ac4");
  EXPECT_EQ(codec(0x06, {{tag::extension, {}}}), "private");
  EXPECT_EQ(codec(0x06, {registration("HEVC")}), "hevc");
  EXPECT_EQ(codec(0x06, {registration("HE")}), "private");
  EXPECT_EQ(codec(0x05), "sections");
  EXPECT_EQ(codec(0x05, {{tag::application_signalling, {}}}), "ait");
}

TEST(ElementaryStream, BeyondTheStandardIsNamedByItsRegistration) {
  EXPECT_EQ(codec(0x86), "scte35");
  EXPECT_EQ(codec(0x86, {registration("DTS1")}), "dts");
  EXPECT_EQ(codec(0x81), "ac3");
  EXPECT_EQ(codec(0x1B, {registration("HEVC")}), "h264");  // a standard type means what it says
}

TEST(ElementaryStream, ListsLanguagesInOrderAndOnce) {
  EXPECT_EQ(describe(stream(0x03, {{tag::iso_639_language, {'f', 'r', 'a', 0, 'e', 'n', 'g', 3}}})).languages,
            (Languages{"fra", "eng"}));
  const Bytes teletext{'i', 't', 'a', 0x09, 0, 'i', 't', 'a', 0x11, 1, 'e', 'n', 'g', 0x09, 2};
  const auto pages = describe(stream(0x06, {{tag::teletext, teletext}}));
  EXPECT_EQ(pages.kind, StreamKind::teletext);
  EXPECT_EQ(pages.languages, (Languages{"ita", "eng"}));
  const auto subtitles = describe(stream(0x06, {{tag::subtitling, {'d', 'e', 'u', 0x10, 0, 1, 0, 1}}}));
  EXPECT_EQ(subtitles.kind, StreamKind::subtitle);
  EXPECT_EQ(subtitles.languages, Languages{"deu"});
}

TEST(ElementaryStream, IgnoresLanguagesCutShort) {
  EXPECT_TRUE(describe(stream(0x03, {{tag::iso_639_language, {'f', 'r', 'a'}}})).languages.empty());
  EXPECT_TRUE(describe(stream(0x06, {{tag::subtitling, {'d', 'e', 'u', 0x10}}})).languages.empty());
}

TEST(ElementaryStream, HasAVideoCodecWhereAccessUnitsCanBeFound) {
  EXPECT_EQ(video_codec(stream(0x02)), ts::VideoCodec::mpeg2);
  EXPECT_EQ(video_codec(stream(0x1B)), ts::VideoCodec::h264);
  EXPECT_EQ(video_codec(stream(0x24)), ts::VideoCodec::hevc);
  EXPECT_EQ(video_codec(stream(0x33)), std::nullopt);
  EXPECT_EQ(video_codec(stream(0x03)), std::nullopt);
  EXPECT_EQ(video_codec(stream(0xC3)), std::nullopt);
}

TEST(ConditionalAccess, PidsAreListedOnce) {
  const Descriptors descriptors{{tag::conditional_access, {0x01, 0x00, 0xE1, 0x23}},
                                {tag::conditional_access, {0x05, 0x00, 0xE4, 0x56, 0xFF}},
                                {tag::conditional_access, {0x05, 0x00, 0xE1, 0x23}},
                                {tag::conditional_access, {0x05, 0x00, 0xE1}}};
  EXPECT_EQ(conditional_access_pids(descriptors), (std::vector{ts::Pid{0x123}, ts::Pid{0x456}}));
}

TEST(ServiceType, IsNamed) {
  EXPECT_EQ(service_type_name(0x01), "digital television");
  EXPECT_EQ(service_type_name(0x19), "H.264 HD television");
  EXPECT_EQ(service_type_name(0x80), "type 0x80");
}

}  // namespace
}  // namespace psi
