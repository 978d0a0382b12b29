// Collects the sections of one table (one table_id and extension) until a version of it is complete.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/psi/tables.hpp"
#include "common/ts/section.hpp"

namespace psi {

class TableCollector {
 public:
  // Takes a section of the table, with good CRC and long header, current (not next). Returns true when it completes a
  // table whose content differs from the last complete one: a new version, or the same version with other bytes
  // (some multiplexers forget to count).
  bool feed(const ts::Section& section);
  // The last complete table, in order of section number; empty before.
  const std::vector<SectionBytes>& sections() const { return complete_; }
  void reset();

 private:
  std::vector<SectionBytes> complete_;
  std::vector<SectionBytes> pending_;
  std::optional<std::uint8_t> pending_version_;
};

}  // namespace psi
