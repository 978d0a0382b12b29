// What decoding has found: figures for a report, and events on their way to the alarm board.
#pragma once

#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/ts/packet.hpp"
#include "tools/tsmon/alarm_board.hpp"
#include "tools/tsmon/indicator.hpp"
#include "tools/tsmon/moment.hpp"

namespace tsmon {

// Black, a standstill or silence: the last that was long enough to be told.
struct Passage {
  Moment begin;
  std::optional<Moment> end;  // nothing while it lasts
};

struct DecodedVideo {
  ts::Pid pid;
  std::uint64_t pictures = 0;
  std::uint64_t errors = 0;
  unsigned width = 0, height = 0;  // of the last picture
  std::optional<Passage> black, freeze;
};

struct DecodedAudio {
  ts::Pid pid;
  std::uint64_t frames = 0;
  std::uint64_t errors = 0;
  std::optional<Passage> silence;
  // LUFS and dBTP; nothing if not measured, or below the absolute gate (-70 LUFS).
  std::optional<double> momentary, short_term, integrated, true_peak;
};

struct DecodeFigures {
  std::optional<DecodedVideo> video;
  std::vector<DecodedAudio> audio;   // in the PMT's order
  std::vector<ts::Pid> not_decoded;  // video and audio without a decoder
  std::uint64_t skipped = 0;         // packets, because the decoder was too slow
};

struct DecodeEvent {
  enum class Kind : std::uint8_t { begin, end, occur };
  Kind kind;
  Indicator indicator;
  Subject subject;
  Moment at;
  std::uint64_t count = 1;
  std::string detail;
};

// Filled by the decoding thread, emptied by the main one.
class DecodeMailbox {
 public:
  struct Contents {
    std::vector<DecodeEvent> events;
    std::vector<std::string> notes;
    IndicatorSet measured;
    std::exception_ptr error;
  };

  void post(DecodeEvent event);
  // So many decoding errors of a stream, `what` being the last.
  void post_errors(const Subject& subject, Moment at, std::string what, std::uint64_t count);
  void note(std::string text);
  void set_measured(Indicator indicator);
  void set_figures(const DecodeFigures& figures);
  void fail(std::exception_ptr error);

  // All since the last call. `measured` and `error` stay.
  Contents take();
  DecodeFigures figures() const;

 private:
  mutable std::mutex mutex_;
  Contents contents_;
  DecodeFigures figures_;
};

}  // namespace tsmon
