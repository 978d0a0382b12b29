#include "common/cli/help.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "common/cli/app.hpp"
#include "common/cli/table.hpp"

namespace cli {
namespace {

constexpr std::size_t page_width = 100;
constexpr std::size_t help_column = 30;

// Words from `column` on, broken at the page's width, each line after the first indented as far.
std::string wrapped(std::string_view text, std::size_t column) {
  std::string out;
  std::size_t at = column;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    const std::size_t width = display_width(word);
    if (at > column) {
      const bool fits = at + 1 + width <= page_width;
      out += fits ? " " : "\n" + std::string(column, ' ');
      at = fits ? at + 1 : column;
    }
    out += word;
    at += width;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

const std::string arguments = "ARGUMENTS";

const std::string& heading_of(const OptionSpec& option) { return option.positional ? arguments : option.group; }

int heading_rank(const std::string& heading) {
  return heading == arguments ? 0 : heading == App::common_heading ? 2 : 1;
}

std::string head_of(const OptionSpec& option) {
  if (option.positional) return option.metavar;
  std::string names = option.names.front();
  for (std::size_t i = 1; i < option.names.size(); ++i) names += ", " + option.names[i];
  return option.metavar.empty() ? names : names + " " + option.metavar;
}

std::string notes_of(const OptionSpec& option) {
  std::string notes;
  const auto note = [&notes](const std::string& text) { notes += (notes.empty() ? " [" : "; ") + text; };
  if (option.required && !option.positional) note("required");
  if (option.repeats && !option.positional) note("may be repeated");
  if (!option.default_text.empty()) note("default: " + option.default_text);
  return notes.empty() ? "" : notes + "]";
}

std::string entry(const OptionSpec& option) {
  std::string line = "  " + head_of(option);
  // Options without a short form line up with those that have one.
  if (!option.positional && option.names.front().starts_with("--")) line.insert(2, "    ");
  const std::size_t width = display_width(line);
  line += width + 2 > help_column ? "\n" + std::string(help_column, ' ') : std::string(help_column - width, ' ');
  return line + wrapped(option.help + notes_of(option), help_column) + '\n';
}

std::string default_synopsis(const App& app) {
  std::string line = "[OPTIONS]";
  for (const OptionSpec& option : app.options()) {
    if (!option.positional && option.required) line += fmt::format(" {} {}", option.long_name(), option.metavar);
  }
  for (const OptionSpec& option : app.options()) {
    if (!option.positional) continue;
    const std::string word = option.metavar + (option.repeats ? "..." : "");
    line += option.required ? " " + word : fmt::format(" [{}]", word);
  }
  return line;
}

}  // namespace

std::string help_text(const App& app) {
  std::string out = fmt::format("NAME\n  {} - {}\n\nSYNOPSIS\n", app.name(), app.summary());
  for (const std::string& line : app.synopses()) {
    out += fmt::format("  {} {}\n", app.name(), wrapped(line, app.name().size() + 3));
  }
  if (app.synopses().empty()) out += fmt::format("  {} {}\n", app.name(), default_synopsis(app));

  // What the tool is about comes first.
  std::vector<std::string> headings;
  for (const OptionSpec& option : app.options()) {
    const std::string& heading = heading_of(option);
    if (!option.hidden && std::find(headings.begin(), headings.end(), heading) == headings.end()) {
      headings.push_back(heading);
    }
  }
  std::stable_sort(headings.begin(), headings.end(),
                   [](const auto& a, const auto& b) { return heading_rank(a) < heading_rank(b); });
  for (const std::string& heading : headings) {
    out += "\n" + heading + "\n";
    for (const OptionSpec& option : app.options()) {
      if (!option.hidden && heading_of(option) == heading) out += entry(option);
    }
  }
  return out + fmt::format("\nSEE ALSO\n  {}(1)\n", app.name());
}

}  // namespace cli
