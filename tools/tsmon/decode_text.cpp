#include "tools/tsmon/decode_text.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "common/cli/table.hpp"
#include "common/cli/values.hpp"

namespace tsmon {
namespace {

using Json = nlohmann::ordered_json;
using Align = cli::Table::Align;

std::string text(const std::optional<Passage>& passage) {
  if (!passage) return "-";
  const std::string begin = fmt::format("{:.2f} s", seconds(passage->begin.time));
  return passage->end ? fmt::format("{} to {:.2f} s", begin, seconds(passage->end->time)) : begin + " on";
}

std::string text(std::optional<double> value) { return value ? fmt::format("{:.1f}", *value) : "-"; }

// "1 frame", "2 frames"
std::string counted(std::uint64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

Json json(const std::optional<Passage>& passage) {
  if (!passage) return {};
  return {{"begin_s", seconds(passage->begin.time)},
          {"end_s", passage->end ? Json(seconds(passage->end->time)) : Json()}};
}

Json json(std::optional<double> value) { return value ? Json(*value) : Json(); }

Json json(const DecodedVideo& video) {
  return {{"pid", video.pid.value()},
          {"pictures", video.pictures},
          {"errors", video.errors},
          {"last_black", json(video.black)},
          {"last_freeze", json(video.freeze)}};
}

Json json(const DecodedAudio& audio) {
  return {{"pid", audio.pid.value()},
          {"frames", audio.frames},
          {"errors", audio.errors},
          {"last_silence", json(audio.silence)},
          {"momentary_lufs", json(audio.momentary)},
          {"short_term_lufs", json(audio.short_term)},
          {"integrated_lufs", json(audio.integrated)},
          {"true_peak_dbtp", json(audio.true_peak)}};
}

}  // namespace

std::string decoded_text(const Monitor& monitor) {
  cli::Table table{{{"SERVICE"},
                    {"PID"},
                    {"DECODED", Align::right},
                    {"ERRORS", Align::right},
                    {"INTEGRATED LUFS", Align::right},
                    {"SHORT-TERM LUFS", Align::right},
                    {"TRUE PEAK dBTP", Align::right},
                    {"LAST BLACK"},
                    {"LAST FREEZE"},
                    {"LAST SILENCE"}}};
  std::uint64_t skipped = 0;
  for (const auto& [id, service] : monitor.tracker().services()) {
    const DecodeWatch* decoder = monitor.decoder(id);
    if (decoder == nullptr) continue;
    const DecodeFigures figures = decoder->figures();
    skipped += figures.skipped;
    const std::string name = fmt::format("0x{0:04x} ({0})", id.value());
    if (const auto& video = figures.video) {
      table.add_row({name, cli::to_text(video->pid), counted(video->pictures, "picture"), std::to_string(video->errors),
                     "", "", "", text(video->black), text(video->freeze)});
    }
    for (const DecodedAudio& audio : figures.audio) {
      table.add_row({name, cli::to_text(audio.pid), counted(audio.frames, "frame"), std::to_string(audio.errors),
                     text(audio.integrated), text(audio.short_term), text(audio.true_peak), "", "",
                     text(audio.silence)});
    }
    for (const ts::Pid pid : figures.not_decoded) table.add_row({name, cli::to_text(pid), "no decoder"});
  }
  if (table.empty()) return {};
  return table.text() + (skipped > 0 ? fmt::format("{} packets skipped: the decoder was too slow\n", skipped) : "");
}

Json decoded_json(const DecodeFigures& figures) {
  Json out{{"video", figures.video ? json(*figures.video) : Json()}, {"audio", Json::array()}};
  for (const DecodedAudio& audio : figures.audio) out["audio"].push_back(json(audio));
  out["not_decoded_pids"] = Json::array();
  for (const ts::Pid pid : figures.not_decoded) out["not_decoded_pids"].push_back(pid.value());
  out["skipped_packets"] = figures.skipped;
  return out;
}

}  // namespace tsmon
