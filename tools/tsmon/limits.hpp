// When a fault is one: TR 101 290's values, other profiles', and the user's own.
#pragma once

#include <chrono>
#include <optional>

#include "common/ts/time.hpp"
#include "tools/tsmon/indicator.hpp"

namespace tsmon {

enum class Profile {
  dvb,     // TR 101 290 V1.4.1 as it stands
  mpeg,    // without what only DVB asks for (3.1, 3.2, 3.5 to 3.8)
  strict,  // the limits that a multiplexer keeps: TS 101 154's 40 ms for PCRs, 100 ms for PAT and PMT
};

struct Limits {
  ts::Ticks27 pat, pmt;        // longest absence
  ts::Ticks27 pid;             // of a referenced video, audio or PCR PID
  ts::Ticks27 pcr_repetition;  // 2.3.a
  ts::Ticks27 pcr_step;        // 2.3.b
  ts::Ticks27 pcr_accuracy;    // 2.4, either way
  ts::Ticks27 pts;             // 2.5
  ts::Ticks27 nit, sdt, eit;   // of the actual multiplex
  ts::Ticks27 si_other;        // NIT, SDT and EIT p/f of others; BAT
  ts::Ticks27 eit_schedule;    // of the first eight days; later days may take three times as long
  ts::Ticks27 tdt;
  ts::Ticks27 section_gap;   // least time between two sections of a table
  ts::Ticks27 unreferenced;  // 3.4: a PID may be unknown so long
  ts::Ticks27 stall;         // an elementary stream without new access units
  ts::Ticks27 hold;          // an alarm ends when its fault was not seen for so long
};

// What the command line may set; each replaces the profile's.
struct LimitOptions {
  using Time = std::optional<std::chrono::nanoseconds>;
  Time pat, pmt, pid, pcr_repetition, pcr_step, pcr_accuracy, pts, nit, sdt, eit, si_other, eit_schedule, tdt,
      section_gap, unreferenced, stall, hold;
};

// Rounded down, without overflow for as long as 10 000 years.
ts::Ticks27 ticks(std::chrono::nanoseconds time);

Limits limits(Profile profile, const LimitOptions& options = {});
// What the profile watches.
IndicatorSet watched(Profile profile);

}  // namespace tsmon
