// Shell completions, from the same declarations as the parser.
#pragma once

#include <string>
#include <string_view>

namespace cli {

class App;
// `shell` is bash, zsh or fish; throws std::invalid_argument for others.
std::string completion_script(const App& app, std::string_view shell);

}  // namespace cli
