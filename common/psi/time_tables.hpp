// TDT and TOT (EN 300 468 5.2.5 and 5.2.6): what time it is, and where.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include "common/psi/descriptor.hpp"
#include "common/psi/tables.hpp"

namespace psi {

// Local time = UTC + offset, from `change` on UTC + next_offset. Both are on one side of UTC: the sign that is sent
// counts for both, so a next_offset on the other side is sent as 0.
struct LocalTimeOffset {
  std::string country;      // ISO 3166, three letters
  std::uint8_t region = 0;  // 1 to 60 where a country has several zones, 0 if it has one
  std::chrono::minutes offset{};
  std::chrono::sys_seconds change;
  std::chrono::minutes next_offset{};
};
// 6.2.20; the first 19 of them.
Descriptor local_time_offset_descriptor(std::span<const LocalTimeOffset> offsets);

SectionBytes tdt_section(std::chrono::sys_seconds utc);
// Descriptors that do not fit into 1024 bytes are left out.
SectionBytes tot_section(std::chrono::sys_seconds utc, const Descriptors& descriptors);

}  // namespace psi
