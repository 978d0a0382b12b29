#include "common/ts/access_unit_scanner.hpp"

#include <algorithm>
#include <cstring>

#include "common/ts/bit_reader.hpp"

namespace ts {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t largest_parameters = 4096;
constexpr unsigned padding_stream = 0xBE;  // ISO/IEC 13818-1 table 2-22

Ticks90 to_90khz(Ticks27 t) { return Ticks90{(t.count() + 150) / 300}; }

}  // namespace

AccessUnitScanner::AccessUnitScanner(VideoCodec codec) : kind_(Kind::video), codec_(codec) {
  parameters_.reserve(largest_parameters);
  last_parameters_.reserve(largest_parameters);
}

AccessUnitScanner::AccessUnitScanner(AudioFormat format) : kind_(Kind::audio), splitter_(format) {}

std::span<const ScannedUnit> AccessUnitScanner::feed(const Packet& packet) {
  units_.clear();
  const Bytes bytes = strip_header(packet);
  stream_bytes_ = bytes.size();
  if (!bytes.empty()) {
    if (kind_ == Kind::video) {
      feed_video(bytes);
    } else if (kind_ == Kind::audio) {
      feed_audio(bytes);
    }
    position_ += bytes.size();
  }
  return units_;
}

void AccessUnitScanner::reset() {
  in_pes_ = false;
  header_left_ = 0;
  stamps_.reset();
  open_.reset();
  last_dts_.reset();
  frame_pts_.reset();
  frame_dts_.reset();
  since_ = {};
  history_ = 0xFFFFFFFF;
  want_head_ = false;
  picture_seen_ = false;
  collecting_ = false;
  if (splitter_) splitter_->reset(position_);
}

// The elementary stream bytes of a packet.
Bytes AccessUnitScanner::strip_header(const Packet& packet) {
  header_bytes_ = 0;
  Bytes payload = packet.payload();
  if (packet.unit_start()) {
    const auto header = PesHeader::parse(payload);
    in_pes_ = header.has_value() && header->stream_id != padding_stream;
    header_left_ = in_pes_ ? header->header_size : 0;
    if (in_pes_) {
      if (kind_ == Kind::packets && open_) end_unit(position_);
      stamps_ = Stamps{position_, header->pts, header->dts};
      if (kind_ == Kind::packets) {
        code_begin_ = code_position_ = position_;
        begin_unit();
      }
    }
  }
  if (!in_pes_) return {};
  header_bytes_ = std::min(header_left_, payload.size());
  header_left_ -= header_bytes_;
  return payload.subspan(header_bytes_);
}

void AccessUnitScanner::feed_audio(Bytes bytes) {
  splitter_->feed(bytes, [this](const AudioFrame& frame, std::uint64_t offset) { add_audio(frame, offset); });
}

void AccessUnitScanner::add_audio(const AudioFrame& frame, std::uint64_t offset) {
  ScannedUnit unit{offset, frame.size, std::nullopt, std::nullopt, false};
  if (frame.dependent) {
    unit.pts = frame_pts_;
    unit.dts = frame_dts_;
    unit.counted = true;
  } else {
    audio_ = frame;
    stamp(unit, offset);
    frame_pts_ = unit.pts;
    frame_dts_ = unit.dts;
    if (frame.sampling_rate == 0) {
      last_dts_.reset();  // no duration to count on by
    } else {
      since_ += Ticks27{system_clock_hz * frame.samples / frame.sampling_rate};
    }
  }
  units_.push_back(unit);
}

// Gives a unit that begins at `begins` its time stamps.
void AccessUnitScanner::stamp(ScannedUnit& unit, std::uint64_t begins) {
  if (stamps_ && begins >= stamps_->from) {
    unit.pts = stamps_->pts;
    unit.dts = stamps_->dts;
    stamps_.reset();
  }
  if (unit.dts) {
    last_dts_ = unit.dts;
    since_ = {};
    return;
  }
  if (!last_dts_) return;
  unit.counted = true;
  unit.dts = *last_dts_ + to_90khz(since_);
  if (kind_ == Kind::audio) unit.pts = unit.dts;
}

// Of a picture; zero if it is not known, or it is a PES packet.
Ticks27 AccessUnitScanner::duration() const {
  if (kind_ != Kind::video || !video_ || !video_->frame_rate) return {};
  const Ticks27 frame{system_clock_hz * video_->frame_rate->denominator / video_->frame_rate->numerator};
  return structure_ == Structure::field ? frame / 2 : frame;
}

