// The transport stream system target decoder (ISO/IEC 13818-1 2.4.2): does a stream overflow or starve the buffers that
// every decoder has?
//
//   packets --> TB --Rx--> MB --Rbx--> EB --> access units, each at once at its decoding time     (video)
//   packets --> TB --Rx--> B --> access units                                                     (audio, teletext)
//   packets --> TB --Rx--> Bsys --Rbx-->                                                          (sections)
//
// Use, for one PID (or for the section PIDs of a program, which share one TB):
//
//   ts::AccessUnitScanner scanner{ts::VideoCodec::h264};
//   std::optional<ts::Tstd> tstd;                                  // as soon as the parameters are known
//   for each packet of the PID, no duplicates:
//     const auto units = scanner.feed(packet);
//     if (!tstd && scanner.video()) tstd.emplace(*ts::TstdLimits::video(*scanner.video()), scanner.position());
//     tstd->feed(its time, ticks per packet, scanner.stream_bytes(), scanner.header_bytes());
//     for (const auto& unit : units) tstd->add(unit.offset, unit.size, its decoding time);
//     if (scanner.open()) tstd->begin(scanner.open()->offset, its decoding time);
//     for (const auto& event : tstd->events()) ...;  tstd->clear_events();
//   after a loss or a jump of the timeline: scanner.reset(); tstd->reset(scanner.position());
//
// The first packet fed may lie anywhere in the stream: what comes before the first access unit that is known is taken
// out of EB at once, and so is all until the next one after a reset().
//
// A fluid model: bytes flow evenly, where the standard's whole bytes come at once and go one by one. So TB never holds
// more here than there; a buffer behind it may by the bytes that there are still under way, one in TB and one in MB,
// and for the same reason the end of an access unit may be early or late by as much. Two bytes too many or too few are
// therefore no event, which also covers times that are rounded to ticks. A PES header counts when its last byte has
// come. The padding stream, and duplicate packets if they are not fed, are not counted. What the standard removes at a
// decoding time stays until then, and nothing is kept longer: no access unit longer than one after it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/ts/audio_frame.hpp"
#include "common/ts/time.hpp"
#include "common/ts/video_parameters.hpp"

namespace ts {

// Sizes in bytes, rates in bit/s.
struct TstdLimits {
  std::uint64_t transport_size = 512;     // TB
  std::uint64_t transport_rate = 0;       // Rx
  std::uint64_t multiplex_size = 0;       // MB or Bsys; with rate 0 there is none
  std::uint64_t multiplex_rate = 0;       // Rbx
  bool multiplex_empties = true;          // MB must be empty once a second (Bsys need not)
  std::uint64_t elementary_size = 0;      // EB or B; 0: without bounds
  bool elementary_holds_headers = false;  // B has the PES headers before its bytes, EB has not
  bool underflow_is_error = true;         // not if low_delay is set (ISO/IEC 13818-1 2.4.2.6, TR 101 290 3.3)
  std::optional<Ticks27> longest_delay;
  bool size_sent = false;  // EB is the stream's own cpb_size or vbv_buffer_size, not its level's greatest
  friend bool operator==(const TstdLimits&, const TstdLimits&) = default;

  // Nothing where the level is unknown, or for MPEG-1 video.
  static std::optional<TstdLimits> video(const VideoParameters& video);
  static TstdLimits audio(AudioFormat format, const AudioFrame& frame);
  static TstdLimits teletext();
  static TstdLimits dvb_subtitles(bool display_definition);
  // PAT, CAT and PMT of one program. `stream_rate` is that of the whole transport stream.
  static TstdLimits sections(double stream_rate);

  // For a stream whose bytes go from MB to EB by another rule than the leak method (vbv_delay, or the HRD of a stream
  // whose descriptor says so). Whatever the rule is, MB and EB together can hold no more than this.
  TstdLimits without_leak() const;
};

struct TstdEvent {
  enum class Kind : std::uint8_t {
    transport_overflow,   // TR 101 290 3.3; amount: bytes beyond the buffer
    multiplex_overflow,   // 3.3
    elementary_overflow,  // 3.3
    underflow,            // 3.3: bytes of an access unit missing at its decoding time
    transport_not_empty,  // 3.9; amount: seconds since it was empty
    multiplex_not_empty,  // 3.9
    delay,                // 3.10; amount: seconds that an access unit's first byte stays
  };
  static constexpr std::size_t kinds = 7;
  Kind kind = Kind::underflow;
  ProgramTime at{};
  double amount = 0;
};

class Tstd {
 public:
  // `offset` of the next elementary stream byte, in the count that add() uses.
  explicit Tstd(const TstdLimits& limits, std::uint64_t offset = 0);

