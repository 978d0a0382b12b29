// Makes one service with pictures and sound of the test's own, coded by FFmpeg's encoders, in a transport stream.
//
//   support::EncodedStream stream;
//   stream.add_video({.paint = [](AVFrame& picture, int) { support::fill(picture, 16); }});
//   stream.add_audio({.sound = [](double, int) { return 0.0F; }});
//   const auto packets = stream.make(std::chrono::seconds{5});
//
// Packets are dated from 0 on, each access unit's 500 ms before its DTS; the PCR is exact.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

#include "common/media/av.hpp"
#include "common/psi/tables.hpp"
#include "common/ts/packet.hpp"
#include "common/ts/time.hpp"

namespace support {

struct DatedPacket {
  ts::Packet packet;
  ts::ProgramTime time;
};

struct EncodedVideo {
  AVCodecID codec = AV_CODEC_ID_MPEG2VIDEO;
  AVPixelFormat format = AV_PIX_FMT_YUV420P;
  int width = 352, height = 288;
  AVRational sample_aspect{1, 1};
  int gop = 12;
  int b_pictures = 2;
  std::int64_t bit_rate = 1'000'000;
  std::function<void(AVFrame& picture, int index)> paint;  // 25 pictures a second
};

struct EncodedAudio {
  AVCodecID codec = AV_CODEC_ID_MP2;
  int rate = 48'000;
  int channels = 2;
  std::int64_t bit_rate = 192'000;
  std::function<float(double seconds, int channel)> sound;  // full scale 1
};

class EncodedStream {
 public:
  static constexpr ts::Pid video_pid{0x0101};
  static constexpr ts::Pid audio_pid(unsigned index) { return ts::Pid{0x0110 + index}; }

  void add_video(EncodedVideo video) { videos_.push_back(std::move(video)); }
  void add_audio(EncodedAudio audio) { audios_.push_back(std::move(audio)); }
  std::vector<DatedPacket> make(std::chrono::milliseconds duration) const;
  psi::Pmt pmt() const;  // service 0x0101

  // When a picture or a sample is shown or heard.
  static ts::ProgramTime picture_time(int index) { return origin + std::chrono::milliseconds{40} * index; }
  static ts::ProgramTime sound_time(double seconds) {
    return origin + ts::Ticks27{static_cast<std::int64_t>(seconds * ts::system_clock_hz)};
  }

 private:
  static constexpr ts::ProgramTime origin{std::chrono::seconds{1}};
  static constexpr ts::Pcr start_pcr{std::chrono::hours{26}};  // wraps after half an hour

  struct CodedUnit {
    ts::Pid pid;
    std::uint8_t stream_id;
    ts::ProgramTime pts, dts;
    std::vector<std::uint8_t> bytes;
  };
  static std::vector<CodedUnit> encode(const EncodedVideo& video, std::chrono::milliseconds duration);
  static std::vector<CodedUnit> encode(const EncodedAudio& audio, ts::Pid pid, std::chrono::milliseconds duration);
  static std::vector<CodedUnit> run(AVCodecContext& encoder, const std::function<AVFrame*()>& next);

  std::vector<EncodedVideo> videos_;  // one at most
  std::vector<EncodedAudio> audios_;
};

// Gives all of a picture one level of luma, and no colour. Of more than 8 bits, in the format's own.
void fill(AVFrame& picture, unsigned luma);
// 8 bits: a sample of luma.
inline std::uint8_t& luma_at(AVFrame& picture, int x, int y) { return picture.data[0][y * picture.linesize[0] + x]; }
// A picture with memory of its own.
media::Frame make_picture(int width, int height, AVPixelFormat format = AV_PIX_FMT_YUV420P);

}  // namespace support
