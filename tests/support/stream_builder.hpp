// Makes transport streams for tests: several services on one constant rate with exact PCRs, all tables in time, video
// that decodes, audio, private streams, null packets. Everything about it is known, and it repeats exactly.
//
//   support::StreamBuilder builder{{.rate = 4'000'000}};
//   builder.add(support::ServiceOptions::numbered(1));
//   builder.add(support::ServiceOptions::numbered(2));
//   auto packets = builder.make(std::chrono::seconds{5});
//   support::lose(packets, ts::Pid{0x0101}, 10, 3);              // three packets of the video, from its 11th on
//   auto option = builder.service(psi::ServiceId{0x0101});       // a change of PMT, on the fly
//   option.audio.pop_back();
//   builder.replace(option);
//   const auto later = builder.make(std::chrono::seconds{5});    // goes on where it stopped
//
// Position 0 is the first packet made; the PCR in packet n of a service is start_pcr + n x 1504 bits at the rate, to
// the tick. Pictures come every 40 ms, sound every 24 ms; both are sent 400 ms before their DTS. PAT, CAT and PMTs come
// every 90 ms, SDT and EIT every 450 ms, NIT and TDT every 1.8 s, PCRs every 30 ms. Every table's version counts up
// when the table changes.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/psi/tables.hpp"
#include "common/ts/access_unit.hpp"
#include "common/ts/packet.hpp"
#include "common/ts/section.hpp"
#include "common/ts/time.hpp"
#include "tests/support/si_section.hpp"

namespace support {

struct AudioOptions {
  ts::Pid pid;
  std::string language;  // no descriptor if empty
};

struct ServiceOptions {
  psi::ServiceId id;
  std::string name, provider = "Support";
  std::uint8_t type = 0x01;  // service_type of the SDT
  ts::Pid pmt_pid;           // several services may share one
  std::optional<ts::Pid> video_pid;
  ts::Pid pcr_pid;  // the video's, or one of its own
  ts::VideoCodec codec = ts::VideoCodec::h264;
  unsigned gop = 25;                 // pictures from one random access point to the next
  std::size_t picture_bytes = 1000;  // 1000: 200 kb/s
  bool random_access_indicator = true;
  std::vector<AudioOptions> audio;              // MPEG layer II, 64 kb/s each
  std::vector<psi::Pmt::Stream> other_streams;  // in the PMT; a private PES packet every 100 ms
  std::vector<ts::Pid> section_pids;            // not in the PMT; a section of table 0x80 every 100 ms (ECM)
  psi::Descriptors descriptors;                 // of the PMT
  ts::Pcr start_pcr;                            // at position 0
  std::optional<Event> present, following;
  std::vector<Event> schedule;  // one section of table 0x50 if not empty

  // Service 0x0100 + n, "Service n": PMT on PID n x 0x100, video with PCR on + 1, audio fra and eng on + 2 and + 3;
  // two events; PCR starting at n hours.
  static ServiceOptions numbered(unsigned n);
};

class StreamBuilder {
 public:
  struct Options {
    std::int64_t rate = 4'000'000;  // bit/s; a numbered() service needs some 550 kb/s
    std::uint16_t transport_stream_id = 1;
    std::uint16_t network_id = 0x20FA;
    std::chrono::sys_seconds utc{std::chrono::sys_days{std::chrono::year{2026} / 1 / 15} + std::chrono::hours{12}};
    psi::Descriptors cat{};  // no CAT if empty
    // EIT following 90 ms after EIT present: two sections of a table are 25 ms apart (EN 300 468 5.1.4.1).
    bool spread_sections = false;
  };
  StreamBuilder() : StreamBuilder(Options{}) {}
  explicit StreamBuilder(Options options) : options_(std::move(options)) {}

  // From the next packet on.
  void add(ServiceOptions options);
  void replace(ServiceOptions options);  // the one with its id
  void remove(psi::ServiceId id);
  const ServiceOptions& service(psi::ServiceId id) const { return services_.at(id).options; }
  // The clock of a service, and all time stamps made from now on, leap; `signalled` by discontinuity_indicator.
  void jump(psi::ServiceId id, ts::Ticks27 by, bool signalled);

  // The next packets. Throws std::length_error if the rate is too low for what is sent.
  std::vector<ts::Packet> make(std::chrono::nanoseconds duration);
  std::vector<ts::Packet> make_packets(std::uint64_t count);

  // Of the next packet.
  std::uint64_t position() const { return position_; }
  // What the PCR of a service is, or would be, in the packet at a position, since its last jump.
  ts::Pcr pcr(psi::ServiceId id, std::uint64_t position) const;
  psi::Pat pat() const;
  psi::Pmt pmt(psi::ServiceId id) const;
  psi::Sdt sdt() const;

 private:
  // PES packets of one PID on their way into packets.
  struct Track {
    ts::Pid pid;
    ts::Ticks27 period{0};
    ts::Ticks27 next{0};  // when the next PES packet is due
    std::uint64_t index = 0;
    std::deque<std::vector<std::uint8_t>> waiting;
    std::size_t sent = 0;               // of the first waiting one
    std::deque<bool> is_random_access;  // of the waiting ones
    enum class Kind : std::uint8_t { video, audio, other, section } kind = Kind::other;
  };
  struct Carried {
    ServiceOptions options;
    std::uint8_t version = 0;
    ts::Ticks27 offset{0};  // of the PCR to the builder's time, with all jumps
    ts::Ticks27 next_pcr{0};
    bool discontinuity = false;
    std::vector<Track> tracks;
  };

  ts::Ticks27 time_of(std::uint64_t position) const;
  static std::vector<Track> tracks_of(const ServiceOptions& options, ts::Ticks27 from);
  ts::Packet next_packet();
  void queue_tables(ts::Ticks27 now);
  void queue_sections(ts::Pid pid, const std::vector<psi::SectionBytes>& sections);
  void queue_pes(Carried& service, ts::Ticks27 now);
  std::vector<std::uint8_t> pes(const Carried& service, Track& track) const;
  std::optional<ts::Packet> pcr_packet(ts::Ticks27 now);
  std::optional<ts::Packet> track_packet();
  ts::Packet packet_of(Track& track, std::optional<ts::Pcr> pcr, bool discontinuity);
  enum class EitPart : std::uint8_t { all, present, following };
  std::vector<psi::SectionBytes> eit(EitPart part) const;

  Options options_;
  std::map<psi::ServiceId, Carried> services_;
  std::uint8_t pat_version_ = 0, sdt_version_ = 0, eit_version_ = 0;
  std::uint64_t position_ = 0;
  std::uint64_t table_cycles_ = 0;
  std::size_t turn_ = 0;  // whose track is next
  std::deque<ts::Packet> tables_;
  std::map<ts::Pid, ts::SectionPacketizer> packetizers_;
  std::map<ts::Pid, unsigned> counters_;  // of the last packet with payload
};

// A PES packet; `dts` is sent if it is another than `pts`, PES_packet_length unless it is video.
std::vector<std::uint8_t> pes_packet(std::uint8_t stream_id, ts::Timestamp pts, ts::Timestamp dts,
                                     const std::vector<std::uint8_t>& data);

// Replaces `count` packets of a PID, from its `first`th on (from 0), by null packets: lost, with all others in time.
// Returns how many there were to lose.
std::size_t lose(std::vector<ts::Packet>& packets, ts::Pid pid, std::size_t first, std::size_t count);

}  // namespace support
