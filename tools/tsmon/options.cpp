#include "tools/tsmon/options.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "common/io/file_identity.hpp"

namespace tsmon {
namespace {

struct LimitName {
  const char* option;
  LimitOptions::Time LimitOptions::*value;
  const char* help;
};
constexpr std::array limit_names{
    LimitName{"--max-pat", &LimitOptions::pat, "1.3: longest time without a PAT"},
    LimitName{"--max-pmt", &LimitOptions::pmt, "1.5: longest time without a PMT"},
    LimitName{"--max-pid", &LimitOptions::pid, "1.6: longest absence of a referenced PID"},
    LimitName{"--max-pcr", &LimitOptions::pcr_repetition, "2.3.a: longest time between PCRs"},
    LimitName{"--max-pcr-step", &LimitOptions::pcr_step, "2.3.b: largest step of a PCR"},
    LimitName{"--max-pcr-accuracy", &LimitOptions::pcr_accuracy, "2.4: largest error of a PCR, either way"},
    LimitName{"--max-pts", &LimitOptions::pts, "2.5: longest time between PTSs"},
    LimitName{"--max-nit", &LimitOptions::nit, "3.1.a: longest time without the NIT"},
    LimitName{"--max-sdt", &LimitOptions::sdt, "3.5.a: longest time without the SDT"},
    LimitName{"--max-eit", &LimitOptions::eit, "3.6.a: longest time without EIT present/following"},
    LimitName{"--max-si-other", &LimitOptions::si_other, "3.1.b, 3.2, 3.5.b, 3.6.b: the same of other tables"},
    LimitName{"--max-eit-schedule", &LimitOptions::eit_schedule, "3.2: of the next eight days' EIT; later days thrice"},
    LimitName{"--max-tdt", &LimitOptions::tdt, "3.8: longest time without a TDT"},
    LimitName{"--min-section-gap", &LimitOptions::section_gap, "least time between two sections of a table"},
    LimitName{"--max-unreferenced", &LimitOptions::unreferenced, "3.4: how long a PID may be unknown"},
    LimitName{"--max-stall", &LimitOptions::stall, "longest time without a new picture or frame of sound"},
    LimitName{"--hold", &LimitOptions::hold, "an alarm ends when its fault was away for so long"},
};

// Where the report goes, if that is a file.
std::optional<io::FileIdentity> report_identity(const Options& options) {
  if (options.check) return std::nullopt;
  io::Endpoint place;
  if (!options.report.empty() && options.report != "-") {
    place.kind = io::Endpoint::Kind::path;
    place.path = options.report.string();
  }
  return io::file_identity(place, options.pass && options.report.empty() ? STDERR_FILENO : STDOUT_FILENO);
}

// Opening an output would empty the file that is read, or it would grow as it is read; the stream and the report would
// write over one another.
void check_places(const Options& options) {
  const auto input = io::file_identity(options.input, STDIN_FILENO);
  const auto output = options.pass ? io::file_identity(options.output, STDOUT_FILENO) : std::nullopt;
  const auto report = report_identity(options);
  if (input && input == output) throw cli::UsageError(options.input.text + ": is the output too");
  if (input && input == report) throw cli::UsageError(options.input.text + ": is where the report goes too");
  if (output && output == report) throw cli::UsageError(options.output.text + ": is where the report goes too");
  if (options.pass && options.report == "-" && options.output.kind == io::Endpoint::Kind::standard_stream) {
    throw cli::UsageError("--report -: standard output has the stream");
  }
}

// What is asked for by name, and would never be measured, would be found good.
void check_decoding(const Options& options) {
  if (!options.only || options.decode || !options.thumbnail.empty()) return;
  for (const auto indicator : {Indicator::black, Indicator::freeze, Indicator::silence, Indicator::decode_error}) {
    const IndicatorInfo& what = info(indicator);
    if (options.only->set.test(static_cast<std::size_t>(indicator))) {
      throw cli::UsageError(fmt::format("--only {}: needs --decode", what.code));
    }
  }
}

}  // namespace

void declare(cli::App& app, Options& options) {
  app.synopsis("[OPTIONS] [INPUT]");
  app.synopsis("--pass [OPTIONS] [INPUT [OUTPUT]]");
  app.synopsis("--check [OPTIONS] FILE");
  app.positional("INPUT", options.input, "what to watch: an endpoint").completes(cli::ValueKind::endpoint);
  app.positional("OUTPUT", options.output, "with --pass, where the input goes on to")
      .completes(cli::ValueKind::endpoint);
  app.flag("-p,--pass", options.pass, "write the input on to OUTPUT");
  app.flag("-c,--check", options.check, "say nothing: exit status 0 if the input is clean, 3 if not")
      .excludes("--pass");
  app.flag("-j,--json", options.json, "print events and the report as JSON, one object a line").excludes("--check");
  app.add("-r,--report", options.report, "FILE", "write reports and JSON there; - is standard output")
      .excludes("--check");
  app.add("-d,--duration", options.duration, "TIME", "end after so long; of a file, so much of the stream");
  app.add("-i,--interval", options.interval, "TIME", "how often the table on a terminal is written again");
  app.add("--on-alarm", options.on_alarm, "COMMAND", "run this when an alarm starts and when it ends");
  app.group("WHAT IS WATCHED");
  app.choice("--profile", options.profile,
             {{"dvb", Profile::dvb}, {"mpeg", Profile::mpeg}, {"strict", Profile::strict}},
             "whose indicators and limits");
  app.add("--only", options.only, "LIST", "only these indicators: \"1.4,2.4\", \"1\", \"stalled\"");
  app.add("--ignore", options.ignore, "LIST", "not these indicators");
  app.add("--private-pid", options.private_pids, "PID", "a PID that no table names, and that is right");
  app.choice("--clock", options.clock, {{"pcr", Monitor::Clock::pcr}, {"arrival", Monitor::Clock::arrival}},
             "what times are measured by");
  app.group("DECODING");
  app.choice("--decode", options.decode,
             {{"all", DecodeOptions::Pictures::all}, {"keyframes", DecodeOptions::Pictures::keyframes}},
             "find black, frozen and silent services, and loudness; all if no word is given")
      .implies("all");
  app.add("--black", options.black, "TIME", "how long a picture must be black").needs("--decode");
  app.add("--freeze", options.freeze, "TIME", "how long a picture must stand still").needs("--decode");
  app.add("--silence", options.silence, "TIME", "how long sound must be silent").needs("--decode");
  app.flag("--true-peak", options.true_peak, "measure the true peak of sound too").needs("--decode");
  app.add("--thumbnail", options.thumbnail, "FILE",
          "keep a small JPEG in FILE; of several services, x-0x0101.jpg for x.jpg");
  app.add("--thumbnail-interval", options.thumbnail_interval, "TIME", "how often it is made anew").needs("--thumbnail");
  app.add("--thumbnail-width", options.thumbnail_width, "N", "its width in pixels, 16 to 1920").needs("--thumbnail");
  app.group("LIMITS, IN PLACE OF THE PROFILE'S");
  for (const LimitName& name : limit_names) app.add(name.option, options.limits.*name.value, "TIME", name.help);
}

void check(const Options& options) {
  if (!options.pass && options.output.kind != io::Endpoint::Kind::standard_stream) {
    throw cli::UsageError(options.output.text + ": OUTPUT is of use only with --pass");
  }
  if (options.clock == Monitor::Clock::arrival && !options.input.is_socket()) {
    throw cli::UsageError("--clock arrival: only a network input has times of arrival");
  }
  if (options.interval < std::chrono::milliseconds{100}) throw cli::UsageError("--interval is at least 100 ms");
  if (options.thumbnail_width < 16 || options.thumbnail_width > 1920) {
    throw cli::UsageError("--thumbnail-width is from 16 to 1920");
  }
  check_decoding(options);
  check_places(options);
}

Monitor::Options Options::monitor(bool live) const {
  Monitor::Options result;
  result.live = live;
  result.clock = clock.value_or(Monitor::Clock::pcr);
  result.watched = only ? only->set : watched(profile);
  if (ignore) result.watched &= ~ignore->set;
  result.limits = tsmon::limits(profile, limits);
  result.private_pids = private_pids;
  if (decode || !thumbnail.empty()) {
    DecodeOptions& decoding = result.decode.emplace();
    // A thumbnail alone needs no more.
    decoding.pictures = decode.value_or(DecodeOptions::Pictures::keyframes);
    decoding.live = live;
    decoding.black = ticks(black);
    decoding.freeze = ticks(freeze);
    decoding.silence = ticks(silence);
    decoding.true_peak = true_peak;
    if (!thumbnail.empty()) {
      decoding.thumbnail = Thumbnail::Options{thumbnail.string(), ticks(thumbnail_interval), thumbnail_width};
    }
  }
  return result;
}

}  // namespace tsmon
