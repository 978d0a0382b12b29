// Runs a fuzz target's function over a bounded number of inputs, the same each time, so that it is also tested by
// compilers that have no fuzzer: random bytes, and bytes that look like a stream with damage in them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;

class Inputs {
 public:
  Bytes noise() {
    Bytes bytes(random_() % 4000);
    for (auto& byte : bytes) byte = any();
    return bytes;
  }

  // Packets of few PIDs with payload, adaptation fields, PES and section starts, then a few bytes changed.
  Bytes stream() {
    Bytes bytes{any()};
    const std::size_t packets = 1 + random_() % 24;
    for (std::size_t i = 0; i < packets; ++i) append_packet(bytes, i);
    const std::size_t changes = random_() % 8;
    for (std::size_t i = 0; i < changes; ++i) bytes[random_() % bytes.size()] = any();
    if (random_() % 4 == 0) bytes.resize(random_() % bytes.size());
    if (random_() % 2 == 0 && !bytes.empty()) bytes.erase(bytes.begin());
    return bytes;
  }

  Bytes header() {
    Bytes bytes{0, 0, 1, static_cast<std::uint8_t>(0xB0 | any()), any(), any(), 0x84, any(), any()};
    if (random_() % 2 == 0)
      bytes = {static_cast<std::uint8_t>(0x80 | (any() & 0x3F)), 33, any(), any(), 0, 0, 0, 1, 0, 0, 0, 1};
    const Bytes rest = noise();
    bytes.insert(bytes.end(), rest.begin(), rest.end());
    bytes.resize(std::min<std::size_t>(bytes.size(), random_() % 300));
    return bytes;
  }

 private:
  std::uint8_t any() { return static_cast<std::uint8_t>(random_()); }

  void append_packet(Bytes& bytes, std::size_t index) {
    const std::size_t start = bytes.size();
    bytes.resize(start + 188);
    const auto packet = bytes.begin() + static_cast<std::ptrdiff_t>(start);
    for (std::size_t i = 0; i < 188; ++i) bytes[start + i] = random_() % 3 == 0 ? any() : std::uint8_t{0};
    packet[0] = 0x47;
    packet[1] = random_() % 4 == 0 ? 0x40 : 0;
    packet[2] = 0x10;
    packet[3] = static_cast<std::uint8_t>((random_() % 8 == 0 ? 0x30 : 0x10) | (index & 0x0F));
    packet[4] = any() % 190;
    if (random_() % 2 == 0) std::copy_n(std::begin({0, 0, 1, 0xE0, 0, 0, 0x84, 0xC0, 0x0A}), 9, packet + 4);
  }

  std::mt19937 random_{1};
};

TEST(FuzzTarget, TakesABoundedNumberOfInputs) {
  Inputs inputs;
  for (int i = 0; i < 1500; ++i) {
    for (const Bytes& bytes : {inputs.noise(), inputs.stream(), inputs.header()}) {
      ASSERT_EQ(LLVMFuzzerTestOneInput(bytes.data(), bytes.size()), 0);
    }
  }
  LLVMFuzzerTestOneInput(nullptr, 0);
}

}  // namespace
