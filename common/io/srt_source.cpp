#include "common/io/srt_source.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/io/waiting.hpp"

namespace io {

namespace {

using ts::SteadyTime;

// What may be waiting for read(): four seconds at 8 Mb/s.
constexpr std::size_t most_waiting = 4 << 20;
constexpr auto longest_wait = std::chrono::hours{1};

// How many sequence numbers lie between two messages, modulo 2^31.
std::uint32_t missing_between(std::int32_t last, std::int32_t next) {
  return (static_cast<std::uint32_t>(next) - static_cast<std::uint32_t>(last) - 1) & 0x7FFFFFFF;
}

}  // namespace

SrtSource::SrtSource(const Endpoint& endpoint, const SourceOptions& options)
    : options_(options),
      filled_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      link_(endpoint, SrtLink::Role::receiver, [this](const SrtLink::Message& message) { take(message); }) {}

void SrtSource::Batch::clear() {
  bytes.clear();
  items.clear();
}

void SrtSource::take(const SrtLink::Message& message) {
  const ts::Arrival arrival{std::chrono::steady_clock::now(), std::chrono::system_clock::now()};
  // Nobody knows what was sent while there was no connection.
  const std::uint32_t missing = message.first ? 0 : missing_between(*last_sequence_, message.sequence);
  after_loss_ = after_loss_ || missing != 0 || (message.first && last_sequence_);
  last_sequence_ = message.sequence;

  const std::lock_guard lock(mutex_);
  lost_ += missing;
  if (filling_.bytes.size() + message.payload.size() > most_waiting) {
    ++dropped_;
    after_loss_ = true;
    return;
  }
  filling_.bytes.insert(filling_.bytes.end(), message.payload.begin(), message.payload.end());
  filling_.items.push_back({message.payload.size(), arrival, std::exchange(after_loss_, false)});
  if (filling_.items.size() == 1) ::eventfd_write(filled_.get(), 1);
}

bool SrtSource::wait(std::chrono::nanoseconds timeout) {
  const SteadyTime now = std::chrono::steady_clock::now();
  const SteadyTime deadline = now + std::min<std::chrono::nanoseconds>(timeout, longest_wait);
  const SteadyTime ripe = last_drain_ + options_.gather;
  if (ripe > now) {
    wait_readable(-1, std::min(ripe, deadline) - now, options_.wait_mask);
    if (std::chrono::steady_clock::now() < ripe) return false;  // a signal, or no time left
  }
  return wait_readable(filled_.get(), deadline - std::chrono::steady_clock::now(), options_.wait_mask);
}

std::span<const Chunk> SrtSource::read(std::chrono::milliseconds timeout) {
  chunks_.clear();
  parser_.begin();
  reading_.clear();
  if (!wait(timeout)) return {};
  {
    const std::lock_guard lock(mutex_);
    std::swap(reading_, filling_);
    eventfd_t count;
    ::eventfd_read(filled_.get(), &count);
  }
  last_drain_ = std::chrono::steady_clock::now();
  std::span<const std::uint8_t> rest = reading_.bytes;
  for (const auto& item : reading_.items) {
    parser_.parse(rest.first(item.size), item.arrival, item.after_loss, chunks_);
    rest = rest.subspan(item.size);
  }
  bytes_ += reading_.bytes.size();
  messages_ += reading_.items.size();
  return chunks_;
}

SourceStatistics SrtSource::statistics() const {
  SourceStatistics result;
  parser_.add_to(result);
  result.has_socket = true;
  result.bytes = bytes_;
  result.datagrams = messages_;
  const std::uint64_t connections = link_.connections();
  result.reconnects = connections > 0 ? connections - 1 : 0;
  const std::lock_guard lock(mutex_);
  result.srt_lost = lost_;
  result.socket_drops = dropped_;
  return result;
}

}  // namespace io
