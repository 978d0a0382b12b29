#include "tools/tscut/options.hpp"

#include <stdexcept>

#include "common/io/endpoint.hpp"

namespace tscut {

std::optional<psi::ServiceId> Options::service_id() const {
  return service ? std::optional{psi::ServiceId{*service}} : std::nullopt;
}

std::vector<std::string> Options::sources() const {
  return list ? operands : std::vector<std::string>(operands.begin(), operands.end() - 1);
}

void declare(cli::App& app, Options& options) {
  app.synopsis("--from TIME (--to TIME | --duration DURATION) [--rebase] [--service SID] SOURCE... OUTPUT");
  app.synopsis("--list [--json] SOURCE...");
  app.positional("FILE", options.operands, "SOURCE: a recording's directory, files, or an endpoint; then OUTPUT")
      .required();
  app.add("--from", options.from, "TIME", "where to begin: a date, now-2h, start+10m, end-5m, or 10m from the start");
  app.add("--to", options.to, "TIME", "where to end; in the future, wait for it").excludes("--duration");
  app.add("--duration", options.duration, "DURATION", "how much from --from on");
  app.choice<Preference>("--start", options.start, {{"previous", Preference::previous}, {"next", Preference::next}},
                         "the random access point to begin at, seen from --from");
  app.add("--service", options.service, "SID", "only this service of a multiplex");
  app.flag("--rebase", options.rebase, "make the time line start at 0");
  app.flag("--force", options.force, "replace OUTPUT if it exists");
  app.flag("--list", options.list, "print what there is to cut");
  app.flag("--json", options.json, "with --list: as JSON").needs("--list");
}

void check(const Options& options) {
  for (const auto& operand : options.operands) {
    try {
      io::Endpoint::parse(operand);
    } catch (const std::invalid_argument& error) {
      throw cli::UsageError(error.what());
    }
  }
  if (options.list) {
    if (options.from || options.to || options.duration) throw cli::UsageError("--list takes no range");
    return;
  }
  if (!options.from) throw cli::UsageError("--from is missing: where does the cut begin?");
  if (!options.to && !options.duration) throw cli::UsageError("--to or --duration is missing: where does the cut end?");
  if (options.duration && options.duration->count() == 0)
    throw cli::UsageError("--duration 0: there is nothing to cut");
  if (options.operands.size() < 2) throw cli::UsageError("an OUTPUT is missing after " + options.operands.front());
  if (io::Endpoint::parse(options.output()).is_socket()) {
    throw cli::UsageError(options.output() + ": a cut is written to a file or a pipe; tsplayout sends it to a socket");
  }
}

}  // namespace tscut
