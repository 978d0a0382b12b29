#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numbers>
#include <random>
#include <string>
#include <vector>

#include "common/psi/service_tracker.hpp"
#include "common/ts/pes.hpp"
#include "tests/support/captures.hpp"
#include "tests/support/encoded_stream.hpp"
#include "tests/support/packet_builder.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tools/tsmon/decode_watch.hpp"

namespace {

using namespace std::chrono_literals;
using support::DatedPacket;
using support::EncodedStream;
using tsmon::AlarmBoard;
using tsmon::DecodeOptions;
using tsmon::DecodeWatch;
using tsmon::Indicator;
using tsmon::Moment;

const std::vector<AVCodecID> video_codecs{AV_CODEC_ID_MPEG2VIDEO, AV_CODEC_ID_H264, AV_CODEC_ID_HEVC};

struct Result {
  std::vector<tsmon::Alarm> alarms;  // as they began
  std::vector<std::string> notes;
  tsmon::DecodeFigures figures;
  std::uint64_t errors = 0;

  std::vector<tsmon::Alarm> of(Indicator indicator) const {
    std::vector<tsmon::Alarm> some;
    std::ranges::copy_if(alarms, std::back_inserter(some), [&](const auto& a) { return a.indicator == indicator; });
    return some;
  }
};

class Watcher {
 public:
  Watcher(const DecodeOptions& options, const psi::Pmt& pmt)
      : board_(tsmon::IndicatorSet{}.set(), 0s), watch_(options, pmt) {
    board_.on_alarm([this](AlarmBoard::Edge edge, const tsmon::Alarm& alarm) {
      if (edge == AlarmBoard::Edge::start) result_.alarms.push_back(alarm);
    });
  }
  void feed(const std::vector<DatedPacket>& packets) {
    for (const DatedPacket& packet : packets) {
      now_ = {packet.time, now_.position + 1};
      watch_.feed(packet.packet, now_);
      if (now_.position % 100 == 0) poll();
    }
  }
  void poll() {
    watch_.poll(board_, now_, [this](const std::string& text) { result_.notes.push_back(text); });
    board_.poll(now_);
  }
  Result finish() {
    watch_.finish();
    poll();
    result_.figures = watch_.figures();
    result_.errors = board_.count(Indicator::decode_error);
    return result_;
  }
  DecodeWatch& watch() { return watch_; }
  const AlarmBoard& board() const { return board_; }

 private:
  Result result_;
  AlarmBoard board_;
  DecodeWatch watch_;
  Moment now_;
};

Result watch(const EncodedStream& stream, const std::vector<DatedPacket>& packets, const DecodeOptions& options) {
  Watcher watcher{options, stream.pmt()};
  watcher.feed(packets);
  return watcher.finish();
}

DecodeOptions short_ones() {
  DecodeOptions options;
  options.black = options.freeze = options.silence = 1s;
  return options;
}

// Something with detail that moves.
void paint_scene(AVFrame& picture, int index) {
  support::fill(picture, 0);
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      const double wave = std::sin((x + 3 * index) * 0.11) * std::cos((y - 2 * index) * 0.07);
      support::luma_at(picture, x, y) = static_cast<std::uint8_t>(120 + 80 * wave);
    }
  }
}

// Pictures 75 to 124 are `between`.
EncodedStream stream_with(AVCodecID codec, const std::function<void(AVFrame&, int)>& between) {
  EncodedStream stream;
  stream.add_video({.codec = codec, .paint = [between](AVFrame& picture, int index) {
                      if (index >= 75 && index < 125) {
                        between(picture, index);
                      } else {
                        paint_scene(picture, index);
                      }
                    }});
  return stream;
}

void paint_black(AVFrame& picture, int) { support::fill(picture, 16); }

class DecodeWatchOf : public testing::TestWithParam<AVCodecID> {};
INSTANTIATE_TEST_SUITE_P(Codecs, DecodeWatchOf, testing::ValuesIn(video_codecs),
                         [](const auto& test) { return std::string{avcodec_get_name(test.param)}; });

