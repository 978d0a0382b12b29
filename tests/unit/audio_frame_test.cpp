#include "common/ts/audio_frame.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "tests/support/bit_writer.hpp"

namespace ts {
namespace {

using Bytes = std::vector<std::uint8_t>;
using test::BitWriter;

// Layer II, 192 kb/s, 48 kHz, stereo: 576 bytes.
const Bytes layer_2{0xFF, 0xFD, 0xA4, 0x00};

Bytes adts(unsigned size, unsigned profile = 1, unsigned rate = 3, unsigned channels = 2, unsigned blocks = 0) {
  BitWriter w;
  w.bits(0xFFF1, 16).bits(profile, 2).bits(rate, 4).bits(0, 1).bits(channels, 3).bits(0, 4).bits(size, 13);
  return w.bits(0x7FF, 11).bits(blocks, 2).bits(0, 8).bytes();
}

// LOAS with a StreamMuxConfig; without one if `type` is 0.
Bytes latm(unsigned size, unsigned type, unsigned rate = 3, unsigned channels = 2) {
  BitWriter w;
  w.bits(0x2B7, 11).bits(size - 3, 13).flag(type == 0);
  if (type != 0) {
    w.flag(false).flag(true).bits(0, 6).bits(0, 4).bits(0, 3);
    w.bits(type, 5).bits(rate, 4).bits(channels, 4);
    if (type == 5) w.bits(3, 4).bits(2, 5);  // 48 kHz, AAC LC
    w.bits(0, 3);
  }
  return w.bits(0, 64).bytes();
}

Bytes ac3(unsigned rate_code, unsigned size_code, unsigned mode = 2, bool effects = false, unsigned bsid = 8) {
  BitWriter w;
  w.bits(0x0B77, 16).bits(0, 16).bits(rate_code, 2).bits(size_code, 6).bits(bsid, 5).bits(0, 3).bits(mode, 3);
  if ((mode & 1) != 0 && mode != 1) w.bits(0, 2);
  if ((mode & 4) != 0) w.bits(0, 2);
  if (mode == 2) w.bits(0, 2);
  return w.flag(effects).bits(0, 64).bytes();
}

Bytes eac3(unsigned type, unsigned substream, unsigned size, unsigned blocks = 3, unsigned mode = 2) {
  BitWriter w;
  w.bits(0x0B77, 16).bits(type, 2).bits(substream, 3).bits(size / 2 - 1, 11).bits(0, 2).bits(blocks, 2).bits(mode, 3);
  return w.flag(false).bits(16, 5).bits(0, 64).bytes();
}

TEST(AudioFrame, OfMpegLayers) {
  const auto second = AudioFrame::parse(AudioFormat::mpeg, layer_2);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->name, "MPEG-1 layer II");
  EXPECT_EQ(second->size, 576u);
  EXPECT_EQ(second->sampling_rate, 48'000u);
  EXPECT_EQ(second->channels, 2u);
  EXPECT_EQ(second->samples, 1152u);
  EXPECT_EQ(second->bit_rate, 192'000u);
  // 44.1 kHz with a padding byte, mono.
  const auto padded = AudioFrame::parse(AudioFormat::mpeg, Bytes{0xFF, 0xFD, 0xA2, 0xC0});
  EXPECT_EQ(padded->size, 627u);
  EXPECT_EQ(padded->channels, 1u);
  // Layer III, 128 kb/s, 44.1 kHz.
  const auto third = AudioFrame::parse(AudioFormat::mpeg, Bytes{0xFF, 0xFB, 0x90, 0x00});
  EXPECT_EQ(third->name, "MPEG-1 layer III");
  EXPECT_EQ(third->size, 417u);
  // MPEG-2 layer III, 64 kb/s, 24 kHz: half the samples.
  const auto half = AudioFrame::parse(AudioFormat::mpeg, Bytes{0xFF, 0xF3, 0x84, 0x00});
  EXPECT_EQ(half->size, 192u);
  EXPECT_EQ(half->samples, 576u);
  EXPECT_EQ(half->sampling_rate, 24'000u);
  // Layer I, 384 kb/s, 48 kHz.
  EXPECT_EQ(AudioFrame::parse(AudioFormat::mpeg, Bytes{0xFF, 0xFF, 0xC4, 0x00})->size, 384u);
}

TEST(AudioFrame, OfMpegHasNoFreeOrReservedRates) {
  for (const Bytes& header : {Bytes{0xFF, 0xFD, 0x04, 0}, Bytes{0xFF, 0xFD, 0xF4, 0}, Bytes{0xFF, 0xFD, 0xAC, 0},
                              Bytes{0xFF, 0xF9, 0xA4, 0}, Bytes{0xFF, 0x0D, 0xA4, 0}, Bytes{0xFF, 0xFD, 0xA4}}) {
    EXPECT_FALSE(AudioFrame::parse(AudioFormat::mpeg, header));
  }
}

TEST(AudioFrame, OfAdts) {
  const auto frame = AudioFrame::parse(AudioFormat::adts, adts(295));
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->name, "AAC LC");
  EXPECT_EQ(frame->size, 295u);
  EXPECT_EQ(frame->sampling_rate, 48'000u);
  EXPECT_EQ(frame->channels, 2u);
  EXPECT_EQ(frame->samples, 1024u);
  EXPECT_EQ(frame->bit_rate, 295u * 8 * 48'000 / 1024);
  EXPECT_EQ(AudioFrame::parse(AudioFormat::adts, adts(295, 1, 3, 7))->channels, 8u);
  EXPECT_EQ(AudioFrame::parse(AudioFormat::adts, adts(295, 1, 3, 2, 2))->samples, 3072u);
  EXPECT_FALSE(AudioFrame::parse(AudioFormat::adts, adts(295, 1, 13)));
  EXPECT_FALSE(AudioFrame::parse(AudioFormat::adts, adts(6)));
}

TEST(AudioFrame, OfLatm) {
  const auto frame = AudioFrame::parse(AudioFormat::latm, latm(400, 2));
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->name, "AAC LC");
  EXPECT_EQ(frame->size, 400u);
  EXPECT_EQ(frame->sampling_rate, 48'000u);
  EXPECT_EQ(frame->channels, 2u);
  EXPECT_EQ(frame->samples, 1024u);
  const auto sbr = AudioFrame::parse(AudioFormat::latm, latm(400, 5, 6));
  EXPECT_EQ(sbr->name, "HE-AAC");
  EXPECT_EQ(sbr->samples, 2048u);
  EXPECT_EQ(sbr->sampling_rate, 48'000u);
  const auto bare = AudioFrame::parse(AudioFormat::latm, latm(400, 0));
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->size, 400u);
  EXPECT_EQ(bare->sampling_rate, 0u);
}

TEST(AudioFrame, OfAc3) {
  const auto frame = AudioFrame::parse(AudioFormat::ac3, ac3(0, 20));
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->name, "AC-3");
  EXPECT_EQ(frame->size, 768u);
  EXPECT_EQ(frame->bit_rate, 192'000u);
  EXPECT_EQ(frame->sampling_rate, 48'000u);
  EXPECT_EQ(frame->channels, 2u);
  EXPECT_EQ(frame->samples, 1536u);
  const auto surround = AudioFrame::parse(AudioFormat::ac3, ac3(0, 30, 7, true));
  EXPECT_EQ(surround->channels, 6u);
  EXPECT_EQ(surround->size, 1792u);
  // TS 102 366 table 4.13: 44.1 kHz, 192 kb/s: 417 or 418 words.
  EXPECT_EQ(AudioFrame::parse(AudioFormat::ac3, ac3(1, 20))->size, 834u);
  EXPECT_EQ(AudioFrame::parse(AudioFormat::ac3, ac3(1, 21))->size, 836u);
  EXPECT_EQ(AudioFrame::parse(AudioFormat::ac3, ac3(2, 20))->size, 1152u);
  EXPECT_FALSE(AudioFrame::parse(AudioFormat::ac3, ac3(3, 20)));
  EXPECT_FALSE(AudioFrame::parse(AudioFormat::ac3, ac3(0, 38)));
  EXPECT_FALSE(AudioFrame::parse(AudioFormat::ac3, ac3(0, 20, 2, false, 17)));
}

TEST(AudioFrame, OfEnhancedAc3) {
  const auto frame = AudioFrame::parse(AudioFormat::ac3, eac3(0, 0, 512));
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->name, "E-AC-3");
  EXPECT_EQ(frame->size, 512u);
  EXPECT_EQ(frame->samples, 1536u);
  EXPECT_EQ(frame->bit_rate, 128'000u);
  EXPECT_FALSE(frame->dependent);
  EXPECT_EQ(AudioFrame::parse(AudioFormat::ac3, eac3(0, 0, 512, 0))->samples, 256u);
  EXPECT_TRUE(AudioFrame::parse(AudioFormat::ac3, eac3(1, 0, 256))->dependent);
  EXPECT_TRUE(AudioFrame::parse(AudioFormat::ac3, eac3(0, 1, 256))->dependent) << "another programme of the stream";
  EXPECT_FALSE(AudioFrame::parse(AudioFormat::ac3, eac3(3, 0, 256)));
}

// Finds what a splitter names.
struct Found {
  std::vector<std::pair<std::uint64_t, std::size_t>> frames;  // offset, size
  void operator()(const AudioFrame& frame, std::uint64_t offset) { frames.emplace_back(offset, frame.size); }
};
using Frames = std::vector<std::pair<std::uint64_t, std::size_t>>;

Bytes frame_of(const Bytes& header, std::size_t size, std::uint8_t filling = 0x55) {
  Bytes out(size, filling);
  std::copy_n(header.begin(), std::min(header.size(), size), out.begin());
  return out;
}

Bytes repeat(const Bytes& frame, std::size_t count) {
  Bytes out;
  for (std::size_t i = 0; i < count; ++i) out.insert(out.end(), frame.begin(), frame.end());
  return out;
}

TEST(AudioSplitter, FindsFramesHoweverTheyAreCut) {
  const Bytes stream = repeat(frame_of(layer_2, 576), 5);
  for (const std::size_t step : {1u, 7u, 23u, 24u, 184u, 576u, 5000u}) {
    AudioSplitter splitter{AudioFormat::mpeg};
    Found found;
    for (std::size_t at = 0; at < stream.size(); at += step) {
      splitter.feed(std::span{stream}.subspan(at, std::min(step, stream.size() - at)), found);
    }
    EXPECT_EQ(found.frames, (Frames{{0, 576}, {576, 576}, {1152, 576}, {1728, 576}, {2304, 576}})) << step;
    EXPECT_EQ(splitter.resynchronisations(), 0u);
  }
}

TEST(AudioSplitter, StartsAtTheFirstHeaderThatAnotherFollows) {
  Bytes stream{0x12, 0xFF, 0xFD, 0xA4, 0x00, 0x55, 0xFF};  // a false header among other bytes
  stream.resize(100, 0x55);
  const Bytes frames = repeat(frame_of(layer_2, 576), 3);
  stream.insert(stream.end(), frames.begin(), frames.end());
  AudioSplitter splitter{AudioFormat::mpeg};
  Found found;
  splitter.feed(stream, found);
  // The false one takes the splitter into the first real frame; it finds the second.
  EXPECT_EQ(found.frames, (Frames{{676, 576}, {1252, 576}}));
}

TEST(AudioSplitter, GoesOnBehindDamage) {
  Bytes stream = repeat(frame_of(layer_2, 576), 6);
  stream[2 * 576] = 0;  // no sync word
  AudioSplitter splitter{AudioFormat::mpeg};
  Found found;
  splitter.feed(stream, found);
  EXPECT_EQ(found.frames, (Frames{{0, 576}, {576, 576}, {1728, 576}, {2304, 576}, {2880, 576}}));
  EXPECT_EQ(splitter.resynchronisations(), 1u);
}

TEST(AudioSplitter, BeginsAnewAfterAReset) {
  const Bytes stream = repeat(frame_of(layer_2, 576), 3);
  AudioSplitter splitter{AudioFormat::mpeg};
  Found found;
  splitter.feed(std::span{stream}.first(700), found);
  splitter.reset(10'000);
  splitter.feed(stream, found);
  EXPECT_EQ(found.frames, (Frames{{0, 576}, {576, 576}, {10'000, 576}, {10'576, 576}, {11'152, 576}}));
}

TEST(AudioSplitter, KeepsTheConfigurationOfLatm) {
  Bytes stream = frame_of(latm(300, 2), 300, 0);
  for (int i = 0; i < 3; ++i) {
    const Bytes next = frame_of(latm(200, 0), 200, 0);
    stream.insert(stream.end(), next.begin(), next.end());
  }
  AudioSplitter splitter{AudioFormat::latm};
  std::vector<AudioFrame> frames;
  splitter.feed(stream, [&](const AudioFrame& frame, std::uint64_t) { frames.push_back(frame); });
  ASSERT_EQ(frames.size(), 4u);
  for (const AudioFrame& frame : frames) EXPECT_EQ(frame.sampling_rate, 48'000u);
  EXPECT_EQ(frames[3].size, 200u);
}

TEST(AudioSplitter, TakesAnyBytes) {
  std::mt19937 random{7};
  for (const auto format : {AudioFormat::mpeg, AudioFormat::adts, AudioFormat::latm, AudioFormat::ac3}) {
    AudioSplitter splitter{format};
    std::uint64_t last = 0;
    for (int i = 0; i < 2000; ++i) {
      Bytes bytes(random() % 300);
      for (auto& byte : bytes) byte = random() % 3 == 0 ? 0xFF : static_cast<std::uint8_t>(random());
      splitter.feed(bytes, [&](const AudioFrame& frame, std::uint64_t offset) {
        EXPECT_GE(frame.size, 8u);
        EXPECT_GE(offset, last);
        last = offset + frame.size;
      });
    }
  }
}

}  // namespace
}  // namespace ts
