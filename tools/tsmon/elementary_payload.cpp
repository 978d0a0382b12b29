#include "tools/tsmon/elementary_payload.hpp"

#include <algorithm>

#include "common/media/av.hpp"

namespace tsmon {
namespace {

constexpr std::size_t longest_piece = std::size_t{1} << 20;  // bytes
constexpr unsigned padding_stream = 0xBE;                    // ISO/IEC 13818-1 table 2-22

}  // namespace

void ElementaryPayload::reset() {
  in_pes_ = false;
  after_loss_ = false;
  pts_.reset();
  buffer_.clear();
}

void ElementaryPayload::begin(const ts::Packet& packet, Moment at) {
  const auto header = ts::PesHeader::parse(packet.payload());
  in_pes_ = header.has_value() && header->stream_id != padding_stream;
  if (!in_pes_) return;
  header_left_ = header->header_size;
  payload_left_.reset();
  if (header->packet_length > 0) {
    payload_left_ = header->packet_length > header->header_size ? header->packet_length - header->header_size : 0;
  }
  pts_ = header->pts;
  at_ = at;
}

void ElementaryPayload::append(const ts::Packet& packet, Moment at) {
  if (!in_pes_) return;
  auto bytes = packet.payload();
  const std::size_t skip = std::min(header_left_, bytes.size());
  header_left_ -= skip;
  bytes = bytes.subspan(skip);
  if (payload_left_) {
    bytes = bytes.first(std::min(*payload_left_, bytes.size()));
    *payload_left_ -= bytes.size();
  }
  if (buffer_.empty() && !packet.unit_start()) at_ = at;
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

// The length may have been that of a PES packet whose rest is lost, with the next one's header.
void ElementaryPayload::mark_loss() {
  after_loss_ = in_pes_;
  payload_left_.reset();
  header_left_ = 0;
}

bool ElementaryPayload::is_complete() const {
  return buffer_.size() >= longest_piece || (payload_left_ && *payload_left_ == 0);
}

ElementaryPayload::Piece ElementaryPayload::seal() {
  const std::size_t size = buffer_.size();
  buffer_.resize(size + AV_INPUT_BUFFER_PADDING_SIZE, 0);
  return {.bytes = std::span{buffer_}.first(size), .pts = pts_, .at = at_, .after_loss = after_loss_};
}

void ElementaryPayload::release() {
  buffer_.clear();
  pts_.reset();
  after_loss_ = false;
  if (payload_left_ && *payload_left_ == 0) in_pes_ = false;
}

}  // namespace tsmon
