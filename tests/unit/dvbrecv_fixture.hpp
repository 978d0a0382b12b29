// A splitter whose outputs are kept in memory, and what tests ask of them.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/io/sink.hpp"
#include "common/psi/service_tracker.hpp"
#include "common/ts/continuity.hpp"
#include "tests/support/stream_builder.hpp"
#include "tools/dvbrecv/options.hpp"
#include "tools/dvbrecv/splitter.hpp"

namespace dvbrecv {

// What the tables of a stream say in the end.
struct Tracked : psi::ServiceTracker {
  explicit Tracked(const std::vector<ts::Packet>& packets) {
    for (const auto& packet : packets) feed(packet);
  }
};

// What went to one place.
struct Received {
  std::vector<ts::Packet> packets;
  std::vector<std::uint64_t> positions;
  std::optional<ts::Pid> pcr_pid;
  unsigned opened = 0, finished = 0, closed = 0;
  bool fails = false;

  std::vector<ts::Packet> of(ts::Pid pid) const {
    std::vector<ts::Packet> out;
    std::ranges::copy_if(packets, std::back_inserter(out), [pid](const auto& p) { return p.pid() == pid; });
    return out;
  }
  std::vector<std::uint64_t> positions_of(ts::Pid pid) const {
    std::vector<std::uint64_t> out;
    for (std::size_t i = 0; i < packets.size(); ++i) {
      if (packets[i].pid() == pid) out.push_back(positions[i]);
    }
    return out;
  }
  // Every section on a PID, or of one table there.
  std::vector<psi::SectionBytes> sections(ts::Pid pid, std::optional<std::uint8_t> table = std::nullopt) const {
    std::vector<psi::SectionBytes> out;
    ts::SectionAssembler assembler;
    for (const auto& packet : of(pid)) {
      assembler.feed(packet, [&](const ts::Section& section) {
        if (table && section.table_id() != *table) return;
        out.emplace_back(section.bytes().begin(), section.bytes().end());
      });
    }
    return out;
  }
  Tracked tracked() const { return Tracked{packets}; }
  std::size_t continuity_errors() const {
    ts::Continuity continuity;
    return static_cast<std::size_t>(std::ranges::count_if(
        packets, [&](const auto& p) { return ts::Continuity::is_error(continuity.check(p).verdict); }));
  }
  void clear() {
    packets.clear();
    positions.clear();
  }
};

class MemorySink : public io::Sink {
 public:
  explicit MemorySink(Received& received) : received_(received) { ++received_.opened; }
  ~MemorySink() override { ++received_.closed; }
  void write(std::span<const ts::Packet> packets, const io::Stamp& stamp) override {
    if (received_.fails) throw std::runtime_error("write place: No space left on device");
    for (const auto& packet : packets) {
      received_.packets.push_back(packet);
      received_.positions.push_back(stamp.position);
    }
  }
  void set_pcr_pid(std::optional<ts::Pid> pid) override { received_.pcr_pid = pid; }
  void flush() override {}
  void finish() override { ++received_.finished; }
  io::SinkStatistics statistics() const override { return {}; }

 private:
  Received& received_;
};

class Rig {
 public:
  explicit Rig(const std::vector<std::string>& outputs) : Rig() { configure(outputs); }
  Rig() : splitter_([this](const OutputSpec& spec) { return open(spec); }, false) {}

  std::vector<std::string> configure(const std::vector<std::string>& outputs) {
    Options options;
    for (const auto& output : outputs) options.outputs.push_back(OutputSpec::parse(output));
    complete(options);
    return splitter_.configure(options.outputs);
  }
  void feed(const std::vector<ts::Packet>& packets) { splitter_.feed({packets, {}, false}); }

  Received& at(const std::string& place) { return received_[place]; }
  Splitter& splitter() { return splitter_; }
  void refuse(const std::string& place) { refused_ = place; }

 private:
  std::unique_ptr<io::Sink> open(const OutputSpec& spec) {
    if (spec.endpoint.path == refused_) throw std::runtime_error("open " + refused_ + ": Permission denied");
    return std::make_unique<MemorySink>(received_[spec.place]);
  }

  std::map<std::string, Received> received_;
  std::string refused_ = "/";
  Splitter splitter_;
};

inline support::StreamBuilder two_services() {
  support::StreamBuilder builder;
  builder.add(support::ServiceOptions::numbered(1));
  builder.add(support::ServiceOptions::numbered(2));
  return builder;
}

inline std::vector<ts::Packet> only(const std::vector<ts::Packet>& packets, ts::Pid pid) {
  std::vector<ts::Packet> out;
  std::ranges::copy_if(packets, std::back_inserter(out), [pid](const auto& p) { return p.pid() == pid; });
  return out;
}

}  // namespace dvbrecv
