#include "tools/tscircrec/options.hpp"

namespace tscircrec {
namespace {

// Less is a slip: it would delete all that is there.
constexpr std::uint64_t least_size = 1'000'000;

}  // namespace

ring::WriterLimits Options::limits() const {
  ring::WriterLimits limits;
  limits.keep = keep;
  if (max_size) limits.size = max_size->bytes;
  return limits;
}

void declare(cli::App& app, Options& options) {
  app.synopsis("--keep TIME [--max-size SIZE] [OPTIONS] INPUT DIRECTORY");
  app.synopsis("--status DIRECTORY [--json]");
  app.synopsis("--reindex DIRECTORY");
  app.positional("INPUT", options.input, "what to record: an endpoint").completes(cli::ValueKind::endpoint);
  app.positional("DIRECTORY", options.directory, "where to").completes(cli::ValueKind::directory);
  app.add("-k,--keep", options.keep, "TIME", "delete segments that ended longer ago than this");
  app.add("--max-size", options.max_size, "SIZE", "delete the oldest segments when all together are larger");
  app.add("--segment", options.segment, "TIME", "how much goes into one file");
  app.add("--sync", options.sync, "TIME", "write what was received at least this often");
  app.add("--buffer", options.buffer, "TIME", "hold this much while the disk is too slow");
  app.add("--gap", options.gap, "TIME", "a silence of the input longer than this is a gap");
  app.group("INSTEAD OF RECORDING");
  app.add("--status", options.status, "DIRECTORY", "print what is recorded there").excludes("--reindex");
  app.flag("--json", options.json, "print JSON").needs("--status");
  app.add("--reindex", options.reindex, "DIRECTORY", "make the indexes that are missing or damaged");
}

void check(const Options& options) {
  const bool records = !options.status && !options.reindex;
  if (!records) {
    if (options.input) throw cli::UsageError("an input is of no use with --status and --reindex");
    return;
  }
  if (!options.input || !options.directory) throw cli::UsageError("both INPUT and DIRECTORY are needed");
  if (!options.keep && !options.max_size) throw cli::UsageError("give --keep, --max-size, or both");
  const auto at_least = [](const char* name, std::chrono::nanoseconds value, std::chrono::nanoseconds least) {
    if (value < least) throw cli::UsageError(std::string{name} + " is at least " + cli::to_text(least));
  };
  if (options.keep) at_least("--keep", *options.keep, std::chrono::seconds{1});
  if (options.max_size && options.max_size->bytes < least_size) throw cli::UsageError("--max-size is at least 1 MB");
  at_least("--segment", options.segment, std::chrono::seconds{1});
  at_least("--sync", options.sync, std::chrono::milliseconds{100});
  at_least("--buffer", options.buffer, std::chrono::seconds{1});
  at_least("--gap", options.gap, std::chrono::milliseconds{100});
}

}  // namespace tscircrec
