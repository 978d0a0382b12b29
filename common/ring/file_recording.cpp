// Plain TS files as one recording. They are scanned when they are opened: their dates and access points are nowhere
// else.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>

#include "common/ring/indexed_recording.hpp"
#include "common/ring/stream_scan.hpp"
#include "common/ts/synchronizer.hpp"

namespace ring {
namespace {

// Files may hold days: keep their index small.
constexpr std::chrono::milliseconds spacing{500};
// TDT says seconds and comes late; a larger difference is a cut in the file.
constexpr std::chrono::seconds tdt_tolerance{5};

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& reason) {
  throw std::runtime_error("open " + path.string() + ": " + reason);
}

// Refuses what is not made of 188-byte packets.
void check_packets(int fd, const std::filesystem::path& path) {
  std::array<std::uint8_t, 65536> bytes{};
  std::size_t have = 0;
  while (have < bytes.size()) {
    const auto n = pread(fd, bytes.data() + have, bytes.size() - have, static_cast<off_t>(have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) io::throw_system_error("read", path);
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  if (have < ts::packet_size) refuse(path, have == 0 ? "empty" : "shorter than a transport stream packet");
  const auto packets = ts::packets_in(std::span<const std::uint8_t>{bytes}.first(have));
  const auto good = static_cast<std::size_t>(std::ranges::count_if(packets, &ts::Packet::has_sync));
  if (good * 2 > packets.size()) return;
  ts::Synchronizer synchronizer;
  synchronizer.feed(std::span<const std::uint8_t>{bytes}.first(have));
  if (!synchronizer.locked()) refuse(path, "not a transport stream");
  if (synchronizer.stride() != ts::packet_size) {
    refuse(path, "its packets are " + std::to_string(synchronizer.stride()) + " bytes long, 188 are needed");
  }
}

class FileRecording : public IndexedRecording {
 public:
  explicit FileRecording(const std::vector<std::filesystem::path>& files) {
    for (const auto& path : files) add(path);
    for (Segment& segment : segments_) indexes_.push_back(scan_file(segment));
  }

  void refresh() override {}
  bool being_written() const override { return false; }
  std::optional<int> writer() const override { return std::nullopt; }

 protected:
  IndexPointer load_index(std::size_t number) override { return indexes_[number]; }

 private:
  void add(const std::filesystem::path& path) {
    const io::FileDescriptor fd{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!fd) io::throw_system_error("open", path);
    struct stat status {};
    if (fstat(fd.get(), &status) != 0) io::throw_system_error("open", path);
    if (S_ISDIR(status.st_mode)) refuse(path, "a directory");
    if (!S_ISREG(status.st_mode)) refuse(path, "not a file that can be read twice");
    check_packets(fd.get(), path);
    Segment segment;
    segment.sequence = segments_.size() + 1;
    segment.path = path;
    segment.complete = true;
    segments_.push_back(std::move(segment));
  }

  static IndexPointer scan_file(Segment& segment) {
    const io::FileDescriptor fd{open(segment.path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!fd) io::throw_system_error("open", segment.path);
    ScanRequest request;
    request.fd = fd.get();
    request.name = segment.path;
    request.spacing = spacing;
    ScanResult result = ring::scan_file(request);
    if (result.packets == 0) refuse(segment.path, "not a transport stream");
    segment.packets = result.packets;
    segment.extents = std::move(result.extents);
    date_by_stream(result);
    auto index = std::make_shared<SegmentIndex>();
    index->add(std::move(result.records));
    if (!result.utc.empty()) {
      segment.first = index->date_of(0);
      segment.last = index->date_of(segment.packets - 1);
    }
    return index;
  }

  // The scan's dates count from nothing; TDT and TOT say what they are. The first holds for what is before it too.
  static void date_by_stream(ScanResult& result) {
    if (result.utc.empty()) return;
    SegmentIndex plain;
    plain.add(result.records);
    std::vector<std::pair<PacketNumber, std::chrono::nanoseconds>> offsets;
    for (const auto& [packet, utc] : result.utc) {
      const auto offset = ts::WallTime{utc} - plain.date_of(packet).value_or(ts::WallTime{});
      if (offsets.empty() || std::chrono::abs(offset - offsets.back().second) > tdt_tolerance) {
        offsets.emplace_back(offsets.empty() ? 0 : packet, offset);
      }
    }
    const auto offset_at = [&offsets](PacketNumber packet) {
      const auto next = std::ranges::upper_bound(offsets, packet, {}, [](const auto& entry) { return entry.first; });
      return std::prev(next)->second;
    };
    for (Record& record : result.records) {
      if (auto* date = std::get_if<DateRecord>(&record)) date->date += offset_at(date->packet);
      if (auto* gap = std::get_if<GapRecord>(&record)) {
        const auto offset = offset_at(gap->packet);
        gap->from += offset;
        gap->to += offset;
      }
    }
  }

  std::vector<IndexPointer> indexes_;
};

}  // namespace

std::unique_ptr<Recording> open_files(const std::vector<std::filesystem::path>& files) {
  if (files.empty()) throw std::runtime_error("no file is named");
  return std::make_unique<FileRecording>(files);
}

}  // namespace ring
