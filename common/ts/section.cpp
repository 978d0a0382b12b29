#include "common/ts/section.hpp"

#include <algorithm>
#include <array>

namespace ts {
namespace {

constexpr std::size_t header_size = 3;  // table_id to section_length
constexpr std::uint8_t stuffing = 0xFF;

// Table n gives the CRC of a byte with n zero bytes after it, so that eight bytes are taken at a time.
constexpr std::size_t slices = 8;
using CrcTables = std::array<std::array<std::uint32_t, 256>, slices>;

constexpr CrcTables make_crc_tables() {
  CrcTables tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i << 24;
    for (int bit = 0; bit < 8; ++bit) crc = crc << 1 ^ ((crc & 0x80000000) != 0 ? 0x04C11DB7u : 0u);
    tables[0][i] = crc;
  }
  for (std::size_t n = 1; n < slices; ++n) {
    for (std::size_t i = 0; i < 256; ++i) {
      const std::uint32_t before = tables[n - 1][i];
      tables[n][i] = before << 8 ^ tables[0][before >> 24];
    }
  }
  return tables;
}
constexpr CrcTables crc_tables = make_crc_tables();

// Of the whole section, from its first three bytes.
std::size_t section_size(std::span<const std::uint8_t> bytes) {
  return header_size + static_cast<std::size_t>((bytes[1] & 0x0F) << 8 | bytes[2]);
}

}  // namespace

std::uint32_t crc32(std::span<const std::uint8_t> bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (; bytes.size() >= slices; bytes = bytes.subspan(slices)) {
    const auto* b = bytes.data();
    crc = crc_tables[7][crc >> 24 ^ b[0]] ^ crc_tables[6][(crc >> 16 & 0xFF) ^ b[1]] ^
          crc_tables[5][(crc >> 8 & 0xFF) ^ b[2]] ^ crc_tables[4][(crc & 0xFF) ^ b[3]] ^ crc_tables[3][b[4]] ^
          crc_tables[2][b[5]] ^ crc_tables[1][b[6]] ^ crc_tables[0][b[7]];
  }
  for (const std::uint8_t byte : bytes) crc = crc << 8 ^ crc_tables[0][crc >> 24 ^ byte];
  return crc;
}

void seal_section(std::span<std::uint8_t> section) {
  const std::size_t body = section.size() - 4;
  const std::uint32_t crc = crc32(section.first(body));
  for (std::size_t i = 0; i < 4; ++i) section[body + i] = static_cast<std::uint8_t>(crc >> (24 - 8 * i));
}

void SectionAssembler::reset() {
  buffer_.clear();
  last_counter_ = -1;
  duplicate_ = false;
}

void SectionAssembler::drop() {
  if (!buffer_.empty()) ++dropped_;
  buffer_.clear();
}

// Whether the packet is to be looked at; drops what was begun if packets are missing before it.
bool SectionAssembler::follows(const Packet& packet) {
  const int counter = packet.continuity();
  const int before = last_counter_;
  const bool known = before >= 0 && !packet.discontinuity();
  if (known && counter == before && !duplicate_) {
    duplicate_ = true;
    return false;
  }
  if (!known || counter != ((before + 1) & 0x0F)) drop();
  last_counter_ = static_cast<std::int8_t>(counter);
  duplicate_ = false;
  return true;
}

void SectionAssembler::feed(const Packet& packet, const Handler& handler) {
  if (!packet.has_sync() || packet.transport_error() || packet.scrambling() != 0) {
    drop();
    reset();
    return;
  }
  if (!packet.has_payload() || !follows(packet)) return;
  ++packets_;
  auto payload = packet.payload();
  if (!packet.unit_start()) {
    if (!buffer_.empty()) continue_section(payload, handler);
    return;
  }
  if (payload.empty() || payload[0] >= payload.size()) {  // pointer_field beyond the packet
    drop();
    return;
  }
  const std::size_t pointer = payload[0];
  payload = payload.subspan(1);
  if (!buffer_.empty()) continue_section(payload.first(pointer), handler);
  drop();
  begin_sections(payload.subspan(pointer), handler);
}

// Completes the section in the buffer, or adds to it. What follows it without a pointer_field is not a section.
void SectionAssembler::continue_section(std::span<const std::uint8_t> bytes, const Handler& handler) {
  if (buffer_.size() < header_size) {
    const auto part = bytes.first(std::min(bytes.size(), header_size - buffer_.size()));
    buffer_.insert(buffer_.end(), part.begin(), part.end());
    bytes = bytes.subspan(part.size());
    if (buffer_.size() < header_size) return;
  }
  const std::size_t size = section_size(buffer_);
  if (size > Section::maximum_size) {
    drop();
    return;
  }
  const auto part = bytes.first(std::min(bytes.size(), size - buffer_.size()));
  buffer_.insert(buffer_.end(), part.begin(), part.end());
  if (buffer_.size() < size) return;
  handler(Section{buffer_, packets_});
  buffer_.clear();
}

// Sections that follow one another to the end of a packet, or to the stuffing.
void SectionAssembler::begin_sections(std::span<const std::uint8_t> bytes, const Handler& handler) {
  packets_ = 1;
  while (!bytes.empty() && bytes[0] != stuffing) {
    if (bytes.size() < header_size || bytes.size() < section_size(bytes)) {
      continue_section(bytes, handler);
      return;
    }
    const std::size_t size = section_size(bytes);
    handler(Section{bytes.first(size)});
    bytes = bytes.subspan(size);
  }
}

void SectionPacketizer::packetize(std::span<const std::uint8_t> section, std::vector<Packet>& out) {
  const std::vector<std::uint8_t> one(section.begin(), section.end());
  packetize(std::span{&one, 1}, out);
}

void SectionPacketizer::packetize(std::span<const std::vector<std::uint8_t>> sections, std::vector<Packet>& out) {
  std::size_t index = 0;
  std::size_t offset = 0;  // in sections[index]
  while (index < sections.size()) {
    Packet packet = Packet::null();
    packet.set_pid(pid_);
    packet.set_continuity(counter_);
    counter_ = (counter_ + 1) & 0x0F;

    auto room = packet.payload();
    const std::size_t left = sections[index].size() - offset;
    // Room for the pointer_field, the end of one section and at least the first byte of the next.
    const bool starts = offset == 0 || (index + 1 < sections.size() && left + 2 <= room.size());
    if (starts) {
      packet.bytes[1] |= 0x40;
      room[0] = static_cast<std::uint8_t>(offset == 0 ? 0 : left);
      room = room.subspan(1);
    }
    do {
      const auto part = std::span{sections[index]}.subspan(offset);
      const std::size_t size = std::min(part.size(), room.size());
      std::copy_n(part.begin(), size, room.begin());
      room = room.subspan(size);
      offset += size;
      if (offset == sections[index].size()) {
        ++index;
        offset = 0;
      }
    } while (starts && index < sections.size() && !room.empty());
    out.push_back(packet);
  }
}

void set_version(std::span<std::uint8_t> section, unsigned version) {
  section[5] = static_cast<std::uint8_t>((section[5] & 0xC1) | (version & 0x1F) << 1);
  seal_section(section);
}

}  // namespace ts
