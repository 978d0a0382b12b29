// What all makers of sections write.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/psi/tables.hpp"

namespace psi {

void put16(SectionBytes& out, unsigned value);

// Appends `high_bits` and the 12-bit length of the loop, and as many whole descriptors as fit into `limit` bytes of
// `out`; those of more than 255 bytes are left out.
void put_descriptors(SectionBytes& out, unsigned high_bits, const Descriptors& descriptors, std::size_t limit);

}  // namespace psi
