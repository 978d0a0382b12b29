#include "common/ts/synchronizer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

namespace ts {
namespace {

constexpr std::array<std::size_t, 3> all_strides{188, 204, 192};
constexpr std::size_t acquire_count = 5;
// With as many bytes after it, every stride can be judged at an offset.
constexpr std::size_t acquire_reach = (acquire_count - 1) * 204 + 1;
// Bad packets delivered if lock is found again in the same alignment after them.
constexpr std::size_t tolerated_packets = 8;
// Bytes copied at a time while a copy is needed, which is until lock or for the packet between two blocks.
constexpr std::size_t copy_chunk = 4096;
// An M2TS packet is preceded by its time stamp.
constexpr std::size_t m2ts_lead = 4;

// Good sync bytes from `offset` on at this stride, as far as `bytes` go; 0 if one is bad.
std::size_t good_to_end(std::span<const std::uint8_t> bytes, std::size_t offset, std::size_t stride) {
  std::size_t count = 0;
  for (std::size_t at = offset; at < bytes.size(); at += stride, ++count) {
    if (bytes[at] != sync_byte) return 0;
  }
  return count;
}

bool five_good(std::span<const std::uint8_t> bytes, std::size_t offset, std::size_t stride) {
  if (offset + (acquire_count - 1) * stride >= bytes.size()) return false;
  for (std::size_t i = 0; i < acquire_count; ++i) {
    if (bytes[offset + i * stride] != sync_byte) return false;
  }
  return true;
}

std::size_t next_sync(std::span<const std::uint8_t> bytes, std::size_t from) {
  if (from >= bytes.size()) return bytes.size();
  const void* found = std::memchr(bytes.data() + from, sync_byte, bytes.size() - from);
  return found == nullptr ? bytes.size()
                          : static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - bytes.data());
}

}  // namespace

std::span<const std::size_t> Synchronizer::strides() const {
  return only_stride_ != 0 ? std::span{&only_stride_, 1} : std::span<const std::size_t>{all_strides};
}

Synchronizer::Alignment Synchronizer::find_alignment(Bytes bytes) const {
  std::size_t offset = next_sync(bytes, 0);
  std::optional<std::size_t> undecided;
  for (; offset < bytes.size(); offset = next_sync(bytes, offset + 1)) {
    for (const std::size_t stride : strides()) {
      if (five_good(bytes, offset, stride)) return {offset, stride};
    }
    if (!undecided && offset + acquire_reach > bytes.size()) undecided = offset;
  }
  const std::size_t first = undecided.value_or(bytes.size());
  return {first - std::min(first, m2ts_lead), 0};
}

// At the end of a stream: packets up to its very end, or a short stream that begins with a packet.
Synchronizer::Alignment Synchronizer::find_tail(Bytes bytes) const {
  for (std::size_t offset = next_sync(bytes, 0); offset < bytes.size(); offset = next_sync(bytes, offset + 1)) {
    for (const std::size_t stride : strides()) {
      const std::size_t count = good_to_end(bytes, offset, stride);
      const bool at_start = offset == 0 || (stride == 192 && offset == m2ts_lead);
      const std::size_t size = bytes.size() - offset + (stride == 192 ? m2ts_lead : 0);
      const bool whole = count * stride == size;
      if (count >= 2 ? at_start || whole : count == 1 && at_start && whole) return {offset, stride};
    }
  }
  return {bytes.size(), 0};
}

std::span<const Packet> Synchronizer::feed(Bytes bytes) {
  if (!bytes.empty()) {
    statistics_.skipped_bytes += rest_.size();
    rest_ = bytes;
  }
  for (;;) {
    if (!locked() && !acquire()) return {};
    skipped_before_ = statistics_.skipped_bytes;
    const auto packets = pending_.empty() ? take_in_place() : take_pending();
    if (!packets.empty() || locked()) return packets;
  }
}

void Synchronizer::skip(std::size_t bytes) {
  statistics_.skipped_bytes += bytes;
  skipped_run_ += bytes;
}

void Synchronizer::lock(std::size_t stride) {
  if (stride == 192) statistics_.skipped_bytes -= std::min(skipped_run_, m2ts_lead);
  skipped_run_ = 0;
  lost_stride_ = 0;
  stride_ = stride;
  next_ = 0;
}

// After a loss: whether the old alignment goes on after a few bad packets. Nothing if it takes more bytes to tell.
std::optional<bool> Synchronizer::resume(Bytes bytes) {
  for (std::size_t bad = 0; bad <= tolerated_packets; ++bad) {
    const std::size_t offset = bad * lost_stride_;
    if (five_good(bytes, offset, lost_stride_)) {
      tolerated_ = bad;
      lock(lost_stride_);
      return true;
    }
    if (offset >= bytes.size() || good_to_end(bytes, offset, lost_stride_) != 0) return std::nullopt;
  }
  lost_stride_ = 0;
  return false;
}

