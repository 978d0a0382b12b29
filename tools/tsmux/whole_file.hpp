// Files that are read at once, whatever stands in their place.
#pragma once

#include <cstddef>
#include <string>

namespace tsmux {

// The content of a regular file, or what a link to one leads to. Throws std::runtime_error, with the path, for what
// cannot be opened or read, is no regular file (a device may never end), or is larger than `largest` bytes.
std::string read_whole_file(const std::string& path, std::size_t largest);

}  // namespace tsmux
