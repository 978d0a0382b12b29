#include "common/ring/stream_scan.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "common/io/file_descriptor.hpp"
#include "common/ts/program_clock.hpp"

namespace ring {
namespace {

constexpr std::size_t batch_packets = 1394;  // 256 KiB

std::span<const ts::Packet> read_packets(const ScanRequest& request, PacketNumber at, std::span<ts::Packet> buffer) {
  const auto wanted = std::min<PacketNumber>(buffer.size(), request.to - at) * ts::packet_size;
  auto* bytes = reinterpret_cast<std::uint8_t*>(buffer.data());
  std::size_t have = 0;
  while (have < wanted) {
    const auto n = pread(request.fd, bytes + have, wanted - have, static_cast<off_t>(at * ts::packet_size + have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) io::throw_system_error("read", request.name);
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  return buffer.first(have / ts::packet_size);
}

// Dates packets by the clock of the first PCR PID.
class Dating {
 public:
  explicit Dating(const ScanRequest& request) : request_(request) {}

  // True if `packet` moves the time on.
  bool feed(const ts::Packet& packet, PacketNumber at) {
    if (!packet.has_sync() || packet.transport_error() || !packet.has_adaptation()) return false;
    const auto pcr = packet.pcr();
    if (!pcr || (pid_ && *pid_ != packet.pid())) return false;
    pid_ = packet.pid();
    const auto time = clock_.feed(*pcr, at, packet.discontinuity()).time;
    if (at >= request_.anchor && !start_) start_ = clock_.at(request_.anchor);
    if (!start_) return false;
    const auto passed = std::chrono::duration_cast<std::chrono::nanoseconds>(std::max(time - *start_, ts::Ticks27{0}));
    now_ = {request_.arrival.steady + passed, request_.arrival.wall + passed};
    return true;
  }
  const ts::Arrival& now() const { return now_; }
  bool has_clock() const { return start_.has_value(); }

 private:
  const ScanRequest& request_;
  ts::ProgramClock clock_;
  std::optional<ts::Pid> pid_;
  std::optional<ts::ProgramTime> start_;  // of the anchor
  ts::Arrival now_ = request_.arrival;
};

// The last packet has a date, as in a recorded segment.
void add_last_date(const ScanRequest& request, const Dating& dating, PacketNumber end, std::vector<Record>& records) {
  if (end <= request.from) return;
  const auto last = dating.has_clock() ? dating.now() : request.last.value_or(dating.now());
  records.push_back(DateRecord{end - 1, last.wall, last.steady, true});
}

}  // namespace

ScanResult scan(const ScanRequest& request) {
  ScanResult result;
  IndexBuilder builder{request.spacing};
  Dating dating{request};
  const PacketNumber begin = request.from - std::min(request.from, ScanRequest::lead);
  std::vector<ts::Packet> buffer(batch_packets);
  std::optional<std::chrono::sys_seconds> utc;

  PacketNumber at = begin;
  const auto feed = [&](std::span<const ts::Packet> packets) {
    builder.feed(packets, dating.now(), true);
    if (const auto now = builder.services().utc(); now && now != utc) {
      utc = now;
      result.utc.emplace_back(at, *now);
    }
  };
  while (at < request.to) {
    const auto batch = read_packets(request, at, buffer);
    if (batch.empty()) break;
    std::size_t fed = 0;
    for (std::size_t i = 0; i < batch.size(); ++i, ++at) {
      if (!dating.feed(batch[i], at)) continue;
      feed(batch.subspan(fed, i - fed));
      fed = i;
    }
    feed(batch.subspan(fed));
    auto& records = builder.records();
    for (Record& record : records) {
      const auto packet = packet_of(record) + begin;
      if (packet < request.from) continue;
      set_packet(record, packet);
      result.records.push_back(std::move(record));
    }
    records.clear();
  }
  add_last_date(request, dating, at, result.records);
  result.statistics = builder.statistics();
  return result;
}

}  // namespace ring
