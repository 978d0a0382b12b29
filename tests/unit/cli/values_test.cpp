#include "common/cli/values.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace cli {
namespace {

using namespace std::chrono_literals;

template <class T>
T read(std::string_view text) {
  T value{};
  parse_value(text, value);
  return value;
}

template <class T>
std::string refusal(std::string_view text) {
  try {
    read<T>(text);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

using Nanoseconds = std::chrono::nanoseconds;

TEST(Duration, TakesEveryUnitAndTheirSums) {
  EXPECT_EQ(read<Nanoseconds>("24h"), 24h);
  EXPECT_EQ(read<Nanoseconds>("90s"), 90s);
  EXPECT_EQ(read<Nanoseconds>("500ms"), 500ms);
  EXPECT_EQ(read<Nanoseconds>("1h30m"), 90min);
  EXPECT_EQ(read<Nanoseconds>("2d1h1m1s1ms1us1ns"), 49h + 1min + 1s + 1ms + 1us + 1ns);
  EXPECT_EQ(read<Nanoseconds>("1.5h"), 90min);
  EXPECT_EQ(read<Nanoseconds>("0.000000001s"), 1ns);
  EXPECT_EQ(read<Nanoseconds>("0"), 0ns);
}

TEST(Duration, RefusesWithTheTextAndAnExample) {
  EXPECT_EQ(refusal<Nanoseconds>("5 parsecs"), "not a duration: '5 parsecs' (try 90s, 1h30m, 500ms)");
  for (const auto* text : {"", "90", "-5s", "5x", "s", "1.s", ".5s", "30m1h", "1h1h", "1h 30m", "1e3s"}) {
    EXPECT_EQ(refusal<Nanoseconds>(text), std::string{"not a duration: '"} + text + "' (try 90s, 1h30m, 500ms)");
  }
}

TEST(Duration, RefusesWhatNanosecondsCannotHold) {
  for (const auto* text : {"300000d", "99999999999999999999h", "0.1ns", "106751d23h47m17s"}) {
    EXPECT_EQ(refusal<Nanoseconds>(text),
              std::string{"not a duration: '"} + text + "' (longer than 30 years or finer than a nanosecond)");
  }
}

TEST(Duration, OfACoarserTypeIsNotRounded) {
  EXPECT_EQ(read<std::chrono::milliseconds>("1.5s"), 1500ms);
  EXPECT_EQ(refusal<std::chrono::milliseconds>("500us"), "'500us' is finer than this option can be");
}

TEST(Duration, IsWrittenAsItIsRead) {
  for (const auto* text : {"24h", "1h30m", "1m30s", "500ms", "1s500ms", "0s", "1ns"}) {
    EXPECT_EQ(to_text(read<Nanoseconds>(text == std::string_view{"0s"} ? "0" : text)), text);
  }
  EXPECT_EQ(to_text(-90min), "-1h30m");
}

TEST(ByteSize, CountsInThousandsAndIn1024) {
  EXPECT_EQ(read<ByteSize>("200G").bytes, 200'000'000'000u);
  EXPECT_EQ(read<ByteSize>("10M").bytes, 10'000'000u);
  EXPECT_EQ(read<ByteSize>("64k").bytes, 64'000u);
  EXPECT_EQ(read<ByteSize>("1.5T").bytes, 1'500'000'000'000u);
  EXPECT_EQ(read<ByteSize>("64Ki").bytes, 65'536u);
  EXPECT_EQ(read<ByteSize>("1GiB").bytes, 1u << 30);
  EXPECT_EQ(read<ByteSize>("0.5Ki").bytes, 512u);
  EXPECT_EQ(read<ByteSize>("188").bytes, 188u);
  EXPECT_EQ(refusal<ByteSize>("200 G"), "not a size: '200 G' (try 200G, 64Mi, 1500000)");
  EXPECT_EQ(refusal<ByteSize>("0.5"), "not a size: '0.5' (too large, or no whole number of bytes)");
  EXPECT_EQ(refusal<ByteSize>("99999999T"), "not a size: '99999999T' (too large, or no whole number of bytes)");
}

TEST(ByteSize, IsWrittenAsItIsRead) {
  for (const auto* text : {"200G", "64Ki", "1500k", "188", "0"}) EXPECT_EQ(to_text(read<ByteSize>(text)), text);
}

TEST(BitRate, IsExactToTheBit) {
  EXPECT_EQ(read<BitRate>("38.014705M").bits_per_second, 38'014'705);
  EXPECT_EQ(read<BitRate>("24M").bits_per_second, 24'000'000);
  EXPECT_EQ(read<BitRate>("800k").bits_per_second, 800'000);
  EXPECT_EQ(read<BitRate>("22394118").bits_per_second, 22'394'118);
  EXPECT_EQ(refusal<BitRate>("38.0147051M"), "not a bit rate: '38.0147051M' (too high, or no whole number of bit/s)");
  EXPECT_EQ(refusal<BitRate>("fast"), "not a bit rate: 'fast' (try 24M, 38.014705M, 800k)");
}

TEST(Pid, IsDecimalOrHexadecimalWithinThirteenBits) {
  EXPECT_EQ(read<ts::Pid>("0x1FFF").value(), 8191);
  EXPECT_EQ(read<ts::Pid>("256").value(), 256);
  EXPECT_EQ(refusal<ts::Pid>("8192"), "out of range: '8192' (0 to 8191)");
  EXPECT_EQ(refusal<ts::Pid>("-1"), "out of range: '-1' (0 to 8191)");
  EXPECT_EQ(refusal<ts::Pid>("0x"), "not a number: '0x' (0 to 8191, decimal or 0x)");
  EXPECT_EQ(refusal<ts::Pid>("100h"), "not a number: '100h' (0 to 8191, decimal or 0x)");
  EXPECT_EQ(to_text(ts::Pid{256}), "0x0100 (256)");
}

TEST(Integer, StaysWithinItsType) {
  EXPECT_EQ(read<std::uint16_t>("0xFFFF"), 65535);
  EXPECT_EQ(refusal<std::uint16_t>("65536"), "out of range: '65536' (0 to 65535)");
  EXPECT_EQ(read<int>("-5"), -5);
  EXPECT_EQ(read<std::uint64_t>("9223372036854775807"), 9223372036854775807u);
  EXPECT_EQ(refusal<std::int64_t>("9223372036854775808").substr(0, 12), "out of range");
  EXPECT_EQ(refusal<int>("--5"), "not a number: '--5' (-2147483648 to 2147483647, decimal or 0x)");
}

TEST(Percent, IsFromZeroToAHundred) {
  EXPECT_EQ(read<Percent>("80%").value, 80);
  EXPECT_EQ(read<Percent>("12.5").value, 12.5);
  for (const auto* text : {"101", "-1", "nan", "%", ""}) {
    EXPECT_EQ(refusal<Percent>(text), std::string{"not a percentage: '"} + text + "' (0 to 100)");
  }
}

TEST(Reports, RoundToThreeFigures) {
  EXPECT_EQ(human_size(0), "0 B");
  EXPECT_EQ(human_size(999), "999 B");
  EXPECT_EQ(human_size(12'345'678'901), "12.3 GB");
  EXPECT_EQ(human_size(999'600), "1.00 MB");
  EXPECT_EQ(human_rate(8'000'000), "8.00 Mb/s");
  EXPECT_EQ(human_rate(38'014'705), "38.0 Mb/s");
  EXPECT_EQ(human_duration(340ms), "340 ms");
  EXPECT_EQ(human_duration(12'500ms), "12.5 s");
  EXPECT_EQ(human_duration(59'990ms), "1 min 0 s");
  EXPECT_EQ(human_duration(23h + 59min), "23 h 59 min");
  EXPECT_EQ(human_duration(50h), "2 d 2 h");
  EXPECT_EQ(human_duration(-2s), "-2.0 s");
}

}  // namespace
}  // namespace cli