TEST_P(DecodeWatchOf, TellsBlackOnceFromItsFirstPicture) {
  const auto stream = stream_with(GetParam(), paint_black);
  const auto result = watch(stream, stream.make(7s), short_ones());
  ASSERT_EQ(result.alarms.size(), 1U);
  EXPECT_EQ(result.alarms[0].indicator, Indicator::black);
  EXPECT_EQ(result.alarms[0].subject.pid, EncodedStream::video_pid);
  EXPECT_EQ(result.alarms[0].subject.service, psi::ServiceId{0x0101});
  EXPECT_EQ(result.alarms[0].first.time, EncodedStream::picture_time(75));
  EXPECT_GT(result.alarms[0].first.position, 0U);
  ASSERT_TRUE(result.figures.video && result.figures.video->black && result.figures.video->black->end);
  EXPECT_EQ(result.figures.video->black->begin.time, EncodedStream::picture_time(75));
  EXPECT_EQ(result.figures.video->black->end->time, EncodedStream::picture_time(125));
  EXPECT_EQ(result.figures.video->pictures, 175U);
  EXPECT_EQ(result.figures.video->errors, 0U);
  EXPECT_FALSE(result.figures.video->freeze);
}

TEST_P(DecodeWatchOf, DoesNotTakeDarknessForBlack) {
  std::minstd_rand random;
  const auto stream = stream_with(GetParam(), [&random](AVFrame& picture, int) {
    support::fill(picture, 16);
    for (int y = 0; y < picture.height; y += 4) {
      for (int x = 0; x < picture.width; x += 4) {
        const auto level = static_cast<std::uint8_t>(16 + random() / 7 % 60);
        for (int i = 0; i < 16; ++i) support::luma_at(picture, x + i % 4, y + i / 4) = level;
      }
    }
  });
  EXPECT_TRUE(watch(stream, stream.make(7s), short_ones()).alarms.empty());
}

TEST_P(DecodeWatchOf, TellsAStandstillOnceFromItsFirstPicture) {
  const auto stream = stream_with(GetParam(), [](AVFrame& picture, int) { paint_scene(picture, 75); });
  const auto result = watch(stream, stream.make(7s), short_ones());
  ASSERT_EQ(result.alarms.size(), 1U);
  EXPECT_EQ(result.alarms[0].indicator, Indicator::freeze);
  EXPECT_EQ(result.alarms[0].first.time, EncodedStream::picture_time(75));
  ASSERT_TRUE(result.figures.video->freeze->end);
  EXPECT_EQ(result.figures.video->freeze->end->time, EncodedStream::picture_time(125));
}

TEST_P(DecodeWatchOf, DoesNotTakeASlowFadeForAStandstill) {
  const auto stream = stream_with(
      GetParam(), [](AVFrame& picture, int index) { support::fill(picture, 60 + static_cast<unsigned>(index - 75)); });
  EXPECT_TRUE(watch(stream, stream.make(7s), short_ones()).alarms.empty());
}

TEST_P(DecodeWatchOf, FindsNoErrorWhereItJoinsInTheMiddle) {
  EncodedStream stream;
  stream.add_video({.codec = GetParam(), .gop = 24, .paint = paint_scene});
  const auto packets = stream.make(5s);
  for (const std::size_t part : {2U, 5U, 10U, 40U, 100U}) {
    const std::vector<DatedPacket> rest(packets.begin() + static_cast<std::ptrdiff_t>(packets.size() / part),
                                        packets.end());
    const auto result = watch(stream, rest, short_ones());
    EXPECT_TRUE(result.alarms.empty()) << part;
    EXPECT_EQ(result.errors, 0U) << part;
    EXPECT_GT(result.figures.video->pictures, 24U) << part;
  }
}

