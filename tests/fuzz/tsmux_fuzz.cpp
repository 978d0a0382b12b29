// Bytes as a file that is multiplexed to its end: whatever it says, its memory and its time have bounds, and what
// leaves is a transport stream.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "common/cli/log.hpp"
#include "common/mux/multiplexer.hpp"
#include "common/mux/section_carousel.hpp"
#include "common/ts/continuity.hpp"
#include "common/ts/section.hpp"
#include "common/ts/synchronizer.hpp"
#include "tools/tsmux/lineup.hpp"

namespace {

using namespace std::chrono_literals;

void require(bool condition) {
  if (!condition) std::abort();
}

constexpr ts::Ticks27 ticks(std::chrono::nanoseconds time) { return std::chrono::duration_cast<ts::Ticks27>(time); }

class Memory : public io::Source {
 public:
  explicit Memory(std::vector<ts::Packet> packets) : packets_(std::move(packets)) {}
  std::span<const io::Chunk> read(std::chrono::milliseconds) override {
    if (at_ == packets_.size()) {
      ended_ = true;
      return {};
    }
    const auto part = std::span{packets_}.subspan(at_, std::min<std::size_t>(16, packets_.size() - at_));
    at_ += part.size();
    chunk_ = {part, {}, part.front().bytes[187] % 16 == 1};
    return {&chunk_, 1};
  }
  bool ended() const override { return ended_; }
  bool is_live() const override { return false; }
  io::SourceStatistics statistics() const override { return {}; }

 private:
  std::vector<ts::Packet> packets_;
  std::size_t at_ = 0;
  bool ended_ = false;
  io::Chunk chunk_;
};

// A service to begin with, so that bytes without tables are taken too. `renamed`: packets are of the service's PIDs.
std::vector<ts::Packet> stream_of(std::span<const std::uint8_t> bytes, bool renamed) {
  std::vector<ts::Packet> packets;
  constexpr ts::Pid pmt_pid{0x0100}, video{0x1000}, audio{0x1001};
  const psi::Pat pat{.transport_stream_id = 1, .network_pid = std::nullopt, .services = {{psi::ServiceId{1}, pmt_pid}}};
  const psi::Pmt pmt{.service = psi::ServiceId{1},
                     .pcr_pid = video,
                     .descriptors = {},
                     .streams = {{0x1B, video, {}}, {0x03, audio, {}}, {0x06, ts::Pid{0x1010}, {}}}};
  ts::SectionPacketizer{ts::pat_pid}.packetize(psi::sections(pat), packets);
  ts::SectionPacketizer{pmt_pid}.packetize(psi::sections(pmt), packets);
  for (unsigned i = 0; i < 3; ++i) packets.push_back(ts::Packet::pcr_only(video, ts::Pcr{ticks(20ms * i)}, 0));
  const std::size_t begun = packets.size();
  ts::Synchronizer synchronizer;
  for (auto found = synchronizer.feed(bytes); !found.empty(); found = synchronizer.feed({})) {
    packets.insert(packets.end(), found.begin(), found.end());
  }
  const auto rest = synchronizer.finish();
  packets.insert(packets.end(), rest.begin(), rest.end());
  constexpr std::array<ts::Pid, 8> pids{video, video, video, audio, audio, ts::Pid{0x1010}, pmt_pid, ts::pat_pid};
  for (std::size_t i = begun; renamed && i < packets.size(); ++i) packets[i].set_pid(pids[packets[i].bytes[187] % 8]);
  return packets;
}

class Run {
 public:
  Run(std::vector<ts::Packet> packets, std::uint8_t mode)
      : packets_(std::move(packets)),
        multiplexer_({.bit_rate = (mode & 1) != 0 ? 100'000 : 1'000'000, .ahead = ticks(50ms)}, carousel_),
        lineup_({.multiplexer = multiplexer_,
                 .time_base = time_base_,
                 .live = false,
                 .ahead = ticks(50ms),
                 .open = [this](const tsmux::Reception&) { return std::make_unique<Memory>(packets_); },
                 .on_event = [](const tsmux::Lineup::Service&, const ts::Section&) {}},
                ids_) {
    tsmux::Options options;
    options.inputs.push_back(tsmux::InputSpec::parse((mode & 2) != 0 ? "a,service=all" : "a,service=1"));
    options.receptions = tsmux::join(options.inputs, options.components, 200ms);
    options.cat = (mode & 4) != 0;
    lineup_.configure(options);
  }
  void play() {
    const ts::SteadyTime now{1h};
    lineup_.look(now);
    if (!lineup_.problem().empty()) return;
    lineup_.begin();
    // Longer than the longest wait in the multiplexer, for each packet that can move the time.
    for (std::size_t i = 0; i < 20'000 && !lineup_.is_finished(); ++i) step(now + 20ms * i);
  }

 private:
  void step(ts::SteadyTime now) {
    lineup_.poll(now);
    lineup_.need(multiplexer_.now() + ticks(250ms));
    out_.clear();
    multiplexer_.run(50, out_);
    for (const ts::Packet& packet : out_) require(packet.has_sync());
    for (const auto& service : lineup_.services()) require(service->feed->queued() <= 2 * packets_.size() + 16);
  }

  std::vector<ts::Packet> packets_;
  mux::SectionCarousel carousel_;
  mux::Multiplexer multiplexer_;
  tsmux::TimeBase time_base_;
  tsmux::IdMap ids_;
  tsmux::Lineup lineup_;
  std::vector<ts::Packet> out_;
};

}  // namespace

// The first byte chooses how.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  cli::set_log("tsmux_fuzz", cli::Priority{-1});
  Run{stream_of({data + 1, size - 1}, (data[0] & 8) != 0), data[0]}.play();
  return 0;
}
