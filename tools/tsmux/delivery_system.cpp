#include "tools/tsmux/delivery_system.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <map>
#include <span>
#include <stdexcept>
#include <string>

#include "common/cli/values.hpp"

namespace tsmux {
namespace {

using Bytes = std::vector<std::uint8_t>;

struct Word {
  std::string_view name;
  std::uint8_t code;
};

// EN 300 468 tables 35 to 41, 43 to 49, and 133 to 137.
constexpr std::array<Word, 11> fec_words{{{"auto", 0},
                                          {"1/2", 1},
                                          {"2/3", 2},
                                          {"3/4", 3},
                                          {"5/6", 4},
                                          {"7/8", 5},
                                          {"8/9", 6},
                                          {"3/5", 7},
                                          {"4/5", 8},
                                          {"9/10", 9},
                                          {"none", 15}}};
constexpr std::array<Word, 4> polarization_words{{{"h", 0}, {"v", 1}, {"l", 2}, {"r", 3}}};
constexpr std::array<Word, 3> roll_off_words{{{"0.35", 0}, {"0.25", 1}, {"0.20", 2}}};
constexpr std::array<Word, 2> satellite_system_words{{{"s", 0}, {"s2", 1}}};
constexpr std::array<Word, 4> satellite_modulation_words{{{"auto", 0}, {"qpsk", 1}, {"8psk", 2}, {"qam16", 3}}};
constexpr std::array<Word, 5> cable_modulation_words{
    {{"qam16", 1}, {"qam32", 2}, {"qam64", 3}, {"qam128", 4}, {"qam256", 5}}};
constexpr std::array<Word, 4> bandwidth_words{{{"8M", 0}, {"7M", 1}, {"6M", 2}, {"5M", 3}}};
constexpr std::array<Word, 3> terrestrial_modulation_words{{{"qpsk", 0}, {"qam16", 1}, {"qam64", 2}}};
constexpr std::array<Word, 4> hierarchy_words{{{"none", 0}, {"1", 1}, {"2", 2}, {"4", 3}}};
constexpr std::array<Word, 5> code_rate_words{{{"1/2", 0}, {"2/3", 1}, {"3/4", 2}, {"5/6", 3}, {"7/8", 4}}};
constexpr std::array<Word, 4> guard_words{{{"1/32", 0}, {"1/16", 1}, {"1/8", 2}, {"1/4", 3}}};
constexpr std::array<Word, 3> mode_words{{{"2k", 0}, {"8k", 1}, {"4k", 2}}};
constexpr std::array<Word, 2> priority_words{{{"low", 0}, {"high", 1}}};
constexpr std::array<Word, 2> answer_words{{{"no", 0}, {"yes", 1}}};
constexpr std::array<Word, 6> t2_bandwidth_words{
    {{"8M", 0}, {"7M", 1}, {"6M", 2}, {"5M", 3}, {"10M", 4}, {"1.712M", 5}}};
constexpr std::array<Word, 7> t2_guard_words{
    {{"1/32", 0}, {"1/16", 1}, {"1/8", 2}, {"1/4", 3}, {"1/128", 4}, {"19/128", 5}, {"19/256", 6}}};
constexpr std::array<Word, 6> t2_mode_words{{{"2k", 0}, {"8k", 1}, {"4k", 2}, {"1k", 3}, {"16k", 4}, {"32k", 5}}};

std::string names(std::span<const Word> words) {
  std::string out;
  for (const Word& word : words) out += (out.empty() ? "" : ", ") + std::string{word.name};
  return out;
}

// What stands behind the system's name.
class Keys {
 public:
  Keys(std::string_view system, std::string_view text, std::span<const std::string_view> known) : system_(system) {
    while (!text.empty()) {
      const std::string_view pair = text.substr(0, text.find(','));
      text.remove_prefix(std::min(text.size(), pair.size() + 1));
      const std::size_t equals = std::min(pair.find('='), pair.size());
      const std::string_view key = pair.substr(0, equals);
      if (std::ranges::find(known, key) == known.end() || equals == pair.size()) {
        throw std::invalid_argument(
            fmt::format("{}: '{}' is not key=value of {}", system_, pair, fmt::join(known, ", ")));
      }
      if (!values_.emplace(key, pair.substr(equals + 1)).second) {
        throw std::invalid_argument(fmt::format("{}: {} is given twice", system_, key));
      }
    }
  }

