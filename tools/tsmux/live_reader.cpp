#include "tools/tsmux/live_reader.hpp"

#include <chrono>
#include <exception>
#include <utility>

#include "common/io/thread.hpp"

namespace tsmux {
namespace {

// How soon it notices that it is to stop.
constexpr std::chrono::milliseconds read_timeout{100};

}  // namespace

LiveReader::LiveReader(std::unique_ptr<io::Source> source, std::size_t bound)
    : source_(std::move(source)), bound_(bound), thread_(io::start_thread("input", [this] { run(); })) {}

LiveReader::~LiveReader() {
  stop_ = true;
  thread_.join();
}

void LiveReader::run() {
  try {
    while (!stop_ && !source_->ended()) {
      const auto chunks = source_->read(read_timeout);
      const std::lock_guard lock{mutex_};
      for (const io::Chunk& chunk : chunks) store(chunk);
      statistics_ = source_->statistics();
      trouble_ = chunks.empty() ? source_->trouble() : std::string{};
    }
  } catch (const std::exception& error) {
    const std::lock_guard lock{mutex_};
    failure_ = error.what();
  }
  ended_ = true;
}

void LiveReader::store(const io::Chunk& chunk) {
  if (queued_ + chunk.packets.size() > bound_) {
    dropped_ += chunk.packets.size();
    lost_ = true;
    return;
  }
  Block block;
  if (!spare_.empty()) {
    block = std::move(spare_.back());
    spare_.pop_back();
  }
  block.packets.assign(chunk.packets.begin(), chunk.packets.end());
  block.arrival = chunk.arrival;
  block.after_loss = chunk.after_loss || std::exchange(lost_, false);
  queued_ += block.packets.size();
  queue_.push_back(std::move(block));
}

const std::vector<LiveReader::Block>& LiveReader::take() {
  const std::lock_guard lock{mutex_};
  for (Block& block : taken_) spare_.push_back(std::move(block));
  taken_.clear();
  std::swap(taken_, queue_);
  queued_ = 0;
  return taken_;
}

std::string LiveReader::failure() const {
  const std::lock_guard lock{mutex_};
  return failure_;
}

io::SourceStatistics LiveReader::statistics() const {
  const std::lock_guard lock{mutex_};
  return statistics_;
}

std::string LiveReader::trouble() const {
  const std::lock_guard lock{mutex_};
  return trouble_;
}

}  // namespace tsmux
