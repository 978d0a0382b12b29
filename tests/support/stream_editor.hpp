// Puts faults into a stream of constant rate: packets are taken away, changed or put in place of null packets, and all
// others stay where they are. A PID's continuity counters are made anew where packets of it came or went, so that what
// was done is the only fault.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "common/psi/tables.hpp"
#include "common/ts/packet.hpp"

namespace support {

class StreamEditor {
 public:
  using Time = std::chrono::duration<double>;  // since the first packet
  using Predicate = std::function<bool(const ts::Packet& packet)>;
  using Change = std::function<void(ts::Packet& packet)>;

  StreamEditor(std::vector<ts::Packet> packets, std::int64_t rate) : packets_(std::move(packets)), rate_(rate) {}

  const std::vector<ts::Packet>& packets() const { return packets_; }
  ts::Packet& packet(std::uint64_t position) { return packets_.at(position); }
  std::uint64_t position(Time time) const;  // of the first packet then or later
  Time time(std::uint64_t position) const;
  // The first packet of a PID at a time or later, and the last one before it. Throws std::out_of_range.
  std::uint64_t first(ts::Pid pid, Time from) const;
  std::uint64_t last(ts::Pid pid, Time before) const;

  // The packets of a PID in [from, to), or those of them that are chosen: how many?
  std::size_t remove(ts::Pid pid, Time from, Time to, const Predicate& which = {});
  std::size_t change(ts::Pid pid, Time from, Time to, const Change& change);
  // In place of the first null packets then or later. Where it ends. Throws std::out_of_range.
  std::uint64_t insert(const ts::Packet& packet, Time at);
  std::uint64_t insert(ts::Pid pid, const psi::SectionBytes& section, Time at);
  // At `first` and then every `period` until `to`.
  void repeat(ts::Pid pid, const psi::SectionBytes& section, Time first, Time period, Time to);

 private:
  std::uint64_t free_from(std::uint64_t position) const;
  void renumber(ts::Pid pid);

  std::vector<ts::Packet> packets_;
  std::int64_t rate_;
};

// The section that begins in this packet; a section alone or the first of several.
struct SectionStart {
  std::uint8_t table, number;
};
std::optional<SectionStart> section_start(const ts::Packet& packet);

}  // namespace support
