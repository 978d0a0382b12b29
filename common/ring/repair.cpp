#include "common/ring/repair.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "common/io/file_descriptor.hpp"

namespace ring {
namespace {

void truncate_to(PacketNumber packets, const std::filesystem::path& path) {
  const io::FileDescriptor fd{open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  if (!fd) io::throw_system_error("open", path);
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) io::throw_system_error("read", path);
  if (!S_ISREG(status.st_mode)) io::throw_system_error("truncate", path, EINVAL);
  if (ftruncate(fd.get(), static_cast<off_t>(packets * ts::packet_size)) != 0) io::throw_system_error("truncate", path);
}

}  // namespace

Repair repair_segment(const SegmentFile& file) {
  LoadedIndex loaded = load_index(file, Tail::scan);
  if (!loaded.recognized) return {};
  if (loaded.packets == 0) {
    std::error_code ignored;
    std::filesystem::remove(file.path, ignored);
    std::filesystem::remove(file.index_path, ignored);
    return {Repair::Outcome::deleted, {}};
  }
  truncate_to(loaded.packets, file.path);
  const DateRecord& last = loaded.index.dates().back();
  const EndRecord end{loaded.packets, last.date, last.steady, static_cast<std::uint32_t>(loaded.index.gaps().size())};
  std::vector<std::uint8_t> bytes;
  encode(loaded.header, bytes);
  for (const Record& record : loaded.index.records()) encode(record, bytes);
  encode(Record{end}, bytes);
  io::AtomicFile index{file.index_path};
  io::write_all(index.fd(), bytes, file.index_path);
  index.commit();
  return {Repair::Outcome::whole, {loaded.packets, loaded.header, end}};
}

}  // namespace ring
