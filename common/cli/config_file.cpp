#include "common/cli/config_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "common/cli/app.hpp"

namespace cli {
namespace {

constexpr std::string_view blanks = " \t\r";
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";  // UTF-8's, as some editors write it

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// Text as it is taken apart, and where it came from.
struct Cursor {
  std::string_view rest;
  std::string_view file;
  int line;

  [[noreturn]] void refuse(std::string_view what) const {
    throw UsageError(fmt::format("{}:{}: {}", file, line, what));
  }
  void skip_blanks() { rest.remove_prefix(std::min(rest.find_first_not_of(blanks), rest.size())); }
};

// The text without its comment: # or ; at the start, or # after a blank, but not within quotes.
std::string_view without_comment(std::string_view text) {
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool at_start = i == 0 || blanks.find(text[i - 1]) != std::string_view::npos;
    if (quote != 0) {
      if (c == '\\' && quote == '"') {
        ++i;
      } else if (c == quote) {
        quote = 0;
      }
    } else if ((c == '"' || c == '\'') &&
               (at_start || text[i - 1] == '=' || text[i - 1] == '[' || text[i - 1] == ',')) {
      quote = c;
    } else if (c == '#' && at_start) {
      return text.substr(0, i);
    }
  }
  return text;
}

std::string take_quoted(Cursor& cursor) {
  const char quote = cursor.rest.front();
  std::string value;
  for (std::size_t i = 1; i < cursor.rest.size(); ++i) {
    const char c = cursor.rest[i];
    if (c == quote) {
      cursor.rest.remove_prefix(i + 1);
      return value;
    }
    if (c == '\\' && quote == '"' && i + 1 < cursor.rest.size()) {
      value += cursor.rest[++i];
    } else {
      value += c;
    }
  }
  cursor.refuse("a quote is not closed");
}

bool at_quote(const Cursor& cursor) {
  return !cursor.rest.empty() && (cursor.rest[0] == '"' || cursor.rest[0] == '\'');
}

// The items between [ and ].
std::vector<std::string> take_array(Cursor& cursor) {
  std::vector<std::string> values;
  cursor.rest.remove_prefix(1);
  for (;;) {
    cursor.skip_blanks();
    if (cursor.rest.empty()) cursor.refuse("']' is missing");
    if (cursor.rest.front() == ']') {
      cursor.rest.remove_prefix(1);
      return values;
    }
    if (at_quote(cursor)) {
      values.push_back(take_quoted(cursor));
    } else {
      const std::size_t end = std::min(cursor.rest.find_first_of(",]"), cursor.rest.size());
      values.emplace_back(trim(cursor.rest.substr(0, end)));
      cursor.rest.remove_prefix(end);
    }
    cursor.skip_blanks();
    if (cursor.rest.starts_with(',')) {
      cursor.rest.remove_prefix(1);
    } else if (!cursor.rest.starts_with(']')) {
      cursor.refuse("',' or ']' is missing");
    }
  }
}

std::vector<std::string> take_values(Cursor& cursor) {
  cursor.skip_blanks();
  std::vector<std::string> values;
  if (cursor.rest.starts_with('[')) {
    values = take_array(cursor);
  } else if (at_quote(cursor)) {
    values.push_back(take_quoted(cursor));
  } else {
    if (cursor.rest.empty()) cursor.refuse("a value is missing");
    values.emplace_back(trim(cursor.rest));
    cursor.rest = {};
  }
  cursor.skip_blanks();
  if (!cursor.rest.empty()) cursor.refuse(fmt::format("'{}' is too much", cursor.rest));
  return values;
}

bool has_open_array(std::string_view line) {
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view value = trim(line.substr(equals + 1));
  return value.starts_with('[') && !value.ends_with(']');
}

}  // namespace

std::vector<ConfigEntry> read_config(std::istream& input, const std::string& name) {
  std::vector<ConfigEntry> entries;
  std::string raw;
  for (int number = 1; std::getline(input, raw); ++number) {
    const int first = number;
    if (number == 1 && raw.starts_with(byte_order_mark)) raw.erase(0, byte_order_mark.size());
    std::string line{trim(without_comment(raw))};
    if (line.empty() || line.front() == ';') continue;
    while (has_open_array(line) && std::getline(input, raw)) {
      ++number;
      line += ' ';
      line += trim(without_comment(raw));
    }

    Cursor cursor{line, name, first};
    if (line.front() == '[') cursor.refuse("sections are not used here");
    const std::size_t equals = line.find('=');
    const std::string key{trim(std::string_view{line}.substr(0, equals))};
    if (key.empty()) cursor.refuse("a name is missing");
    std::vector<std::string> values;
    if (equals != std::string::npos) {
      cursor.rest = std::string_view{line}.substr(equals + 1);
      values = take_values(cursor);
    }

    auto entry = std::find_if(entries.begin(), entries.end(), [&](const ConfigEntry& e) { return e.key == key; });
    if (entry == entries.end()) entry = entries.insert(entries.end(), {key, {}, first});
    entry->values.insert(entry->values.end(), values.begin(), values.end());
  }
  return entries;
}

}  // namespace cli
