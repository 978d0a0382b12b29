// Headers made bit by bit, for tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace test {

class BitWriter {
 public:
  BitWriter& bits(std::uint64_t value, unsigned count) {
    for (unsigned i = count; i > 0; --i) {
      if (used_ % 8 == 0) bytes_.push_back(0);
      bytes_.back() = static_cast<std::uint8_t>(bytes_.back() | ((value >> (i - 1) & 1) << (7 - used_ % 8)));
      ++used_;
    }
    return *this;
  }
  BitWriter& flag(bool value) { return bits(value ? 1 : 0, 1); }
  // ue(v) of ISO/IEC 14496-10 9.1.
  BitWriter& ue(std::uint64_t value) {
    unsigned length = 0;
    while ((value + 1) >> (length + 1) != 0) ++length;
    return bits(0, length).bits(value + 1, length + 1);
  }
  BitWriter& se(std::int64_t value) {
    return ue(value > 0 ? static_cast<std::uint64_t>(2 * value - 1) : static_cast<std::uint64_t>(-2 * value));
  }
  // A one, and zeros to the end of the byte.
  BitWriter& trailing() {
    bits(1, 1);
    while (used_ % 8 != 0) bits(0, 1);
    return *this;
  }
  const std::vector<std::uint8_t>& bytes() const { return bytes_; }

 private:
  std::vector<std::uint8_t> bytes_;
  std::size_t used_ = 0;  // bits
};

// With emulation prevention bytes (ISO/IEC 14496-10 7.4.1).
inline std::vector<std::uint8_t> escaped(const std::vector<std::uint8_t>& bytes) {
  std::vector<std::uint8_t> out;
  unsigned zeros = 0;
  for (const std::uint8_t byte : bytes) {
    if (zeros >= 2 && byte <= 3) {
      out.push_back(3);
      zeros = 0;
    }
    out.push_back(byte);
    zeros = byte == 0 ? zeros + 1 : 0;
  }
  return out;
}

}  // namespace test