TEST_P(DecodeWatchOf, CountsErrorsWherePacketsAreMissing) {
  EncodedStream stream;
  stream.add_video({.codec = GetParam(), .paint = paint_scene});
  auto packets = stream.make(5s);
  // In the middle of one picture.
  auto lost = packets.begin() + static_cast<std::ptrdiff_t>(packets.size() / 2);
  while (lost->packet.unit_start() || (lost + 1)->packet.unit_start() || (lost - 1)->packet.unit_start()) ++lost;
  const auto time = lost->time;
  packets.erase(lost);
  const auto result = watch(stream, packets, short_ones());
  EXPECT_GE(result.errors, 1U);
  EXPECT_LE(result.errors, 30U) << "of one group of pictures";
  EXPECT_EQ(result.figures.video->errors, result.errors);
  const auto alarms = result.of(Indicator::decode_error);
  ASSERT_FALSE(alarms.empty());
  EXPECT_GT(alarms[0].first.time, time + 400ms);
  EXPECT_LT(alarms[0].first.time, time + 1200ms);
  EXPECT_EQ(result.alarms.size(), alarms.size()) << "nothing else";
}

TEST_P(DecodeWatchOf, DecodesKeyPicturesOnlyWhereAsked) {
  const auto stream = stream_with(GetParam(), paint_black);
  auto options = short_ones();
  options.pictures = DecodeOptions::Pictures::keyframes;
  const auto result = watch(stream, stream.make(7s), options);
  EXPECT_GE(result.figures.video->pictures, 175U / 12);
  EXPECT_LE(result.figures.video->pictures, 175U / 12 + 4) << "a cut of scene may begin a group";
  EXPECT_EQ(result.errors, 0U);
  ASSERT_EQ(result.alarms.size(), 1U);
  EXPECT_EQ(result.alarms[0].indicator, Indicator::black);
  EXPECT_GE(result.alarms[0].first.time, EncodedStream::picture_time(75));
  EXPECT_LE(result.alarms[0].first.time, EncodedStream::picture_time(75 + 12));
}

EncodedStream sound(const EncodedStream& like, support::EncodedAudio audio) {
  EncodedStream stream = like;
  stream.add_audio(std::move(audio));
  return stream;
}

float tone(double seconds, double dbfs) {
  return static_cast<float>(std::pow(10, dbfs / 20) * std::sin(2 * std::numbers::pi * 1000 * seconds));
}

class DecodeWatchOfSound : public testing::TestWithParam<AVCodecID> {};
INSTANTIATE_TEST_SUITE_P(Codecs, DecodeWatchOfSound,
                         testing::Values(AV_CODEC_ID_MP2, AV_CODEC_ID_AC3, AV_CODEC_ID_EAC3),
                         [](const auto& test) { return std::string{avcodec_get_name(test.param)}; });

TEST_P(DecodeWatchOfSound, TellsSilenceOnceFromWhereItBegins) {
  const auto stream = sound({}, {.codec = GetParam(), .sound = [](double seconds, int) {
                                   return seconds >= 2 && seconds < 4 ? 0.0F : tone(seconds, -20);
                                 }});
  const auto result = watch(stream, stream.make(6s), short_ones());
  ASSERT_EQ(result.alarms.size(), 1U);
  EXPECT_EQ(result.alarms[0].indicator, Indicator::silence);
  EXPECT_EQ(result.alarms[0].subject.pid, EncodedStream::audio_pid(0));
  const auto near = [](ts::ProgramTime time, double seconds) {
    return std::abs(tsmon::seconds(time - EncodedStream::sound_time(seconds)));
  };
  EXPECT_LT(near(result.alarms[0].first.time, 2), 0.0201) << "a window, and what the coder smears";
  ASSERT_TRUE(result.figures.audio.at(0).silence->end);
  EXPECT_LT(near(result.figures.audio[0].silence->end->time, 4), 0.0201);
  EXPECT_FALSE(result.figures.video);
  EXPECT_EQ(result.errors, 0U);
}

TEST_P(DecodeWatchOfSound, DoesNotTakeQuietForSilence) {
  const auto stream = sound({}, {.codec = GetParam(), .sound = [](double seconds, int) {
                                   return tone(seconds, seconds >= 2 && seconds < 4 ? -50 : -20);
                                 }});
  EXPECT_TRUE(watch(stream, stream.make(6s), short_ones()).alarms.empty());
}

