#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "common/media/jpeg.hpp"
#include "common/media/loudness.hpp"
#include "common/media/scaler.hpp"
#include "common/media/unit_parser.hpp"
#include "tests/support/encoded_stream.hpp"

namespace {

constexpr int rate = 48'000;
const AVChannelLayout stereo = AV_CHANNEL_LAYOUT_STEREO;

double amplitude(double dbfs) { return std::pow(10, dbfs / 20); }

// Interleaved, the same in all channels.
std::vector<float> sine(double hertz, double dbfs, double seconds, int channels = 2, double phase = 0) {
  std::vector<float> samples;
  for (int i = 0; i < seconds * rate; ++i) {
    const double value = amplitude(dbfs) * std::sin(2 * std::numbers::pi * hertz * i / rate + phase);
    samples.insert(samples.end(), static_cast<std::size_t>(channels), static_cast<float>(value));
  }
  return samples;
}

// EBU Tech 3341 table 1, case 1.
TEST(Loudness, ReadsASineOfMinus23) {
  media::Loudness loudness{false};
  loudness.add(sine(1000, -23, 20), rate, stereo);
  EXPECT_NEAR(loudness.momentary().value(), -23, 0.1);
  EXPECT_NEAR(loudness.short_term().value(), -23, 0.1);
  EXPECT_NEAR(loudness.integrated().value(), -23, 0.1);
  EXPECT_FALSE(loudness.true_peak());
}

// Case 3: 10 s at -36, 60 s at -23, 10 s at -36: the quiet parts are gated out.
TEST(Loudness, GatesQuietPassagesOut) {
  media::Loudness loudness{false};
  for (const auto& [level, seconds] : {std::pair{-36.0, 10}, {-23.0, 60}, {-36.0, 10}}) {
    loudness.add(sine(1000, level, seconds), rate, stereo);
  }
  EXPECT_NEAR(loudness.integrated().value(), -23, 0.1);
  EXPECT_NEAR(loudness.short_term().value(), -36, 0.1);
}

// Case 15: -6 dBFS at a quarter of the sampling rate, whose samples are all 3 dB below its peak.
TEST(Loudness, FindsAPeakBetweenSamples) {
  media::Loudness loudness{true};
  loudness.add(sine(rate / 4.0, -6, 3, 2, std::numbers::pi / 4), rate, stereo);
  EXPECT_LE(loudness.true_peak().value(), -6 + 0.2);
  EXPECT_GE(loudness.true_peak().value(), -6 - 0.4);
}

TEST(Loudness, HasNothingToSayOfSilenceOrTooEarly) {
  media::Loudness loudness{true};
  EXPECT_FALSE(loudness.integrated());
  loudness.add(sine(1000, -23, 0.3), rate, stereo);
  EXPECT_FALSE(loudness.momentary());
  loudness.add(sine(1000, -23, 1), rate, stereo);
  EXPECT_TRUE(loudness.momentary());
  EXPECT_FALSE(loudness.short_term());
  media::Loudness silent{true};
  silent.add(std::vector<float>(rate * 10), rate, stereo);
  EXPECT_FALSE(silent.short_term());
  EXPECT_FALSE(silent.integrated());
  EXPECT_FALSE(silent.true_peak());
}

TEST(Loudness, GoesOnOverAChangeOfChannels) {
  media::Loudness loudness{true};
  loudness.add(sine(1000, -20, 5), rate, stereo);
  const AVChannelLayout surround = AV_CHANNEL_LAYOUT_5POINT1;
  std::vector<float> samples(rate * 5 * 6);
  const auto one = sine(1000, -26, 5, 1);
  for (std::size_t i = 0; i < one.size(); ++i) samples[i * 6 + 3] = one[i] * 2;  // LFE
  for (std::size_t i = 0; i < one.size(); ++i) samples[i * 6] = samples[i * 6 + 1] = one[i];
  loudness.add(samples, rate, surround);
  EXPECT_NEAR(loudness.short_term().value(), -26, 0.1) << "LFE does not count";
  EXPECT_LT(loudness.integrated().value(), -21);
  EXPECT_GT(loudness.integrated().value(), -23);
  EXPECT_NEAR(loudness.true_peak().value(), -20, 0.2);
}

// White of limited range, and the red of BT.709 bars: both as JPEG has them.
// NAL units that FFmpeg would take 4 KiB for each of.
TEST(UnitParser, ForgetsAFloodOfNalUnits) {
  const std::vector<std::uint8_t> nal_unit{0, 0, 1, 0x46, 0x01, 0x50, 0xAA, 0x80};
  std::size_t longest = 0;
  const auto take = [&](const media::Unit& unit) { longest = std::max(longest, unit.bytes.size()); };
  media::UnitParser parser{AV_CODEC_ID_HEVC};
  for (int i = 0; i < 20'000; ++i) parser.feed(nal_unit, std::nullopt, take);
  parser.finish(take);
  EXPECT_LT(longest, 5000 * nal_unit.size());
}

TEST(Scaler, KeepsRangeAndMatrix) {
  const auto picture = support::make_picture(1280, 720);
  support::fill(*picture, 235);
  media::Scaler scaler;
  EXPECT_GE(scaler.scale(*picture, 320, 180, AV_PIX_FMT_RGB24, media::Scaler::Lines::all).data[0][0], 253);
  // ITU-R BT.709 3: red is Y 63, Cb 102, Cr 240.
  support::fill(*picture, 63);
  for (int y = 0; y < 360; ++y) {
    std::fill_n(picture->data[1] + y * picture->linesize[1], 640, std::uint8_t{102});
    std::fill_n(picture->data[2] + y * picture->linesize[2], 640, std::uint8_t{240});
  }
  const AVFrame& red = scaler.scale(*picture, 320, 180, AV_PIX_FMT_RGB24, media::Scaler::Lines::all);
  EXPECT_NEAR(red.data[0][0], 255, 4);
  EXPECT_NEAR(red.data[0][1], 0, 4);
  EXPECT_NEAR(red.data[0][2], 0, 4);
}

TEST(Scaler, TakesOneFieldWhereAsked) {
  const auto picture = support::make_picture(640, 480);
  for (int y = 0; y < 480; y += 2) std::fill_n(&support::luma_at(*picture, 0, y), 640, std::uint8_t{235});
  media::Scaler scaler;
  const AVFrame& all = scaler.scale(*picture, 320, 240, AV_PIX_FMT_RGB24, media::Scaler::Lines::all);
  EXPECT_LT(all.data[0][100 * all.linesize[0]], 200);
  const AVFrame& field = scaler.scale(*picture, 320, 240, AV_PIX_FMT_RGB24, media::Scaler::Lines::one_field);
  EXPECT_GE(field.data[0][100 * field.linesize[0]], 250);
}

TEST(Jpeg, IsOne) {
  const auto picture = support::make_picture(320, 180, AV_PIX_FMT_YUVJ420P);
  const auto bytes = media::encode_jpeg(*picture, 4);
  ASSERT_GT(bytes.size(), 100U);
  EXPECT_EQ(bytes[0], 0xFF);
  EXPECT_EQ(bytes[1], 0xD8);
  EXPECT_EQ(bytes[bytes.size() - 2], 0xFF);
  EXPECT_EQ(bytes.back(), 0xD9);
}

}  // namespace
