// The version_number of one table of the multiplex, from start to end of the run.
//
// It begins with a hash of the content: after a restart with the same configuration receivers see the version that they
// know, and with another one almost always another (31 times of 32). Then it counts up at each change (EN 300 468
// 5.1.1).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/psi/tables.hpp"

namespace tsmux {

class TableVersion {
 public:
  // The sections of the table (all of them, with long headers, in order) with the version that they are to have,
  // whatever they came with.
  std::vector<psi::SectionBytes> stamp(std::vector<psi::SectionBytes> sections);
  // Of what was stamped last.
  std::uint8_t version() const { return version_.value_or(0); }

 private:
  std::vector<std::uint8_t> content_;
  std::optional<std::uint8_t> version_;
};

}  // namespace tsmux
