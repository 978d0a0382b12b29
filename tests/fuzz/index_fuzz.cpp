// Index files as they may lie on a disk: any bytes, and records with a right checksum and anything in them; asked all
// that a reader asks.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "common/ring/index_builder.hpp"
#include "common/ring/index_file.hpp"
#include "common/ring/segment_index.hpp"
#include "common/ts/packet.hpp"
#include "common/ts/section.hpp"

namespace {

using Bytes = std::span<const std::uint8_t>;

void require(bool condition) {
  if (!condition) std::abort();
}

void put(std::vector<std::uint8_t>& out, std::uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

// Records of the types, packets and payloads that `data` says, each with its checksum.
std::vector<std::uint8_t> seal_records(Bytes data) {
  std::vector<std::uint8_t> file;
  while (data.size() >= 4) {
    const std::size_t size = std::min<std::size_t>(data[1] % 64, data.size() - 4);
    std::vector<std::uint8_t> rest;
    put(rest, size, 3);
    put(rest, data[0] % 9, 1);
    put(rest, std::uint64_t{data[2]} << (data[3] % 57), 8);
    rest.insert(rest.end(), data.begin() + 4, data.begin() + 4 + static_cast<std::ptrdiff_t>(size));
    put(file, ts::crc32(rest), 4);
    file.insert(file.end(), rest.begin(), rest.end());
    data = data.subspan(4 + size);
  }
  return file;
}

void ask(std::vector<ring::Record> records) {
  ring::SegmentIndex index;
  index.add(std::move(records));
  std::vector<ring::PacketNumber> packets{0, 1, 1000};
  std::vector<ts::WallTime> dates{ts::WallTime{}, ts::WallTime::max()};
  for (const auto& date : index.dates()) {
    packets.push_back(date.packet + 1);
    dates.push_back(date.date);
  }
  for (const auto packet : packets) {
    index.date_of(packet);
    index.steady_of(packet);
    index.range(packet, packet + 100);
  }
  for (const auto date : dates) index.find(date);
  index.truncate(500);
  for (const auto& record : index.records()) require(ring::packet_of(record) < 500);
}

// What was decoded is encoded to the same records again.
void read(Bytes bytes) {
  std::vector<ring::Record> records;
  require(ring::decode_records(bytes, records) <= bytes.size());
  std::vector<std::uint8_t> encoded, again;
  for (const auto& record : records) ring::encode(record, encoded);
  std::vector<ring::Record> decoded;
  require(ring::decode_records(encoded, decoded) == encoded.size());
  require(decoded.size() == records.size());
  for (const auto& record : decoded) ring::encode(record, again);
  require(again == encoded);
  ask(std::move(records));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes{data, size};
  ring::decode_header(bytes);
  ring::decode_end(bytes);
  read(bytes);
  read(seal_records(bytes));

  ring::IndexBuilder builder;
  builder.feed(ts::packets_in(bytes), {});
  builder.date_last();
  ask(std::move(builder.records()));
  return 0;
}