void AccessUnitScanner::begin_unit() {
  ScannedUnit unit{code_begin_, 0, std::nullopt, std::nullopt, false};
  stamp(unit, code_position_);
  open_ = unit;
  picture_seen_ = false;
  structure_ = Structure::frame;
}

void AccessUnitScanner::end_unit(std::uint64_t at) {
  if (!open_) return;
  open_->size = at - open_->offset;
  const Ticks27 length = duration();
  since_ += length;
  if (length == Ticks27{}) last_dts_.reset();
  units_.push_back(*open_);
  open_.reset();
}

void AccessUnitScanner::feed_video(Bytes bytes) {
  std::size_t at = 0;  // bytes before it are done with
  collect_from_ = head_at_ = 0;
  head_before_ = head_size_;
  if (want_head_) {
    const std::size_t count = std::min(bytes.size(), head_.size() - head_size_);
    std::copy_n(bytes.begin(), count, head_.begin() + static_cast<std::ptrdiff_t>(head_size_));
    head_size_ += count;
    if (head_size_ == head_.size()) take_unit_head(head_);
  }
  while (at < bytes.size()) {
    const void* found = std::memchr(bytes.data() + at, 1, bytes.size() - at);
    if (found == nullptr) break;
    const auto one = static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - bytes.data());
    at = one + 1;
    const auto before = [&](std::size_t back) {
      return one >= back ? bytes[one - back] : static_cast<std::uint8_t>(history_ >> (8 * (back - one - 1)));
    };
    if (before(1) != 0 || before(2) != 0) continue;
    if (want_head_) {  // a unit shorter than a head
      std::fill(head_.begin() + static_cast<std::ptrdiff_t>(head_size_), head_.end(), std::uint8_t{0});
      take_unit_head(head_);
    }
    if (collecting_) {
      collect(bytes.first(at));
      unit_in_parameters_ = parameters_.size() - std::min<std::size_t>(parameters_.size(), 3);
    }
    on_start_code(position_ + one - 2, before(3) == 0);
    const Bytes rest = bytes.subspan(at);
    head_at_ = at;
    head_before_ = 0;
    if (rest.size() >= head_.size()) {
      take_unit_head(rest.first(head_.size()));
    } else {
      std::copy(rest.begin(), rest.end(), head_.begin());
      head_size_ = rest.size();
      want_head_ = true;
    }
  }
  if (collecting_) collect(bytes);
  for (std::size_t i = bytes.size() - std::min<std::size_t>(bytes.size(), 4); i < bytes.size(); ++i) {
    history_ = history_ << 8 | bytes[i];
  }
}

// Parameter sets begin with the unit whose head is taken: its start code, and what earlier packets had of it.
void AccessUnitScanner::start_collecting() {
  collecting_ = true;
  unit_in_parameters_ = 0;
  parameters_.assign({0, 0, 1});
  parameters_.insert(parameters_.end(), head_.begin(), head_.begin() + static_cast<std::ptrdiff_t>(head_before_));
  collect_from_ = head_at_;
}

// Takes the bytes of this packet up to the end of these.
void AccessUnitScanner::collect(Bytes bytes) {
  const Bytes more = bytes.subspan(collect_from_);
  collect_from_ = bytes.size();
  if (parameters_.size() + more.size() > largest_parameters) {
    collecting_ = false;
  } else {
    parameters_.insert(parameters_.end(), more.begin(), more.end());
  }
}

// A zero byte before a start code begins the NAL unit (ISO/IEC 14496-10 B.1, ISO/IEC 23008-2 B.2), unless the unit
// begins its PES packet: then it came with the unit before. MPEG-2's zeros end what is before them (ISO/IEC
// 13818-2 5.2.3).
void AccessUnitScanner::on_start_code(std::uint64_t code_position, bool zero_before) {
  code_position_ = code_position;
  const bool begins_pes = stamps_ && stamps_->from == code_position;
  const bool has_zero_byte = zero_before && codec_ != VideoCodec::mpeg2 && !begins_pes && code_position > 0;
  code_begin_ = has_zero_byte ? code_position - 1 : code_position;
}

