#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <random>
#include <vector>

#include "tests/support/encoded_stream.hpp"
#include "tools/tsmon/picture_judge.hpp"
#include "tools/tsmon/presentation_clock.hpp"
#include "tools/tsmon/run.hpp"
#include "tools/tsmon/sound_judge.hpp"

namespace {

using tsmon::PictureJudge;
using tsmon::SoundJudge;

bool is_black(const AVFrame& picture) { return PictureJudge{{}}.judge(picture).value().black; }

void paint(AVFrame& picture, int x, int y, int width, int height, unsigned luma) {
  for (int row = y; row < y + height; ++row) {
    std::fill_n(&support::luma_at(picture, x, row), width, static_cast<std::uint8_t>(luma));
  }
}

// Different from picture to picture; from `low` to `high`.
void noise(AVFrame& picture, unsigned low, unsigned high, unsigned seed) {
  std::minstd_rand random{seed + 1};
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      support::luma_at(picture, x, y) = static_cast<std::uint8_t>(low + random() / 7 % (high - low + 1));
    }
  }
}

TEST(PictureJudge, KnowsBlackByTheRangeOfTheSamples) {
  const auto picture = support::make_picture(352, 288);
  support::fill(*picture, 16);
  EXPECT_TRUE(is_black(*picture));
  support::fill(*picture, 37);  // 9.6 % of 219
  EXPECT_TRUE(is_black(*picture));
  support::fill(*picture, 39);  // 10.5 %
  EXPECT_FALSE(is_black(*picture));
  // Of the full range, 37 is 14.5 % and 25 is 9.8 %.
  picture->color_range = AVCOL_RANGE_JPEG;
  support::fill(*picture, 37);
  EXPECT_FALSE(is_black(*picture));
  support::fill(*picture, 25);
  EXPECT_TRUE(is_black(*picture));
}

TEST(PictureJudge, KnowsBlackOf10Bits) {
  const auto picture = support::make_picture(352, 288, AV_PIX_FMT_YUV420P10);
  support::fill(*picture, 64);
  EXPECT_TRUE(is_black(*picture));
  support::fill(*picture, 37 * 4);
  EXPECT_TRUE(is_black(*picture));
  support::fill(*picture, 39 * 4);
  EXPECT_FALSE(is_black(*picture));
}

TEST(PictureJudge, AllowsALogoOnBlackButNotDarkNoise) {
  const auto picture = support::make_picture(720, 576);
  support::fill(*picture, 16);
  paint(*picture, 600, 40, 90, 60, 235);  // 1.3 %
  EXPECT_TRUE(is_black(*picture));
  paint(*picture, 600, 40, 90, 120, 235);  // 2.6 %
  EXPECT_FALSE(is_black(*picture));
  noise(*picture, 16, 45, 1);
  EXPECT_FALSE(is_black(*picture));
  noise(*picture, 16, 30, 1);
  EXPECT_TRUE(is_black(*picture)) << "noise of coding on black";
}

// A dark scene between the bars of a wide film: 2.4 % of the picture are bright, of that between the bars 4.2 %.
TEST(PictureJudge, LeavesTheBarsOfALetterboxOut) {
  const auto film = support::make_picture(720, 576);
  support::fill(*film, 16);
  paint(*film, 0, 124, 720, 328, 120);
  const auto scene = support::make_picture(720, 576);
  support::fill(*scene, 16);
  paint(*scene, 100, 200, 100, 100, 200);
  EXPECT_FALSE(is_black(*scene));
  paint(*scene, 100, 200, 100, 100, 16);
  paint(*scene, 100, 200, 83, 83, 200);  // 1.66 %, 2.9 %
  EXPECT_TRUE(is_black(*scene));
  PictureJudge judge{{}};
  EXPECT_FALSE(judge.judge(*film)->black);
  EXPECT_FALSE(judge.judge(*scene)->black);
  support::fill(*scene, 16);
  EXPECT_TRUE(judge.judge(*scene)->black);
}

TEST(PictureJudge, SaysStillFromTheSecondPictureOn) {
  const auto picture = support::make_picture(720, 576);
  noise(*picture, 16, 235, 1);
  PictureJudge judge{{}};
  EXPECT_FALSE(judge.judge(*picture)->still);
  EXPECT_TRUE(judge.judge(*picture)->still);
  EXPECT_TRUE(judge.judge(*picture)->still);
  noise(*picture, 16, 235, 2);
  EXPECT_FALSE(judge.judge(*picture)->still);
  EXPECT_TRUE(judge.judge(*picture)->still);
  judge.reset();
  EXPECT_FALSE(judge.judge(*picture)->still);
}