// Looks for lock at the start of the bytes at hand and says how many of them can be forgotten.
bool Synchronizer::acquire_in(Bytes bytes, std::size_t& consumed) {
  consumed = 0;
  if (lost_stride_ != 0) {
    const auto resumed = resume(bytes);
    if (!resumed || *resumed) return resumed.has_value();
  }
  const Alignment alignment = find_alignment(bytes);
  consumed = alignment.offset;
  skip(consumed);
  if (alignment.stride != 0) lock(alignment.stride);
  return alignment.stride != 0;
}

bool Synchronizer::acquire() {
  std::size_t consumed = 0;
  if (pending_.empty()) {
    const bool found = acquire_in(rest_, consumed);
    rest_ = rest_.subspan(consumed);
    if (found) return true;
    pending_.assign(rest_.begin(), rest_.end());
    rest_ = {};
    return false;
  }
  for (;;) {
    const auto more = rest_.first(std::min(rest_.size(), copy_chunk));
    pending_.insert(pending_.end(), more.begin(), more.end());
    rest_ = rest_.subspan(more.size());
    const bool found = acquire_in(pending_, consumed);
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(consumed));
    if (found) return true;
    if (rest_.empty()) return false;
  }
}

void Synchronizer::lose() {
  ++statistics_.sync_losses;
  lost_stride_ = stride_;
  stride_ = 0;
}

// Whether a packet can be delivered from `at`, which has all its bytes. If not, either lock is lost there, or the
// sync byte after it is needed to tell.
bool Synchronizer::is_packet(Bytes bytes, std::size_t at) {
  if (tolerated_ > 0) {
    --tolerated_;
    return true;
  }
  if (bytes[at] == sync_byte) return true;
  if (at + stride_ >= bytes.size()) return false;
  if (bytes[at + stride_] == sync_byte) return true;
  lose();
  return false;
}

// Counts the packets that `bytes` hold from next_ on, copies them unless they stay in place, and returns how many
// bytes are done with.
std::size_t Synchronizer::collect(Bytes bytes, bool in_place) {
  const std::size_t stride = stride_;
  std::size_t at = next_;
  std::uint64_t bad = 0;
  copied_.clear();
  count_ = 0;
  while (at + packet_size <= bytes.size()) {
    if (bytes[at] != sync_byte || tolerated_ != 0) {
      if (!is_packet(bytes, at)) break;
      if (bytes[at] != sync_byte) ++bad;
    }
    if (!in_place) std::memcpy(&copied_.emplace_back(), bytes.data() + at, packet_size);
    ++count_;
    at += stride;
  }
  statistics_.packets += count_;
  statistics_.bad_sync += bad;
  const std::size_t consumed = std::min(at, bytes.size());
  next_ = at - consumed;
  return consumed;
}

std::span<const Packet> Synchronizer::take_in_place() {
  const Bytes bytes = rest_;
  const bool in_place = stride_ == packet_size;
  rest_ = bytes.subspan(collect(bytes, in_place));
  if (locked()) {
    pending_.assign(rest_.begin(), rest_.end());
    rest_ = {};
  }
  return in_place ? packets_in(bytes).first(count_) : std::span<const Packet>{copied_};
}

// Completes what is pending to a packet, with the sync byte after it if it takes that to judge it.
std::span<const Packet> Synchronizer::take_pending() {
  for (const std::size_t wanted : {packet_size, stride_ + 1}) {
    if (pending_.size() < wanted) {
      const auto more = rest_.first(std::min(rest_.size(), wanted - pending_.size()));
      pending_.insert(pending_.end(), more.begin(), more.end());
      rest_ = rest_.subspan(more.size());
    }
    const std::size_t consumed = collect(pending_, false);
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(consumed));
    if (count_ != 0 || !locked()) break;
  }
  return copied_;
}

std::span<const Packet> Synchronizer::finish() {
  pending_.insert(pending_.end(), rest_.begin(), rest_.end());
  rest_ = {};
  std::size_t start = 0;
  if (!locked()) {
    const Alignment alignment = find_tail(pending_);
    start = alignment.offset;
    skip(start);
    if (alignment.stride != 0) lock(alignment.stride);
  }
  copied_.clear();
  if (locked()) {
    for (; start + packet_size <= pending_.size(); start = std::min(start + stride_, pending_.size())) {
      const Packet& packet = packets_in(Bytes{pending_}.subspan(start)).front();
      if (!packet.has_sync()) ++statistics_.bad_sync;
      copied_.push_back(packet);
    }
  }
  statistics_.packets += copied_.size();
  skipped_before_ = statistics_.skipped_bytes;
  statistics_.skipped_bytes += pending_.size() - start;
  pending_.clear();
  reset();
  return copied_;
}

void Synchronizer::reset() {
  statistics_.skipped_bytes += pending_.size() + rest_.size();
  pending_.clear();
  rest_ = {};
  stride_ = 0;
  lost_stride_ = 0;
  tolerated_ = 0;
  next_ = 0;
  skipped_run_ = 0;
}

}  // namespace ts
