// What the command line of tscircrec says.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include "common/cli/app.hpp"
#include "common/cli/values.hpp"
#include "common/io/endpoint.hpp"
#include "common/ring/writer.hpp"

namespace tscircrec {

struct Options {
  std::optional<io::Endpoint> input;
  std::optional<std::filesystem::path> directory;
  std::optional<std::chrono::nanoseconds> keep;
  std::optional<cli::ByteSize> max_size;
  std::chrono::nanoseconds segment = std::chrono::minutes{5};
  std::chrono::nanoseconds sync = std::chrono::seconds{1};
  std::chrono::nanoseconds buffer = std::chrono::seconds{10};
  std::chrono::nanoseconds gap = std::chrono::seconds{2};
  std::optional<std::filesystem::path> status, reindex;
  bool json = false;

  ring::WriterLimits limits() const;
};

void declare(cli::App& app, Options& options);
// Refuses what does not go together. Throws cli::UsageError.
void check(const Options& options);

}  // namespace tscircrec
