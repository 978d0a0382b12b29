// Dates as tables have them (EN 300 468 annex C).
#pragma once

#include <chrono>

#include "common/psi/tables.hpp"

namespace psi {

// Two decimal digits in a byte.
constexpr std::uint8_t to_bcd(std::int64_t value) { return static_cast<std::uint8_t>(value / 10 << 4 | value % 10); }

// Modified Julian Date and UTC, 40 bits. 1858-11-17 to 2038-04-22: other days are taken modulo 2^16.
void put_utc(SectionBytes& out, std::chrono::sys_seconds utc);

}  // namespace psi
