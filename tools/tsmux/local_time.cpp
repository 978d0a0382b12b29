#include "tools/tsmux/local_time.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "tools/tsmux/country_code.hpp"

namespace tsmux {
namespace {

using Bytes = std::span<const std::uint8_t>;
using std::chrono::sys_seconds;

constexpr std::int64_t signed_of(Bytes bytes) {
  std::int64_t value = static_cast<std::int8_t>(bytes.front());
  for (const std::uint8_t byte : bytes.subspan(1)) value = value * 256 + byte;
  return value;
}

// Of a zone's file (RFC 8536 3).
struct ZoneFile {
  std::chrono::seconds first_offset{};
  std::vector<OffsetChange> changes;
  std::string_view rule;
};

// What a header announces, each a count.
struct Counts {
  std::size_t ut, standard, leaps, times, types, letters;
};

constexpr std::size_t header_size = 44;

std::optional<Counts> counts_in(Bytes file) {
  constexpr std::string_view magic = "TZif";
  if (file.size() < header_size || !std::ranges::equal(file.first(magic.size()), magic)) return std::nullopt;
  const auto count = [file](std::size_t i) {
    return static_cast<std::size_t>(signed_of(file.subspan(20 + 4 * i, 4)) & 0xFFFFFFFF);
  };
  return Counts{count(0), count(1), count(2), count(3), count(4), count(5)};
}

constexpr std::size_t type_size = 6;

std::size_t block_size(const Counts& counts, std::size_t time_size) {
  return counts.times * (time_size + 1) + counts.types * type_size + counts.letters + counts.leaps * (time_size + 4) +
         counts.standard + counts.ut;
}

// The second of a file's two blocks, of 64-bit times; files of version 1 have one only.
std::optional<ZoneFile> parse(Bytes file) {
  constexpr std::size_t time_size = 8;
  auto counts = counts_in(file);
  if (!counts || file[4] < '2') return std::nullopt;
  const std::size_t first = header_size + block_size(*counts, 4);
  if (file.size() < first) return std::nullopt;
  file = file.subspan(first);
  counts = counts_in(file);
  if (!counts || counts->types == 0 || file.size() < header_size + block_size(*counts, time_size)) return std::nullopt;

  const Bytes times = file.subspan(header_size), indices = times.subspan(counts->times * time_size),
              types = indices.subspan(counts->times);
  const auto offset_of = [types](std::size_t type) {
    return std::chrono::seconds{signed_of(types.subspan(type * type_size, 4))};
  };
  ZoneFile out{.first_offset = offset_of(0), .changes = {}, .rule = {}};
  for (std::size_t i = 0; i < counts->times; ++i) {
    if (indices[i] >= counts->types) return std::nullopt;
    const sys_seconds at{std::chrono::seconds{signed_of(times.subspan(i * time_size, time_size))}};
    out.changes.push_back({at, offset_of(indices[i])});
  }
  const Bytes footer = file.subspan(header_size + block_size(*counts, time_size));
  if (footer.size() >= 2 && footer.front() == '\n' && footer.back() == '\n') {
    out.rule = {reinterpret_cast<const char*>(footer.data()) + 1, footer.size() - 2};
  }
  return out;
}

// A path inside the database and nothing else.
bool is_zone_name(std::string_view name) {
  const auto belongs = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '+' || c == '-' || c == '/';
  };
  return !name.empty() && name.front() != '/' && std::ranges::all_of(name, belongs);
}

std::chrono::minutes whole_minutes(std::chrono::seconds offset) {
  return std::chrono::floor<std::chrono::minutes>(offset);
}

}  // namespace

TimeZone::TimeZone(const std::string& name, const std::filesystem::path& database) : name_(name), database_(database) {
  const std::filesystem::path path = database / name;
  std::error_code ignored;
  std::ifstream file{path, std::ios::binary};
  if (!is_zone_name(name) || !file || !std::filesystem::is_regular_file(path, ignored)) {
    throw std::invalid_argument(
        fmt::format("not a time zone: '{}' (none in {}; try Europe/Paris)", name, database.string()));
  }
  const std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>{file}, {}};
  const auto zone = parse(bytes);
  if (!zone) throw std::runtime_error(fmt::format("read {}: not a file of a time zone (RFC 8536)", path.string()));
  first_offset_ = zone->first_offset;
  changes_ = zone->changes;
  rule_ = PosixZone::parse(zone->rule);
}

TimeZone TimeZone::system() {
  const char* const given = std::getenv("TZ");
  std::string name = given == nullptr ? "" : given;
  if (name.starts_with(':')) name.erase(0, 1);
  if (name.empty()) {
    constexpr std::string_view folder = "/zoneinfo/";
    std::error_code ignored;
    const std::string link = std::filesystem::read_symlink("/etc/localtime", ignored).string();
    const std::size_t at = link.find(folder);
    name = at == std::string::npos ? "UTC" : link.substr(at + folder.size());
  }
  return TimeZone{name};
}

std::optional<std::string> TimeZone::country() const {
  // country, coordinates, zone; separated by tabs
  std::ifstream table{database_ / "zone.tab"};
  for (std::string line; std::getline(table, line);) {
    std::istringstream fields{line};
    std::string code, coordinates, zone;
    fields >> code >> coordinates >> zone;
    if (zone == name_) return alpha_3(code);
  }
  return std::nullopt;
}

LocalTime TimeZone::at(sys_seconds utc) const {
  std::vector<OffsetChange> changes = changes_;
  if (rule_) {
    const auto year = std::chrono::year_month_day{std::chrono::floor<std::chrono::days>(utc)}.year();
    for (auto y = year - std::chrono::years{1}; y <= year + std::chrono::years{1}; ++y) {
      for (const OffsetChange& change : rule_->changes(y)) {
        if (changes_.empty() || change.at > changes_.back().at) changes.push_back(change);
      }
    }
  }
  LocalTime out{.offset = whole_minutes(first_offset_), .change = {}, .next_offset = {}};
  for (const OffsetChange& change : changes) {
    const auto offset = whole_minutes(change.offset);
    if (change.at <= utc) {
      out.offset = offset;
    } else if (offset != out.offset) {
      out.change = change.at;
      out.next_offset = offset;
      return out;
    }
  }
  out.next_offset = out.offset;
  return out;
}

psi::LocalTimeOffset local_time_offset(const LocalTime& local, const std::string& country, sys_seconds now) {
  using namespace std::chrono;
  const year_month_day today{floor<days>(now)};
  const sys_days far = (today.year() + years{2}) / January / 1;
  return {.country = country,
          .region = 0,
          .offset = local.offset,
          .change = local.change.value_or(far),
          .next_offset = local.next_offset};
}

}  // namespace tsmux
