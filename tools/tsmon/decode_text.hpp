// What decoding has found, for people and for programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tools/tsmon/decode_report.hpp"
#include "tools/tsmon/monitor.hpp"

namespace tsmon {

// A table of all services; empty where none is decoded.
std::string decoded_text(const Monitor& monitor);
nlohmann::ordered_json decoded_json(const DecodeFigures& figures);

}  // namespace tsmon
