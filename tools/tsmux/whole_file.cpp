#include "tools/tsmux/whole_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdexcept>

#include "common/io/file_descriptor.hpp"

namespace tsmux {

std::string read_whole_file(const std::string& path, std::size_t largest) {
  const io::FileDescriptor fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat facts {};
  if (!fd || ::fstat(fd.get(), &facts) != 0) io::throw_system_error("open", path);
  if (!S_ISREG(facts.st_mode)) throw std::runtime_error("open " + path + ": no regular file");
  std::string out;
  constexpr std::size_t step = std::size_t{1} << 20;
  for (ssize_t count = 1; count != 0;) {
    const std::size_t size = out.size();
    if (size > largest) throw std::runtime_error(fmt::format("read {}: more than {} MiB", path, largest >> 20));
    out.resize(size + step);
    count = ::read(fd.get(), out.data() + size, step);
    if (count < 0) io::throw_system_error("read", path);
    out.resize(size + static_cast<std::size_t>(count));
  }
  return out;
}

}  // namespace tsmux