TEST_P(DecodeWatchOfSound, MeasuresLoudnessAndPeakOfEachStream) {
  EncodedStream stream;
  stream.add_audio({.codec = GetParam(), .sound = [](double seconds, int) { return tone(seconds, -23); }});
  stream.add_audio({.codec = GetParam(), .sound = [](double seconds, int) { return tone(seconds, -33); }});
  auto options = short_ones();
  options.true_peak = true;
  const auto result = watch(stream, stream.make(20s), options);
  ASSERT_EQ(result.figures.audio.size(), 2U);
  for (const std::size_t i : {0U, 1U}) {
    const double level = i == 0 ? -23 : -33;
    const auto& figures = result.figures.audio[i];
    EXPECT_EQ(figures.pid, EncodedStream::audio_pid(static_cast<unsigned>(i)));
    EXPECT_NEAR(figures.integrated.value(), level, 0.2) << "with the noise of coding";
    EXPECT_NEAR(figures.true_peak.value(), level, 0.5);
    EXPECT_GT(figures.frames, 600U);
  }
  options.loudness = options.true_peak = false;
  const auto without = watch(stream, stream.make(4s), options);
  EXPECT_FALSE(without.figures.audio.at(0).integrated);
  EXPECT_FALSE(without.figures.audio.at(0).true_peak);
}

TEST_P(DecodeWatchOfSound, CountsDamagedFramesOnly) {
  const auto stream = sound({}, {.codec = GetParam(), .sound = [](double seconds, int) { return tone(seconds, -20); }});
  auto packets = stream.make(4s);
  auto lost = packets.begin() + static_cast<std::ptrdiff_t>(packets.size() / 2);
  while (lost->packet.unit_start()) ++lost;
  packets.erase(lost);
  const auto result = watch(stream, packets, short_ones());
  EXPECT_GE(result.errors, 1U);
  EXPECT_LE(result.errors, 3U);
  EXPECT_EQ(result.figures.audio.at(0).errors, result.errors);
}

TEST(DecodeWatch, EndsBlackWhereItIsScrambled) {
  const auto stream = stream_with(AV_CODEC_ID_MPEG2VIDEO, paint_black);
  auto packets = stream.make(7s);
  for (DatedPacket& packet : packets) {
    // From 1.2 s after the first black picture on.
    if (packet.time > EncodedStream::picture_time(105) - 500ms && packet.time < EncodedStream::picture_time(140)) {
      packet.packet.bytes[3] |= 0x80;
    }
  }
  const auto result = watch(stream, packets, short_ones());
  ASSERT_EQ(result.alarms.size(), 1U);
  EXPECT_EQ(result.errors, 0U);
  ASSERT_TRUE(result.figures.video->black->end);
  EXPECT_LT(result.figures.video->black->end->time, EncodedStream::picture_time(108));
  EXPECT_GT(result.figures.video->black->end->time, EncodedStream::picture_time(98));
}

TEST(DecodeWatch, LeavesDamagedAndDuplicatePacketsOut) {
  EncodedStream stream;
  stream.add_video({.paint = paint_scene});
  std::vector<DatedPacket> packets;
  for (const DatedPacket& packet : stream.make(3s)) {
    packets.push_back(packet);
    if (packets.size() % 7 == 0) packets.push_back(packet);
    if (packets.size() % 11 == 0) {
      packets.push_back(packet);
      packets.back().packet.bytes[1] |= 0x80;
      packets.back().packet.bytes[100] ^= 0xFF;
    }
  }
  const auto result = watch(stream, packets, short_ones());
  EXPECT_EQ(result.errors, 0U);
  EXPECT_EQ(result.figures.video->pictures, 75U);
}

TEST(DecodeWatch, GoesOnOverAJumpOfTheClock) {
  const auto stream = stream_with(AV_CODEC_ID_H264, paint_black);
  auto packets = stream.make(7s);
  // Not seen in the dates, which go on.
  for (DatedPacket& packet : packets) {
    if (packet.time < EncodedStream::picture_time(60) - 500ms) continue;
    ts::move_timestamps(packet.packet, std::chrono::hours{-5});
    if (const auto pcr = packet.packet.pcr()) packet.packet.set_pcr(*pcr - std::chrono::hours{5});
  }
  const auto result = watch(stream, packets, short_ones());
  ASSERT_EQ(result.alarms.size(), 1U);
  EXPECT_EQ(result.alarms[0].first.time, EncodedStream::picture_time(75));
  EXPECT_EQ(result.figures.video->pictures, 175U);
}

