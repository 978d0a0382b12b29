// Do the buffers of a decoder overflow or run dry (TR 101 290 3.3, 3.9, 3.10)? By the system target decoder of ISO/IEC
// 13818-1 2.4.2, for each elementary stream and for the tables of each program.
//
// Measured only where it is known what the buffers are and when bytes come: the stream is in the clear and of a kind
// that has a model, its level is known, and PCRs give packets their time and time stamps a clock. Not modelled: MPEG-1
// and other video, SVC, MVC and temporal sub-streams, DTS, AC-4 and other audio, private data and sections in the PMT's
// streams. PIDs of DVB's SI have no buffer in ISO/IEC 13818-1, nor in EN 300 468: no indicator is raised for them.
#pragma once

#include <cstdint>
#include <optional>

#include "common/psi/decoder_model.hpp"
#include "common/psi/tables.hpp"
#include "common/ts/access_unit_scanner.hpp"
#include "common/ts/packet.hpp"
#include "common/ts/program_clock.hpp"
#include "common/ts/tstd.hpp"
#include "tools/tsmon/alarm_board.hpp"
#include "tools/tsmon/moment.hpp"
#include "tools/tsmon/pcr_meter.hpp"

namespace tsmon {

// One elementary stream: TB, MB and EB, or TB and B.
class BufferWatch {
 public:
  BufferWatch(psi::ServiceId service, const psi::Pmt::Stream& stream, AlarmBoard& board);

  // A packet of its PID: no duplicate, undamaged, in order; also without payload. A scrambled one counts as a loss.
  // `ticks_per_packet` is the time from one packet of the whole stream to the next, 0 if it is not known; `offset`
  // leads from the stream's timeline to the program's clock.
  void feed(const ts::Packet& packet, Moment at, double ticks_per_packet, const ts::ProgramClock& clock,
            ts::Ticks27 offset);
  // By the meter of the program's PCR PID. Without one the headers are read, and nothing is measured.
  void feed(const ts::Packet& packet, Moment at, double ticks_per_packet, const PcrMeter* pcr);
  // Packets were lost (a continuity error), or the timeline jumped: begin anew with the next access unit.
  void reset();

  // What its buffers are; nothing while that is not known.
  std::optional<ts::TstdLimits> limits() const { return tstd_ ? std::optional{tstd_->limits()} : std::nullopt; }
  // The greatest fullness of each buffer and the longest delay since the start.
  ts::Tstd::Figures figures() const;
  // What the headers of the stream say, as far as it could be scanned.
  // Whether access units can be found in a stream of this kind.
  bool scans() const { return model_.kind() != psi::DecoderModel::Kind::none; }
  const std::optional<ts::VideoParameters>& video() const { return scanner_.video(); }
  const std::optional<ts::AudioFrame>& audio() const { return scanner_.audio(); }
  // Found, whole or not.
  std::uint64_t access_units() const { return access_units_; }

 private:
  void set_limits();
  void tell_events(std::uint64_t position);
  Subject subject() const { return {.pid = pid_, .service = service_}; }

  psi::ServiceId service_;
  ts::Pid pid_;
  AlarmBoard& board_;
  psi::DecoderModel model_;
  ts::AccessUnitScanner scanner_;
  std::optional<ts::Tstd> tstd_;
  std::uint32_t epoch_ = 0;  // of the program's clock
  std::uint32_t video_changes_ = 0;
  std::optional<std::uint64_t> begun_;  // offset of the access unit that the model was told of last
  std::uint64_t access_units_ = 0;
  ts::Tstd::Figures past_;  // before the limits changed
};

// The tables of one program: PAT, CAT and its PMT pass one TBsys and one Bsys.
class PsiBufferWatch {
 public:
  PsiBufferWatch(psi::ServiceId service, ts::Pid pmt_pid, AlarmBoard& board);

  // A packet of PAT, CAT (PIDs 0 and 1) or the program's PMT, in order of the stream; no duplicate.
  void feed(const ts::Packet& packet, Moment at, double ticks_per_packet);
  // The timeline jumped. (A loss does no harm here.)
  void reset();

  ts::Pid pmt_pid() const { return pmt_pid_; }
  // In figures().multiplex: Bsys.
  ts::Tstd::Figures figures() const;

 private:
  psi::ServiceId service_;
  ts::Pid pmt_pid_;
  AlarmBoard& board_;
  std::optional<ts::Tstd> tstd_;
  double ticks_per_packet_ = 0;  // that Rsys was made for
  ts::Tstd::Figures past_;
};

}  // namespace tsmon