  bool has(std::string_view key) const { return values_.contains(key); }
  std::string_view value(std::string_view key) const {
    const auto found = values_.find(key);
    if (found == values_.end()) throw std::invalid_argument(fmt::format("{}: {}= is missing", system_, key));
    return found->second;
  }
  [[noreturn]] void refuse(std::string_view key, std::string_view right) const {
    throw std::invalid_argument(fmt::format("{}: {}={}: {}", system_, key, value(key), right));
  }

  unsigned word(std::string_view key, std::span<const Word> words) const {
    const auto found = std::ranges::find(words, value(key), &Word::name);
    if (found == words.end()) refuse(key, "not one of " + names(words));
    return found->code;
  }
  unsigned word(std::string_view key, std::span<const Word> words, std::string_view otherwise) const {
    return has(key) ? word(key, words) : std::ranges::find(words, otherwise, &Word::name)->code;
  }
  unsigned integer(std::string_view key, unsigned greatest) const {
    try {
      return static_cast<unsigned>(cli::parse_integer(value(key), 0, greatest));
    } catch (const std::invalid_argument&) {
      refuse(key, fmt::format("not 0 to {}", greatest));
    }
  }
  // A frequency or symbol rate in units of `unit` Hz, from `least` to `greatest` Hz; `example` is one.
  std::uint64_t rate(std::string_view key, std::int64_t unit, std::int64_t least, std::int64_t greatest,
                     std::string_view example) const {
    cli::BitRate rate;
    try {
      cli::parse_value(value(key), rate);
    } catch (const std::invalid_argument&) {
      refuse(key, fmt::format("not a number of Hz, such as {}", example));
    }
    if (rate.bits_per_second < least || rate.bits_per_second > greatest) {
      refuse(key, fmt::format("not {} to {}, such as {}", cli::to_text(cli::BitRate{least}),
                              cli::to_text(cli::BitRate{greatest}), example));
    }
    if (rate.bits_per_second % unit != 0) refuse(key, fmt::format("not a multiple of {} Hz, as it is sent", unit));
    return static_cast<std::uint64_t>(rate.bits_per_second / unit);
  }

