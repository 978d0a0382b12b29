// Bytes as a stream that is watched: live or from a file, by either clock, in chunks with and without losses.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "common/ts/synchronizer.hpp"
#include "tools/tsmon/monitor.hpp"
#include "tools/tsmon/network_meter.hpp"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

class Watch {
 public:
  explicit Watch(std::uint8_t mode)
      : live_((mode & 1) != 0), monitor_(options(mode)), step_(std::chrono::milliseconds{mode}) {
    monitor_.on_alarm([this](tsmon::AlarmBoard::Edge edge, const tsmon::Alarm& alarm) {
      open_ += edge == tsmon::AlarmBoard::Edge::start ? 1 : -1;
      require(open_ >= 0 && alarm.count > 0 && alarm.first.time <= monitor_.now().time);
    });
    statistics_.has_socket = live_;
  }

  void feed(std::span<const ts::Packet> packets) {
    now_.steady += step_;
    const auto byte = packets.front().bytes[187];
    const bool after_loss = byte % 4 == 0;
    if (after_loss) ++(byte % 8 == 0 ? statistics_.socket_drops : statistics_.rtp_lost);
    const io::Chunk chunk{packets, now_, after_loss};
    const auto total = monitor_.board().total();
    const auto time = monitor_.now().time;
    network_.feed({&chunk, 1}, monitor_.mean_rate());
    monitor_.feed({&chunk, 1}, statistics_);
    if (live_ && byte % 16 == 1) monitor_.idle(now_);
    require(monitor_.board().total() >= total && monitor_.now().time >= time);
  }
  void finish() {
    monitor_.finish();
    require(monitor_.totals().packets == monitor_.timeline().packets());
    require(monitor_.board().active().size() == static_cast<std::size_t>(open_));
    require(monitor_.board().history().size() <= 1001 * tsmon::indicator_count);
  }

 private:
  static tsmon::Monitor::Options options(std::uint8_t mode) {
    tsmon::Monitor::Options out;
    out.live = (mode & 1) != 0;
    if (out.live && (mode & 2) != 0) out.clock = tsmon::Monitor::Clock::arrival;
    out.watched = tsmon::watched(tsmon::Profile::dvb);
    out.limits = tsmon::limits((mode & 4) != 0 ? tsmon::Profile::strict : tsmon::Profile::dvb);
    return out;
  }

  bool live_;
  std::ptrdiff_t open_ = 0;  // alarms
  tsmon::Monitor monitor_;
  tsmon::NetworkMeter network_;
  std::chrono::milliseconds step_;
  ts::Arrival now_{ts::SteadyTime{std::chrono::hours{1}}, {}};
  io::SourceStatistics statistics_;
};

}  // namespace

// The first byte chooses how it is watched, the second how much comes at a time.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  Watch watch{data[0]};
  const std::size_t block = 188 * (1 + std::size_t{data[1]} % 16);
  std::span<const std::uint8_t> bytes{data + 2, size - 2};
  ts::Synchronizer synchronizer;
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(block, bytes.size()));
    const std::vector<std::uint8_t> copy(part.begin(), part.end());
    for (auto packets = synchronizer.feed(copy); !packets.empty(); packets = synchronizer.feed({})) watch.feed(packets);
    bytes = bytes.subspan(part.size());
  }
  if (const auto packets = synchronizer.finish(); !packets.empty()) watch.feed(packets);
  watch.finish();
  return 0;
}
