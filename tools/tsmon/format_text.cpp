#include "tools/tsmon/format_text.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace tsmon {
namespace {

using Json = nlohmann::ordered_json;

// PES packets without a single frame in them: not what the PMT says.
constexpr std::uint64_t enough_to_tell = 50;

double value(ts::Ratio ratio) {
  return ratio.denominator == 0 ? 0 : static_cast<double>(ratio.numerator) / static_cast<double>(ratio.denominator);
}

std::string text(ts::Ratio ratio) { return fmt::format("{}:{}", ratio.numerator, ratio.denominator); }

// ISO/IEC 14496-10 A.2, ISO/IEC 23008-2 A.3, ISO/IEC 13818-2 table 8-2.
std::string_view profile_name(const ts::VideoParameters& video) {
  switch (video.codec) {
    case ts::VideoCodec::h264:
      switch (video.profile) {
        case 66:
          return "Baseline";
        case 77:
          return "Main";
        case 88:
          return "Extended";
        case 100:
          return "High";
        case 110:
          return "High 10";
        case 122:
          return "High 4:2:2";
        case 244:
          return "High 4:4:4";
        default:
          return {};
      }
    case ts::VideoCodec::hevc:
      switch (video.profile) {
        case 1:
          return "Main";
        case 2:
          return "Main 10";
        case 4:
          return "Range extensions";
        default:
          return {};
      }
    case ts::VideoCodec::mpeg2:
      switch (video.profile) {
        case 5:
          return "Simple";
        case 4:
          return "Main";
        case 1:
          return "High";
        case 0x85:
          return "4:2:2";
        default:
          return {};
      }
  }
  return {};
}

std::string level_name(const ts::VideoParameters& video) {
  switch (video.codec) {
    case ts::VideoCodec::h264:
      return video.level == 9 ? "1b" : fmt::format("{}.{}", video.level / 10, video.level % 10);
    case ts::VideoCodec::hevc:
      return fmt::format("{}.{}{}", video.level / 30, video.level % 30 / 3, video.high_tier ? " High tier" : "");
    case ts::VideoCodec::mpeg2:  // table 8-3
      return video.level == 4    ? "High"
             : video.level == 6  ? "High 1440"
             : video.level == 8  ? "Main"
             : video.level == 10 ? "Low"
                                 : "";
  }
  return {};
}

std::string channels_text(unsigned channels) {
  if (channels == 0) return {};
  if (channels == 1) return " mono";
  if (channels == 2) return " stereo";
  return fmt::format(" {} channels", channels);
}

std::string text(const ts::VideoParameters& video) {
  std::string result = fmt::format("{}x{}{}", video.width, video.height, video.interlaced ? "i" : "p");
  if (video.frame_rate) result += fmt::format("{:.5g}", value(*video.frame_rate));
  if (video.display_aspect) result += " " + text(*video.display_aspect);
  if (const auto name = profile_name(video); !name.empty()) {
    // MPEG-2's levels have names as its profiles have: Main@Main is Main profile at Main level.
    const char* between = video.codec == ts::VideoCodec::mpeg2 ? "@" : " ";
    result += fmt::format(" {}{}{}", name, between, level_name(video));
  }
  if (video.bit_depth != 8) result += fmt::format(" {} bit", video.bit_depth);
  return result;
}

std::string text(const ts::AudioFrame& audio) {
  std::string result{audio.name};
  if (audio.sampling_rate > 0) result += fmt::format(" {:g} kHz", audio.sampling_rate / 1000.0);
  return result + channels_text(audio.channels);
}

Json json(const std::optional<ts::Ratio>& ratio) { return ratio ? Json(text(*ratio)) : Json(); }

}  // namespace

std::string format_text(const ElementaryWatch& watch) {
  const auto& buffer = watch.buffer();
  if (buffer.video()) return text(*buffer.video());
  if (buffer.audio()) return text(*buffer.audio());
  if (buffer.scans() && buffer.access_units() == 0 && watch.pes_packets() > enough_to_tell) {
    return "(nothing of that kind in it)";
  }
  return {};
}

Json format_json(const ElementaryWatch& watch) {
  Json out;
  if (const auto& video = watch.buffer().video()) {
    out = {{"width", video->width}, {"height", video->height}, {"interlaced", video->interlaced}};
    out["frame_rate"] = video->frame_rate ? Json(value(*video->frame_rate)) : Json();
    out["sample_aspect"] = json(video->sample_aspect);
    out["display_aspect"] = json(video->display_aspect);
    out["profile"] = profile_name(*video);
    out["level"] = level_name(*video);
    out["bit_depth"] = video->bit_depth;
  } else if (const auto& audio = watch.buffer().audio()) {
    out = {{"name", audio->name}, {"sampling_rate", audio->sampling_rate}, {"channels", audio->channels}};
    out["bit_rate"] = audio->bit_rate > 0 ? Json(audio->bit_rate) : Json();
  }
  return out;
}

}  // namespace tsmon