TEST(PictureJudge, DoesNotTakeCodingNoiseForMovement) {
  const auto picture = support::make_picture(720, 576);
  PictureJudge judge{{}};
  for (unsigned i = 0; i < 50; ++i) {
    noise(*picture, 99, 101, i);
    EXPECT_EQ(judge.judge(*picture)->still, i > 0) << i;
  }
}

// A still picture of an interlaced one: which field comes on top changes.
TEST(PictureJudge, DoesNotTakeFieldsInTurnForMovement) {
  PictureJudge judge{{}};
  for (int i = 0; i < 10; ++i) {
    const auto picture = support::make_picture(720, 576);
    for (int y = 0; y < 576; ++y) paint(*picture, 0, y, 720, 1, (y + i) % 2 == 0 ? 80 : 160);
    EXPECT_EQ(judge.judge(*picture)->still, i > 0) << i;
  }
}

TEST(PictureJudge, SeesASlowFadeAndSmallMovement) {
  const auto picture = support::make_picture(720, 576);
  PictureJudge judge{{}};
  int still_in_a_row = 0, longest = 0;
  for (int i = 0; i < 250; ++i) {  // one level in five pictures: 10 s from 100 to 150
    support::fill(*picture, 100 + static_cast<unsigned>(i) / 5);
    still_in_a_row = judge.judge(*picture)->still ? still_in_a_row + 1 : 0;
    longest = std::max(longest, still_in_a_row);
  }
  EXPECT_LE(longest, 4);
  support::fill(*picture, 100);
  EXPECT_FALSE(judge.judge(*picture)->still);
  paint(*picture, 300, 300, 32, 40, 160);  // the seconds of a clock
  EXPECT_FALSE(judge.judge(*picture)->still);
  EXPECT_TRUE(judge.judge(*picture)->still);
}

TEST(PictureJudge, DoesNotCallBlackStill) {
  const auto picture = support::make_picture(352, 288);
  support::fill(*picture, 16);
  PictureJudge judge{{}};
  judge.judge(*picture);
  EXPECT_FALSE(judge.judge(*picture)->still);
}

TEST(PictureJudge, BeginsAnewWithAnotherSize) {
  PictureJudge judge{{}};
  for (const auto& [width, height] : {std::pair{720, 576}, {1921, 1081}, {7, 5}, {720, 576}}) {
    const auto picture = support::make_picture(width, height);
    support::fill(*picture, 100);
    EXPECT_FALSE(judge.judge(*picture)->still);
    EXPECT_TRUE(judge.judge(*picture)->still);
  }
}

TEST(PictureJudge, LeavesWhatItCannotRead) {
  const auto picture = support::make_picture(64, 64, AV_PIX_FMT_YUV420P);
  picture->format = AV_PIX_FMT_PAL8;
  EXPECT_FALSE(PictureJudge{{}}.judge(*picture));
}

