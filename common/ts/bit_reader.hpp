// Bits of a header, most significant first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ts {

// Reads 0 beyond the end and says so. The bytes stay the caller's.
class BitReader {
 public:
  enum class Escapes : std::uint8_t { keep, remove };  // emulation prevention bytes (ISO/IEC 14496-10 7.4.1)

  explicit BitReader(std::span<const std::uint8_t> bytes, Escapes escapes = Escapes::keep)
      : bytes_(bytes), escapes_(escapes) {}

  bool exhausted() const { return exhausted_; }

  bool flag() { return bits(1) != 0; }
  // `count` is at most 32.
  std::uint32_t bits(unsigned count) {
    std::uint64_t value = 0;
    while (count > 0) {
      if (left_ == 0 && !load()) return 0;
      const unsigned take = count < left_ ? count : left_;
      left_ -= take;
      value = value << take | ((current_ >> left_) & ((1u << take) - 1));
      count -= take;
    }
    return static_cast<std::uint32_t>(value);
  }
  void skip(unsigned count) {
    for (; count > 32; count -= 32) bits(32);
    bits(count);
  }
  // ue(v); more than 32 bits count as exhausted.
  std::uint32_t ue() {
    unsigned zeros = 0;
    while (!flag()) {
      if (exhausted_ || ++zeros > 31) {
        exhausted_ = true;
        return 0;
      }
    }
    return static_cast<std::uint32_t>((std::uint64_t{1} << zeros) - 1 + bits(zeros));
  }
  std::int64_t se() {
    const std::int64_t code = ue();
    return (code & 1) != 0 ? (code + 1) / 2 : -(code / 2);
  }

 private:
  bool load() {
    if (escapes_ == Escapes::remove && at_ < bytes_.size() && zeros_ >= 2 && bytes_[at_] == 3) {
      ++at_;
      zeros_ = 0;
    }
    if (at_ >= bytes_.size()) {
      exhausted_ = true;
      return false;
    }
    current_ = bytes_[at_++];
    zeros_ = current_ == 0 ? zeros_ + 1 : 0;
    left_ = 8;
    return true;
  }

  std::span<const std::uint8_t> bytes_;
  Escapes escapes_;
  std::size_t at_ = 0;
  unsigned current_ = 0;
  unsigned left_ = 0;   // bits of current_
  unsigned zeros_ = 0;  // zero bytes in a row before at_
  bool exhausted_ = false;
};

}  // namespace ts
