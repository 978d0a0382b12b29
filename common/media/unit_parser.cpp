#include "common/media/unit_parser.hpp"

namespace media {
namespace {

// No access unit is longer: a second of level 5.1's 240 Mbit/s. Without units in them, bytes are forgotten.
constexpr std::int64_t longest_unit = 32 << 20;
constexpr std::size_t most_losses = 64;
// In an access unit. FFmpeg keeps 4 KiB for each, 2 GB where start codes are all that comes; real ones have a slice for
// a row of blocks at most, and some headers.
constexpr std::size_t most_nal_units = 4096;

std::size_t count_start_codes(std::span<const std::uint8_t> bytes) {
  std::size_t count = 0;
  for (std::size_t i = 2; i < bytes.size(); ++i) count += bytes[i] == 1 && bytes[i - 1] == 0 && bytes[i - 2] == 0;
  return count;
}

}  // namespace

UnitParser::UnitParser(AVCodecID id) : id_(id) { reset(); }

void UnitParser::reset() {
  parser_.reset();
  context_ = make_decoder(id_);
  parser_.reset(av_parser_init(id_));
  if (!parser_) throw Error(std::string{"this FFmpeg has no parser for "} + avcodec_get_name(id_));
  fed_ = answered_ = 0;
  nal_units_ = 0;
  losses_.clear();
}

void UnitParser::mark_loss() {
  if (losses_.size() == most_losses) losses_.pop_front();
  losses_.push_back(fed_);
}

std::optional<Unit> UnitParser::parse(std::span<const std::uint8_t>& bytes, std::optional<ts::ProgramTime> time) {
  std::uint8_t* data = nullptr;
  int size = 0;
  // Asked again with the rest of the same bytes, the parser knows them: the time is not taken twice.
  const int used = av_parser_parse2(parser_.get(), context_.get(), &data, &size, bytes.data(),
                                    static_cast<int>(bytes.size()), to_av(time), AV_NOPTS_VALUE, fed_);
  if (used < 0) {
    bytes = {};
    return std::nullopt;
  }
  if (id_ == AV_CODEC_ID_H264 || id_ == AV_CODEC_ID_HEVC) {
    nal_units_ += count_start_codes(bytes.first(static_cast<std::size_t>(used)));
  }
  bytes = bytes.subspan(static_cast<std::size_t>(used));
  fed_ += used;
  if (data == nullptr || size == 0) {
    if (fed_ - answered_ > longest_unit || nal_units_ > most_nal_units) reset();
    return std::nullopt;
  }
  answered_ = fed_;
  nal_units_ = 0;
  Unit unit{.bytes = {data, static_cast<std::size_t>(size)}, .time = from_av(parser_->pts)};
  // Of two fields, H.264's parser gives each; what is whole, MPEG-2's joins.
  unit.field = parser_->picture_structure == AV_PICTURE_STRUCTURE_TOP_FIELD ||
               parser_->picture_structure == AV_PICTURE_STRUCTURE_BOTTOM_FIELD;
  while (!losses_.empty() && losses_.front() < parser_->next_frame_offset) {
    unit.damaged = true;
    losses_.pop_front();
  }
  return unit;
}

}  // namespace media
