// One sound stream of a service: decoded, listened to for silence, and its loudness measured. Of the decoding thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/media/audio_decoder.hpp"
#include "common/media/loudness.hpp"
#include "common/media/samples.hpp"
#include "common/media/unit_parser.hpp"
#include "common/psi/tables.hpp"
#include "common/ts/packet.hpp"
#include "tools/tsmon/decode_options.hpp"
#include "tools/tsmon/decode_report.hpp"
#include "tools/tsmon/drought.hpp"
#include "tools/tsmon/elementary_payload.hpp"
#include "tools/tsmon/moment_log.hpp"
#include "tools/tsmon/presentation_clock.hpp"
#include "tools/tsmon/run.hpp"
#include "tools/tsmon/sound_judge.hpp"

namespace tsmon {

class AudioTrack {
 public:
  AudioTrack(ts::Pid pid, psi::ServiceId service, AVCodecID codec, const DecodeOptions& options,
             PresentationClock& clock, DecodeMailbox& mailbox);

  // By the name that psi::describe() gives; nothing for those that cannot be decoded. Where the stream itself says that
  // it is another one (AAC announced as MPEG audio, E-AC-3 as AC-3), it is believed.
  static std::optional<AVCodecID> codec_id(std::string_view name);

  // As of VideoTrack.
  void feed(const ts::Packet& packet, Moment at, bool lost);
  void skip();
  void interrupt();
  void finish();

  ts::Pid pid() const { return figures_.pid; }
  const DecodedAudio& figures() const { return figures_; }

 private:
  void take(const ElementaryPayload::Piece& piece);
  void decode(const media::Unit& unit);
  void receive();
  void listen(const media::Sound& sound);
  void window(bool silent, ts::Ticks27 length);
  void tell(const std::optional<Run::Event>& event);
  void choose_codec(std::span<const std::uint8_t> bytes);
  void tell_errors(Moment at);
  void tell_error(Moment at, std::string what, std::uint64_t count);
  void read_loudness();
  Subject subject() const { return {.pid = figures_.pid, .service = service_}; }

  psi::ServiceId service_;
  const DecodeOptions& options_;
  PresentationClock& clock_;
  DecodeMailbox& mailbox_;
  ElementaryPayload payload_;
  AVCodecID announced_, codec_;
  media::UnitParser parser_;
  media::AudioDecoder decoder_;
  bool chosen_ = false;  // codec_ was seen, or is taken as announced
  media::Samples samples_;
  SoundJudge judge_;
  Run silence_;
  Drought drought_;
  MomentLog moments_;
  ts::ProgramTime heard_until_{};   // end of the last frame
  ts::ProgramTime window_begin_{};  // of the one that the judge fills
  bool heard_ = false;              // heard_until_ is known
  std::optional<media::Loudness> loudness_;
  ts::Ticks27 since_reading_{0};   // of loudness_
  std::uint64_t told_errors_ = 0;  // of the decoder
  DecodedAudio figures_;
};

}  // namespace tsmon
