#include "tools/tsmon/limits.hpp"

namespace tsmon {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

}  // namespace

ts::Ticks27 ticks(nanoseconds time) {
  return ts::Ticks27{time.count() / 1'000'000'000 * 27'000'000 + time.count() % 1'000'000'000 * 27 / 1000};
}

Limits limits(Profile profile, const LimitOptions& options) {
  const bool strict = profile == Profile::strict;
  const auto choose = [](const LimitOptions::Time& given, nanoseconds otherwise) {
    return ticks(given.value_or(otherwise));
  };
  // TR 101 290 5.2.1 to 5.2.3; strict: TS 101 154 4.1.7 (PAT and PMT 100 ms, PCR 40 ms).
  return {
      .pat = choose(options.pat, milliseconds{strict ? 100 : 500}),
      .pmt = choose(options.pmt, milliseconds{strict ? 100 : 500}),
      .pid = choose(options.pid, seconds{strict ? 1 : 5}),
      .pcr_repetition = choose(options.pcr_repetition, milliseconds{strict ? 40 : 100}),
      .pcr_step = choose(options.pcr_step, milliseconds{100}),
      .pcr_accuracy = choose(options.pcr_accuracy, nanoseconds{500}),
      .pts = choose(options.pts, milliseconds{700}),
      .nit = choose(options.nit, seconds{10}),
      .sdt = choose(options.sdt, seconds{2}),
      .eit = choose(options.eit, seconds{2}),
      .si_other = choose(options.si_other, seconds{10}),
      .eit_schedule = choose(options.eit_schedule, seconds{10}),
      .tdt = choose(options.tdt, seconds{30}),
      .section_gap = choose(options.section_gap, milliseconds{25}),
      .unreferenced = choose(options.unreferenced, milliseconds{500}),
      .stall = choose(options.stall, seconds{2}),
      .hold = choose(options.hold, seconds{5}),
  };
}

IndicatorSet watched(Profile profile) {
  IndicatorSet set;
  set.set();
  if (profile == Profile::mpeg) set &= ~parse_indicators("3.1,3.2,3.5,3.6,3.7,3.8");
  return set;
}

}  // namespace tsmon
