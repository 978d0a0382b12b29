// Country codes of ISO 3166-1.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tsmux {

// FRA for FR.
std::optional<std::string> alpha_3(std::string_view alpha_2);

}  // namespace tsmux
