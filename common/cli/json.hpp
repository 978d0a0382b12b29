// Reports as JSON, for --json. Include <nlohmann/json.hpp> where one is built.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace cli {

// Indented, with a line feed at its end. Bytes that are no UTF-8 (names from streams) become U+FFFD.
std::string json_text(const nlohmann::json& value);
std::string json_text(const nlohmann::ordered_json& value);

// The same on one line, without a line feed: for a stream of objects.
std::string json_line(const nlohmann::ordered_json& value);

}  // namespace cli
