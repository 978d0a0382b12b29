#include "common/io/hitless_merger.hpp"

#include <stdexcept>
#include <string>

#include "common/io/content_merger.hpp"
#include "common/io/sequence_merger.hpp"

namespace io {

HitlessMerger::HitlessMerger(const MergeOptions& options) : options_(options), without_rtp_(options.paths) {
  if (options.paths < 1 || options.paths > 64) {
    throw std::invalid_argument("merging " + std::to_string(options.paths) + " paths: there may be 1 to 64");
  }
  if (options.skew < std::chrono::milliseconds{0}) {
    throw std::invalid_argument("a skew of " + std::to_string(options.skew.count()) + " ms: it cannot be negative");
  }
}

void HitlessMerger::check(std::size_t path) const {
  if (path >= options_.paths) {
    throw std::invalid_argument("path " + std::to_string(path) + ": there are " + std::to_string(options_.paths));
  }
}

void HitlessMerger::feed(std::size_t path, const Chunk& chunk) {
  check(path);
  if (!merger_) {
    by_sequence_ = chunk.rtp.has_value();
    if (by_sequence_) {
      merger_ = std::make_unique<SequenceMerger>(options_);
    } else {
      merger_ = std::make_unique<ContentMerger>(options_);
    }
  }
  if (by_sequence_ && !chunk.rtp) {
    without_rtp_[path] += chunk.packets.size();
    return;
  }
  merger_->feed(path, chunk);
}

std::span<const Chunk> HitlessMerger::take(ts::SteadyTime now) {
  return merger_ ? merger_->take(now) : std::span<const Chunk>{};
}

PathStatistics HitlessMerger::path(std::size_t path) const {
  check(path);
  if (!merger_) return {};
  PathStatistics result = merger_->path(path);
  if (result.state == PathStatistics::State::silent && without_rtp_[path] > 0) {
    result.state = PathStatistics::State::different;
  }
  result.received += without_rtp_[path];
  return result;
}

MergeStatistics HitlessMerger::statistics() const { return merger_ ? merger_->statistics() : MergeStatistics{}; }

}  // namespace io
