// The command line of tscut.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "common/cli/app.hpp"
#include "common/psi/tables.hpp"
#include "tools/tscut/moment.hpp"
#include "tools/tscut/start.hpp"

namespace tscut {

struct Options {
  std::optional<Moment> from, to;
  std::optional<std::chrono::nanoseconds> duration;
  Preference start = Preference::previous;
  std::optional<std::uint16_t> service;
  bool rebase = false;
  bool force = false;
  bool list = false;
  bool json = false;
  std::vector<std::string> operands;

  std::optional<psi::ServiceId> service_id() const;
  std::vector<std::string> sources() const;
  std::string output() const { return operands.back(); }
};

void declare(cli::App& app, Options& options);
// Throws cli::UsageError for what does not go together.
void check(const Options& options);

}  // namespace tscut
