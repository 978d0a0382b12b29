#include "common/ring/stream_scan.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include "common/io/file_descriptor.hpp"
#include "common/ts/program_clock.hpp"
#include "common/ts/synchronizer.hpp"

namespace ring {
namespace {

constexpr std::size_t batch_packets = 1394;  // 256 KiB

// As many bytes as fit, less at the end of the file.
std::size_t read(const ScanRequest& request, std::uint64_t offset, std::span<std::uint8_t> bytes) {
  std::size_t have = 0;
  while (have < bytes.size()) {
    const auto n = pread(request.fd, bytes.data() + have, bytes.size() - have, static_cast<off_t>(offset + have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) io::throw_system_error("read", request.name);
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  return have;
}

std::span<const ts::Packet> read_packets(const ScanRequest& request, PacketNumber at, std::span<ts::Packet> buffer) {
  const auto wanted = std::min<PacketNumber>(buffer.size(), request.to - at);
  const auto have =
      read(request, at * ts::packet_size, {reinterpret_cast<std::uint8_t*>(buffer.data()), wanted * ts::packet_size});
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

// Makes the records out of packets.
class Scanner {
 public:
  // `begin`: number of the first packet that comes.
  Scanner(const ScanRequest& request, PacketNumber begin)
      : request_(request), begin_(begin), at_(begin), builder_(request.spacing), dating_(request) {}

  PacketNumber at() const { return at_; }

  void feed(std::span<const ts::Packet> packets) {
    std::size_t fed = 0;
    for (std::size_t i = 0; i < packets.size(); ++i, ++at_) {
      if (!dating_.feed(packets[i], at_)) continue;
      build(packets.subspan(fed, i - fed));
      fed = i;
    }
    build(packets.subspan(fed));
    take_records();
  }
  // Bytes that are no packets lie here.
  void damage() {
    const auto now = dating_.now().wall;
    builder_.gap({0, GapRecord::Cause::damaged, now, now, 0}, false);
  }
  ScanResult finish() {
    take_records();
    add_last_date(request_, dating_, at_, result_.records);
    result_.packets = at_;
    result_.statistics = builder_.statistics();
    return std::move(result_);
  }

 private:
  void build(std::span<const ts::Packet> packets) {
    builder_.feed(packets, dating_.now(), true);
    if (const auto now = builder_.services().utc(); now && now != utc_) {
      utc_ = now;
      result_.utc.emplace_back(at_, *now);
    }
  }
  void take_records() {
    auto& records = builder_.records();
    for (Record& record : records) {
      const auto packet = packet_of(record) + begin_;
      if (packet < request_.from) continue;
      set_packet(record, packet);
      result_.records.push_back(std::move(record));
    }
    records.clear();
  }

  const ScanRequest& request_;
  PacketNumber begin_, at_;
  IndexBuilder builder_;
  Dating dating_;
  std::optional<std::chrono::sys_seconds> utc_;
  ScanResult result_;
};

// The packets of a file, wherever they lie.
class FilePackets {
 public:
  explicit FilePackets(const ScanRequest& request) : request_(request), buffer_(batch_packets * ts::packet_size) {}

  // Those that lie one after another next; valid until the next call. Nothing at the end.
  std::span<const ts::Packet> next() {
    const std::uint64_t before = synchronizer_.statistics().packets;
    auto packets = synchronizer_.feed({});
    while (packets.empty() && !ended_) {
      const std::size_t size = read(request_, read_, buffer_);
      read_ += size;
      ended_ = size == 0;
      packets = ended_ ? synchronizer_.finish() : synchronizer_.feed(std::span{buffer_}.first(size));
    }
    if (!packets.empty()) {
      skipped_ = synchronizer_.skipped_before();
      offset_ = before * ts::packet_size + skipped_;
    }
    return packets;
  }
  // Of the first of them, in bytes.
  std::uint64_t offset() const { return offset_; }
  // Bytes after the last packet.
  std::uint64_t left() const { return synchronizer_.statistics().skipped_bytes - skipped_; }

 private:
  const ScanRequest& request_;
  ts::Synchronizer synchronizer_{ts::packet_size};
  std::vector<std::uint8_t> buffer_;
  std::uint64_t read_ = 0;
  bool ended_ = false;
  std::uint64_t skipped_ = 0, offset_ = 0;
};

}  // namespace

ScanResult scan(const ScanRequest& request) {
  Scanner scanner{request, request.from - std::min(request.from, ScanRequest::lead)};
  std::vector<ts::Packet> buffer(batch_packets);
  while (scanner.at() < request.to) {
    const auto batch = read_packets(request, scanner.at(), buffer);
    if (batch.empty()) break;
    scanner.feed(batch);
  }
  return scanner.finish();
}

ScanResult scan_file(const ScanRequest& request) {
  Scanner scanner{request, 0};
  FilePackets file{request};
  std::vector<Extent> extents;
  std::uint64_t end = 0;  // of the packets before, in bytes
  for (auto packets = file.next(); !packets.empty(); packets = file.next()) {
    if (file.offset() != end) {
      if (scanner.at() > 0) scanner.damage();
      extents.push_back({scanner.at(), file.offset()});
    }
    end = file.offset() + packets.size_bytes();
    scanner.feed(packets);
  }
  // Less is a packet of which the end is missing.
  if (scanner.at() > 0 && file.left() >= ts::packet_size) scanner.damage();
  auto result = scanner.finish();
  result.extents = std::move(extents);
  return result;
}

}  // namespace ring
