#include "common/ring/repair.hpp"

#include <unistd.h>

#include <system_error>

#include "common/io/file_descriptor.hpp"

namespace ring {

std::optional<SegmentSummary> repair_segment(const SegmentFile& file) {
  LoadedIndex loaded = load_index(file, Tail::scan);
  if (loaded.packets == 0) {
    std::error_code ignored;
    std::filesystem::remove(file.path, ignored);
    std::filesystem::remove(file.index_path, ignored);
    return std::nullopt;
  }
  if (truncate(file.path.c_str(), static_cast<off_t>(loaded.packets * ts::packet_size)) != 0) {
    io::throw_system_error("truncate", file.path);
  }
  const DateRecord& last = loaded.index.dates().back();
  const EndRecord end{loaded.packets, last.date, last.steady, static_cast<std::uint32_t>(loaded.index.gaps().size())};
  std::vector<std::uint8_t> bytes;
  encode(loaded.header, bytes);
  for (const Record& record : loaded.index.records()) encode(record, bytes);
  encode(Record{end}, bytes);
  io::AtomicFile index{file.index_path};
  io::write_all(index.fd(), bytes, file.index_path);
  index.commit();
  return SegmentSummary{loaded.packets, loaded.header, end};
}

}  // namespace ring
