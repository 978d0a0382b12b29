// The beginning of a cut: tables, a clock, and every stream from the start of one of its units on.
//
// Pictures are sent well ahead of the sound that belongs to them. So after the first picture's packets comes sound that
// is older than the picture: it is left out up to the PES packet that sounds with the picture.
//
// After an access point of an open group come pictures that are shown before it and need the group before: decoders
// show them broken. They are left out. No later picture needs them, or it could not be decoded from here either. The
// packets before them get counters that go on to those after them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "common/ts/packet.hpp"
#include "tools/tscut/stream_map.hpp"

namespace tscut {

// The picture that a video stream begins with.
struct VideoStart {
  ts::Pid pid;
  std::size_t index = 0;  // of its first packet, in the zone
  std::optional<ts::Timestamp> pts;
  ts::AccessPoint access = ts::AccessPoint::closed;
};

// The packets from the start of the cut on, until every stream has shown where to begin: so many seconds by the first
// programme clock found in them.
class Zone {
 public:
  // Sound and subtitles follow the picture by at most the decoder's buffer: 1 s by ISO/IEC 13818-1 2.4.2.6, for H.264
  // in practice 2 s.
  static constexpr ts::Ticks27 length = std::chrono::seconds{3};
  // Without a clock; 3 s at 40 Mb/s with one of a few seconds' distance between the services' access points.
  static constexpr std::size_t packets_without_clock = 20'000, most_packets = 400'000;

  // `least`: the index of the last video's start; the length counts from there.
  Zone(const StreamMap& map, std::size_t least) : map_(&map), least_(least) {}
  void set_least(std::size_t least) { least_ = least; }
  // Copies the packets.
  void add(std::span<const ts::Packet> packets);
  bool full() const;
  std::span<const ts::Packet> packets() const { return packets_; }

 private:
  const StreamMap* map_;
  std::size_t least_;
  std::vector<ts::Packet> packets_;
  std::optional<ts::Pid> clock_;
  std::optional<ts::Pcr> first_, last_;
};

class Head {
 public:
  // The zone's packets must live as long as this object.
  Head(std::span<const ts::Packet> zone, const StreamMap& map, std::span<const VideoStart> starts);

  // The continuity counter that the next packet of a PID has which is not in the zone.
  using NextCounter = std::function<unsigned(ts::Pid pid)>;
  // The packets that the stream's own follow: the tables, and a PCR for each programme whose first one comes later.
  std::vector<ts::Packet> opening(std::span<const Table> tables, const NextCounter& next_counter) const;
  // What becomes of the zone's packet `index`: itself, perhaps with another counter, its PCR alone, or a null packet.
  ts::Packet take(std::size_t index) const;

 private:
  static constexpr std::uint32_t none = 0xFFFF'FFFF;
  static constexpr std::uint8_t as_it_is = 0xFF;
  struct Stream {
    std::uint32_t start = none;  // index of the first packet that is kept
    std::uint8_t first = 0;      // its counter
    std::uint8_t last = 0;       // counter of the PID's last packet in the zone
    bool seen = false;
    std::optional<ts::Timestamp> leading_before{};
    bool leading = false;  // the unit that was begun last
    bool leads = false;    // has leading pictures
    bool fixed = false;    // a video whose start was given
  };

  void consider(const ts::Packet& packet, std::uint32_t index);
  bool starts_later(const ts::Packet& packet, const Stream& stream) const;
  void fix(const VideoStart& start);
  void renumber(ts::Pid pid);
  // A packet without payload has the counter of the last one with payload (ISO/IEC 13818-1 2.4.3.3).
  unsigned counter_before(ts::Pid pid) const;
  std::optional<ts::Packet> opening_clock(const Programme& programme) const;

  std::span<const ts::Packet> zone_;
  const StreamMap* map_;
  std::vector<Stream> streams_;
  std::vector<bool> leading_;                            // the zone's packets of leading pictures
  std::vector<std::uint8_t> counters_;                   // of the zone's packets; `as_it_is`
  std::vector<std::optional<ts::Timestamp>> first_pts_;  // of each programme's video
};

}  // namespace tscut
