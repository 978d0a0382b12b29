#include "tools/dvbrecv/options.hpp"

#include <unistd.h>

#include <stdexcept>

#include "common/io/file_identity.hpp"

namespace dvbrecv {
namespace {

void check_list(const Options& options) {
  if (options.list_time <= options.list_time.zero())
    throw cli::UsageError("--list-time 0: there is nothing to look at");
  const auto multiplex = io::file_identity(*options.list, STDIN_FILENO);
  if (multiplex && multiplex == io::file_identity(io::Endpoint::parse("-"), STDOUT_FILENO)) {
    throw cli::UsageError(options.list->text + ": is the output too");
  }
}

}  // namespace

void declare(cli::App& app, Options& options) {
  app.synopsis("--input ENDPOINT --service SID=ENDPOINT[,KEY=VALUE]...");
  app.synopsis("--list ENDPOINT [--json] [--list-time TIME]");
  app.add("-i,--input", options.input, "ENDPOINT", "the multiplex (default: standard input)");
  app.add("-s,--service", options.outputs, "SID=ENDPOINT",
          "send this service there; *=ENDPOINT the whole multiplex. Keys: pids, newsid, pid-map, eit, ca");
  app.choice("--eit", options.eit, psi::eit_modes,
             "event information that outputs carry: none, present and following, or the schedule too");
  app.add("--latency", options.latency, "TIME", "from arrival to sending; covers the jitter of a live input");
  app.flag("--rt", options.realtime, "send from a thread with real-time priority");
  app.group("LIST");
  app.add("-l,--list", options.list, "ENDPOINT", "print the services of this multiplex")
      .excludes("--service")
      .excludes("--input");
  app.add("--list-time", options.list_time, "TIME", "how much of it to look at").needs("--list");
  app.flag("--json", options.json, "print JSON").needs("--list");
}

void complete(Options& options) {
  if (options.list) return check_list(options);
  if (options.outputs.empty()) throw cli::UsageError("no output: give --service SID=ENDPOINT, or --list ENDPOINT");
  try {
    check_places(options.input, options.outputs);
  } catch (const std::invalid_argument& e) {
    throw cli::UsageError(e.what());
  }
  for (auto& output : options.outputs) {
    if (!output.eit) output.eit = options.eit;
  }
}

}  // namespace dvbrecv
