#include "common/cli/table.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace cli {
namespace {

struct CodePoint {
  char32_t value;
  std::size_t size;  // bytes; 0: not UTF-8
};

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// The first code point of text that is not empty (RFC 3629: shortest form, no surrogates).
CodePoint first_code_point(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return {0, 0};
  char32_t value = lead & (0x7Fu >> size);
  for (const char c : text.substr(1, size - 1)) {
    if (!is_continuation(c)) return {0, 0};
    value = value << 6 | (static_cast<unsigned char>(c) & 0x3Fu);
  }
  constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  if (value < least[size] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return {0, 0};
  return {value, size};
}

struct Range {
  char32_t first, last;
};

bool is_in(char32_t c, std::initializer_list<Range> ranges) {
  return std::any_of(ranges.begin(), ranges.end(), [c](Range r) { return c >= r.first && c <= r.last; });
}

// The blocks that service names use; Unicode has a few more of both kinds.
std::size_t width_of(char32_t c) {
  if (is_in(c, {{0x0300, 0x036F},
                {0x0483, 0x0489},
                {0x0591, 0x05BD},
                {0x064B, 0x065F},
                {0x200B, 0x200F},
                {0x20D0, 0x20FF},
                {0xFE00, 0xFE0F}})) {
    return 0;
  }
  const bool wide = is_in(c, {{0x1100, 0x115F},
                              {0x2E80, 0x303E},
                              {0x3041, 0xA4CF},
                              {0xAC00, 0xD7A3},
                              {0xF900, 0xFAFF},
                              {0xFE30, 0xFE6F},
                              {0xFF00, 0xFF60},
                              {0xFFE0, 0xFFE6},
                              {0x1F300, 0x1F64F},
                              {0x1F900, 0x1F9FF},
                              {0x20000, 0x3FFFD}});
  return wide ? 2 : 1;
}

// C0, DEL, C1, and the marks that turn the direction of the rest of the line.
bool is_control(char32_t c) {
  return is_in(c, {{0, 0x1F}, {0x7F, 0x9F}, {0x202A, 0x202E}, {0x2066, 0x2069}, {0x2028, 0x2029}});
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    width += point.size == 0 ? 1 : width_of(point.value);
    text.remove_prefix(std::max<std::size_t>(point.size, 1));
  }
  return width;
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    if (point.size == 0 || is_control(point.value)) {
      out += '?';
    } else {
      out += text.substr(0, point.size);
    }
    text.remove_prefix(std::max<std::size_t>(point.size, 1));
  }
  return out;
}

void Table::add_row(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  for (std::string& cell : cells) cell = printable(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  std::vector<std::string> titles;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = display_width(columns_[i].title);
    for (const auto& row : rows_) width = std::max(width, display_width(row[i]));
    widths.push_back(width);
    titles.push_back(columns_[i].title);
  }

  std::string out;
  const auto append = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string padding(widths[i] - display_width(cells[i]), ' ');
      line += columns_[i].align == Align::right ? padding + cells[i] : cells[i] + padding;
      line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  };
  append(titles);
  for (const auto& row : rows_) append(row);
  return out;
}

}  // namespace cli
