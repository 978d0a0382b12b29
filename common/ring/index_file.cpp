#include "common/ring/index_file.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "common/ts/section.hpp"

namespace ring {
namespace {

constexpr std::string_view magic = "TSRINGIX";
constexpr std::uint16_t version = 1;
constexpr std::uint32_t flag_rebuilt = 1;

// Checksum, type and length, packet.
constexpr std::size_t record_header_size = 16;
constexpr std::uint32_t largest_payload = 0xFFFFFF;

enum class Type : std::uint8_t { date = 1, clock = 2, access = 3, table = 4, gap = 5, clock_step = 6, end = 7 };

void put(std::vector<std::uint8_t>& out, std::uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

std::uint64_t get(std::span<const std::uint8_t> bytes, std::size_t offset, unsigned count) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < count; ++i) value |= std::uint64_t{bytes[offset + i]} << (8 * i);
  return value;
}

void overwrite32(std::vector<std::uint8_t>& out, std::size_t at, std::uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) out[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
}

template <typename Time>
void put_time(std::vector<std::uint8_t>& out, Time time) {
  put(out, static_cast<std::uint64_t>(time.time_since_epoch().count()), 8);
}

template <typename Time>
Time get_time(std::span<const std::uint8_t> bytes, std::size_t offset) {
  return Time{typename Time::duration{static_cast<std::int64_t>(get(bytes, offset, 8))}};
}

// A time stamp that may be absent: all ones.
constexpr std::uint64_t no_timestamp = ~std::uint64_t{0};
void put_timestamp(std::vector<std::uint8_t>& out, const std::optional<ts::Timestamp>& timestamp) {
  put(out, timestamp ? static_cast<std::uint64_t>(timestamp->ticks()) : no_timestamp, 8);
}
std::optional<ts::Timestamp> get_timestamp(std::span<const std::uint8_t> bytes, std::size_t offset) {
  const std::uint64_t value = get(bytes, offset, 8);
  if (value == no_timestamp) return std::nullopt;
  return ts::Timestamp{ts::Ticks90{static_cast<std::int64_t>(value)}};
}

// Dates before 1970 and steady times before the boot are nobody's; refusing them lets differences never overflow.
bool is_time(std::span<const std::uint8_t> bytes, std::size_t offset) { return (bytes[offset + 7] & 0x80) == 0; }

// The payload of each type of record.
struct Encoder {
  std::vector<std::uint8_t>& out;

  Type operator()(const DateRecord& r) const {
    put_time(out, r.date);
    put_time(out, r.steady);
    put(out, r.estimated ? 1 : 0, 4);
    return Type::date;
  }
  Type operator()(const ClockRecord& r) const {
    put(out, static_cast<std::uint64_t>(r.pcr.ticks()), 8);
    put(out, r.pid.value(), 2);
    put(out, r.discontinuity ? 1 : 0, 2);
    return Type::clock;
  }
  Type operator()(const AccessRecord& r) const {
    put(out, r.pid.value(), 2);
    put(out, static_cast<std::uint8_t>(r.access), 2);
    put_timestamp(out, r.pts);
    put_timestamp(out, r.dts);
    return Type::access;
  }
  Type operator()(const TableRecord& r) const {
    put(out, r.pid.value(), 2);
    put(out, r.sections.size(), 2);
    for (const auto& section : r.sections) {
      put(out, section.size(), 2);
      out.insert(out.end(), section.begin(), section.end());
    }
    return Type::table;
  }
  Type operator()(const GapRecord& r) const {
    put(out, static_cast<std::uint8_t>(r.cause), 4);
    put_time(out, r.from);
    put_time(out, r.to);
    put(out, r.packets, 8);
    return Type::gap;
  }
  Type operator()(const ClockStepRecord& r) const {
    put(out, static_cast<std::uint64_t>(r.step.count()), 8);
    return Type::clock_step;
  }
  Type operator()(const EndRecord& r) const {
    put_time(out, r.last);
    put_time(out, r.steady);
    put(out, r.gaps, 4);
    return Type::end;
  }
};

std::optional<Record> decode_table(std::span<const std::uint8_t> p, PacketNumber packet) {
  if (p.size() < 4) return std::nullopt;
  TableRecord table{packet, ts::Pid{static_cast<unsigned>(get(p, 0, 2))}, {}};
  const auto count = get(p, 2, 2);
  std::size_t at = 4;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (p.size() - at < 2) return std::nullopt;
    const auto size = static_cast<std::size_t>(get(p, at, 2));
    at += 2;
    if (p.size() - at < size) return std::nullopt;
    const auto section = p.subspan(at, size);
    table.sections.emplace_back(section.begin(), section.end());
    at += size;
  }
  return table;
}

