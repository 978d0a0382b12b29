#include "tests/support/encoded_stream.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <span>
#include <utility>

#include "tests/support/packet_builder.hpp"

extern "C" {
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
}

// LeakSanitizer: libx265 forgets some of its own.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libx265"; }

namespace support {
namespace {

constexpr auto ahead = std::chrono::milliseconds{500};

std::uint8_t stream_type(AVCodecID id) {
  switch (id) {
    case AV_CODEC_ID_MPEG2VIDEO:
      return 0x02;
    case AV_CODEC_ID_H264:
      return 0x1B;
    case AV_CODEC_ID_HEVC:
      return 0x24;
    case AV_CODEC_ID_MP2:
      return 0x03;
    case AV_CODEC_ID_AC3:
      return 0x81;
    case AV_CODEC_ID_EAC3:
      return 0x87;
    default:
      throw std::invalid_argument("no stream type for this codec");
  }
}

void check(int result, const char* action) {
  if (result < 0) media::throw_error(action, result);
}

void append_stamp(std::vector<std::uint8_t>& bytes, unsigned prefix, ts::Timestamp stamp) {
  const auto t = static_cast<std::uint64_t>(stamp.ticks());
  bytes.push_back(static_cast<std::uint8_t>(prefix << 4 | (t >> 29 & 0x0E) | 1));
  bytes.push_back(static_cast<std::uint8_t>(t >> 22));
  bytes.push_back(static_cast<std::uint8_t>((t >> 14 & 0xFE) | 1));
  bytes.push_back(static_cast<std::uint8_t>(t >> 7));
  bytes.push_back(static_cast<std::uint8_t>((t << 1 & 0xFE) | 1));
}

}  // namespace

void fill(AVFrame& picture, unsigned luma) {
  const AVPixFmtDescriptor& format = *av_pix_fmt_desc_get(static_cast<AVPixelFormat>(picture.format));
  const bool wide = format.comp[0].depth > 8;
  for (int plane = 0; plane < format.nb_components; ++plane) {
    const int rows = plane == 0 ? picture.height : AV_CEIL_RSHIFT(picture.height, format.log2_chroma_h);
    const unsigned level = plane == 0 ? luma : 1U << (format.comp[0].depth - 1);
    for (int y = 0; y < rows; ++y) {
      std::uint8_t* row = picture.data[plane] + y * picture.linesize[plane];
      const int columns = plane == 0 ? picture.width : AV_CEIL_RSHIFT(picture.width, format.log2_chroma_w);
      if (wide) {
        std::fill_n(reinterpret_cast<std::uint16_t*>(row), columns, static_cast<std::uint16_t>(level));
      } else {
        std::fill_n(row, columns, static_cast<std::uint8_t>(level));
      }
    }
  }
}

media::Frame make_picture(int width, int height, AVPixelFormat format) {
  media::Frame picture = media::make_frame();
  picture->width = width;
  picture->height = height;
  picture->format = format;
  check(av_frame_get_buffer(picture.get(), 0), "make a picture");
  fill(*picture, 0);
  return picture;
}

// Time stamps are in ticks of 27 MHz from the first picture or sample.
std::vector<EncodedStream::CodedUnit> EncodedStream::run(AVCodecContext& encoder,
                                                         const std::function<AVFrame*()>& next) {
  std::vector<CodedUnit> units;
  const media::Packet packet = media::make_packet();
  bool more = true;
  while (more) {
    AVFrame* frame = next();
    more = frame != nullptr;
    check(avcodec_send_frame(&encoder, frame), "encode");
    while (true) {
      const int result = avcodec_receive_packet(&encoder, packet.get());
      if (result == AVERROR(EAGAIN) || result == AVERROR_EOF) break;
      check(result, "encode");
      const auto to_time = [&](std::int64_t t) {
        return origin + ts::Ticks27{av_rescale_q(t, encoder.time_base, {1, static_cast<int>(ts::system_clock_hz)})};
      };
      units.push_back({.pid = {},
                       .stream_id = 0,
                       .pts = to_time(packet->pts),
                       .dts = to_time(packet->dts),
                       .bytes = {packet->data, packet->data + packet->size}});
      av_packet_unref(packet.get());
    }
  }
  return units;
}

std::vector<EncodedStream::CodedUnit> EncodedStream::encode(const EncodedVideo& video,
                                                            std::chrono::milliseconds duration) {
  const media::Codec encoder = media::make_encoder(video.codec);
  encoder->width = video.width;
  encoder->height = video.height;
  encoder->pix_fmt = video.format;
  encoder->sample_aspect_ratio = video.sample_aspect;
  encoder->time_base = {1, 25};
  encoder->framerate = {25, 1};
  encoder->gop_size = video.gop;
  encoder->max_b_frames = video.b_pictures;
  encoder->bit_rate = video.bit_rate;
  encoder->thread_count = 1;
  if (video.codec != AV_CODEC_ID_MPEG2VIDEO) av_opt_set(encoder->priv_data, "preset", "ultrafast", 0);
  if (video.codec == AV_CODEC_ID_H264) {
    av_opt_set(encoder->priv_data, "x264-params", ("bframes=" + std::to_string(video.b_pictures)).c_str(), 0);
  }
  if (video.codec == AV_CODEC_ID_HEVC) av_opt_set(encoder->priv_data, "x265-params", "log-level=none:pools=none", 0);
  media::open(*encoder);
  int index = 0;
  media::Frame picture;
  auto units = run(*encoder, [&]() -> AVFrame* {
    if (index * std::chrono::milliseconds{40} >= duration) return nullptr;
    picture = make_picture(video.width, video.height, video.format);
    video.paint(*picture, index);
    picture->pts = index++;
    return picture.get();
  });
  for (CodedUnit& unit : units) {
    unit.pid = video_pid;
    unit.stream_id = 0xE0;
  }
  return units;
}

std::vector<EncodedStream::CodedUnit> EncodedStream::encode(const EncodedAudio& audio, ts::Pid pid,
                                                            std::chrono::milliseconds duration) {
  const media::Codec encoder = media::make_encoder(audio.codec);
  const bool planar_floats = audio.codec != AV_CODEC_ID_MP2;
  encoder->sample_fmt = planar_floats ? AV_SAMPLE_FMT_FLTP : AV_SAMPLE_FMT_S16;
  encoder->sample_rate = audio.rate;
  encoder->bit_rate = audio.bit_rate;
  encoder->time_base = {1, audio.rate};
  av_channel_layout_default(&encoder->ch_layout, audio.channels);
  media::open(*encoder);
  std::int64_t sample = 0;
  media::Frame frame;
  auto units = run(*encoder, [&]() -> AVFrame* {
    if (sample * 1000 >= duration.count() * audio.rate) return nullptr;
    frame = media::make_frame();
    frame->nb_samples = encoder->frame_size;
    frame->format = encoder->sample_fmt;
    frame->sample_rate = audio.rate;
    check(av_channel_layout_copy(&frame->ch_layout, &encoder->ch_layout), "make a frame");
    check(av_frame_get_buffer(frame.get(), 0), "make a frame");
    frame->pts = sample;
    for (int i = 0; i < frame->nb_samples; ++i, ++sample) {
      for (int c = 0; c < audio.channels; ++c) {
        const float value = audio.sound(static_cast<double>(sample) / audio.rate, c);
        if (planar_floats) {
          reinterpret_cast<float*>(frame->data[c])[i] = value;
        } else {
          reinterpret_cast<std::int16_t*>(frame->data[0])[i * audio.channels + c] =
              static_cast<std::int16_t>(std::clamp(value * 32768.0F, -32768.0F, 32767.0F));
        }
      }
    }
    return frame.get();
  });
  for (CodedUnit& unit : units) {
    unit.pid = pid;
    unit.stream_id = audio.codec == AV_CODEC_ID_MP2 ? 0xC0 : 0xBD;
  }
  return units;
}

std::vector<DatedPacket> EncodedStream::make(std::chrono::milliseconds duration) const {
  std::vector<CodedUnit> units;
  for (const EncodedVideo& video : videos_) units = encode(video, duration);
  for (std::size_t i = 0; i < audios_.size(); ++i) {
    const auto more = encode(audios_[i], audio_pid(static_cast<unsigned>(i)), duration);
    units.insert(units.end(), more.begin(), more.end());
  }
  const ts::Pid pcr_pid = pmt().pcr_pid;
  std::map<ts::Pid, unsigned> counters;
  std::vector<DatedPacket> packets;
  for (const CodedUnit& unit : units) {
    const auto stamp = [](ts::ProgramTime time) {
      const ts::Pcr pcr = start_pcr + time.time_since_epoch();
      return ts::Timestamp{ts::Ticks90{pcr.base()}};
    };
    const std::size_t length = unit.bytes.size() + 13;
    std::vector<std::uint8_t> pes{0, 0, 1, unit.stream_id};
    const std::size_t said = length > 0xFFFF || unit.stream_id == 0xE0 ? 0 : length;
    pes.push_back(static_cast<std::uint8_t>(said >> 8));
    pes.push_back(static_cast<std::uint8_t>(said));
    pes.insert(pes.end(), {0x84, 0xC0, 10});
    append_stamp(pes, 3, stamp(unit.pts));
    append_stamp(pes, 1, stamp(unit.dts));
    pes.insert(pes.end(), unit.bytes.begin(), unit.bytes.end());
    ts::ProgramTime time = std::max(unit.dts - ahead, ts::ProgramTime{});
    std::span<const std::uint8_t> rest{pes};
    bool first = true;
    while (!rest.empty()) {
      const unsigned counter = counters[unit.pid]++ & 15U;
      const unsigned pid = unit.pid.value();
      const ts::Pcr pcr = start_pcr + time.time_since_epoch();
      const ts::Packet packet =
          first && unit.pid == pcr_pid
              ? test::make_packet({.pid = pid, .counter = counter, .unit_start = true, .pcr = pcr}, rest)
              : test::make_packet({.pid = pid, .counter = counter, .unit_start = first}, rest);
      rest = rest.subspan(packet.payload().size());
      packets.push_back({packet, time});
      time += ts::Ticks27{270};  // 10 us
      first = false;
    }
  }
  std::ranges::stable_sort(packets, {}, &DatedPacket::time);
  return packets;
}

psi::Pmt EncodedStream::pmt() const {
  psi::Pmt pmt;
  pmt.service = psi::ServiceId{0x0101};
  pmt.pcr_pid = videos_.empty() ? audio_pid(0) : video_pid;
  for (const EncodedVideo& video : videos_) pmt.streams.push_back({stream_type(video.codec), video_pid, {}});
  for (std::size_t i = 0; i < audios_.size(); ++i) {
    pmt.streams.push_back({stream_type(audios_[i].codec), audio_pid(static_cast<unsigned>(i)), {}});
  }
  return pmt;
}

}  // namespace support