// Parts of a second that were silent, one window after another.
std::vector<bool> silent_windows(std::span<const float> samples, unsigned channels, double threshold = -60) {
  SoundJudge judge{threshold};
  std::vector<bool> windows;
  // In pieces that do not match the windows.
  for (std::size_t at = 0; at < samples.size(); at += 1152 * channels) {
    const auto piece = samples.subspan(at, std::min<std::size_t>(1152 * channels, samples.size() - at));
    judge.feed(piece, channels, 48'000, [&](bool silent, unsigned) { windows.push_back(silent); });
  }
  return windows;
}

std::vector<float> tone(double dbfs, unsigned channels, float offset = 0) {
  std::vector<float> samples;
  for (int i = 0; i < 48'000; ++i) {
    const double value = std::pow(10, dbfs / 20) * std::sin(2 * std::numbers::pi * 1000 * i / 48'000);
    samples.insert(samples.end(), channels, static_cast<float>(value) + offset);
  }
  return samples;
}

TEST(SoundJudge, GoesByTheLevel) {
  for (const unsigned channels : {1U, 2U, 6U}) {
    EXPECT_EQ(silent_windows(tone(-59, channels), channels), std::vector<bool>(100, false));
    EXPECT_EQ(silent_windows(tone(-61, channels), channels), std::vector<bool>(100, true));
    EXPECT_EQ(silent_windows(tone(-61, channels), channels, -70), std::vector<bool>(100, false));
    EXPECT_EQ(silent_windows(std::vector<float>(48'000 * channels), channels), std::vector<bool>(100, true));
  }
}

TEST(SoundJudge, IsNotSilentWhileOneChannelIsNot) {
  auto samples = tone(-50, 2);
  for (std::size_t i = 0; i < samples.size(); i += 2) samples[i] = 0;
  EXPECT_EQ(silent_windows(samples, 2), std::vector<bool>(100, false));
}

TEST(SoundJudge, DoesNotHearADirectVoltage) {
  EXPECT_EQ(silent_windows(tone(-70, 2, 0.1F), 2), std::vector<bool>(100, true));
  EXPECT_EQ(silent_windows(tone(-50, 2, 0.1F), 2), std::vector<bool>(100, false));
}

TEST(SoundJudge, FindsTheWindowWhereSoundBegins) {
  auto samples = tone(-20, 2);
  std::fill_n(samples.begin(), 48'000, 0.0F);
  auto expected = std::vector<bool>(100, false);
  std::fill_n(expected.begin(), 50, true);
  EXPECT_EQ(silent_windows(samples, 2), expected);
}

using namespace std::chrono_literals;

TEST(Run, TellsOnceAndFromTheBeginning) {
  tsmon::Run run{10s};
  const auto at = [](int second) {
    return tsmon::Moment{ts::ProgramTime{} + ts::Ticks27{std::chrono::seconds{second}}, 7};
  };
  EXPECT_FALSE(run.hold(at(3), at(4).time));
  EXPECT_FALSE(run.hold(at(11), at(12).time));
  const auto begin = run.hold(at(12), at(13).time);
  ASSERT_TRUE(begin);
  EXPECT_EQ(begin->edge, tsmon::Run::Edge::begin);
  EXPECT_EQ(begin->at.time, at(3).time);
  EXPECT_FALSE(run.hold(at(13), at(14).time));
  const auto end = run.release(at(20));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->at.time, at(20).time);
  EXPECT_FALSE(run.release(at(21)));
  EXPECT_FALSE(run.hold(at(30), at(31).time));
  EXPECT_FALSE(run.release(at(39))) << "too short";
}

TEST(PresentationClock, FollowsPcrsOverAWrapAndAJump) {
  tsmon::PresentationClock clock;
  const ts::ProgramTime t0{5s};
  const ts::Pcr near_end{ts::Ticks27{-27'000'000}};
  clock.take(near_end, t0);
  const auto stamp = [](ts::Pcr pcr) { return ts::Timestamp{ts::Ticks90{pcr.base()}}; };
  EXPECT_EQ(clock.at(stamp(near_end + ts::Ticks27{2s}), t0), t0 + 2s);
  clock.take(near_end + ts::Ticks27{1s}, t0 + 1s);
  EXPECT_EQ(clock.at(stamp(near_end + ts::Ticks27{3s}), t0 + 1s), t0 + 3s);
  const ts::Pcr other{std::chrono::hours{3}};
  clock.take(other, t0 + 2s);
  EXPECT_EQ(clock.at(stamp(other + ts::Ticks27{500ms}), t0 + 2s), t0 + 2500ms);
  EXPECT_EQ(clock.at(stamp(other + ts::Ticks27{1h}), t0 + 2s), t0 + 2s) << "absurd";
}

TEST(PresentationClock, SmoothsJitterOfDates) {
  tsmon::PresentationClock clock;
  const ts::ProgramTime t0{5s};
  for (int i = 0; i < 200; ++i) {
    const ts::Ticks27 passed = i * ts::Ticks27{40ms};
    clock.take(ts::Pcr{passed}, t0 + passed + (i % 2 == 0 ? ts::Ticks27{0} : ts::Ticks27{32ms}));
  }
  const auto shown = clock.at(ts::Timestamp{ts::Ticks90{10s}}, t0 + 8s) - t0;
  EXPECT_GT(shown, ts::Ticks27{10s} + ts::Ticks27{10ms});
  EXPECT_LT(shown, ts::Ticks27{10s} + ts::Ticks27{22ms});
}

}  // namespace
