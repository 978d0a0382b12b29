// The index of a segment as bytes: headend-ring(5).
//
// A header, then records, each with a checksum, appended as the segment grows. Whatever follows the last good record is
// torn: the reader stops there, the writer cuts it off.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/ring/index.hpp"

namespace ring {

// Of the boot of the machine that recorded: steady times of equal boots can be compared.
using BootId = std::array<std::uint8_t, 16>;

struct IndexHeader {
  static constexpr std::size_t size = 64;

  std::uint64_t sequence = 0;
  ts::WallTime first;     // date of the first packet
  ts::SteadyTime steady;  // of the first packet
  BootId boot{};
  bool rebuilt = false;  // made from the TS: steady times are stream time, dates are estimates
};

void encode(const IndexHeader& header, std::vector<std::uint8_t>& out);
void encode(const Record& record, std::vector<std::uint8_t>& out);

// Nothing if the bytes do not begin with a header of this version with a good checksum.
std::optional<IndexHeader> decode_header(std::span<const std::uint8_t> file);
// Appends the records that `bytes` begins with; returns how many bytes they took. Good records of a type that this
// version does not know are passed over.
std::size_t decode_records(std::span<const std::uint8_t> bytes, std::vector<Record>& out);
// The record that a complete index ends with, from the last bytes of the file.
std::optional<EndRecord> decode_end(std::span<const std::uint8_t> tail);
inline constexpr std::size_t end_record_size = 16 + 20;

}  // namespace ring
