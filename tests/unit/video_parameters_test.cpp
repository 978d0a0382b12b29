#include "common/ts/video_parameters.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "common/ts/access_unit_scanner.hpp"
#include "tests/support/bit_writer.hpp"
#include "tests/support/captures.hpp"

namespace ts {
namespace {

using Bytes = std::vector<std::uint8_t>;
using test::BitWriter;

Bytes with_start_code(const Bytes& unit) {
  Bytes out{0, 0, 0, 1};
  const Bytes body = test::escaped(unit);
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

struct Sps {
  unsigned profile = 100;
  unsigned constraints = 0;
  unsigned level = 40;
  unsigned width_mbs = 120;
  unsigned height_units = 34;  // of 32 lines
  bool frames_only = false;
  unsigned crop_bottom = 2;  // of 4 lines
  bool vui = true;
  bool nal_hrd = true;
  bool low_delay = false;
  bool vui_cut_off = false;
};

// 1920x1080 at 25 frames, 40:33 samples; two NAL schedules: 1 Mb/s from 2 Mbit, 2 Mb/s from 4 Mbit.
Bytes h264_sps(const Sps& sps) {
  BitWriter w;
  w.bits(0x67, 8).bits(sps.profile, 8).bits(sps.constraints, 8).bits(sps.level, 8).ue(0);
  if (sps.profile == 100) {
    w.ue(1).ue(0).ue(0).flag(false).flag(true);  // 4:2:0, 8 bits; a scaling matrix follows
    for (int i = 0; i < 8; ++i) {
      w.flag(i == 1);
      if (i != 1) continue;
      w.se(2);  // 8 + 2, then the rest are the same
      w.se(-10);
    }
  }
  w.ue(5).ue(0).ue(2).ue(4).flag(false);  // frame_num of 9 bits, order in 6 bits
  w.ue(sps.width_mbs - 1).ue(sps.height_units - 1).flag(sps.frames_only);
  if (!sps.frames_only) w.flag(true);
  w.flag(true);
  w.flag(sps.crop_bottom > 0);
  if (sps.crop_bottom > 0) w.ue(0).ue(0).ue(0).ue(sps.crop_bottom);
  w.flag(sps.vui);
  if (sps.vui) {
    w.flag(true).bits(5, 8);                                                          // aspect_ratio_idc
    w.flag(false);                                                                    // overscan
    w.flag(true).bits(5, 3).flag(false).flag(true).bits(1, 8).bits(1, 8).bits(1, 8);  // video_signal_type
    w.flag(false);
    if (sps.vui_cut_off) return w.bytes();
    w.flag(true).bits(1, 32).bits(50, 32).flag(true);  // timing
    w.flag(sps.nal_hrd);
    if (sps.nal_hrd) {
      w.ue(1).bits(2, 4).bits(4, 4);            // in units of 256 bit/s and 256 bits
      w.ue(3906 - 1).ue(7813 - 1).flag(false);  // 999 936 bit/s, 2 000 128 bits
      w.ue(7813 - 1).ue(15625 - 1).flag(true);  // 2 000 128 bit/s, 4 000 000 bits
      w.bits(23, 5).bits(23, 5).bits(23, 5).bits(24, 5);
    }
    w.flag(false);
    if (sps.nal_hrd) w.flag(sps.low_delay);
    w.flag(true).flag(false);
  }
  return w.trailing().bytes();
}

TEST(VideoParametersOfH264, AreRead) {
  const auto video = read_video_parameters(VideoCodec::h264, with_start_code(h264_sps({})));
  ASSERT_TRUE(video);
  EXPECT_EQ(video->profile, 100u);
  EXPECT_EQ(video->level, 40u);
  EXPECT_EQ(video->width, 1920u);
  EXPECT_EQ(video->height, 1080u);
  EXPECT_EQ(video->frame_rate, (Ratio{25, 1}));
  EXPECT_TRUE(video->interlaced);
  EXPECT_FALSE(video->frames_only);
  EXPECT_EQ(video->sample_aspect, (Ratio{40, 33}));
  EXPECT_EQ(video->display_aspect, (Ratio{640, 297}));
  EXPECT_EQ(video->chroma_format, 1u);
  EXPECT_EQ(video->bit_depth, 8u);
  EXPECT_EQ(video->frame_num_bits, 9u);
  EXPECT_FALSE(video->low_delay);
  ASSERT_EQ(video->nal_schedules.size(), 2u);
  EXPECT_EQ(video->nal_schedules[0].bit_rate, 3906u * 256);
  EXPECT_FALSE(video->nal_schedules[0].constant);
  EXPECT_TRUE(video->nal_schedules[1].constant);
  EXPECT_EQ(video->bit_rate, 7813u * 256);
  EXPECT_EQ(video->buffer_size, 15625u * 256);
}

TEST(VideoParametersOfH264, OfProgressiveFrames) {
  const auto video = read_video_parameters(
      VideoCodec::h264,
      with_start_code(
          h264_sps({.profile = 77, .width_mbs = 45, .height_units = 36, .frames_only = true, .crop_bottom = 0})));
  ASSERT_TRUE(video);
  EXPECT_EQ(video->width, 720u);
  EXPECT_EQ(video->height, 576u);
  EXPECT_FALSE(video->interlaced);
  EXPECT_TRUE(video->frames_only);
}

TEST(VideoParametersOfH264, WithoutVuiHaveNoRate) {
  const auto video = read_video_parameters(VideoCodec::h264, with_start_code(h264_sps({.vui = false})));
  ASSERT_TRUE(video);
  EXPECT_FALSE(video->frame_rate);
  EXPECT_FALSE(video->buffer_size);
  EXPECT_EQ(video->height, 1080u);
}

TEST(VideoParametersOfH264, ACutOffVuiCostsOnlyItself) {
  const auto video = read_video_parameters(VideoCodec::h264, with_start_code(h264_sps({.vui_cut_off = true})));
  ASSERT_TRUE(video);
  EXPECT_EQ(video->width, 1920u);
  EXPECT_EQ(video->sample_aspect, (Ratio{40, 33}));
  EXPECT_FALSE(video->frame_rate);
  EXPECT_TRUE(video->nal_schedules.empty());
}

TEST(VideoParametersOfH264, LowDelayAndLevel1b) {
  EXPECT_TRUE(read_video_parameters(VideoCodec::h264, with_start_code(h264_sps({.low_delay = true})))->low_delay);
  const Bytes level_1b = with_start_code(h264_sps({.profile = 77, .constraints = 0x10, .level = 11}));
  EXPECT_EQ(read_video_parameters(VideoCodec::h264, level_1b)->level, 9u);
  const Bytes level_11 = with_start_code(h264_sps({.profile = 77, .level = 11}));
  EXPECT_EQ(read_video_parameters(VideoCodec::h264, level_11)->level, 11u);
}

TEST(VideoParametersOfH264, NothingIsReadOfLessThanAnSps) {
  const Bytes whole = with_start_code(h264_sps({.vui = false}));
  for (std::size_t size = 0; size + 1 < whole.size(); ++size) {
    EXPECT_FALSE(read_video_parameters(VideoCodec::h264, std::span{whole}.first(size))) << size;
  }
  EXPECT_FALSE(read_video_parameters(VideoCodec::h264, Bytes{0, 0, 1, 0x68, 0xEE, 0x38, 0x80}));
  EXPECT_FALSE(read_video_parameters(VideoCodec::h264, with_start_code(h264_sps({.crop_bottom = 300}))));
}

// ISO/IEC 23008-2 7.3.1.1, 7.3.2.1, 7.3.2.2.
void profile_tier_level(BitWriter& w, bool high_tier, unsigned profile, unsigned level) {
  w.bits(0, 2).flag(high_tier).bits(profile, 5).bits(0x60000000, 32).flag(true).flag(false).bits(0, 46).bits(level, 8);
}

void hevc_hrd(BitWriter& w) {
  w.flag(true).flag(false).flag(false).bits(0, 4).bits(0, 4).bits(0, 15);
  w.flag(true).ue(0).ue(0);                    // fixed rate, one schedule
  w.ue(15'625 - 1).ue(62'500 - 1).flag(true);  // 1 Mb/s, 1 Mbit
}

Bytes hevc_sps(bool vui_timing, bool field_seq = false, bool high_tier = false) {
  BitWriter w;
  w.bits(0x4201, 16).bits(0, 4).bits(0, 3).flag(true);
  profile_tier_level(w, high_tier, 2, 123);
  w.ue(0).ue(1).ue(1920).ue(field_seq ? 544 : 1088).flag(true).ue(0).ue(0).ue(0).ue(field_seq ? 2 : 4);
  w.ue(2).ue(2).ue(4).flag(false).ue(4).ue(2).ue(4);  // 10 bits; order in 8 bits; one line of ordering
  for (int i = 0; i < 6; ++i) w.ue(i == 1 ? 3 : 0);
  w.flag(false).bits(0, 2).flag(false);
  w.ue(2);                                                           // reference sets
  w.ue(1).ue(0).ue(0).flag(true);                                    // one before
  w.flag(true).flag(false).ue(0).flag(true).flag(false).flag(true);  // from the one before
  w.flag(false).bits(0, 2);
  w.flag(true);
  w.flag(true).bits(1, 8).flag(false).flag(false).flag(false);
  w.flag(false).flag(field_seq).flag(false).flag(false);
  w.flag(vui_timing);
  if (vui_timing) {
    w.bits(1, 32).bits(50, 32).flag(false).flag(true);
    hevc_hrd(w);
  }
  w.flag(false);
  return w.trailing().bytes();
}

Bytes hevc_vps() {
  BitWriter w;
  w.bits(0x4001, 16).bits(0, 4).bits(3, 2).bits(0, 6).bits(0, 3).flag(true).bits(0xFFFF, 16);
  profile_tier_level(w, false, 2, 123);
  w.flag(true).ue(4).ue(2).ue(4).bits(0, 6).ue(0);
  w.flag(true).bits(1001, 32).bits(60'000, 32).flag(false).ue(1).ue(0);
  hevc_hrd(w);
  w.flag(false);
  return w.trailing().bytes();
}

TEST(VideoParametersOfHevc, AreRead) {
  const auto video = read_video_parameters(VideoCodec::hevc, with_start_code(hevc_sps(true)));
  ASSERT_TRUE(video);
  EXPECT_EQ(video->profile, 2u);
  EXPECT_EQ(video->level, 123u);
  EXPECT_FALSE(video->high_tier);
  EXPECT_EQ(video->width, 1920u);
  EXPECT_EQ(video->height, 1080u);
  EXPECT_EQ(video->bit_depth, 10u);
  EXPECT_EQ(video->frame_rate, (Ratio{50, 1}));
  EXPECT_FALSE(video->interlaced);
  EXPECT_EQ(video->sample_aspect, (Ratio{1, 1}));
  EXPECT_EQ(video->bit_rate, 15'625u * 64);
  EXPECT_EQ(video->buffer_size, 62'500u * 16);
}

TEST(VideoParametersOfHevc, OfFieldsAreThoseOfFrames) {
  const auto video = read_video_parameters(VideoCodec::hevc, with_start_code(hevc_sps(true, true)));
  ASSERT_TRUE(video);
  EXPECT_EQ(video->height, 1080u);
  EXPECT_EQ(video->frame_rate, (Ratio{25, 1}));
  EXPECT_TRUE(video->interlaced);
}

TEST(VideoParametersOfHevc, TheVpsFillsInWhatTheSpsLacks) {
  Bytes both = with_start_code(hevc_vps());
  const Bytes sps = with_start_code(hevc_sps(false, false, true));
  both.insert(both.end(), sps.begin(), sps.end());
  const auto video = read_video_parameters(VideoCodec::hevc, both);
  ASSERT_TRUE(video);
  EXPECT_TRUE(video->high_tier);
  EXPECT_EQ(video->frame_rate, (Ratio{60'000, 1001}));
  EXPECT_EQ(video->buffer_size, 62'500u * 16);
  EXPECT_FALSE(read_video_parameters(VideoCodec::hevc, sps)->frame_rate);
}

TEST(VideoParametersOfHevc, NothingIsReadOfLessThanAnSps) {
  const Bytes whole = with_start_code(hevc_sps(false));
  for (std::size_t size = 0; size + 4 < whole.size(); ++size) {
    EXPECT_FALSE(read_video_parameters(VideoCodec::hevc, std::span{whole}.first(size))) << size;
  }
}

struct Sequence {
  unsigned width = 720, height = 576, aspect = 3, rate_code = 3;
  unsigned bit_rate = 37'500;  // 15 Mb/s
  unsigned buffer = 112;       // 1 835 008 bits
  bool extension = true;
  unsigned profile_and_level = 0x48;
  bool progressive = false;
  unsigned rate_extension = 0, buffer_extension = 0, size_extension = 0;
};

Bytes mpeg2_headers(const Sequence& sequence) {
  BitWriter w;
  w.bits(0x000001B3, 32).bits(sequence.width, 12).bits(sequence.height, 12).bits(sequence.aspect, 4);
  w.bits(sequence.rate_code, 4).bits(sequence.bit_rate, 18).flag(true).bits(sequence.buffer, 10).bits(0, 3);
  if (sequence.extension) {
    w.bits(0x000001B5, 32).bits(1, 4).bits(sequence.profile_and_level, 8).flag(sequence.progressive).bits(1, 2);
    w.bits(sequence.size_extension, 2).bits(0, 2).bits(sequence.rate_extension, 12).flag(true);
    w.bits(sequence.buffer_extension, 8).flag(false).bits(0, 7);
  }
  w.bits(0x00000100, 32).bits(0, 32);
  return w.bytes();
}

TEST(VideoParametersOfMpeg2, AreRead) {
  const auto video = read_video_parameters(VideoCodec::mpeg2, mpeg2_headers({}));
  ASSERT_TRUE(video);
  EXPECT_EQ(video->profile, 4u);
  EXPECT_EQ(video->level, 8u);
  EXPECT_EQ(video->width, 720u);
  EXPECT_EQ(video->height, 576u);
  EXPECT_EQ(video->frame_rate, (Ratio{25, 1}));
  EXPECT_TRUE(video->interlaced);
  EXPECT_EQ(video->display_aspect, (Ratio{16, 9}));
  EXPECT_EQ(video->sample_aspect, (Ratio{64, 45}));
  EXPECT_EQ(video->bit_rate, 15'000'000u);
  EXPECT_EQ(video->buffer_size, 1'835'008u);
}

TEST(VideoParametersOfMpeg2, TheExtensionAddsHighBits) {
  const auto video = read_video_parameters(VideoCodec::mpeg2, mpeg2_headers({.width = 4096 - 256,
                                                                             .bit_rate = 1,
                                                                             .buffer = 1,
                                                                             .profile_and_level = 0x44,
                                                                             .rate_extension = 1,
                                                                             .buffer_extension = 1,
                                                                             .size_extension = 1}));
  ASSERT_TRUE(video);
  EXPECT_EQ(video->width, 8192u - 256);
  EXPECT_EQ(video->bit_rate, ((1u << 18) + 1) * 400);
  EXPECT_EQ(video->buffer_size, ((1u << 10) + 1) * 16'384);
  EXPECT_EQ(video->level, 4u);
}

TEST(VideoParametersOfMpeg2, EscapeBitNamesTheProfileWhole) {
  const auto main = read_video_parameters(VideoCodec::mpeg2, mpeg2_headers({.profile_and_level = 0x85}));
  const auto high = read_video_parameters(VideoCodec::mpeg2, mpeg2_headers({.profile_and_level = 0x82}));
  EXPECT_EQ(main->profile, 0x85u);
  EXPECT_EQ(main->level, 8u);
  EXPECT_EQ(high->profile, 0x82u);
  EXPECT_EQ(high->level, 4u);
}

TEST(VideoParametersOfMpeg2, WithoutExtensionItIsMpeg1) {
  const auto video = read_video_parameters(VideoCodec::mpeg2, mpeg2_headers({.bit_rate = 0x3FFFF, .extension = false}));
  ASSERT_TRUE(video);
  EXPECT_EQ(video->profile, 0u);
  EXPECT_FALSE(video->interlaced);
  EXPECT_FALSE(video->bit_rate) << "variable";
}

TEST(VideoParametersOfMpeg2, NothingIsReadOfLessThanASequenceHeader) {
  EXPECT_FALSE(read_video_parameters(VideoCodec::mpeg2, mpeg2_headers({.width = 0})));
  const Bytes whole = mpeg2_headers({});
  for (std::size_t size = 0; size < 12; ++size) {
    EXPECT_FALSE(read_video_parameters(VideoCodec::mpeg2, std::span{whole}.first(size))) << size;
  }
}

// What ffprobe 5.1 says of the captures.
VideoParameters parameters_in(std::span<const std::uint8_t> bytes, Pid pid, VideoCodec codec) {
  AccessUnitScanner scanner{codec};
  for (const Packet& packet : packets_in(bytes)) {
    if (packet.pid() == pid && !packet.transport_error()) scanner.feed(packet);
  }
  return scanner.video().value_or(VideoParameters{});
}

TEST(VideoParametersInCaptures, AreThoseThatAnotherReaderFinds) {
  CAPTURE_OR_SKIP(hd, "hd1080i-h264-eac3-dvbsub.ts");
  CAPTURE_OR_SKIP(sd, "sd-mpeg2-mp2.ts");
  CAPTURE_OR_SKIP(multiplex, "mpts-dvbt-22394kbps.ts");
  CAPTURE_OR_SKIP(progressive, "hd1080p-h264-mp2.ts");
  const auto h264 = parameters_in(hd, Pid{120}, VideoCodec::h264);
  EXPECT_EQ(h264.width, 1920u);
  EXPECT_EQ(h264.height, 1080u);
  EXPECT_EQ(h264.profile, 100u);
  EXPECT_EQ(h264.level, 40u);
  EXPECT_TRUE(h264.interlaced);
  EXPECT_EQ(h264.frame_rate, (Ratio{25, 1}));
  const auto mpeg2 = parameters_in(sd, Pid{4096}, VideoCodec::mpeg2);
  EXPECT_EQ(mpeg2.width, 720u);
  EXPECT_EQ(mpeg2.height, 576u);
  EXPECT_EQ(mpeg2.frame_rate, (Ratio{25, 1}));
  EXPECT_EQ(mpeg2.profile, 4u);
  EXPECT_EQ(mpeg2.buffer_size, 1'835'008u);
  const auto hevc = parameters_in(multiplex, Pid{500}, VideoCodec::hevc);
  EXPECT_EQ(hevc.width, 1280u);
  EXPECT_EQ(hevc.height, 720u);
  EXPECT_EQ(hevc.profile, 2u);
  EXPECT_EQ(hevc.bit_depth, 10u);
  EXPECT_EQ(hevc.frame_rate, (Ratio{50, 1}));
  const auto baseline = parameters_in(progressive, Pid{256}, VideoCodec::h264);
  EXPECT_EQ(baseline.profile, 66u);
  EXPECT_FALSE(baseline.interlaced);
  EXPECT_EQ(baseline.buffer_size, 2'000'000u);
}

}  // namespace
}  // namespace ts