 private:
  std::string_view system_;
  std::map<std::string_view, std::string_view> values_;
};

// Most significant first.
class Fields {
 public:
  Fields& bits(std::uint64_t value, unsigned count) {
    for (unsigned i = count; i-- > 0; ++used_) {
      if (used_ % 8 == 0) bytes_.push_back(0);
      bytes_.back() = static_cast<std::uint8_t>(bytes_.back() | (value >> i & 1) << (7 - used_ % 8));
    }
    return *this;
  }
  Fields& ones(unsigned count) { return bits(~std::uint64_t{0}, count); }
  Fields& bcd(std::uint64_t value, unsigned digits) {
    std::uint64_t coded = 0;
    for (unsigned i = 0; i < digits; ++i, value /= 10) coded |= value % 10 << 4 * i;
    return bits(coded, 4 * digits);
  }
  Bytes take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
  unsigned used_ = 0;
};

struct Orbit {
  unsigned tenths = 0;
  bool east = false;
};

Orbit orbit_of(const Keys& keys) {
  const std::string_view text = keys.value("orbit");
  unsigned degrees = 0, tenth = 0;
  const char* const last = text.data() + text.size();
  auto [at, error] = std::from_chars(text.data(), last, degrees);
  bool right = error == std::errc{};
  if (right && last - at >= 2 && *at == '.') {
    right = at[1] >= '0' && at[1] <= '9';
    tenth = static_cast<unsigned>(at[1] - '0');
    at += 2;
  }
  right = right && last - at == 1 && (*at == 'E' || *at == 'W') && degrees <= 180 && degrees * 10 + tenth <= 1800;
  if (!right) keys.refuse("orbit", "not degrees to a tenth, and E or W: 13.0E, 0.8W");
  return {degrees * 10 + tenth, *at == 'E'};
}

constexpr std::int64_t kilo = 1'000, mega = 1'000'000, giga = 1'000'000'000;

// 6.2.13.2
psi::Descriptor satellite(std::string_view text) {
  static constexpr std::array<std::string_view, 8> known{"frequency", "orbit",      "polarization", "symbol-rate",
                                                         "fec",       "modulation", "system",       "roll-off"};
  const Keys keys{"dvb-s", text, known};
  const auto frequency = keys.rate("frequency", 10 * kilo, giga, 100 * giga, "11.778G");
  const Orbit orbit = orbit_of(keys);
  const unsigned polarization = keys.word("polarization", polarization_words);
  const auto symbol_rate = keys.rate("symbol-rate", 100, 100 * kilo, 500 * mega, "27.5M");
  const unsigned fec = keys.word("fec", fec_words, "auto");
  const unsigned modulation = keys.word("modulation", satellite_modulation_words, "qpsk");
  const bool only_s2 = modulation == 2 || keys.has("roll-off");
  const unsigned system = keys.word("system", satellite_system_words, only_s2 ? "s2" : "s");
  if (system == 0 && only_s2) keys.refuse("system", "8psk and roll-off are of s2");
  return {0x43, Fields{}
                    .bcd(frequency, 8)
                    .bcd(orbit.tenths, 4)
                    .bits(orbit.east ? 1 : 0, 1)
                    .bits(polarization, 2)
                    .bits(keys.word("roll-off", roll_off_words, "0.35"), 2)
                    .bits(system, 1)
                    .bits(modulation, 2)
                    .bcd(symbol_rate, 7)
                    .bits(fec, 4)
                    .take()};
}

// 6.2.13.1
psi::Descriptor cable(std::string_view text) {
  static constexpr std::array<std::string_view, 4> known{"frequency", "symbol-rate", "modulation", "fec"};
  const Keys keys{"dvb-c", text, known};
  constexpr unsigned reed_solomon = 2;  // FEC_outer: RS(204/188)
  const auto frequency = keys.rate("frequency", 100, 30 * mega, 2 * giga, "330M");
  const auto symbol_rate = keys.rate("symbol-rate", 100, 100 * kilo, 20 * mega, "6.9M");
  return {0x44, Fields{}
                    .bcd(frequency, 8)
                    .ones(12)
                    .bits(reed_solomon, 4)
                    .bits(keys.word("modulation", cable_modulation_words), 8)
                    .bcd(symbol_rate, 7)
                    .bits(keys.word("fec", fec_words, "none"), 4)
                    .take()};
}

std::uint64_t centre_frequency(const Keys& keys) { return keys.rate("frequency", 10, 30 * mega, 2 * giga, "514M"); }

// 6.2.13.4
psi::Descriptor terrestrial(std::string_view text) {
  static constexpr std::array<std::string_view, 10> known{"frequency",     "bandwidth",      "modulation", "code-rate",
                                                          "guard",         "mode",           "priority",   "hierarchy",
                                                          "code-rate-low", "other-frequency"};
  const Keys keys{"dvb-t", text, known};
  const unsigned hierarchy = keys.word("hierarchy", hierarchy_words, "none");
  if (hierarchy == 0 && keys.has("code-rate-low")) {
    keys.refuse("code-rate-low", "is of a hierarchy, such as hierarchy=1");
  }
  return {0x5A, Fields{}
                    .bits(centre_frequency(keys), 32)
                    .bits(keys.word("bandwidth", bandwidth_words, "8M"), 3)
                    .bits(keys.word("priority", priority_words, "high"), 1)
                    .ones(4)  // neither time slicing nor MPE-FEC; reserved
                    .bits(keys.word("modulation", terrestrial_modulation_words, "qam64"), 2)
                    .bits(hierarchy, 3)
                    .bits(keys.word("code-rate", code_rate_words, "2/3"), 3)
                    .bits(keys.word("code-rate-low", code_rate_words, "1/2"), 3)
                    .bits(keys.word("guard", guard_words, "1/32"), 2)
                    .bits(keys.word("mode", mode_words, "8k"), 2)
                    .bits(keys.word("other-frequency", answer_words, "no"), 1)
                    .ones(32)
                    .take()};
}

// 6.4.6.3
psi::Descriptor terrestrial_2(std::string_view text) {
  static constexpr std::array<std::string_view, 9> known{"plp",  "system-id", "frequency", "bandwidth",      "guard",
                                                         "mode", "cell",      "miso",      "other-frequency"};
  constexpr unsigned t2_delivery_system = 0x04;  // descriptor_tag_extension
  const Keys keys{"dvb-t2", text, known};
  Fields fields;
  fields.bits(t2_delivery_system, 8).bits(keys.integer("plp", 0xFF), 8).bits(keys.integer("system-id", 0xFFFF), 16);
  if (!keys.has("frequency")) {
    for (const std::string_view key : known) {
      if (key != "plp" && key != "system-id" && keys.has(key)) keys.refuse(key, "needs frequency=");
    }
    return {psi::tag::extension, fields.take()};
  }
  constexpr unsigned reserved = 0b11;
  fields.bits(keys.word("miso", answer_words, "no"), 2)
      .bits(keys.word("bandwidth", t2_bandwidth_words, "8M"), 4)
      .bits(reserved, 2)
      .bits(keys.word("guard", t2_guard_words, "1/128"), 3)
      .bits(keys.word("mode", t2_mode_words, "32k"), 3)
      .bits(keys.word("other-frequency", answer_words, "no"), 1)
      .bits(0, 1)  // no time-frequency slicing
      .bits(keys.has("cell") ? keys.integer("cell", 0xFFFF) : 0, 16)
      .bits(centre_frequency(keys), 32)
      .bits(0, 8);  // no sub-cells
  return {psi::tag::extension, fields.take()};
}

psi::Descriptor hexadecimal(std::string_view text) {
  Bytes bytes;
  bool right = text.size() % 2 == 0;
  for (std::size_t i = 0; right && i < text.size(); i += 2) {
    std::uint8_t byte = 0;
    const char* const end = text.data() + i + 2;
    const auto [at, error] = std::from_chars(text.data() + i, end, byte, 16);
    right = error == std::errc{} && at == end;
    bytes.push_back(byte);
  }
  if (!right) throw std::invalid_argument(fmt::format("hex: '{}' is not two hexadecimal digits a byte", text));
  if (bytes.size() < 2 || bytes.size() - 2 != bytes[1]) {
    throw std::invalid_argument(fmt::format(
        "hex: '{}' is not one descriptor: tag, length and as many bytes of data, such as 5A0B and 11 bytes", text));
  }
  return {bytes[0], {bytes.begin() + 2, bytes.end()}};
}

}  // namespace

psi::Descriptor parse_delivery_system(std::string_view text) {
  struct System {
    std::string_view name;
    psi::Descriptor (*parse)(std::string_view);
  };
  static constexpr std::array<System, 5> systems{{{"dvb-s", satellite},
                                                  {"dvb-c", cable},
                                                  {"dvb-t", terrestrial},
                                                  {"dvb-t2", terrestrial_2},
                                                  {"hex", hexadecimal}}};
  const std::size_t colon = text.find(':');
  const auto found = std::ranges::find(systems, text.substr(0, colon), &System::name);
  if (found == systems.end() || colon == std::string_view::npos) {
    throw std::invalid_argument(fmt::format(
        "not a delivery system: '{}' (try dvb-s:, dvb-c:, dvb-t: or dvb-t2: and key=value,..., or hex: and a "
        "descriptor)",
        text));
  }
  return found->parse(text.substr(colon + 1));
}

}  // namespace tsmux
