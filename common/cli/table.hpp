// Reports as aligned columns. Text from streams is made safe for a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

// How many terminal columns UTF-8 text takes: none for combining marks, two for wide (East Asian) characters.
std::size_t display_width(std::string_view text);

// Control characters and bytes that are no UTF-8 become '?'.
std::string printable(std::string_view text);

class Table {
 public:
  enum class Align { left, right };
  struct Column {
    std::string title;
    Align align = Align::left;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // Missing cells are empty, those beyond the columns are left out.
  void add_row(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  // The titles and the rows, columns two spaces apart, no trailing spaces.
  std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace cli
