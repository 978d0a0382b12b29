// When a time stamp of a service is due, on the timeline by which its packets are dated.
#pragma once

#include <optional>

#include "common/ts/time.hpp"

namespace tsmon {

class PresentationClock {
 public:
  // A PCR of the service, in a packet of this date.
  void take(ts::Pcr pcr, ts::ProgramTime at) {
    if (pcr_) {
      // Where packets are dated by arrival or by another program's PCRs, the dates of these jitter.
      const ts::Ticks27 expected = distance(*pcr_, pcr);
      const ts::Ticks27 error = at - at_ - expected;
      if (abs(error) < largest_jitter) at = at_ + expected + error / smoothing;
    }
    pcr_ = pcr;
    at_ = at;
  }
  bool is_set() const { return pcr_.has_value(); }

  // Of a time stamp in a packet of this date; the date itself if no PCR tells, or it is absurdly far from the clock.
  ts::ProgramTime at(ts::Timestamp stamp, ts::ProgramTime dated) {
    if (!pcr_) take(to_pcr(stamp), dated);
    const ts::Ticks27 ahead = distance(*pcr_, to_pcr(stamp));
    return abs(at_ + ahead - dated) > farthest ? dated : at_ + ahead;
  }

 private:
  static constexpr ts::Ticks27 largest_jitter = std::chrono::milliseconds{150};
  static constexpr int smoothing = 16;
  // HEVC may be sent up to 10 s before it is decoded (ISO/IEC 13818-1 2.17.2).
  static constexpr ts::Ticks27 farthest = std::chrono::seconds{12};

  static ts::Pcr to_pcr(ts::Timestamp stamp) { return ts::Pcr{ts::Ticks27{stamp.ticks() * 300}}; }

  std::optional<ts::Pcr> pcr_;
  ts::ProgramTime at_{};
};

}  // namespace tsmon
