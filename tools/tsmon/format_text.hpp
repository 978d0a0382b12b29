// What the headers of an elementary stream say of its format, for people and for programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tools/tsmon/elementary_watch.hpp"

namespace tsmon {

// "1920x1080i25 16:9 H.264 High 4.0", "48 kHz stereo 192 kb/s"; empty where nothing is known.
std::string format_text(const ElementaryWatch& watch);
nlohmann::ordered_json format_json(const ElementaryWatch& watch);

}  // namespace tsmon
