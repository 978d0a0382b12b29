#include "tools/tscut/summary.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "common/cli/log.hpp"
#include "common/cli/values.hpp"
#include "common/ts/packet.hpp"

namespace tscut {
namespace {

// More than a person reads; --list --json has them all.
constexpr std::size_t most_lines = 50;

std::string describe(const Missing& part, const PointText& text) {
  const std::string packets = part.packets > 0 ? fmt::format(", {} packets", part.packets) : "";
  if (part.from == part.to) return fmt::format("missing at {}: {}{}", text(part.from), part.cause, packets);
  return fmt::format("missing from {} to {} ({}): {}{}", text(part.from), text(part.to),
                     cli::human_duration(part.to - part.from), part.cause, packets);
}

}  // namespace

std::string cause_text(ring::GapRecord::Cause cause) {
  using Cause = ring::GapRecord::Cause;
  switch (cause) {
    case Cause::input:
      return "the recorder received nothing";
    case Cause::lost:
      return "lost before it was recorded";
    case Cause::socket:
      return "the recorder was too slow: its socket overflowed";
    case Cause::overflow:
      return "the recorder's disk was too slow";
    case Cause::disk:
      return "the recorder's disk was full or failed, or a segment was removed";
    case Cause::restart:
      return "the recorder was not running";
    case Cause::damaged:
      return "bytes that are no packets";
  }
  return ring::to_string(cause);
}

void Summary::add_loss(ts::WallTime date, const std::string& cause, std::uint64_t packets) {
  if (!missing.empty() && missing.back().cause == cause && date - missing.back().to < std::chrono::seconds{1}) {
    missing.back().to = std::max(missing.back().to, date);
    missing.back().packets += packets;
    return;
  }
  missing.push_back({date, date, cause, packets});
}

void log_summary(const Summary& summary, const PointText& text) {
  for (std::size_t i = 0; i < std::min(summary.missing.size(), most_lines); ++i) {
    cli::log(cli::Priority::warning, "{}", describe(summary.missing[i], text));
  }
  if (summary.missing.size() > most_lines) {
    cli::log(cli::Priority::warning, "missing in {} more places", summary.missing.size() - most_lines);
  }
  cli::log(cli::Priority::info, "{}: {} to {}, {}, {} ({} packets), {}", summary.output, text(summary.from),
           text(summary.to), cli::human_duration(summary.to - summary.from), cli::human_size(summary.bytes),
           summary.bytes / ts::packet_size,
           summary.missing.empty() ? std::string{"nothing missing"}
                                   : fmt::format("{} missing", summary.missing.size() == 1
                                                                   ? std::string{"1 part"}
                                                                   : fmt::format("{} parts", summary.missing.size())));
}

}  // namespace tscut
