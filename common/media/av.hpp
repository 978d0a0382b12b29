// Owners for the objects of FFmpeg's libraries (5.1 to 7), and what differs between its versions.
//
// Times are ts::ProgramTime where they are ours, and its ticks of 27 MHz where they are FFmpeg's: nothing here has
// another time base. FFmpeg writes no log.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/frame.h>
#include <libavutil/version.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>
}

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "common/ts/time.hpp"

namespace media {

// A call that fails only for want of memory or of a codec: "open the h264 decoder: Operation not permitted".
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
[[noreturn]] void throw_error(const std::string& action, int code);
// FFmpeg's text for an error code.
std::string error_text(int code);

struct Deleter {
  void operator()(AVFrame* p) const { av_frame_free(&p); }
  void operator()(AVPacket* p) const { av_packet_free(&p); }
  void operator()(AVCodecContext* p) const { avcodec_free_context(&p); }
  void operator()(AVCodecParserContext* p) const { av_parser_close(p); }
  void operator()(SwsContext* p) const { sws_freeContext(p); }
  void operator()(SwrContext* p) const { swr_free(&p); }
};
using Frame = std::unique_ptr<AVFrame, Deleter>;
using Packet = std::unique_ptr<AVPacket, Deleter>;
using Codec = std::unique_ptr<AVCodecContext, Deleter>;
using Parser = std::unique_ptr<AVCodecParserContext, Deleter>;
using Sws = std::unique_ptr<SwsContext, Deleter>;
using Swr = std::unique_ptr<SwrContext, Deleter>;

Frame make_frame();
Packet make_packet();
// Not open yet. Throws where this FFmpeg has no such codec.
Codec make_decoder(AVCodecID id);
// The named one of several decoders, if it is there.
Codec make_decoder(AVCodecID id, const char* preferred);
Codec make_encoder(AVCodecID id);
void open(AVCodecContext& context);

inline std::int64_t to_av(std::optional<ts::ProgramTime> time) {
  return time ? time->time_since_epoch().count() : AV_NOPTS_VALUE;
}
inline std::optional<ts::ProgramTime> from_av(std::int64_t ticks) {
  if (ticks == AV_NOPTS_VALUE) return std::nullopt;
  return ts::ProgramTime{ts::Ticks27{ticks}};
}

bool is_interlaced(const AVFrame& frame);
bool top_field_first(const AVFrame& frame);
// Samples of the full range of their bits, not of 16 to 235.
bool is_full_range(const AVFrame& frame);

}  // namespace media
