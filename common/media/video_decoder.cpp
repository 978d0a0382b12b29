#include "common/media/video_decoder.hpp"

#include <algorithm>
#include <utility>

namespace media {
namespace {

// H.264 without recovery points is called corrupt for ever by its decoder: after so many pictures, the flag says
// nothing.
constexpr unsigned most_flagged = 100;
constexpr std::size_t most_failed = 32;  // more than a decoder holds back

}  // namespace

AVCodecID codec_id(ts::VideoCodec codec) {
  switch (codec) {
    case ts::VideoCodec::mpeg2:
      return AV_CODEC_ID_MPEG2VIDEO;
    case ts::VideoCodec::h264:
      return AV_CODEC_ID_H264;
    case ts::VideoCodec::hevc:
      return AV_CODEC_ID_HEVC;
  }
  return AV_CODEC_ID_NONE;
}

VideoDecoder::VideoDecoder(ts::VideoCodec codec, const Options& options)
    : codec_(codec),
      options_(options),
      context_(make_decoder(codec_id(codec))),
      packet_(make_packet()),
      frame_(make_frame()) {
  context_->thread_count = options.threads;
  context_->max_pixels = options.max_pixels;
  context_->pkt_timebase = {1, static_cast<int>(ts::system_clock_hz)};
  // Damaged pictures are pictures too, and are said to be damaged.
  context_->flags |= AV_CODEC_FLAG_OUTPUT_CORRUPT;
  open(*context_);
}

bool VideoDecoder::is_access_point(const Unit& unit, bool& leading) const {
  const auto access = ts::classify_access_unit(codec_, unit.bytes);
  leading = access == ts::AccessPoint::open;
  return access && *access != ts::AccessPoint::none;
}

void VideoDecoder::send(const Unit& unit) {
  if (second_field_) {
    second_field_ = false;
    if (unit.field) submit(unit);
    return drain();
  }
  bool leading = false;
  if (started_ && !options_.access_points_only) return submit(unit);
  if (!is_access_point(unit, leading)) return;
  if (leading) start_ = unit.time;
  started_ = true;
  submit(unit);
  if (!options_.access_points_only) return;
  second_field_ = unit.field;
  if (!second_field_) drain();
}

void VideoDecoder::submit(const Unit& unit) {
  // Without a buffer of its own, the decoder copies the bytes, and pads them.
  packet_->data = const_cast<std::uint8_t*>(unit.bytes.data());
  packet_->size = static_cast<int>(unit.bytes.size());
  packet_->pts = to_av(unit.time);
  unit_time_ = unit.time;
  if (unit.damaged) fail("bytes of a picture are missing", unit.time);
  const int result = avcodec_send_packet(context_.get(), packet_.get());
  packet_->data = nullptr;
  packet_->size = 0;
  if (result < 0 && result != AVERROR(EAGAIN)) fail(result, unit.time);
}

void VideoDecoder::drain() { draining_ = avcodec_send_packet(context_.get(), nullptr) == 0 || draining_; }

void VideoDecoder::finish() {
  if (started_) drain();
}

void VideoDecoder::reset() {
  avcodec_flush_buffers(context_.get());
  started_ = steady_ = draining_ = second_field_ = false;
  flagged_ = 0;
  trust_flag_ = true;
  start_.reset();
  next_.reset();
  failed_.clear();
}

const Picture* VideoDecoder::receive() {
  while (true) {
    const int result = avcodec_receive_frame(context_.get(), frame_.get());
    if (result == AVERROR(EAGAIN)) return nullptr;
    if (result == AVERROR_EOF) {
      if (draining_) avcodec_flush_buffers(context_.get());
      draining_ = false;
      return nullptr;
    }
    if (result < 0) {
      fail(result, unit_time_);
    } else if (take(*frame_)) {
      return &picture_;
    }
  }
}

// False for a picture that nobody is to see.
bool VideoDecoder::take(const AVFrame& frame) {
  auto time = from_av(frame.pts);
  if (start_ && time) {
    if (*time < *start_) return false;
    start_.reset();
  }
  if (!time) time = next_;
  picture_ = {.frame = &frame, .time = time, .duration = {}, .damaged = false};
  const AVRational rate = context_->framerate;
  if (rate.num > 0 && rate.den > 0) {
    const auto frames = ts::system_clock_hz * rate.den / rate.num;
    picture_.duration = ts::Ticks27{frames * (2 + std::clamp(frame.repeat_pict, 0, 4)) / 2};
  }
  next_.reset();
  if (time && picture_.duration > ts::Ticks27{0}) next_ = *time + picture_.duration;
  picture_.damaged = judge(frame, from_av(frame.pts));
  ++pictures_;
  return true;
}

bool VideoDecoder::judge(const AVFrame& frame, std::optional<ts::ProgramTime> time) {
  const bool flagged = (frame.flags & AV_FRAME_FLAG_CORRUPT) != 0;
  if (flagged && !steady_ && ++flagged_ == most_flagged) {
    trust_flag_ = false;
    steady_ = true;
  }
  const auto known = time ? std::ranges::find(failed_, *time) : failed_.end();
  if (known != failed_.end()) {
    failed_.erase(known);
    return true;
  }
  const bool damaged = frame.decode_error_flags != 0 || (flagged && trust_flag_);
  if (!damaged) {
    steady_ = true;
  } else if (steady_) {
    ++errors_;
    last_error_ = "damaged picture";
  }
  return damaged;
}

void VideoDecoder::fail(int code, std::optional<ts::ProgramTime> time) { fail(error_text(code), time); }

void VideoDecoder::fail(std::string what, std::optional<ts::ProgramTime> time) {
  if (!steady_) return;
  if (time && std::ranges::find(failed_, *time) != failed_.end()) return;
  ++errors_;
  last_error_ = std::move(what);
  if (!time) return;
  if (failed_.size() == most_failed) failed_.pop_front();
  failed_.push_back(*time);
}

}  // namespace media