TEST(DecodeWatch, LeavesOutWhatItIsTooSlowForWhereTheInputIsLive) {
  EncodedStream stream;
  stream.add_video(
      {.codec = AV_CODEC_ID_H264, .width = 1280, .height = 720, .bit_rate = 8'000'000, .paint = paint_scene});
  auto packets = stream.make(2s);
  auto options = short_ones();
  options.live = true;
  options.queue = 200;
  Watcher watcher{options, stream.pmt()};
  watcher.feed(packets);
  const auto result = watcher.finish();
  EXPECT_GT(result.figures.skipped, 0U);
  EXPECT_LT(result.figures.skipped, packets.size());
  std::uint64_t said = 0;
  for (const std::string& note : result.notes) {
    ASSERT_TRUE(note.starts_with("decoder too slow: ") && note.ends_with(" packets skipped")) << note;
    said += std::stoull(note.substr(18));
  }
  EXPECT_EQ(said, result.figures.skipped);
  EXPECT_EQ(result.errors, 0U);

  options.live = false;
  const auto whole = watch(stream, packets, options);
  EXPECT_EQ(whole.figures.skipped, 0U);
  EXPECT_EQ(whole.figures.video->pictures, 50U);
}

TEST(DecodeWatch, FollowsAChangeOfStreams) {
  EncodedStream stream;
  stream.add_video({.paint = paint_scene});
  stream.add_audio({.sound = [](double, int) { return 0.0F; }});
  stream.add_audio({.sound = [](double seconds, int) { return tone(seconds, -20); }});
  const auto packets = stream.make(6s);
  const auto middle = packets.begin() + static_cast<std::ptrdiff_t>(packets.size() / 2);
  Watcher watcher{short_ones(), stream.pmt()};
  EXPECT_TRUE(watcher.watch().wants(EncodedStream::audio_pid(0)));
  watcher.feed({packets.begin(), middle});
  auto pmt = stream.pmt();
  pmt.streams.erase(pmt.streams.begin() + 1);
  pmt.streams.push_back({0x06, ts::Pid{0x0120}, {{0x7C, {0x58}}}});  // AAC
  pmt.streams.push_back({0x33, ts::Pid{0x0121}, {}});                // VVC
  pmt.pcr_pid = ts::Pid{0x0122};  // without PCRs yet
  watcher.watch().set_streams(pmt);
  EXPECT_TRUE(watcher.watch().wants(pmt.pcr_pid));
  EXPECT_FALSE(watcher.watch().wants(EncodedStream::audio_pid(0)));
  watcher.feed({middle, packets.end()});
  const auto result = watcher.finish();
  EXPECT_EQ(result.figures.video->pictures, 150U);
  EXPECT_EQ(result.errors, 0U);
  ASSERT_EQ(result.figures.audio.size(), 2U);
  EXPECT_EQ(result.figures.audio[0].pid, EncodedStream::audio_pid(1));
  EXPECT_GE(result.figures.audio[0].frames, 245U);
  EXPECT_EQ(result.figures.not_decoded, std::vector{ts::Pid{0x0121}});
  ASSERT_EQ(result.alarms.size(), 1U) << "silence of what is gone has ended";
  EXPECT_TRUE(watcher.board().active().empty());
}

TEST(DecodeWatch, BelievesTheSoundMoreThanThePmt) {
  EncodedStream stream;
  for (const AVCodecID codec : {AV_CODEC_ID_MP2, AV_CODEC_ID_EAC3}) {
    stream.add_audio({.codec = codec, .sound = [](double seconds, int) { return tone(seconds, -20); }});
  }
  auto pmt = stream.pmt();
  pmt.streams[0].type = 0x0F;
  pmt.streams[1].type = 0x81;
  Watcher watcher{short_ones(), pmt};
  watcher.feed(stream.make(3s));
  const auto result = watcher.finish();
  EXPECT_GT(result.figures.audio.at(0).frames, 90U);
  EXPECT_GT(result.figures.audio.at(1).frames, 90U);
  EXPECT_EQ(result.errors, 0U);
}