  // Time has come to here (feed() says so too).
  void advance(ProgramTime now);
  // A packet whose first byte arrives at `at` and its last one `length` (ticks, more than 0) later. Packets without
  // payload too. Its last bytes are `header_bytes` of a PES header and behind them `stream_bytes`. They pass on
  // when time moves on, after the access units that this packet tells of have been added: so a unit that is late is
  // seen to be.
  void feed(ProgramTime at, double length, std::size_t stream_bytes, std::size_t header_bytes);
  // An access unit whose size is known now, in order of offsets. Without a decoding time it is decoded with the next
  // one.
  void add(std::uint64_t offset, std::uint64_t size, std::optional<ProgramTime> decoded);
  // The last access unit begun, whose end is still to come: may be told as often as one likes.
  void begin(std::uint64_t offset, std::optional<ProgramTime> decoded);
  // Loss, or another time base: all buffers empty. The figures stay.
  void reset(std::uint64_t offset);

  // Since the last clear_events(), each kind at most once in a second of the stream.
  std::span<const TstdEvent> events() const { return events_; }
  void clear_events() { events_.clear(); }

  // Greatest fullness in bytes, and the longest delay, since the start or clear_figures().
  struct Figures {
    double transport = 0;
    double multiplex = 0;
    double elementary = 0;
    Ticks27 delay{};
    std::uint64_t units = 0;       // decoded
    std::uint64_t units_late = 0;  // of them, not wholly there
  };
  const Figures& figures() const { return figures_; }
  void clear_figures() { figures_ = {}; }
  const TstdLimits& limits() const { return limits_; }

 private:
  struct Unit {
    double decoded = 0;
    std::uint64_t end = 0;   // offset
    std::uint64_t with = 0;  // offset up to which units without a decoding time go with it
  };
  struct Begun {
    std::uint64_t offset = 0;
    double decoded = 0;
    std::optional<double> out{};  // out_ at its decoding time, which has passed
  };
  struct Header {  // of a PES packet, before the byte at `offset`
    std::uint64_t offset = 0;
    double size = 0;
  };
  struct Arrival {             // of a packet
    std::uint64_t offset = 0;  // of its first elementary stream byte
    double first = 0;          // when that came
    double ticks_per_byte = 0;
  };
  struct Passing {  // a packet
    double begin = 0;
    double waiting = 0;  // bytes in TB before it
    double per_byte = 1;
    std::size_t stream = 0;
    std::size_t headers = 0;
  };
  // A queue in a vector: no allocation once it has grown.
  template <typename T>
  class Queue {
   public:
    bool empty() const { return first_ == items_.size(); }
    std::size_t size() const { return items_.size() - first_; }
    T& front() { return items_[first_]; }
    T& back() { return items_.back(); }
    std::span<T> all() { return std::span{items_}.subspan(first_); }
    void pop() {
      if (++first_ == items_.size()) clear();
    }
    void clear() {
      items_.clear();
      first_ = 0;
    }
    void push(const T& item) {
      if (first_ > 64 && first_ * 2 > items_.size()) {
        items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(first_));
        first_ = 0;
      }
      items_.push_back(item);
    }

   private:
    std::vector<T> items_;
    std::size_t first_ = 0;
  };

  void arrive(ProgramTime now);
  void drain_transport(double now);
  void pass_packet();
  bool passes_at_once(const Passing& packet, double duration) const;
  void settle();
  void run(double until, double bytes);
  void flow(double until, double rate);
  void flow_through_multiplex(double until, double rate);
  void decode_due();
  void decode(const Unit& unit, double missing);
  void add_untimed(std::uint64_t end);
  void finish_begun(std::uint64_t end);
  void start(std::uint64_t offset);
  void let_go();
  bool accept(double decoded);
  void order(double decoded);
  void find_next_event();
  void drop_headers(double passed);
  void check_fullness();
  void check_empty();
  void check_delay(std::uint64_t offset, double decoded);
  std::optional<double> arrival_of(std::uint64_t offset) const;
  void report(TstdEvent::Kind kind, double at, double amount);
  double ticks(ProgramTime time) const;

  TstdLimits limits_;
  bool has_multiplex_;
  double transport_size_, multiplex_size_, elementary_size_;
  double transport_rate_;  // bytes a tick
  double ticks_per_byte_out_;
  double multiplex_rate_;  // bytes a tick

  bool started_ = false;
  ProgramTime origin_{};
  // TB.
  double transport_ = 0;
  double transport_time_ = 0;
  double transport_empty_ = 0;  // when it was last empty
  Passing packet_;              // in TB, not yet beyond it
  // What follows, simulated up to time_. Bytes counted as offsets in the stream.
  bool aligned_ = false;  // access units are known; else EB is emptied at once
  double time_ = 0;
  double in_ = 0;       // into MB or B
  double out_ = 0;      // out of MB
  double removed_ = 0;  // out of EB; beyond out_ where an access unit was not whole
  double multiplex_empty_ = 0;
  double headers_bytes_ = 0;    // of headers_
  std::uint64_t position_ = 0;  // after the last packet fed
  Queue<Header> headers_;       // in MB, or in B
  Queue<Unit> units_;
  std::optional<Begun> begun_;
  double next_event_ = 0;               // when something is to be decoded
  std::array<Arrival, 64> arrivals_{};  // the last packets with elementary stream bytes
  std::size_t arrival_count_ = 0;
  std::array<double, TstdEvent::kinds> reported_{};  // when each kind was
  std::vector<TstdEvent> events_;
  Figures figures_;
};

}  // namespace ts
