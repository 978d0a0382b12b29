// Decodes one service: shares its packets out to the tracks. Of the decoding thread.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "common/psi/tables.hpp"
#include "common/ts/continuity.hpp"
#include "common/ts/packet.hpp"
#include "tools/tsmon/audio_track.hpp"
#include "tools/tsmon/decode_options.hpp"
#include "tools/tsmon/decode_report.hpp"
#include "tools/tsmon/presentation_clock.hpp"
#include "tools/tsmon/video_track.hpp"

namespace tsmon {

class ServiceDecoder {
 public:
  // All that is given by reference must live as long.
  ServiceDecoder(psi::ServiceId service, const DecodeOptions& options, DecodeMailbox& mailbox)
      : service_(service), options_(options), mailbox_(mailbox) {}

  // The streams of its PMT; those that are as before go on.
  void set_streams(const psi::Pmt& pmt);
  // Of the PCR, video and audio PIDs; duplicates and losses are found here. `after_skip`: packets of this PID were left
  // out on purpose before it. A scrambled packet says that its PID cannot be seen until a clear one comes.
  void feed(const ts::Packet& packet, Moment at, bool after_skip);
  void finish();
  DecodeFigures figures() const;

 private:
  template <typename Track>
  struct Carried {
    psi::Pmt::Stream stream;
    Track track;
  };
  using Video = Carried<VideoTrack>;
  using Audio = Carried<AudioTrack>;
  void set_video(const psi::Pmt::Stream* stream);
  void set_audio(std::vector<const psi::Pmt::Stream*> streams);

  psi::ServiceId service_;
  const DecodeOptions& options_;
  DecodeMailbox& mailbox_;
  ts::Continuity continuity_;
  PresentationClock clock_;
  ts::Pid pcr_pid_;  // null_pid: none
  std::optional<ts::ProgramTime> first_;
  std::unique_ptr<Video> video_;
  std::vector<std::unique_ptr<Audio>> audio_;
  std::vector<ts::Pid> not_decoded_;
};

}  // namespace tsmon
