#include "common/ring/segment_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>

#include "common/io/file_descriptor.hpp"
#include "common/ring/stream_scan.hpp"

namespace ring {
namespace {

struct stat status_of(int fd, const std::filesystem::path& path) {
  struct stat status {};
  if (fstat(fd, &status) != 0) io::throw_system_error("read", path);
  return status;
}

// No link is followed and no pipe waited for. Null if there is no such file, or it is not a regular one.
io::FileDescriptor open_regular(const std::filesystem::path& path) {
  io::FileDescriptor fd{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  if (!fd && (errno == ENOENT || errno == ELOOP || errno == ENXIO)) return {};
  if (!fd) io::throw_system_error("open", path);
  if (!S_ISREG(status_of(fd.get(), path).st_mode)) return {};
  return fd;
}

// Whether most of the first packets have their sync byte: text and pictures have not. An empty file has nothing to
// lose.
bool looks_like_packets(int fd, std::uint64_t bytes) {
  if (bytes == 0) return true;
  const std::uint64_t packets = std::min<std::uint64_t>(bytes / ts::packet_size, 8);
  std::uint64_t synchronized = 0;
  for (std::uint64_t i = 0; i < packets; ++i) {
    std::uint8_t first = 0;
    const auto n = pread(fd, &first, 1, static_cast<off_t>(i * ts::packet_size));
    if (n == 1 && first == ts::sync_byte) ++synchronized;
  }
  return 2 * synchronized > packets;
}

// The index says that nothing is known: dates begin with the name's, and end with the file's last change.
void rebuild_header(const SegmentFile& file, LoadedIndex& loaded) {
  loaded.header = IndexHeader{};
  loaded.header.sequence = file.name.sequence;
  loaded.header.first = file.name.date;
  loaded.header.rebuilt = true;
}

void scan_tail(const SegmentFile& file, int fd, const struct stat& status, LoadedIndex& loaded) {
  ScanRequest request;
  request.fd = fd;
  request.name = file.path;
  request.from = loaded.known;
  request.to = loaded.packets;
  request.arrival = {loaded.header.steady, loaded.header.first};
  if (!loaded.index.dates().empty()) {
    const DateRecord& last = loaded.index.dates().back();
    request.anchor = last.packet;
    request.arrival = {last.steady, last.date};
  }
  const ts::WallTime changed{std::chrono::seconds{status.st_mtim.tv_sec} +
                             std::chrono::nanoseconds{status.st_mtim.tv_nsec}};
  const auto lasted = std::max(changed - request.arrival.wall, std::chrono::nanoseconds{0});
  request.last = {request.arrival.steady + lasted, request.arrival.wall + lasted};
  loaded.added = scan(request).records;
  loaded.index.add(loaded.added);
}

// How many packets the records speak of: dates are written for the last packet of each write.
PacketNumber known_packets(const SegmentIndex& index) {
  return index.dates().empty() ? 0 : index.dates().back().packet + 1;
}

}  // namespace

bool holds_packets(const SegmentFile& file) {
  const auto fd = open_regular(file.path);
  return !fd || looks_like_packets(fd.get(), static_cast<std::uint64_t>(status_of(fd.get(), file.path).st_size));
}

std::vector<std::uint8_t> read_file(const std::filesystem::path& path, std::size_t from) {
  const auto fd = open_regular(path);
  if (!fd) return {};
  const auto size = static_cast<std::size_t>(status_of(fd.get(), path).st_size);
  if (size <= from) return {};
  std::vector<std::uint8_t> bytes(size - from);
  std::size_t have = 0;
  while (have < bytes.size()) {
    const auto n = pread(fd.get(), bytes.data() + have, bytes.size() - have, static_cast<off_t>(from + have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) io::throw_system_error("read", path);
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  bytes.resize(have);
  return bytes;
}

Listing list_segments(const std::filesystem::path& directory) {
  std::error_code error;
  std::filesystem::directory_iterator entries{directory, error};
  if (error) io::throw_system_error("open", directory, error.value());
  Listing listing;
  std::vector<SegmentName> indexes;
  for (const auto& entry : entries) {
    const auto& path = entry.path();
    const bool is_ts = path.extension() == ".ts", is_index = path.extension() == ".idx";
    if (!is_ts && !is_index) continue;
    const auto name = SegmentName::parse_stem(path.stem().string());
    if (!name) continue;
    std::error_code unknown;
    if (!std::filesystem::is_regular_file(entry.symlink_status(unknown))) {
      listing.strangers.push_back(path);
    } else if (is_ts) {
      listing.segments.emplace_back(directory, *name);
    } else {
      indexes.push_back(*name);
    }
  }
  std::ranges::sort(listing.segments, {}, [](const SegmentFile& file) { return file.name.sequence; });
  std::set<std::string> stems;
  for (const auto& segment : listing.segments) stems.insert(segment.name.stem());
  for (const auto& name : indexes) {
    if (!stems.contains(name.stem())) listing.orphans.push_back(directory / name.index());
  }
  return listing;
}

std::optional<SegmentSummary> summarize(const SegmentFile& file) {
  struct stat status {};
  if (lstat(file.path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  const auto fd = open_regular(file.index_path);
  if (!fd) return std::nullopt;
  std::array<std::uint8_t, IndexHeader::size> head{};
  std::array<std::uint8_t, end_record_size> tail{};
  const off_t size = status_of(fd.get(), file.index_path).st_size;
  if (size < static_cast<off_t>(head.size() + tail.size())) return std::nullopt;
  if (pread(fd.get(), head.data(), head.size(), 0) != static_cast<ssize_t>(head.size()) ||
      pread(fd.get(), tail.data(), tail.size(), size - static_cast<off_t>(tail.size())) !=
          static_cast<ssize_t>(tail.size())) {
    return std::nullopt;
  }
  const auto header = decode_header(head);
  const auto end = decode_end(tail);
  if (!header || !end) return std::nullopt;
  const auto packets = static_cast<std::uint64_t>(status.st_size) / ts::packet_size;
  if (header->sequence != file.name.sequence || end->packet != packets) return std::nullopt;
  return SegmentSummary{packets, *header, *end};
}

LoadedIndex load_index(const SegmentFile& file, Tail tail) {
  LoadedIndex loaded;
  const auto fd = open_regular(file.path);
  if (!fd) io::throw_system_error("open", file.path, ENOENT);
  const auto status = status_of(fd.get(), file.path);
  loaded.packets = static_cast<std::uint64_t>(status.st_size) / ts::packet_size;

  const auto bytes = read_file(file.index_path);
  const auto header = decode_header(bytes);
  if (header && header->sequence == file.name.sequence) {
    loaded.header = *header;
    std::vector<Record> records;
    loaded.good_bytes = IndexHeader::size + decode_records(std::span{bytes}.subspan(IndexHeader::size), records);
    const auto* end = records.empty() ? nullptr : std::get_if<EndRecord>(&records.back());
    loaded.complete = end != nullptr && end->packet == loaded.packets && loaded.good_bytes == bytes.size();
    std::erase_if(records, [](const Record& record) { return std::holds_alternative<EndRecord>(record); });
    loaded.index.add(std::move(records));
    loaded.index.truncate(loaded.packets);
  } else {
    rebuild_header(file, loaded);
  }
  loaded.recognized = loaded.good_bytes > 0 || looks_like_packets(fd.get(), static_cast<std::uint64_t>(status.st_size));
  if (!loaded.recognized) return loaded;
  loaded.known = loaded.complete ? loaded.packets : known_packets(loaded.index);
  if (loaded.known < loaded.packets && tail == Tail::scan) scan_tail(file, fd.get(), status, loaded);
  return loaded;
}

}  // namespace ring