// The first bytes of what follows the last start code; zeros behind its end if it is shorter.
void AccessUnitScanner::take_unit_head(Bytes head) {
  want_head_ = false;
  switch (codec_) {
    case VideoCodec::mpeg2:
      return judge_mpeg2(head);
    case VideoCodec::h264:
      return judge_h264(head);
    case VideoCodec::hevc:
      return judge_hevc(head);
  }
}

// ISO/IEC 13818-2 6.2; a picture and the sequence and group headers before it are one access unit.
void AccessUnitScanner::judge_mpeg2(Bytes head) {
  const unsigned code = head[0];
  const bool starts_picture = code == 0x00;
  const bool header = code == 0xB3 || code == 0xB8;
  if (code == 0xB3 && !collecting_) {
    start_collecting();
  } else if (collecting_ && (starts_picture || code == 0xB8)) {
    finish_parameters();
  }
  if (starts_picture || header) {
    if (picture_seen_ || !open_) {
      end_unit(code_begin_);
      begin_unit();
    }
    picture_seen_ = picture_seen_ || starts_picture;
  }
  // Picture coding extension (6.2.3.1): picture_structure 3 is a frame.
  if (code == 0xB5 && head[1] >> 4 == 8) structure_ = (head[3] & 3) == 3 ? Structure::frame : Structure::field;
}

// ISO/IEC 14496-10 7.4.1.2.3: what may only stand before the first slice of a picture begins the next one.
void AccessUnitScanner::judge_h264(Bytes head) {
  const unsigned type = head[0] & 0x1F;
  const bool parameter_set = type == 7 || type == 8 || type == 13 || type == 15;
  if (type == 7 && !collecting_) {
    start_collecting();
  } else if (collecting_ && !parameter_set) {
    finish_parameters();
  }
  const bool slice = type == 1 || type == 2 || type == 5;
  const bool before_slices = parameter_set || type == 6 || type == 9 || (type >= 14 && type <= 18);
  const bool first_slice = slice && (head[1] & 0x80) != 0;  // first_mb_in_slice is 0
  if (!before_slices && !first_slice) return;
  if (picture_seen_ || !open_) {
    end_unit(code_begin_);
    begin_unit();
  }
  if (!first_slice) return;
  picture_seen_ = true;
  if (!video_ || video_->frames_only) return;
  BitReader reader{head.subspan(1), BitReader::Escapes::remove};
  reader.ue();
  reader.ue();
  reader.ue();
  if (video_->separate_colour_planes) reader.skip(2);
  reader.skip(video_->frame_num_bits);
  structure_ = reader.flag() ? Structure::field : Structure::frame;
}

// ISO/IEC 23008-2 7.4.2.4.4.
void AccessUnitScanner::judge_hevc(Bytes head) {
  const unsigned type = (head[0] >> 1) & 0x3F;
  const unsigned layer = (head[0] & 1u) << 5 | head[1] >> 3;
  if (layer > 0) return;
  const bool parameter_set = type >= 32 && type <= 34;
  if ((type == 32 || type == 33) && !collecting_) {
    start_collecting();
  } else if (collecting_ && !parameter_set) {
    finish_parameters();
  }
  const bool before_slices =
      parameter_set || type == 35 || type == 39 || (type >= 41 && type <= 44) || (type >= 48 && type <= 55);
  const bool first_slice = type < 32 && (head[2] & 0x80) != 0;  // first_slice_segment_in_pic_flag
  if (!before_slices && !first_slice) return;
  if (picture_seen_ || !open_) {
    end_unit(code_begin_);
    begin_unit();
  }
  if (!first_slice) return;
  picture_seen_ = true;
  structure_ = video_ && video_->interlaced ? Structure::field : Structure::frame;
}

// Parameter sets are whole: read them unless they are the same as before. Without the unit behind them, and the zeros
// before that (a NAL unit ends with none, MPEG-2's headers may).
void AccessUnitScanner::finish_parameters() {
  collecting_ = false;
  parameters_.resize(std::min(parameters_.size(), unit_in_parameters_));
  while (codec_ != VideoCodec::mpeg2 && !parameters_.empty() && parameters_.back() == 0) parameters_.pop_back();
  if (parameters_ == last_parameters_) return;
  last_parameters_ = parameters_;
  auto video = read_video_parameters(codec_, parameters_);
  if (!video) return;
  video_ = std::move(video);
  ++video_changes_;
}

}  // namespace ts
