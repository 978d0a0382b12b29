#include "tools/tsmux/given_ids.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "common/cli/table.hpp"  // printable()
#include "common/cli/values.hpp"
#include "common/io/file_descriptor.hpp"
#include "tools/tsmux/whole_file.hpp"

namespace tsmux {
namespace {

using Kind = IdKey::Kind;

constexpr std::array<std::pair<std::string_view, Kind>, 3> kinds{
    {{"service", Kind::service}, {"pmt", Kind::pmt}, {"pid", Kind::pid}}};

std::string_view word(Kind kind) {
  return std::ranges::find(kinds, kind, &std::pair<std::string_view, Kind>::second)->first;
}

// Takes what stands before the next blank, and the blank.
std::string_view take_word(std::string_view& line) {
  const auto end = std::min(line.find(' '), line.size());
  const auto taken = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return taken;
}

// Throws std::invalid_argument.
std::pair<IdKey, std::uint16_t> parse_line(std::string_view line) {
  const auto name = take_word(line);
  const auto* const kind = std::ranges::find(kinds, name, &std::pair<std::string_view, Kind>::first);
  if (kind == kinds.end()) throw std::invalid_argument(fmt::format("\"{}\" is not service, pmt or pid", name));
  const bool is_service = kind->second == Kind::service;
  const auto id =
      cli::parse_integer(take_word(line), is_service ? first_service : first_pid, is_service ? last_service : last_pid);
  const auto number = cli::parse_integer(take_word(line), 0, 0xFFFF);
  if (line.empty()) throw std::invalid_argument("the input is missing");
  return {{kind->second, std::string{line}, static_cast<std::uint16_t>(number)}, static_cast<std::uint16_t>(id)};
}

// All PIDs that there are, with names of 100 bytes, take less.
constexpr std::size_t largest_file = std::size_t{1} << 20;

GivenIds parse(std::istream& file, unsigned& line_number) {
  GivenIds ids;
  std::set<std::pair<bool, std::uint16_t>> taken;
  std::string line;
  for (line_number = 1; std::getline(file, line); ++line_number) {
    if (line.empty() || line.front() == '#') continue;
    const auto [key, id] = parse_line(line);
    if (!taken.emplace(key.kind == Kind::service, id).second) {
      throw std::invalid_argument(fmt::format("0x{:04x} is given twice", id));
    }
    if (!ids.emplace(key, id).second) throw std::invalid_argument("has an id already");
  }
  return ids;
}

bool fits_a_line(const std::string& text) {
  return std::ranges::none_of(text, [](unsigned char c) { return c < ' '; });
}

}  // namespace

RememberedIds read_ids(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error) && !error) return {};
  std::istringstream text;
  try {
    text.str(read_whole_file(path.string(), largest_file));
  } catch (const std::exception& e) {
    return {{}, e.what()};
  }
  unsigned line_number = 0;
  try {
    return {parse(text, line_number), {}};
  } catch (const std::invalid_argument& e) {
    return {{}, fmt::format("{}, line {}: {}", path.string(), line_number, cli::printable(e.what()))};
  }
}

void write_ids(const std::filesystem::path& path, const GivenIds& ids) {
  std::string text = "# Written by tsmux: kind, id in the multiplex, id in the input, input\n";
  for (const auto& [key, id] : ids) {
    // A file's name may hold a line break; what stands in the next line would be taken for damage.
    if (!fits_a_line(key.input)) continue;
    text += fmt::format("{} 0x{:04x} 0x{:04x} {}\n", word(key.kind), id, key.number, key.input);
  }
  io::AtomicFile file{path.string()};
  io::write_all(file.fd(), {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, path.string());
  file.commit();
}

}  // namespace tsmux
