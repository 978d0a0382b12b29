// What the command line and the configuration file ask for.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/cli/app.hpp"
#include "common/io/endpoint.hpp"
#include "common/ts/time.hpp"
#include "tools/tsmux/input_spec.hpp"

namespace tsmux {

// Ids for private temporary use (TS 101 162, original_network_id and network_id: 0xff01 to 0xffff): who broadcasts has
// ids that DVB has assigned, and without them no other network's may be claimed.
inline constexpr std::uint16_t temporary_network_id = 0xFF01;

struct Options {
  std::vector<InputSpec> inputs;
  std::vector<ComponentSpec> components;
  io::Endpoint output;
  cli::BitRate rate;  // with vbr: the peak
  bool vbr = false;
  Latency latency{200};
  std::chrono::milliseconds pcr_interval{36};
  std::optional<std::chrono::nanoseconds> duration;  // of output
  bool realtime = false;

  std::uint16_t transport_stream_id = 1;
  std::uint16_t original_network_id = temporary_network_id;
  std::uint16_t network_id = temporary_network_id;
  std::string network_name = "tsmux";
  std::string delivery;  // empty: none is described
  bool cat = false;
  std::filesystem::path xmltv;     // empty: none
  std::filesystem::path remember;  // empty: identifiers are kept for the run only

  bool no_time = false;
  std::string time_zone;  // empty: the system's
  std::string country;    // ISO 3166, three letters; empty: the time zone's
  std::optional<cli::TimeExpression> start;

  // Set by complete().
  std::vector<Reception> receptions;
  std::optional<ts::WallTime> start_time;  // none: when it starts
};

void declare(cli::App& app, Options& options);
// Whether an input is, and whether the multiplex goes in real time: for that or a socket output. After complete().
bool has_live_input(const Options& options);
bool is_live(const Options& options);
// What one option alone does not tell: throws cli::UsageError. Gives inputs and components their receptions.
void complete(Options& options);

}  // namespace tsmux
