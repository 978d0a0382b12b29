// The values that options take, in one syntax for all tools.
//
// parse_value() throws std::invalid_argument with a message that quotes the text and says what would be right.
// to_text() gives text that parse_value() reads back as the same value; human_*() is for reports, and rounds.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "common/ts/packet.hpp"

namespace cli {

struct ByteSize {
  std::uint64_t bytes = 0;
  friend auto operator<=>(ByteSize, ByteSize) = default;
};

struct BitRate {
  std::int64_t bits_per_second = 0;
  friend auto operator<=>(BitRate, BitRate) = default;
};

struct Percent {
  double value = 0;  // 0 to 100
  friend auto operator<=>(Percent, Percent) = default;
};

// Durations: 24h 90s 500ms 1h30m 1.5s; d, h, m, s, ms, us, ns. To the nanosecond, never negative.
void parse_value(std::string_view text, std::chrono::nanoseconds& value);
std::string to_text(std::chrono::nanoseconds value);

// Whole units of the option's own type: "500us" is no duration in milliseconds.
template <class Rep, class Period>
void parse_value(std::string_view text, std::chrono::duration<Rep, Period>& value);
template <class Rep, class Period>
std::string to_text(std::chrono::duration<Rep, Period> value) {
  return to_text(std::chrono::duration_cast<std::chrono::nanoseconds>(value));
}

// Sizes: 200G 1.5M 64k in thousands, 64Ki 2Mi 1Gi in powers of 1024, a plain number in bytes; a B may follow.
void parse_value(std::string_view text, ByteSize& value);
std::string to_text(ByteSize value);

// Rates: 24M 38.014705M 800k, a plain number in bit/s. Exact.
void parse_value(std::string_view text, BitRate& value);
std::string to_text(BitRate value);

// 80 or 80%, with a fraction if wanted.
void parse_value(std::string_view text, Percent& value);
std::string to_text(Percent value);

// 256 or 0x100, 0 to 8191.
void parse_value(std::string_view text, ts::Pid& value);
std::string to_text(ts::Pid value);  // 0x0100 (256)

void parse_value(std::string_view text, std::string& value);
void parse_value(std::string_view text, std::filesystem::path& value);
void parse_value(std::string_view text, double& value);
std::string to_text(const std::string& value);
std::string to_text(const std::filesystem::path& value);

// Decimal or 0x, within [least, greatest].
std::int64_t parse_integer(std::string_view text, std::int64_t least, std::int64_t greatest);

// One of a few words.
template <class T>
T parse_choice(std::string_view text, const std::vector<std::pair<std::string, T>>& values) {
  std::string words;
  for (const auto& [word, value] : values) {
    if (word == text) return value;
    words += (words.empty() ? "" : "|") + word;
  }
  throw std::invalid_argument("not one of " + words + ": '" + std::string{text} + "'");
}

template <std::integral T>
requires(!std::same_as<T, bool>) void parse_value(std::string_view text, T& value) {
  constexpr std::int64_t greatest = std::numeric_limits<std::int64_t>::max();
  constexpr T top = std::numeric_limits<T>::max();
  value = static_cast<T>(parse_integer(text, std::numeric_limits<T>::min(),
                                       std::cmp_less(top, greatest) ? static_cast<std::int64_t>(top) : greatest));
}
template <std::integral T>
requires(!std::same_as<T, bool>) std::string to_text(T value) { return std::to_string(value); }

[[noreturn]] void throw_too_fine(std::string_view text);

template <class Rep, class Period>
void parse_value(std::string_view text, std::chrono::duration<Rep, Period>& value) {
  std::chrono::nanoseconds exact{};
  parse_value(text, exact);
  value = std::chrono::duration_cast<std::chrono::duration<Rep, Period>>(exact);
  if (std::chrono::duration_cast<std::chrono::nanoseconds>(value) != exact) throw_too_fine(text);
}

std::string human_size(std::uint64_t bytes);           // 12.3 GB
std::string human_rate(std::int64_t bits_per_second);  // 8.00 Mb/s
// The two largest units: 23 h 59 min, 12.5 s, 340 ms.
std::string human_duration(std::chrono::nanoseconds duration);

}  // namespace cli
