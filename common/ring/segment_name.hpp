// How the files of a ring are called: 20261122T205000Z_00000042.ts, and .idx beside it.
//
// The date (UTC, of the first packet) is for people. The number orders the segments: it only counts up, whatever the
// wall clock does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/ts/time.hpp"

namespace ring {

struct SegmentName {
  std::chrono::sys_seconds date;
  std::uint64_t sequence = 0;

  // Without extension.
  std::string stem() const;
  std::string ts() const { return stem() + ".ts"; }
  std::string index() const { return stem() + ".idx"; }
  // Nothing for any name that stem() does not make: those files are not the ring's.
  static std::optional<SegmentName> parse_stem(std::string_view stem);
};

}  // namespace ring
