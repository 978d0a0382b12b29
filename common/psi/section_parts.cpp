#include "common/psi/section_parts.hpp"

namespace psi {

void put16(SectionBytes& out, unsigned value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

void put_descriptors(SectionBytes& out, unsigned high_bits, const Descriptors& descriptors, std::size_t limit) {
  const std::size_t length_at = out.size();
  put16(out, high_bits << 12);
  for (const Descriptor& descriptor : descriptors) {
    const std::size_t length = descriptor.data.size();
    if (length > 0xFF || out.size() + 2 + length > limit) continue;
    out.push_back(descriptor.tag);
    out.push_back(static_cast<std::uint8_t>(length));
    out.insert(out.end(), descriptor.data.begin(), descriptor.data.end());
  }
  const std::size_t length = out.size() - length_at - 2;
  out[length_at] = static_cast<std::uint8_t>(out[length_at] | length >> 8);
  out[length_at + 1] = static_cast<std::uint8_t>(length);
}

}  // namespace psi
