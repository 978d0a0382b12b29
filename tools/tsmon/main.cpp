// tsmon: watches a transport stream, by all indicators of TR 101 290.
#include "common/cli/main.hpp"
#include "common/cli/app.hpp"
#include "common/cli/signals.hpp"
#include "common/io/sink.hpp"
#include "tools/tsmon/options.hpp"
#include "tools/tsmon/session.hpp"

namespace {

using tsmon::Options;

cli::ExitStatus run(int argc, char** argv) {
  cli::App app{"tsmon", "watch a transport stream"};
  Options options;
  tsmon::declare(app, options);
  if (const auto status = app.parse(argc, argv)) return *status;
  tsmon::check(options);

  cli::Signals signals{options.input.is_socket() ? cli::Signals::Delivery::while_waiting
                                                 : cli::Signals::Delivery::anywhere};
  const auto reread = [&app] {
    auto again = cli::reread<Options>(app, tsmon::declare);
    tsmon::check(again);
    return again;
  };
  try {
    return tsmon::Session{options, signals, app.metrics_file(), reread}.run();
  } catch (const io::BrokenPipe&) {
    return cli::ExitStatus::failed;  // without a word: the reader has had enough
  }
}

}  // namespace

int main(int argc, char** argv) { return cli::run_main(argc, argv, run); }
