#include "common/media/av.hpp"

#include <array>
#include <cstdarg>
#include <new>

extern "C" {
#include <libavutil/error.h>
#include <libavutil/log.h>
}

namespace media {
namespace {

template <typename T>
T* or_bad_alloc(T* p) {
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

// It would go to stderr, for every damaged picture.
void silence_log() {
  static const bool once = [] {
    av_log_set_callback([](void*, int, const char*, va_list) {});
    return true;
  }();
  static_cast<void>(once);
}

}  // namespace

std::string error_text(int code) {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  av_strerror(code, text.data(), text.size());
  return text.data();
}

void throw_error(const std::string& action, int code) {
  if (code == AVERROR(ENOMEM)) throw std::bad_alloc();
  throw Error(action + ": " + error_text(code));
}

Frame make_frame() { return Frame{or_bad_alloc(av_frame_alloc())}; }

Packet make_packet() { return Packet{or_bad_alloc(av_packet_alloc())}; }

Codec make_decoder(AVCodecID id) { return make_decoder(id, ""); }

Codec make_decoder(AVCodecID id, const char* preferred) {
  silence_log();
  const AVCodec* codec = avcodec_find_decoder_by_name(preferred);
  if (codec == nullptr) codec = avcodec_find_decoder(id);
  if (codec == nullptr) throw Error(std::string{"this FFmpeg has no decoder for "} + avcodec_get_name(id));
  return Codec{or_bad_alloc(avcodec_alloc_context3(codec))};
}

Codec make_encoder(AVCodecID id) {
  silence_log();
  const AVCodec* codec = avcodec_find_encoder(id);
  if (codec == nullptr) throw Error(std::string{"this FFmpeg has no encoder for "} + avcodec_get_name(id));
  return Codec{or_bad_alloc(avcodec_alloc_context3(codec))};
}

void open(AVCodecContext& context) {
  const int result = avcodec_open2(&context, context.codec, nullptr);
  if (result < 0) throw_error(std::string{"open "} + context.codec->name, result);
}

// AV_FRAME_FLAG_INTERLACED came with libavutil 58.7.
bool is_interlaced(const AVFrame& frame) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
  return (frame.flags & AV_FRAME_FLAG_INTERLACED) != 0;
#else
  return frame.interlaced_frame != 0;
#endif
}

bool top_field_first(const AVFrame& frame) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
  return (frame.flags & AV_FRAME_FLAG_TOP_FIELD_FIRST) != 0;
#else
  return frame.top_field_first != 0;
#endif
}

bool is_full_range(const AVFrame& frame) {
  if (frame.color_range == AVCOL_RANGE_JPEG) return true;
  switch (frame.format) {
    case AV_PIX_FMT_YUVJ420P:
    case AV_PIX_FMT_YUVJ422P:
    case AV_PIX_FMT_YUVJ444P:
      return true;
    default:
      return false;
  }
}

}  // namespace media
