// Which regular file an endpoint is, whatever name it goes by: a path, a link to it, or what the shell opened.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <tuple>

#include "common/io/endpoint.hpp"

namespace io {

// Device, inode and "" of a file; of one that is yet to be made, device and inode of its directory, and its name.
using FileIdentity = std::tuple<dev_t, ino_t, std::string>;

// `standard_stream` is the descriptor that "-" stands for. None: no regular file (socket, FIFO, device), or a path
// that cannot be opened.
std::optional<FileIdentity> file_identity(const Endpoint& endpoint, int standard_stream);

}  // namespace io