TEST(DecodeWatch, SaysThatNothingCanBeDecoded) {
  EncodedStream stream;
  stream.add_video({.paint = paint_scene});
  stream.add_audio({.codec = AV_CODEC_ID_AC3, .sound = [](double seconds, int) { return tone(seconds, -20); }});
  auto pmt = stream.pmt();
  pmt.streams[0].type = 0x24;
  pmt.streams[1].type = 0x11;
  Watcher watcher{short_ones(), pmt};
  watcher.feed(stream.make(25s));
  const auto result = watcher.finish();
  EXPECT_EQ(result.figures.video->pictures, 0U);
  EXPECT_EQ(result.figures.video->errors, 1U) << "one for 20 s";
  EXPECT_EQ(result.figures.audio.at(0).frames, 0U);
  EXPECT_GE(result.figures.audio[0].errors, 4U) << "one for 5 s";
}

// Any bytes: nothing thrown, nothing endless.
TEST(DecodeWatch, SurvivesAnyBytes) {
  std::minstd_rand random;
  for (const AVCodecID codec : video_codecs) {
    EncodedStream stream;
    stream.add_video({.codec = codec, .paint = paint_scene});
    stream.add_audio({.sound = [](double seconds, int) { return tone(seconds, -20); }});
    stream.add_audio({.codec = AV_CODEC_ID_EAC3, .sound = [](double seconds, int) { return tone(seconds, -20); }});
    auto packets = stream.make(3s);
    for (std::size_t i = packets.size() / 3; i < packets.size(); ++i) {
      for (int n = 0; n < 3; ++n) packets[i].packet.bytes[random() % 188] = static_cast<std::uint8_t>(random() / 5);
    }
    EXPECT_GT(watch(stream, packets, short_ones()).errors, 0U);
  }
}

media::Frame read_jpeg(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>{file}, {}};
  const media::Codec decoder = media::make_decoder(AV_CODEC_ID_MJPEG);
  media::open(*decoder);
  const media::Packet packet = media::make_packet();
  packet->data = bytes.data();
  packet->size = static_cast<int>(bytes.size());
  media::Frame frame = media::make_frame();
  if (avcodec_send_packet(decoder.get(), packet.get()) < 0 || avcodec_receive_frame(decoder.get(), frame.get()) < 0) {
    return nullptr;
  }
  return frame;
}

TEST(DecodeWatch, WritesAThumbnailOfTheRightShape) {
  const test::TemporaryDirectory directory;
  EncodedStream stream;
  // 16:9 in 352 x 288; left black, right white, as the picture of every 40 ms but the last second, which is white.
  stream.add_video({.sample_aspect = {16, 11}, .paint = [](AVFrame& picture, int index) {
                      support::fill(picture, 235);
                      for (int y = 0; y < 288 && index < 100; ++y)
                        std::fill_n(&support::luma_at(picture, 0, y), 176, std::uint8_t{16});
                    }});
  auto options = short_ones();
  options.thumbnail = {.path = directory.path() / "small.jpg", .interval = 2s, .width = 320};
  const auto packets = stream.make(5s);
  const auto result = watch(stream, packets, options);
  EXPECT_TRUE(result.notes.empty());
  auto picture = read_jpeg(directory.path() / "small.jpg");
  ASSERT_TRUE(picture);
  EXPECT_EQ(picture->width, 320);
  EXPECT_EQ(picture->height, 180);
  EXPECT_GT(support::luma_at(*picture, 40, 90), 245) << "the one after 4 s";
  options.thumbnail->interval = 10s;
  watch(stream, packets, options);
  picture = read_jpeg(directory.path() / "small.jpg");
  ASSERT_TRUE(picture);
  EXPECT_LT(support::luma_at(*picture, 40, 90), 10);
  EXPECT_GT(support::luma_at(*picture, 280, 90), 245);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator{directory.path()}, {}), 1) << "nothing temporary stays";
}

