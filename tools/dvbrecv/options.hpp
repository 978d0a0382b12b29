// What the command line and the configuration file ask for.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "common/cli/app.hpp"
#include "common/io/endpoint.hpp"
#include "tools/dvbrecv/output_spec.hpp"

namespace dvbrecv {

struct Options {
  io::Endpoint input;
  std::vector<OutputSpec> outputs;
  EitMode eit = EitMode::present_following;
  std::chrono::milliseconds latency{200};
  bool realtime = false;

  std::optional<io::Endpoint> list;
  std::chrono::milliseconds list_time{3000};
  bool json = false;
};

void declare(cli::App& app, Options& options);
// What one option alone does not tell: throws cli::UsageError. Gives every output an EIT mode.
void complete(Options& options);

}  // namespace dvbrecv
