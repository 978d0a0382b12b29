#include "common/cli/values.hpp"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>
#include <span>
#include <stdexcept>

namespace cli {
namespace {

using namespace std::chrono_literals;

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

// In nanoseconds, from the longest.
constexpr std::array<Unit, 7> duration_units{{{"d", 86'400'000'000'000},
                                              {"h", 3'600'000'000'000},
                                              {"m", 60'000'000'000},
                                              {"s", 1'000'000'000},
                                              {"ms", 1'000'000},
                                              {"us", 1'000},
                                              {"ns", 1}}};
constexpr std::array<Unit, 9> size_units{{{"T", 1'000'000'000'000},
                                          {"G", 1'000'000'000},
                                          {"M", 1'000'000},
                                          {"k", 1'000},
                                          {"Ti", std::int64_t{1} << 40},
                                          {"Gi", std::int64_t{1} << 30},
                                          {"Mi", std::int64_t{1} << 20},
                                          {"Ki", std::int64_t{1} << 10},
                                          {"", 1}}};
constexpr std::array<Unit, 4> rate_units{{{"G", 1'000'000'000}, {"M", 1'000'000}, {"k", 1'000}, {"", 1}}};

// Thirty years. A date of until 2200 (date.hpp), moved by one duration, and by another from there, is still before
// 2262, when nanoseconds since 1970 no longer fit 64 bits. Nobody keeps a stream for so long.
constexpr std::int64_t longest_duration = 30 * 366 * std::int64_t{86'400'000'000'000};

constexpr const char* duration_examples = "try 90s, 1h30m, 500ms";
constexpr const char* size_examples = "try 200G, 64Mi, 1500000";
constexpr const char* rate_examples = "try 24M, 38.014705M, 800k";

[[noreturn]] void refuse(std::string_view what, std::string_view text, std::string_view hint) {
  throw std::invalid_argument(fmt::format("not {}: '{}' ({})", what, text, hint));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

template <std::size_t N>
const Unit* find_unit(const std::array<Unit, N>& units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

// Takes "12" or "12.5" off the front of `text`; empty if it begins with no digit.
std::string_view take_number(std::string_view& text) {
  std::size_t end = 0;
  while (end < text.size() && is_digit(text[end])) ++end;
  if (end > 0 && end + 1 < text.size() && text[end] == '.' && is_digit(text[end + 1])) {
    ++end;
    while (end < text.size() && is_digit(text[end])) ++end;
  }
  const std::string_view number = text.substr(0, end);
  text.remove_prefix(end);
  return number;
}

std::string_view take_letters(std::string_view& text) {
  std::size_t end = 0;
  while (end < text.size() && std::isalpha(static_cast<unsigned char>(text[end])) != 0) ++end;
  const std::string_view letters = text.substr(0, end);
  text.remove_prefix(end);
  return letters;
}

// number x factor, or nothing if that is no whole number or does not fit.
std::optional<std::int64_t> scale(std::string_view number, std::int64_t factor) {
  const std::size_t point = number.find('.');
  std::string_view fraction = point == std::string_view::npos ? std::string_view{} : number.substr(point + 1);
  while (!fraction.empty() && fraction.back() == '0') fraction.remove_suffix(1);
  std::int64_t total = 0;
  for (const char c : number.substr(0, point)) {
    if (__builtin_mul_overflow(total, 10, &total) || __builtin_add_overflow(total, c - '0', &total)) return {};
  }
  if (__builtin_mul_overflow(total, factor, &total)) return {};
  // The fraction as a numerator over 10^n. The largest factor is 8.64e13: 18 places are more than can be exact.
  if (fraction.size() > 18) return {};
  std::int64_t numerator = 0, denominator = 1;
  for (const char c : fraction) {
    numerator = numerator * 10 + (c - '0');
    denominator *= 10;
  }
  __extension__ using Wide = __int128;
  const Wide product = Wide{numerator} * factor;
  if (product % denominator != 0) return {};
  if (__builtin_add_overflow(total, static_cast<std::int64_t>(product / denominator), &total)) return {};
  return total;
}

// The largest unit that divides the value.
template <std::size_t N>
std::string in_units(std::uint64_t value, const std::array<Unit, N>& units) {
  for (const Unit& unit : units) {
    const auto factor = static_cast<std::uint64_t>(unit.factor);
    if (value != 0 && value % factor == 0) return fmt::format("{}{}", value / factor, unit.name);
  }
  return std::to_string(value);
}

std::string three_figures(double value, std::string_view unit) {
  constexpr std::array<std::string_view, 5> prefixes{"", "k", "M", "G", "T"};
  std::size_t i = 0;
  // 999.5 would print as 1000.
  while (value >= 999.5 && i + 1 < prefixes.size()) {
    value /= 1000;
    ++i;
  }
  const int places = i == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return fmt::format("{:.{}f} {}{}", value, places, prefixes[i], unit);
}

}  // namespace

void parse_value(std::string_view text, std::chrono::nanoseconds& value) {
  const auto refuse_it = [text] { refuse("a duration", text, duration_examples); };
  std::string_view rest = text;
  std::int64_t total = 0;
  if (text == "0") {
    value = 0ns;
    return;
  }
  if (rest.empty()) refuse_it();
  std::int64_t last_factor = std::numeric_limits<std::int64_t>::max();
  while (!rest.empty()) {
    const std::string_view number = take_number(rest);
    const Unit* unit = find_unit(duration_units, take_letters(rest));
    // Units get smaller, so that 30m1h, surely a slip, is not taken for 90 minutes.
    if (number.empty() || unit == nullptr || unit->factor >= last_factor) refuse_it();
    last_factor = unit->factor;
    const auto part = scale(number, unit->factor);
    if (!part || __builtin_add_overflow(total, *part, &total) || total > longest_duration) {
      refuse("a duration", text, "longer than 30 years or finer than a nanosecond");
    }
  }
  value = std::chrono::nanoseconds{total};
}

void throw_too_fine(std::string_view text) {
  throw std::invalid_argument(fmt::format("'{}' is finer than this option can be", text));
}

std::string to_text(std::chrono::nanoseconds value) {
  if (value == 0ns) return "0s";
  std::string text = value < 0ns ? "-" : "";
  auto left = value < 0ns ? -static_cast<std::uint64_t>(value.count()) : static_cast<std::uint64_t>(value.count());
  // A day is written as 24h: that is how people ask for it.
  for (const Unit& unit : std::span{duration_units}.subspan(1)) {
    const auto factor = static_cast<std::uint64_t>(unit.factor);
    if (left < factor) continue;
    text += fmt::format("{}{}", left / factor, unit.name);
    left %= factor;
  }
  return text;
}

void parse_value(std::string_view text, ByteSize& value) {
  std::string_view rest = text;
  const std::string_view number = take_number(rest);
  std::string_view name = rest;
  if (!name.empty() && name.back() == 'B') name.remove_suffix(1);
  const Unit* unit = find_unit(size_units, name == "K" ? "k" : name);
  if (number.empty() || unit == nullptr) refuse("a size", text, size_examples);
  const auto bytes = scale(number, unit->factor);
  if (!bytes) refuse("a size", text, "too large, or no whole number of bytes");
  value.bytes = static_cast<std::uint64_t>(*bytes);
}

std::string to_text(ByteSize value) { return in_units(value.bytes, size_units); }

void parse_value(std::string_view text, BitRate& value) {
  std::string_view rest = text;
  const std::string_view number = take_number(rest);
  const Unit* unit = find_unit(rate_units, rest == "K" ? "k" : rest);
  if (number.empty() || unit == nullptr) refuse("a bit rate", text, rate_examples);
  const auto rate = scale(number, unit->factor);
  if (!rate) refuse("a bit rate", text, "too high, or no whole number of bit/s");
  value.bits_per_second = *rate;
}

std::string to_text(BitRate value) { return in_units(static_cast<std::uint64_t>(value.bits_per_second), rate_units); }

void parse_value(std::string_view text, double& value) {
  double parsed = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(parsed)) {
    refuse("a number", text, "try 0.8");
  }
  value = parsed;
}

void parse_value(std::string_view text, Percent& value) {
  std::string_view number = text;
  if (number.ends_with('%')) number.remove_suffix(1);
  double parsed = -1;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), parsed);
  if (error != std::errc{} || end != number.data() + number.size() || !(parsed >= 0 && parsed <= 100)) {
    refuse("a percentage", text, "0 to 100");
  }
  value.value = parsed;
}

std::string to_text(Percent value) { return fmt::format("{}%", value.value); }

std::int64_t parse_integer(std::string_view text, std::int64_t least, std::int64_t greatest) {
  std::string_view digits = text;
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  const bool hexadecimal = digits.starts_with("0x") || digits.starts_with("0X");
  if (hexadecimal) digits.remove_prefix(2);
  std::int64_t value = 0;
  const char* last = digits.data() + digits.size();
  const auto [end, error] = std::from_chars(digits.data(), last, value, hexadecimal ? 16 : 10);
  // from_chars would take a second sign.
  const bool shape = !digits.empty() && digits.front() != '-' && end == last;
  if (!shape || error == std::errc::invalid_argument) {
    refuse("a number", text, fmt::format("{} to {}, decimal or 0x", least, greatest));
  }
  if (negative) value = -value;
  if (error != std::errc{} || value < least || value > greatest) {
    throw std::invalid_argument(fmt::format("out of range: '{}' ({} to {})", text, least, greatest));
  }
  return value;
}

void parse_value(std::string_view text, ts::Pid& value) {
  const auto number = parse_integer(text, 0, ts::Pid::count - 1);
  value = ts::Pid{static_cast<unsigned>(number)};
}

std::string to_text(ts::Pid value) { return fmt::format("{:#06x} ({})", value.value(), value.value()); }

void parse_value(std::string_view text, std::string& value) { value = text; }

void parse_value(std::string_view text, std::filesystem::path& value) {
  if (text.empty()) throw std::invalid_argument("not a path: '' (it is empty)");
  value = text;
}

std::string to_text(const std::string& value) { return value; }
std::string to_text(const std::filesystem::path& value) { return value.string(); }

std::string human_size(std::uint64_t bytes) { return three_figures(static_cast<double>(bytes), "B"); }

std::string human_rate(std::int64_t bits_per_second) {
  return three_figures(static_cast<double>(bits_per_second), "b/s");
}

std::string human_duration(std::chrono::nanoseconds duration) {
  const std::string sign = duration < 0ns ? "-" : "";
  const double seconds = std::abs(std::chrono::duration<double>(duration).count());
  if (seconds < 0.9995) return fmt::format("{}{:.0f} ms", sign, seconds * 1000);
  if (seconds < 59.95) return fmt::format("{}{:.1f} s", sign, seconds);
  const auto whole = std::llround(seconds);
  const auto in = [&](std::int64_t large, std::int64_t small, std::string_view a, std::string_view b) {
    return fmt::format("{}{} {} {} {}", sign, whole / large, a, whole % large / small, b);
  };
  if (whole < 3600) return in(60, 1, "min", "s");
  if (whole < 86400) return in(3600, 60, "h", "min");
  return in(86400, 3600, "d", "h");
}

}  // namespace cli