TEST(DecodeWatch, SaysOnceThatAThumbnailCannotBeWritten) {
  EncodedStream stream;
  stream.add_video({.paint = paint_scene});
  auto options = short_ones();
  options.thumbnail = {.path = "/nowhere/small.jpg", .interval = 1s};
  const auto result = watch(stream, stream.make(5s), options);
  ASSERT_EQ(result.notes.size(), 1U);
  EXPECT_EQ(result.notes[0], "create /nowhere/small.jpg: No such file or directory");
  EXPECT_EQ(result.figures.video->pictures, 125U);
}

TEST(Thumbnail, NamesAFileForEachOfSeveralServices) {
  EXPECT_EQ(tsmon::thumbnail_path("/srv/a.b/x.jpg", psi::ServiceId{0x0101}, true), "/srv/a.b/x-0x0101.jpg");
  EXPECT_EQ(tsmon::thumbnail_path("x.jpg", psi::ServiceId{0x0101}, false), "x.jpg");
}

struct Capture {
  const char* name;
  double bit_rate;
};
class DecodeWatchOfCapture : public testing::TestWithParam<Capture> {};
INSTANTIATE_TEST_SUITE_P(Captures, DecodeWatchOfCapture,
                         testing::Values(Capture{"mpts-dvbt-22394kbps.ts", 22'394'313},
                                         Capture{"hd1080i-h264-eac3-dvbsub.ts", 7'155'787},
                                         Capture{"hd1080p-h264-mp2.ts", 1'664'477},
                                         Capture{"sd-h264-aac.ts", 1'213'134}, Capture{"sd-mpeg2-mp2.ts", 4'963'330}),
                         [](const auto& test) {
                           std::string name{test.param.name};
                           std::erase_if(name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; });
                           return name;
                         });

std::vector<DatedPacket> date(std::span<const ts::Packet> packets, double bit_rate) {
  std::vector<DatedPacket> dated;
  for (const ts::Packet& packet : packets) {
    const double seconds = static_cast<double>(dated.size()) * 1504 / bit_rate;
    dated.push_back({packet, ts::ProgramTime{ts::Ticks27{static_cast<std::int64_t>(seconds * 27e6)}}});
  }
  return dated;
}

TEST(DecodeWatch, SurvivesABadReception) {
  CAPTURE_OR_SKIP(bytes, "scrambled-tei-cc-errors.ts");
  const auto packets = ts::packets_in(bytes);
  psi::ServiceTracker tracker{[](auto, auto) {}};
  for (const ts::Packet& packet : packets) tracker.feed(packet);
  for (const auto& [id, service] : tracker.services()) {
    if (!service.pmt) continue;
    Watcher watcher{short_ones(), *service.pmt};
    watcher.feed(date(packets, 30e6));
    EXPECT_TRUE(watcher.finish().of(Indicator::black).empty());
  }
}

// Joined wherever the capture began.
TEST_P(DecodeWatchOfCapture, FindsNoError) {
  CAPTURE_OR_SKIP(bytes, GetParam().name);
  const auto packets = ts::packets_in(bytes);
  psi::ServiceTracker tracker{[](auto, auto) {}};
  for (const ts::Packet& packet : packets) tracker.feed(packet);
  std::size_t decoded = 0;
  for (const auto mode : {DecodeOptions::Pictures::all, DecodeOptions::Pictures::keyframes}) {
    for (const auto& [id, service] : tracker.services()) {
      if (!service.pmt) continue;
      DecodeOptions options;
      options.pictures = mode;
      Watcher watcher{options, *service.pmt};
      watcher.feed(date(packets, GetParam().bit_rate));
      const auto result = watcher.finish();
      EXPECT_EQ(result.errors, 0U) << id.value();
      EXPECT_TRUE(result.alarms.empty()) << id.value();
      EXPECT_TRUE(result.notes.empty()) << id.value();
      decoded += result.figures.video && result.figures.video->pictures > 0 ? 1U : 0U;
      for (const auto& audio : result.figures.audio) EXPECT_GT(audio.frames, 20U) << audio.pid.value();
    }
  }
  EXPECT_GE(decoded, 2U);
}

}  // namespace
