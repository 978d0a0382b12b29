#include "tools/tscut/moment.hpp"

#include <chrono>
#include <stdexcept>

#include "common/cli/values.hpp"

namespace tscut {
namespace {

// What has only digits and the letters of units is a duration, perhaps a wrong one; dates and times of day have signs.
bool is_duration(std::string_view text) {
  return text.find_first_of("0123456789") == 0 && text.find_first_of(":- ") == std::string_view::npos;
}

}  // namespace

void parse_value(std::string_view text, Moment& value) {
  if (!is_duration(text)) {
    cli::parse_value(text, value.expression);
    return;
  }
  std::chrono::nanoseconds duration{};
  cli::parse_value(text, duration);
  value.expression.when = cli::RelativeTime{cli::RelativeTime::Anchor::start, duration};
  value.expression.text = text;
}

std::string to_text(const Moment& value) { return value.expression.text; }

}  // namespace tscut
