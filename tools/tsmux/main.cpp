// tsmux: services into a multiplex of constant rate with an exact clock.
#include "common/cli/main.hpp"
#include "common/cli/app.hpp"
#include "common/cli/signals.hpp"
#include "common/io/sink.hpp"
#include "tools/tsmux/options.hpp"
#include "tools/tsmux/session.hpp"

namespace {

using tsmux::Options;

cli::ExitStatus run(int argc, char** argv) {
  cli::App app{"tsmux", "services into a multiplex with an exact clock"};
  Options options;
  tsmux::declare(app, options);
  if (const auto status = app.parse(argc, argv)) return *status;
  tsmux::complete(options);

  cli::Signals signals{tsmux::is_live(options) ? cli::Signals::Delivery::while_waiting
                                               : cli::Signals::Delivery::anywhere};
  const auto reread = [&app] {
    auto again = cli::reread<Options>(app, tsmux::declare);
    tsmux::complete(again);
    return again;
  };
  try {
    return tsmux::Session{options, signals, app.metrics_file(), reread}.run();
  } catch (const io::BrokenPipe&) {
    return cli::ExitStatus::failed;
  }
}

}  // namespace

int main(int argc, char** argv) { return cli::run_main(argc, argv, run); }
