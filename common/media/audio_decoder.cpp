#include "common/media/audio_decoder.hpp"

#include <utility>

extern "C" {
#include <libavutil/opt.h>
}

namespace media {
namespace {

// A false sync word found in the middle of a frame is not followed by good ones.
constexpr unsigned start_up = 2;

}  // namespace

AudioDecoder::AudioDecoder(AVCodecID id)
    // Of the two for MPEG, the one that does not clip what is beyond full scale.
    : context_(make_decoder(id, id == AV_CODEC_ID_MP2 ? "mp2float" : "")),
      packet_(make_packet()),
      frame_(make_frame()) {
  context_->pkt_timebase = {1, static_cast<int>(ts::system_clock_hz)};
  // A wrong CRC is an error.
  context_->err_recognition = AV_EF_CRCCHECK | AV_EF_EXPLODE;
  if (id == AV_CODEC_ID_AC3 || id == AV_CODEC_ID_EAC3) av_opt_set_double(context_->priv_data, "drc_scale", 0, 0);
  open(*context_);
}

void AudioDecoder::send(const Unit& unit) {
  counted_ = false;
  if (unit.damaged) fail("bytes of a frame are missing");
  packet_->data = const_cast<std::uint8_t*>(unit.bytes.data());
  packet_->size = static_cast<int>(unit.bytes.size());
  packet_->pts = to_av(unit.time);
  const int result = avcodec_send_packet(context_.get(), packet_.get());
  packet_->data = nullptr;
  packet_->size = 0;
  if (result < 0 && result != AVERROR(EAGAIN)) fail(error_text(result));
}

void AudioDecoder::finish() { avcodec_send_packet(context_.get(), nullptr); }

void AudioDecoder::reset() {
  avcodec_flush_buffers(context_.get());
  next_.reset();
  good_ = 0;
}

const Sound* AudioDecoder::receive() {
  while (true) {
    const int result = avcodec_receive_frame(context_.get(), frame_.get());
    if (result == AVERROR(EAGAIN)) return nullptr;
    if (result == AVERROR_EOF) {
      avcodec_flush_buffers(context_.get());
      return nullptr;
    }
    if (result < 0) {
      fail(error_text(result));
      continue;
    }
    if (frame_->nb_samples <= 0 || frame_->sample_rate <= 0) continue;
    if (good_ < start_up) ++good_;
    ++frames_;
    if (!counted_ && (frame_->decode_error_flags != 0 || (frame_->flags & AV_FRAME_FLAG_CORRUPT) != 0)) {
      fail("damaged frame");
    }
    sound_ = {.frame = frame_.get(),
              .time = from_av(frame_->pts),
              .duration = ts::Ticks27{ts::system_clock_hz * frame_->nb_samples / frame_->sample_rate}};
    if (!sound_.time) sound_.time = next_;
    next_.reset();
    if (sound_.time) next_ = *sound_.time + sound_.duration;
    return &sound_;
  }
}

void AudioDecoder::fail(std::string what) {
  if (good_ < start_up || std::exchange(counted_, true)) return;
  ++errors_;
  last_error_ = std::move(what);
}

}  // namespace media
