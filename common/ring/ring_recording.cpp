// A ring directory as a recording.

#include <algorithm>
#include <map>
#include <stdexcept>
#include <system_error>

#include "common/ring/indexed_recording.hpp"
#include "common/ring/ring_lock.hpp"
#include "common/ring/segment_file.hpp"

namespace ring {
namespace {

class RingRecording : public IndexedRecording {
 public:
  explicit RingRecording(std::filesystem::path directory) : directory_(std::move(directory)) { look(); }

  void refresh() override { look(); }
  bool being_written() const override { return writer_.has_value(); }
  std::optional<int> writer() const override { return writer_ && *writer_ > 0 ? writer_ : std::nullopt; }

 protected:
  IndexPointer load_index(std::size_t number) override {
    const Segment& segment = segments_[number];
    const auto found = open_.find(segment.sequence);
    if (found != open_.end()) return found->second.index;
    try {
      return std::make_shared<const SegmentIndex>(ring::load_index(file_of(segment), Tail::scan).index);
    } catch (const std::system_error& error) {
      if (error.code() != std::errc::no_such_file_or_directory) throw;
      return std::make_shared<const SegmentIndex>();  // expired since
    }
  }

  std::chrono::nanoseconds duration_of(std::size_t number) override {
    const auto found = complete_.find(segments_[number].sequence);
    if (found == complete_.end()) return IndexedRecording::duration_of(number);
    return found->second.end.steady - found->second.header.steady;
  }

  bool is_known_gapless(std::size_t number) const override {
    const auto found = complete_.find(segments_[number].sequence);
    return found != complete_.end() && found->second.end.gaps == 0;
  }

 private:
  // A segment that is being written, or whose recorder did not complete it.
  struct Open {
    std::shared_ptr<SegmentIndex> index;
    std::uintmax_t ts_size = 0, index_size = 0;
    bool live = false;
    PacketNumber packets = 0;
  };

  SegmentFile file_of(const Segment& segment) const {
    return {directory_, *SegmentName::parse_stem(segment.path.stem().string())};
  }

  void look() {
    // Before the listing: a recorder that ends after this has left nothing undone that we could miss.
    writer_ = RingLock::holder(directory_);
    const Listing listing = list_segments(directory_);
    std::vector<Segment> segments;
    for (const SegmentFile& file : listing.segments) {
      const bool last = &file == &listing.segments.back();
      if (auto segment = look_at(file, last && writer_)) segments.push_back(std::move(*segment));
    }
    segments_ = std::move(segments);
    forget_expired();
  }

  void forget_expired() {
    const auto gone = [this](const auto& entry) {
      const std::size_t number = number_of(entry.first);
      return number == segments_.size() || segments_[number].sequence != entry.first;
    };
    std::erase_if(complete_, gone);
    std::erase_if(open_, gone);
  }

  // Nothing for a segment without packets, or one that has gone.
  std::optional<Segment> look_at(const SegmentFile& file, bool live) {
    const std::uint64_t sequence = file.name.sequence;
    auto summary = complete_.find(sequence);
    if (summary == complete_.end()) {
      if (const auto now = summarize(file)) {
        summary = complete_.emplace(sequence, *now).first;
        open_.erase(sequence);
        forget_index(sequence);
      }
    }
    Segment segment;
    segment.sequence = sequence;
    segment.path = file.path;
    if (summary != complete_.end()) {
      segment.packets = summary->second.packets;
      segment.first = summary->second.header.first;
      segment.last = summary->second.end.last;
      segment.complete = true;
    } else {
      const Open* open = look_at_open(file, live);
      if (open == nullptr) return std::nullopt;
      segment.packets = open->packets;
      segment.first = open->index->date_of(0);
      if (open->packets > 0) segment.last = open->index->date_of(open->packets - 1);
      segment.complete = !live;
    }
    return segment.packets > 0 ? std::optional{segment} : std::nullopt;
  }

  const Open* look_at_open(const SegmentFile& file, bool live) {
    std::error_code error;
    const auto ts_size = std::filesystem::file_size(file.path, error);
    if (error) return nullptr;
    auto index_size = std::filesystem::file_size(file.index_path, error);
    if (error) index_size = 0;
    Open& open = open_[file.name.sequence];
    if (open.index && open.ts_size == ts_size && open.index_size == index_size && open.live == live) return &open;
    LoadedIndex loaded;
    try {
      loaded = ring::load_index(file, live ? Tail::leave : Tail::scan);
    } catch (const std::system_error& failure) {
      if (failure.code() != std::errc::no_such_file_or_directory) throw;
      loaded.recognized = false;  // expired meanwhile
    }
    if (!loaded.recognized) {
      open_.erase(file.name.sequence);
      return nullptr;
    }
    open.index = std::make_shared<SegmentIndex>(std::move(loaded.index));
    open.packets = live ? loaded.known : loaded.packets;
    open.ts_size = ts_size;
    open.index_size = index_size;
    open.live = live;
    forget_index(file.name.sequence);
    return &open;
  }

  std::filesystem::path directory_;
  std::optional<int> writer_;
  std::map<std::uint64_t, SegmentSummary> complete_;
  std::map<std::uint64_t, Open> open_;
};

}  // namespace

std::unique_ptr<Recording> open_ring(const std::filesystem::path& directory) {
  std::error_code error;
  const auto status = std::filesystem::status(directory, error);
  if (error) io::throw_system_error("open", directory, error.value());
  if (!std::filesystem::is_directory(status)) {
    throw std::runtime_error("open " + directory.string() + ": a file, not the directory of a recording");
  }
  auto ring = std::make_unique<RingRecording>(directory);
  if (ring->segments().empty() && !RingLock::exists(directory)) {
    throw std::runtime_error("open " + directory.string() + ": not a recording, there are no segments in it");
  }
  return ring;
}

}  // namespace ring
