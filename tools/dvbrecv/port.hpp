// The way out of one output: its sink, what went through it, and the counters of the PIDs that are made here. It
// outlives a change of what the output carries, so that its socket stays open and its counters go on.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/io/sink.hpp"
#include "common/ts/packet.hpp"
#include "common/ts/section.hpp"

namespace dvbrecv {

class Port {
 public:
  Port(std::string name, std::unique_ptr<io::Sink> sink) : name_(std::move(name)), sink_(std::move(sink)) {}

  // `packets` follow from the stamp, one position each.
  void write(std::span<const ts::Packet> packets, const io::Stamp& stamp) {
    if (!sink_) return;
    packets_ += packets.size();
    try {
      sink_->write(packets, stamp);
    } catch (const std::exception& e) {
      fail(e);
    }
  }
  // Packets that the multiplex does not have: all of one position.
  void insert(std::span<const ts::Packet> packets, const io::Stamp& stamp) {
    for (const ts::Packet& packet : packets) write({&packet, 1}, stamp);
  }
  // The same, of a section.
  void write_section(ts::Pid pid, std::span<const std::uint8_t> section, const io::Stamp& stamp);
  // The same, into packets that are written later; all packets of a PID must be asked for here, and in order.
  void packetize(ts::Pid pid, std::span<const std::uint8_t> section, std::vector<ts::Packet>& out);
  void set_pcr_pid(std::optional<ts::Pid> pid);
  // The batch of the input ends here.
  void flush();
  // What was written leaves. A sink that fails is closed; failure() says why.
  void finish();

  void count_continuity_error() { ++continuity_errors_; }

  const std::string& name() const { return name_; }
  bool is_open() const { return sink_ != nullptr; }
  // Why the sink was closed; empty while it is open.
  const std::string& failure() const { return failure_; }
  std::uint64_t packets() const { return packets_; }
  std::uint64_t continuity_errors() const { return continuity_errors_; }
  io::SinkStatistics statistics() const { return sink_ ? sink_->statistics() : last_statistics_; }

 private:
  void fail(const std::exception& e);

  std::string name_;
  std::unique_ptr<io::Sink> sink_;
  std::map<ts::Pid, ts::SectionPacketizer> packetizers_;
  std::vector<ts::Packet> scratch_;
  std::uint64_t packets_ = 0, continuity_errors_ = 0;
  std::string failure_;
  io::SinkStatistics last_statistics_;
};

}  // namespace dvbrecv
