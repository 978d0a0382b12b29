#include "common/io/keyed_endpoint.hpp"

#include <stdexcept>

namespace io {
namespace {

std::string without_keys(std::string text, std::span<const std::string_view> keys) {
  for (const auto key : keys) {
    for (const char separator : {',', '?', '&'}) {
      const auto begin = text.find(std::string{separator}.append(key).append("="));
      if (begin == std::string::npos) continue;
      const auto end = text.find_first_of(",&", begin + 1);
      // After '?' the separator stays where another key follows.
      const bool keeps = separator == '?' && end != std::string::npos;
      text.erase(keeps ? begin + 1 : begin, end == std::string::npos ? end : end - begin);
    }
  }
  return text;
}

}  // namespace

KeyedEndpoint KeyedEndpoint::parse(std::string_view text, std::span<const std::string_view> tool_keys) {
  std::multimap<std::string, std::string> given;
  KeyedEndpoint out;
  out.endpoint = Endpoint::parse(text, tool_keys, given);
  out.place = without_keys(std::string{text}, tool_keys);
  out.name = without_keys(out.endpoint.text, tool_keys);
  for (auto& [key, value] : given) {
    if (!out.keys.emplace(key, value).second) {
      throw std::invalid_argument("endpoint '" + out.endpoint.text + "' has " + key + "= twice");
    }
  }
  return out;
}

}  // namespace io
