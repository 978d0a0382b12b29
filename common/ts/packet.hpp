// A transport stream packet of 188 bytes and its header (ISO/IEC 13818-1 2.4.3.2 to 2.4.3.5).
//
// A Packet is plain bytes: a span of Packet may lie over any buffer of 188-byte packets (see packets_in()).
// Nothing here trusts the bytes; a malformed adaptation field reads as absent and its payload as empty.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "common/ts/time.hpp"

namespace ts {

inline constexpr std::size_t packet_size = 188;
inline constexpr std::uint8_t sync_byte = 0x47;

class Pid {
 public:
  static constexpr std::size_t count = 0x2000;

  constexpr Pid() = default;
  constexpr explicit Pid(unsigned value) : value_(static_cast<std::uint16_t>(value & 0x1FFF)) {}
  constexpr std::uint16_t value() const { return value_; }
  friend constexpr auto operator<=>(Pid, Pid) = default;

 private:
  std::uint16_t value_ = 0x1FFF;
};

// ISO/IEC 13818-1 table 2-3, EN 300 468 table 1.
inline constexpr Pid pat_pid{0x0000};
inline constexpr Pid cat_pid{0x0001};
inline constexpr Pid nit_pid{0x0010};
inline constexpr Pid sdt_pid{0x0011};  // and BAT
inline constexpr Pid eit_pid{0x0012};
inline constexpr Pid rst_pid{0x0013};
inline constexpr Pid tdt_pid{0x0014};  // and TOT
inline constexpr Pid first_component_pid{0x0020};
inline constexpr Pid null_pid{0x1FFF};

struct Packet {
  std::array<std::uint8_t, packet_size> bytes;

  bool has_sync() const { return bytes[0] == sync_byte; }
  bool transport_error() const { return (bytes[1] & 0x80) != 0; }
  bool unit_start() const { return (bytes[1] & 0x40) != 0; }
  Pid pid() const { return Pid{static_cast<unsigned>((bytes[1] & 0x1F) << 8 | bytes[2])}; }
  unsigned scrambling() const { return bytes[3] >> 6; }  // 0 clear, 2 even key, 3 odd key
  bool has_adaptation() const { return (bytes[3] & 0x20) != 0; }
  bool has_payload() const { return (bytes[3] & 0x10) != 0; }
  std::uint8_t continuity() const { return bytes[3] & 0x0F; }

  // The adaptation field from its flags byte on; empty if absent, of length 0, or longer than it may be.
  std::span<const std::uint8_t> adaptation() const {
    if (!has_adaptation()) return {};
    const std::size_t length = bytes[4];
    if (length == 0 || length > (has_payload() ? 182u : 183u)) return {};
    return std::span{bytes}.subspan(5, length);
  }
  bool discontinuity() const { return (adaptation_flags() & 0x80) != 0; }
  bool random_access() const { return (adaptation_flags() & 0x40) != 0; }
  std::optional<Pcr> pcr() const {
    const auto field = adaptation();
    if (field.size() < 7 || (field[0] & 0x10) == 0) return std::nullopt;
    const std::int64_t base = std::int64_t{field[1]} << 25 | std::int64_t{field[2]} << 17 |
                              std::int64_t{field[3]} << 9 | std::int64_t{field[4]} << 1 | std::int64_t{field[5]} >> 7;
    const std::int64_t extension = (field[5] & 1) << 8 | field[6];
    return Pcr{Ticks27{base * 300 + extension}};
  }
  // Empty if there is none or the adaptation field leaves no room for it.
  std::span<const std::uint8_t> payload() const {
    const std::size_t start = payload_offset();
    return start == 0 ? std::span<const std::uint8_t>{} : std::span{bytes}.subspan(start);
  }
  std::span<std::uint8_t> payload() {
    const std::size_t start = payload_offset();
    return start == 0 ? std::span<std::uint8_t>{} : std::span{bytes}.subspan(start);
  }

  void set_pid(Pid pid) {
    bytes[1] = static_cast<std::uint8_t>((bytes[1] & 0xE0) | pid.value() >> 8);
    bytes[2] = static_cast<std::uint8_t>(pid.value() & 0xFF);
  }
  void set_continuity(unsigned counter) { bytes[3] = static_cast<std::uint8_t>((bytes[3] & 0xF0) | (counter & 0x0F)); }
  // Overwrites the PCR of a packet that has one; does nothing to one that has none.
  void set_pcr(Pcr pcr) {
    if (!this->pcr()) return;
    const auto base = static_cast<std::uint64_t>(pcr.base());
    const auto extension = static_cast<unsigned>(pcr.extension());
    bytes[6] = static_cast<std::uint8_t>(base >> 25);
    bytes[7] = static_cast<std::uint8_t>(base >> 17);
    bytes[8] = static_cast<std::uint8_t>(base >> 9);
    bytes[9] = static_cast<std::uint8_t>(base >> 1);
    bytes[10] = static_cast<std::uint8_t>((base & 1) << 7 | 0x7E | extension >> 8);
    bytes[11] = static_cast<std::uint8_t>(extension);
  }
  // Sets or clears the indicator of a packet that has adaptation flags; does nothing to one that has none.
  void set_discontinuity(bool on) {
    if (adaptation().empty()) return;
    bytes[5] = static_cast<std::uint8_t>(on ? bytes[5] | 0x80 : bytes[5] & 0x7F);
  }

  // A null packet (ISO/IEC 13818-1 2.4.1).
  static constexpr Packet null() {
    Packet p{};
    p.bytes.fill(0xFF);
    p.bytes[0] = sync_byte;
    p.bytes[1] = 0x1F;
    p.bytes[2] = 0xFF;
    p.bytes[3] = 0x10;
    return p;
  }
  // A packet without payload that carries a PCR only. `counter` is that of the last packet of the PID (2.4.3.3: a
  // packet without payload does not count).
  static Packet pcr_only(Pid pid, Pcr pcr, unsigned counter) {
    Packet p{};
    p.bytes.fill(0xFF);
    p.bytes[0] = sync_byte;
    p.bytes[1] = 0;
    p.bytes[3] = 0x20;
    p.bytes[4] = 183;
    p.bytes[5] = 0x10;
    p.set_pid(pid);
    p.set_continuity(counter);
    p.set_pcr(pcr);
    return p;
  }

  friend bool operator==(const Packet&, const Packet&) = default;

 private:
  std::uint8_t adaptation_flags() const {
    const auto field = adaptation();
    return field.empty() ? std::uint8_t{0} : field[0];
  }
  // 0 for none.
  std::size_t payload_offset() const {
    if (!has_payload()) return 0;
    if (!has_adaptation()) return 4;
    const std::size_t length = bytes[4];
    return length > 182 ? 0 : 5 + length;
  }
};
static_assert(sizeof(Packet) == packet_size && alignof(Packet) == 1);

// The whole packets that a buffer begins with, in place; the bytes stay the buffer's.
inline std::span<const Packet> packets_in(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const Packet*>(bytes.data()), bytes.size() / packet_size};
}
inline std::span<Packet> packets_in(std::span<std::uint8_t> bytes) {
  return {reinterpret_cast<Packet*>(bytes.data()), bytes.size() / packet_size};
}
inline std::span<const std::uint8_t> bytes_of(std::span<const Packet> packets) {
  return {reinterpret_cast<const std::uint8_t*>(packets.data()), packets.size_bytes()};
}

}  // namespace ts

template <>
struct std::hash<ts::Pid> {
  std::size_t operator()(ts::Pid pid) const noexcept { return pid.value(); }
};
