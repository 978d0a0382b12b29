#include "tools/tscut/moment.hpp"

#include <chrono>
#include <stdexcept>

#include "common/cli/values.hpp"

namespace tscut {
namespace {

bool is_duration(std::string_view text, std::chrono::nanoseconds& duration) {
  try {
    cli::parse_value(text, duration);
    return true;
  } catch (const std::invalid_argument&) {
    return false;
  }
}

}  // namespace

void parse_value(std::string_view text, Moment& value) {
  std::chrono::nanoseconds duration{};
  if (!is_duration(text, duration)) {
    cli::parse_value(text, value.expression);
    return;
  }
  value.expression.when = cli::RelativeTime{cli::RelativeTime::Anchor::start, duration};
  value.expression.text = text;
}

std::string to_text(const Moment& value) { return value.expression.text; }

}  // namespace tscut
