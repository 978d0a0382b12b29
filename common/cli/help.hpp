// --help, in 100 columns.
#pragma once

#include <string>

namespace cli {

class App;
std::string help_text(const App& app);

}  // namespace cli
