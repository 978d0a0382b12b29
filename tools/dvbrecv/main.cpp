// dvbrecv: receives a multiplex and sends each service where it is wanted.
#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "common/cli/app.hpp"
#include "common/cli/json.hpp"
#include "common/cli/main.hpp"
#include "common/cli/signals.hpp"
#include "common/cli/values.hpp"
#include "common/io/file_descriptor.hpp"
#include "common/io/source.hpp"
#include "common/ts/time.hpp"
#include "tools/dvbrecv/options.hpp"
#include "tools/dvbrecv/receiver.hpp"
#include "tools/dvbrecv/service_list.hpp"

namespace {

using dvbrecv::Options;

// A live input that says nothing for so long has nothing to list.
constexpr std::chrono::seconds patience{10};

std::string nothing_found(const io::Endpoint& multiplex, const io::Source& source, ts::SteadyTime start) {
  std::string text = multiplex.text + ": no transport stream packets";
  if (source.ended()) return text;
  text += " in " + cli::human_duration(std::chrono::steady_clock::now() - start);
  const std::string trouble = source.trouble();
  return trouble.empty() ? text : text + ", " + trouble;
}

cli::ExitStatus list_services(const Options& options, const cli::Signals& signals) {
  const auto source = io::open_source(*options.list, {.wait_mask = &signals.wait_mask()});
  dvbrecv::ServiceList list;
  const auto start = std::chrono::steady_clock::now();
  // A pipe without PCRs would never have been looked at for long enough.
  auto end = start + patience;
  while (!signals.stop() && !source->ended()) {
    const auto chunks = source->read(std::chrono::milliseconds{100});
    const auto now = std::chrono::steady_clock::now();
    if (source->is_live() && !chunks.empty() && list.packets() == 0) end = now + options.list_time;
    for (const auto& chunk : chunks) list.feed(chunk);
    if (now >= end || (!source->is_live() && list.duration() >= options.list_time)) break;
  }
  if (list.packets() == 0) throw std::runtime_error(nothing_found(*options.list, *source, start));
  if (!list.has_pat()) {
    throw std::runtime_error(fmt::format("{}: no PAT in {} packets", options.list->text, list.packets()));
  }
  const std::string report = options.json ? cli::json_text(list.json()) : list.text();
  io::write_all(STDOUT_FILENO, {reinterpret_cast<const std::uint8_t*>(report.data()), report.size()},
                "standard output");
  return cli::ExitStatus::done;
}

cli::ExitStatus run(int argc, char** argv) {
  cli::App app{"dvbrecv", "receive a multiplex and send each service where it is wanted"};
  Options options;
  dvbrecv::declare(app, options);
  if (const auto status = app.parse(argc, argv)) return *status;
  dvbrecv::complete(options);

  const bool live = (options.list ? *options.list : options.input).is_socket();
  cli::Signals signals{live ? cli::Signals::Delivery::while_waiting : cli::Signals::Delivery::anywhere};
  if (options.list) return list_services(options, signals);
  const auto reread = [&app] {
    auto again = cli::reread<Options>(app, dvbrecv::declare);
    dvbrecv::complete(again);
    return again;
  };
  return dvbrecv::Receiver{options, signals, app.metrics_file(), reread}.run();
}

}  // namespace

int main(int argc, char** argv) { return cli::run_main(argc, argv, run); }
