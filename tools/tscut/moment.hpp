// A point of a recording as written on the command line: a date of any kind, or a duration, from its start on.
#pragma once

#include <string>
#include <string_view>

#include "common/cli/date.hpp"

namespace tscut {

struct Moment {
  cli::TimeExpression expression;
};

// "10m" is start+10m. Throws std::invalid_argument.
void parse_value(std::string_view text, Moment& value);
std::string to_text(const Moment& value);

}  // namespace tscut
