// tscircrec: records a stream in a circle: the last hours of it, always.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "common/cli/app.hpp"
#include "common/cli/json.hpp"
#include "common/cli/log.hpp"
#include "common/cli/main.hpp"
#include "common/cli/signals.hpp"
#include "common/io/file_descriptor.hpp"
#include "common/ring/writer.hpp"
#include "tools/tscircrec/options.hpp"
#include "tools/tscircrec/recorder.hpp"
#include "tools/tscircrec/report.hpp"

namespace {

using tscircrec::Options;

void print(const std::string& text) {
  io::write_all(STDOUT_FILENO, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, "standard output");
}

cli::ExitStatus run(int argc, char** argv) {
  cli::App app{"tscircrec", "record a stream in a circle"};
  Options options;
  tscircrec::declare(app, options);
  if (const auto status = app.parse(argc, argv)) return *status;
  tscircrec::check(options);

  if (options.status) {
    const auto report = tscircrec::look_at(*options.status, std::chrono::system_clock::now());
    print(options.json ? cli::json_text(report.json()) : report.text());
    return cli::ExitStatus::done;
  }
  if (options.reindex) {
    const auto count =
        ring::reindex(*options.reindex, [](const std::string& text) { cli::write_log(cli::Priority::info, text); });
    print(fmt::format("{} indexes made\n", count));
    return cli::ExitStatus::done;
  }
  cli::Signals signals{options.input->is_socket() ? cli::Signals::Delivery::while_waiting
                                                  : cli::Signals::Delivery::anywhere};
  const auto reread = [&app] {
    auto again = cli::reread<Options>(app, tscircrec::declare);
    tscircrec::check(again);
    return again;
  };
  return tscircrec::Recorder{options, signals, app.metrics_file(), reread}.run();
}

}  // namespace

int main(int argc, char** argv) { return cli::run_main(argc, argv, run); }
