// The pictures of one service: decoded, judged, and made into thumbnails. Of the decoding thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/media/unit_parser.hpp"
#include "common/media/video_decoder.hpp"
#include "common/psi/tables.hpp"
#include "common/ts/access_unit.hpp"
#include "common/ts/packet.hpp"
#include "tools/tsmon/decode_options.hpp"
#include "tools/tsmon/decode_report.hpp"
#include "tools/tsmon/drought.hpp"
#include "tools/tsmon/elementary_payload.hpp"
#include "tools/tsmon/moment_log.hpp"
#include "tools/tsmon/picture_judge.hpp"
#include "tools/tsmon/presentation_clock.hpp"
#include "tools/tsmon/run.hpp"
#include "tools/tsmon/thumbnail.hpp"

namespace tsmon {

class VideoTrack {
 public:
  // All that is given by reference must live as long.
  VideoTrack(ts::Pid pid, psi::ServiceId service, ts::VideoCodec codec, const DecodeOptions& options,
             PresentationClock& clock, DecodeMailbox& mailbox);

  // Packets in the clear, without duplicates; `lost`: others are missing before it.
  void feed(const ts::Packet& packet, Moment at, bool lost);
  // Packets were left out on purpose: decoding begins anew, what the pictures showed goes on.
  void skip();
  // Pictures cannot be seen any more, until packets come again: what they showed ends.
  void interrupt();
  void finish();

  ts::Pid pid() const { return figures_.pid; }
  const DecodedVideo& figures() const { return figures_; }

 private:
  void take(const ElementaryPayload::Piece& piece);
  void decode(const media::Unit& unit);
  void receive();
  void show();
  void judge(const media::Picture& picture);
  void tell(Indicator indicator, std::optional<Passage>& passage, const std::optional<Run::Event>& event,
            const char* what, ts::Ticks27 least);
  void tell_errors(Moment at);
  void tell_error(Moment at, std::string what, std::uint64_t count);
  void make_thumbnail(const AVFrame& picture, ts::ProgramTime time);
  Subject subject() const { return {.pid = figures_.pid, .service = service_}; }

  psi::ServiceId service_;
  const DecodeOptions& options_;
  PresentationClock& clock_;
  DecodeMailbox& mailbox_;
  ElementaryPayload payload_;
  media::UnitParser parser_;
  media::VideoDecoder decoder_;
  PictureJudge judge_;
  Run black_, freeze_;
  Moment still_since_;  // of the first picture of a standstill
  Drought drought_;
  MomentLog moments_;
  Moment last_;  // of the last picture
  ts::ProgramTime shown_until_{};
  std::optional<Thumbnail> thumbnail_;
  std::string thumbnail_failure_;
  std::uint64_t told_errors_ = 0;  // of the decoder
  DecodedVideo figures_;
};

}  // namespace tsmon
