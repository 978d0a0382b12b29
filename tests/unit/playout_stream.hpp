// Makes small transport streams of a constant rate, with all that a join has to get right: two services with clocks of
// their own, pictures of untold length, sound that does not fit the pictures' grid, tables.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "common/io/sink.hpp"
#include "common/io/source.hpp"
#include "common/psi/tables.hpp"
#include "common/ts/packet.hpp"
#include "common/ts/section.hpp"
#include "tests/support/packet_builder.hpp"

namespace test {

struct StreamService {
  std::uint16_t id = 1;
  unsigned first_pid = 0x100;  // PMT; then video with PCR, and sound
  std::int64_t first_pcr = 0;  // 27 MHz
  std::uint8_t video_type = 0x1B;
};

struct StreamOptions {
  std::int64_t bit_rate = 2'000'021;  // no whole number of ticks a packet
  std::size_t packets = 3001;
  std::vector<StreamService> services{StreamService{}};
  unsigned first_counter = 5;
  std::uint8_t table_version = 3;
};

inline std::vector<std::uint8_t> pes(std::uint8_t stream_id, std::int64_t pts, std::int64_t dts, std::size_t size,
                                     bool told) {
  const auto stamp = [](unsigned prefix, std::int64_t ticks) {
    const auto t = static_cast<std::uint64_t>(ts::Timestamp{ts::Ticks90{ticks}}.ticks());
    return std::vector<std::uint8_t>{static_cast<std::uint8_t>(prefix << 4 | (t >> 29 & 0x0E) | 1),
                                     static_cast<std::uint8_t>(t >> 22),
                                     static_cast<std::uint8_t>((t >> 14 & 0xFE) | 1), static_cast<std::uint8_t>(t >> 7),
                                     static_cast<std::uint8_t>((t << 1 & 0xFE) | 1)};
  };
  const bool both = pts != dts;
  std::vector<std::uint8_t> bytes{0,
                                  0,
                                  1,
                                  stream_id,
                                  0,
                                  0,
                                  0x84,
                                  static_cast<std::uint8_t>(both ? 0xC0 : 0x80),
                                  static_cast<std::uint8_t>(both ? 10 : 5)};
  const auto put = [&](const std::vector<std::uint8_t>& part) { bytes.insert(bytes.end(), part.begin(), part.end()); };
  put(stamp(both ? 3 : 2, pts));
  if (both) put(stamp(1, dts));
  bytes.resize(bytes.size() + size, 0xAA);
  if (told) {
    bytes[4] = static_cast<std::uint8_t>((bytes.size() - 6) >> 8);
    bytes[5] = static_cast<std::uint8_t>((bytes.size() - 6) & 0xFF);
  }
  return bytes;
}

class StreamMaker {
 public:
  explicit StreamMaker(StreamOptions options) : options_(std::move(options)) {
    for (const auto& service : options_.services)
      services_.push_back({service, service.first_pcr / 300 + 20'000, {}, {}});
    for (auto& counter : counters_) counter = options_.first_counter;
  }

  std::vector<ts::Packet> make() {
    while (packets_.size() < options_.packets) {
      if (time_of(packets_.size()) >= next_tables_) {
        next_tables_ += 2'700'000;
        put_tables();
      }
      const auto now = time_of(packets_.size());
      for (auto& service : services_) schedule(service, now);
      put_one(now);
    }
    packets_.resize(options_.packets);
    return packets_;
  }

  // Ticks from the first packet.
  std::int64_t time_of(std::size_t position) const {
    return static_cast<std::int64_t>(position) * 1504 * 27'000'000 / options_.bit_rate;
  }

 private:
  struct State {
    StreamService service;
    std::int64_t clock;  // 90 kHz: decoding time of the next picture, half a second ahead of its sending
    std::deque<ts::Packet> video, audio;
    std::int64_t sent_video = 0, sent_audio = 0;  // pictures, frames
    std::int64_t next_pcr = 0;
  };

  void put_tables() {
    psi::Pat pat{.transport_stream_id = 1, .version = options_.table_version, .network_pid = {}, .services = {}};
    for (const auto& s : services_)
      pat.services.push_back({psi::ServiceId{s.service.id}, ts::Pid{s.service.first_pid}});
    put_sections(0, psi::sections(pat));
    for (const auto& s : services_) {
      psi::Pmt pmt;
      pmt.service = psi::ServiceId{s.service.id};
      pmt.version = options_.table_version;
      pmt.pcr_pid = ts::Pid{s.service.first_pid + 1};
      pmt.streams = {{s.service.video_type, ts::Pid{s.service.first_pid + 1}, {}},
                     {0x03, ts::Pid{s.service.first_pid + 2}, {}}};
      put_sections(s.service.first_pid, psi::sections(pmt));
    }
  }
  void put_sections(unsigned pid, const std::vector<psi::SectionBytes>& sections) {
    ts::SectionPacketizer packetizer{ts::Pid{pid}, counters_[pid]};
    packetizer.packetize(sections, packets_);
    counters_[pid] = packetizer.next_counter();
  }
  // A picture every 40 ms, three frames of sound (MPEG-1 layer II, 48 kHz: 24 ms each) every 72 ms.
  void schedule(State& s, std::int64_t now) {
    if (s.video.empty() && now >= s.sent_video * 1'080'000) {
      const std::int64_t dts = s.clock + s.sent_video * 3600;
      cut(s.video, s.service.first_pid + 1,
          pes(0xE0, dts + 7200, dts, 900 + 100 * static_cast<std::size_t>(s.sent_video % 7), false));
      ++s.sent_video;
    }
    if (s.audio.empty() && now >= s.sent_audio * 1'944'000) {
      const std::int64_t pts = s.clock - 9000 + s.sent_audio * 6480;
      cut(s.audio, s.service.first_pid + 2, pes(0xC0, pts, pts, 1152, true));
      ++s.sent_audio;
    }
  }
  static void cut(std::deque<ts::Packet>& queue, unsigned pid, std::span<const std::uint8_t> bytes) {
    for (bool first = true; !bytes.empty(); first = false) {
      const std::size_t size = std::min<std::size_t>(bytes.size(), 176);
      queue.push_back(make_packet({.pid = pid, .unit_start = first}, bytes.first(size)));
      bytes = bytes.subspan(size);
    }
  }
  void put_one(std::int64_t now) {
    for (auto& s : services_) {
      if (now >= s.next_pcr) {
        s.next_pcr = now + 540'000;
        const unsigned pid = s.service.first_pid + 1;
        auto packet =
            ts::Packet::pcr_only(ts::Pid{pid}, ts::Pcr{ts::Ticks27{s.service.first_pcr + now}}, counters_[pid] + 15);
        return packets_.push_back(packet);
      }
    }
    for (auto& s : services_) {
      for (auto* queue : {&s.audio, &s.video}) {
        if (queue->empty()) continue;
        ts::Packet packet = queue->front();
        queue->pop_front();
        packet.set_continuity(counters_[packet.pid().value()]++);
        return packets_.push_back(packet);
      }
    }
    packets_.push_back(ts::Packet::null());
  }

  StreamOptions options_;
  std::vector<State> services_;
  std::vector<ts::Packet> packets_;
  std::array<unsigned, ts::Pid::count> counters_{};
  std::int64_t next_tables_ = 0;
};

inline std::vector<ts::Packet> make_stream(const StreamOptions& options) { return StreamMaker{options}.make(); }

// A file in memory, read by parts whose sizes fit nothing.
class MemorySource : public io::Source {
 public:
  explicit MemorySource(std::vector<ts::Packet> packets) : packets_(std::move(packets)) {}
  std::span<const io::Chunk> read(std::chrono::milliseconds) override {
    const auto rest = std::span<const ts::Packet>{packets_}.subspan(at_);
    chunk_.packets = rest.first(std::min<std::size_t>(rest.size(), 333));
    at_ += chunk_.packets.size();
    return {&chunk_, 1};
  }
  bool ended() const override { return at_ == packets_.size(); }
  bool is_live() const override { return false; }
  io::SourceStatistics statistics() const override {
    io::SourceStatistics statistics;
    statistics.packets = at_;
    statistics.bytes = at_ * ts::packet_size;
    return statistics;
  }

 private:
  std::vector<ts::Packet> packets_;
  std::size_t at_ = 0;
  io::Chunk chunk_{};
};

class MemorySink : public io::Sink {
 public:
  std::vector<ts::Packet> packets;
  void write(std::span<const ts::Packet> batch, const io::Stamp& stamp) override {
    in_order = in_order && stamp.position == packets.size();
    packets.insert(packets.end(), batch.begin(), batch.end());
  }
  void set_pcr_pid(std::optional<ts::Pid>) override {}
  void flush() override {}
  void finish() override {}
  io::SinkStatistics statistics() const override { return {}; }
  bool in_order = true;
};

}  // namespace test