// Nothing for an unknown type, impossible values, or a payload that is shorter than its type has (a longer one is of a
// later version).
std::optional<Record> decode_payload(Type type, PacketNumber packet, std::span<const std::uint8_t> p) {
  switch (type) {
    case Type::date:
      if (p.size() < 20 || !is_time(p, 0) || !is_time(p, 8)) return std::nullopt;
      return DateRecord{packet, get_time<ts::WallTime>(p, 0), get_time<ts::SteadyTime>(p, 8), (get(p, 16, 4) & 1) != 0};
    case Type::clock:
      if (p.size() < 12) return std::nullopt;
      return ClockRecord{packet, ts::Pid{static_cast<unsigned>(get(p, 8, 2))},
                         ts::Pcr{ts::Ticks27{static_cast<std::int64_t>(get(p, 0, 8))}}, (get(p, 10, 2) & 1) != 0};
    case Type::access:
      if (p.size() < 20 || get(p, 2, 2) > static_cast<std::uint8_t>(ts::AccessPoint::gradual)) return std::nullopt;
      return AccessRecord{packet, ts::Pid{static_cast<unsigned>(get(p, 0, 2))},
                          static_cast<ts::AccessPoint>(get(p, 2, 2)), get_timestamp(p, 4), get_timestamp(p, 12)};
    case Type::table:
      return decode_table(p, packet);
    case Type::gap:
      if (p.size() < 28 || get(p, 0, 4) > static_cast<std::uint8_t>(GapRecord::Cause::restart)) return std::nullopt;
      if (!is_time(p, 4) || !is_time(p, 12)) return std::nullopt;
      return GapRecord{packet, static_cast<GapRecord::Cause>(get(p, 0, 4)), get_time<ts::WallTime>(p, 4),
                       get_time<ts::WallTime>(p, 12), get(p, 20, 8)};
    case Type::clock_step:
      if (p.size() < 8) return std::nullopt;
      return ClockStepRecord{packet, std::chrono::nanoseconds{static_cast<std::int64_t>(get(p, 0, 8))}};
    case Type::end:
      if (p.size() < 20 || !is_time(p, 0) || !is_time(p, 8)) return std::nullopt;
      return EndRecord{packet, get_time<ts::WallTime>(p, 0), get_time<ts::SteadyTime>(p, 8),
                       static_cast<std::uint32_t>(get(p, 16, 4))};
  }
  return std::nullopt;
}

// The size of the whole record that `bytes` begins with; 0 if it is torn.
std::size_t record_size(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < record_header_size) return 0;
  const auto payload = static_cast<std::size_t>(get(bytes, 4, 3));
  if (bytes.size() - record_header_size < payload) return 0;
  const auto size = record_header_size + payload;
  return ts::crc32(bytes.subspan(4, size - 4)) == get(bytes, 0, 4) ? size : 0;
}

std::optional<Record> decode_record(std::span<const std::uint8_t> record) {
  return decode_payload(static_cast<Type>(record[7]), get(record, 8, 8), record.subspan(record_header_size));
}

}  // namespace

PacketNumber packet_of(const Record& record) {
  return std::visit([](const auto& r) { return r.packet; }, record);
}

void set_packet(Record& record, PacketNumber packet) {
  std::visit([packet](auto& r) { r.packet = packet; }, record);
}

std::string to_string(GapRecord::Cause cause) {
  switch (cause) {
    case GapRecord::Cause::input:
      return "input";
    case GapRecord::Cause::lost:
      return "lost";
    case GapRecord::Cause::socket:
      return "socket";
    case GapRecord::Cause::overflow:
      return "overflow";
    case GapRecord::Cause::disk:
      return "disk";
    case GapRecord::Cause::restart:
      return "restart";
    case GapRecord::Cause::damaged:
      return "damaged";
  }
  return "unknown";
}

void encode(const IndexHeader& header, std::vector<std::uint8_t>& out) {
  const std::size_t start = out.size();
  out.insert(out.end(), magic.begin(), magic.end());
  put(out, version, 2);
  put(out, IndexHeader::size, 2);
  put(out, header.rebuilt ? flag_rebuilt : 0, 4);
  put(out, header.sequence, 8);
  put_time(out, header.first);
  put_time(out, header.steady);
  out.insert(out.end(), header.boot.begin(), header.boot.end());
  put(out, 0, 4);
  put(out, ts::crc32(std::span{out}.subspan(start)), 4);
}

void encode(const Record& record, std::vector<std::uint8_t>& out) {
  const std::size_t start = out.size();
  put(out, 0, 8);
  put(out, packet_of(record), 8);
  const Type type = std::visit(Encoder{out}, record);
  const std::size_t payload = out.size() - start - record_header_size;
  if (payload > largest_payload) {  // more tables than a transport stream can have
    out.resize(start);
    return;
  }
  overwrite32(out, start + 4,
              static_cast<std::uint32_t>(payload) | std::uint32_t{static_cast<std::uint8_t>(type)} << 24);
  overwrite32(out, start, ts::crc32(std::span{out}.subspan(start + 4)));
}

std::optional<IndexHeader> decode_header(std::span<const std::uint8_t> file) {
  if (file.size() < IndexHeader::size || std::memcmp(file.data(), magic.data(), magic.size()) != 0) return std::nullopt;
  if (get(file, 8, 2) != version || get(file, 10, 2) != IndexHeader::size) return std::nullopt;
  if (ts::crc32(file.first(IndexHeader::size - 4)) != get(file, IndexHeader::size - 4, 4)) return std::nullopt;
  if (!is_time(file, 24) || !is_time(file, 32)) return std::nullopt;
  IndexHeader header;
  header.rebuilt = (get(file, 12, 4) & flag_rebuilt) != 0;
  header.sequence = get(file, 16, 8);
  header.first = get_time<ts::WallTime>(file, 24);
  header.steady = get_time<ts::SteadyTime>(file, 32);
  std::copy_n(file.begin() + 40, header.boot.size(), header.boot.begin());
  return header;
}

std::size_t decode_records(std::span<const std::uint8_t> bytes, std::vector<Record>& out) {
  std::size_t at = 0;
  while (const std::size_t size = record_size(bytes.subspan(at))) {
    if (auto record = decode_record(bytes.subspan(at, size))) out.push_back(std::move(*record));
    at += size;
  }
  return at;
}

std::optional<EndRecord> decode_end(std::span<const std::uint8_t> tail) {
  if (tail.size() < end_record_size) return std::nullopt;
  const auto last = tail.last(end_record_size);
  if (record_size(last) != end_record_size) return std::nullopt;
  const auto record = decode_record(last);
  if (!record) return std::nullopt;
  const auto* end = std::get_if<EndRecord>(&*record);
  return end == nullptr ? std::nullopt : std::optional{*end};
}

}  // namespace ring
