// How much event information a service has in an output, and the words for it on a command line.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace psi {

enum class EitMode : std::uint8_t { none, present_following, schedule };
inline const std::vector<std::pair<std::string, EitMode>> eit_modes{
    {"none", EitMode::none}, {"pf", EitMode::present_following}, {"schedule", EitMode::schedule}};

}  // namespace psi
