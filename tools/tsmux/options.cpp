#include "tools/tsmux/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <stdexcept>

#include "common/io/places.hpp"
#include "tools/tsmux/delivery_system.hpp"
#include "tools/tsmux/local_time.hpp"

namespace tsmux {
namespace {

using namespace std::chrono_literals;

// PAT, SDT and NIT with the PMT of one service take some 30 kb/s, a PCR every 40 ms another 38.
constexpr cli::BitRate lowest_rate{100'000}, highest_rate{1'000'000'000};
constexpr std::chrono::milliseconds shortest_pcr_interval{10}, longest_pcr_interval{100};
constexpr std::size_t longest_network_name = 120;

void check_rate(const Options& options) {
  if (options.rate < lowest_rate) {
    throw cli::UsageError(
        fmt::format("--bitrate {}: too low: the tables and PCRs of one service want more, so it takes {} at least",
                    cli::to_text(options.rate), cli::to_text(lowest_rate)));
  }
  if (options.rate > highest_rate) {
    throw cli::UsageError(
        fmt::format("--bitrate {}: {} at most", cli::to_text(options.rate), cli::to_text(highest_rate)));
  }
  if (options.vbr && (options.inputs.size() > 1 || options.inputs.front().all_services)) {
    throw cli::UsageError("--vbr is for a single service: give one --input, without service=all");
  }
}

void check_times(const Options& options) {
  if (options.pcr_interval < shortest_pcr_interval || options.pcr_interval > longest_pcr_interval) {
    throw cli::UsageError(fmt::format("--pcr-interval {}: {} to {} are possible", cli::to_text(options.pcr_interval),
                                      cli::to_text(shortest_pcr_interval), cli::to_text(longest_pcr_interval)));
  }
  if (options.duration && options.duration->count() == 0) {
    throw cli::UsageError("--duration 0: there is nothing to send");
  }
  if (!options.start) return;
  const auto live = std::ranges::find(options.receptions, true, &Reception::live);
  if (live != options.receptions.end()) {
    throw cli::UsageError(fmt::format("--start: the input {} is live, so the multiplex begins now", live->name));
  }
}

void check_tables(const Options& options) {
  const bool is_code = options.country.size() == 3 &&
                       std::ranges::all_of(options.country, [](unsigned char c) { return std::isupper(c) != 0; });
  if (!options.country.empty() && !is_code) {
    throw cli::UsageError(fmt::format("--country {}: three capital letters are wanted, as in FRA", options.country));
  }
  try {
    const TimeZone zone = options.time_zone.empty() ? TimeZone::system() : TimeZone{options.time_zone};
    if (!options.time_zone.empty() && options.country.empty() && !zone.country()) {
      throw cli::UsageError(
          fmt::format("--time-zone {}: is no single country's: give --country CCC too", options.time_zone));
    }
  } catch (const std::invalid_argument& e) {
    throw cli::UsageError(fmt::format("--time-zone {}", e.what()));
  }
  if (options.network_name.size() > longest_network_name) {
    throw cli::UsageError(fmt::format("--network-name: has more than {} bytes", longest_network_name));
  }
  try {
    if (!options.delivery.empty()) parse_delivery_system(options.delivery);
  } catch (const std::invalid_argument& e) {
    throw cli::UsageError(fmt::format("--delivery {}", e.what()));
  }
  const auto wanting = std::ranges::find_if(options.inputs, [](const auto& input) { return !input.xmltv.empty(); });
  const bool wanted = wanting != options.inputs.end();
  if (wanted && options.xmltv.empty()) {
    throw cli::UsageError(
        fmt::format("{}: xmltv={}: the file is missing: give --xmltv FILE", wanting->subject(), wanting->xmltv));
  }
  if (!wanted && !options.xmltv.empty()) {
    throw cli::UsageError("--xmltv: no input says which channel it is: give --input ENDPOINT,xmltv=CHANNEL");
  }
}

// Reading or writing one of these where another is would spoil it.
void check_files(const Options& options) {
  std::vector<io::NamedEndpoint> inputs, outputs;
  for (const auto& reception : options.receptions) inputs.push_back({reception.endpoint, reception.name});
  outputs.push_back({options.output, options.output.text});
  const auto file = [](const std::filesystem::path& path) {
    io::NamedEndpoint named{.endpoint = {}, .name = path.string()};
    named.endpoint.kind = io::Endpoint::Kind::path;
    named.endpoint.path = path.string();
    return named;
  };
  if (!options.xmltv.empty()) inputs.push_back(file(options.xmltv));
  if (!options.remember.empty()) outputs.push_back(file(options.remember));
  io::check_places(inputs, outputs);
}

}  // namespace

bool has_live_input(const Options& options) { return std::ranges::any_of(options.receptions, &Reception::live); }

bool is_live(const Options& options) { return options.output.is_socket() || has_live_input(options); }

void declare(cli::App& app, Options& options) {
  app.synopsis("--bitrate RATE --input ENDPOINT[,KEY=VALUE]... [OUTPUT]");
  app.positional("OUTPUT", options.output, "where the multiplex goes (default: standard output)");
  app.group("MULTIPLEX");
  app.add("-b,--bitrate", options.rate, "RATE", "rate of the multiplex; with --vbr the highest").required();
  app.add("-i,--input", options.inputs, "ENDPOINT",
          "a service to send. Keys: service, newsid, name, provider, type, lcn, drop, pid-map, pmt-pid, eit, xmltv, "
          "priority, on-loss, live, loop, latency");
  app.add("--component", options.components, "ENDPOINT",
          "a component for a service, from elsewhere. Keys: pid, to, service, pid-map, live, loop, latency");
  app.flag("--vbr", options.vbr, "a single service without null packets");
  app.add("--latency", options.latency, "TIME", "jitter buffer of inputs that do not say");
  app.add("--pcr-interval", options.pcr_interval, "TIME", "longest time between two PCRs of a service");
  app.add("--duration", options.duration, "TIME", "end after so much output");
  app.flag("--rt", options.realtime, "send from a thread with real-time priority");
  app.group("TABLES");
  app.add("--tsid", options.transport_stream_id, "N", "transport_stream_id");
  app.add("--onid", options.original_network_id, "N", "original_network_id");
  app.add("--network-id", options.network_id, "N", "network_id of the NIT");
  app.add("--network-name", options.network_name, "TEXT", "network name of the NIT");
  app.add("--delivery", options.delivery, "SPEC", "delivery system descriptor of the NIT");
  app.flag("--cat", options.cat, "send a CAT with what those of the inputs name, and the EMMs");
  app.add("--xmltv", options.xmltv, "FILE", "events of services that have no EIT");
  app.add("--remember", options.remember, "FILE", "keep the ids and PIDs given there, for the next start");
  app.group("TIME");
  app.flag("--no-time", options.no_time, "send neither TDT nor TOT");
  app.add("--time-zone", options.time_zone, "ZONE", "time zone of the TOT, as Europe/Paris (default: the system's)")
      .excludes("--no-time");
  app.add("--country", options.country, "CCC", "its country: FRA (default: the time zone's)").excludes("--no-time");
  app.add("--start", options.start, "DATE", "when a multiplex of files begins by its own clock (default: now)");
}

void complete(Options& options) {
  if (options.inputs.empty()) throw cli::UsageError("no input: give --input ENDPOINT");
  try {
    check_latency(options.latency);
  } catch (const std::invalid_argument& e) {
    throw cli::UsageError(fmt::format("--latency {}", e.what()));
  }
  check_rate(options);
  try {
    options.receptions = join(options.inputs, options.components, options.latency);
    if (options.start) {
      const ts::WallTime now = std::chrono::system_clock::now();
      options.start_time = cli::resolve(*options.start, {.now = now, .start = {}, .end = {}, .after = {}});
    }
    check_files(options);
  } catch (const std::invalid_argument& e) {
    throw cli::UsageError(e.what());
  }
  check_times(options);
  check_tables(options);
}

}  // namespace tsmux
