// One service of an input on its way into the multiplex.
//
// Its packets get their program time by position between two PCRs, and leave when the service's clock in the multiplex
// shows that time: live, the input's latency after they arrived, by a clock that follows the input's own; of a file, as
// the multiplex goes on. PTS and DTS stay as they are while the program's time base does; where that jumps, or the
// source sends access units after they are due, they are moved, all of the service alike: equal ones stay equal.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "common/mux/clock_follower.hpp"
#include "common/mux/multiplexer.hpp"
#include "common/mux/output_clock.hpp"
#include "common/psi/decoder_model.hpp"
#include "common/psi/tables.hpp"
#include "common/ts/access_unit_scanner.hpp"
#include "common/ts/continuity.hpp"
#include "common/ts/program_clock.hpp"
#include "tools/tsmux/time_base.hpp"

namespace tsmux {

class ServiceFeed {
 public:
  struct Options {
    bool live = false;
    ts::Ticks27 latency{0};  // live: from arrival until a packet is due
    ts::Ticks27 ahead{0};    // the multiplexer's: how long before that it may leave
  };
  // A PID of the source and the one it is sent on.
  struct Component {
    psi::Pmt::Stream stream;  // as the source has it; of ECMs type 0x05
    ts::Pid pid;
    friend bool operator==(const Component&, const Component&) = default;
  };
  struct Program {
    ts::Pid source_pcr_pid;          // whose PCRs tell the time; null_pid: none do
    std::optional<ts::Pid> pcr_pid;  // in the multiplex; nothing: it has no clock of its own, and no time stamps by one
    std::vector<Component> components;
    friend bool operator==(const Program&, const Program&) = default;
  };
  struct Figures {
    std::uint64_t packets = 0;          // taken from the input, of components
    std::uint64_t lost = 0;             // by continuity counters, at least
    std::uint64_t duplicates = 0;       // left out
    std::uint64_t errors = 0;           // with transport_error_indicator; passed
    std::uint64_t unclocked = 0;        // left out: no PCR told their time
    std::uint64_t jumps = 0;            // of the program's time base, joined
    std::uint64_t shifts = 0;           // the whole service moved later, as its packets came too late
    std::uint64_t early = 0;            // left out: the source runs far too fast
    ts::Ticks27 lag{0};                 // how much later than by the source's clock its access units are decoded
    double drift_ppm = 0;               // the source's clock against this host's
    std::optional<ts::Ticks27> margin;  // the least time that packets came before they were due, in the last second
  };

  // `target`: components for another service, whose clock their time stamps are moved to; null: for this one.
  ServiceFeed(mux::Multiplexer& multiplexer, mux::Multiplexer::Program& program, const TimeBase& time,
              const Options& options, const ServiceFeed* target = nullptr);
  ~ServiceFeed();
  ServiceFeed(const ServiceFeed&) = delete;
  ServiceFeed& operator=(const ServiceFeed&) = delete;

  // What is there from the next packet on. Components that stay on their PIDs go on as they were; what is queued of
  // those that go is sent before they do.
  void set_program(const Program& program);
  // When the last packet before that leaves, at the latest: the PMT should change some time before.
  mux::MultiplexTime changes_at() const { return changes_at_; }
  // Does what has to wait for packets to leave. At least every 100 ms of the multiplex.
  void settle();
  bool wants(ts::Pid pid) const { return pid == program_.source_pcr_pid || component_of_[pid.value()] >= 0; }
  bool sends(ts::Pid pid) const { return component_of_[pid.value()] >= 0; }

  // A packet of one of these PIDs. `position` counts the packets of the whole input.
  void feed(const ts::Packet& packet, std::uint64_t position, ts::SteadyTime arrival);
  // Live: times what has waited too long for a PCR, and follows the source's clock. At least every 100 ms.
  void poll(ts::SteadyTime now);
  // A file has ended: all that is held leaves.
  void finish();
  // The input has stopped, until packets come again. With its clock kept, PCRs go on, and receivers have theirs when it
  // comes back.
  void pause(bool keeps_clock);

  // Its clock runs in the multiplex.
  bool is_running() const { return running_; }
  // Of what was handed to the multiplexer, the last packet's due time.
  mux::MultiplexTime fed_until() const { return fed_until_; }
  // Packets that wait here for their time, or in the multiplexer.
  std::size_t queued() const { return held_.size() + waiting_.size() + output_.queued(); }
  // By how much what was fed last is decoded later than by the source's clock.
  ts::Ticks27 lag_now() const { return lag_.at(latest_); }
  const Figures& figures() const { return figures_; }

 private:
  struct Held {
    ts::Packet packet;
    std::uint64_t position;
    ts::SteadyTime arrival;
  };
  struct Unit {
    std::uint64_t offset;
    ts::ProgramTime decoded;
  };
  // A packet that has its time.
  struct Timed {
    ts::Packet packet;
    ts::ProgramTime time;
    std::size_t component;
    mux::DecoderBuffer::Part part;
    unsigned missing = 0;  // packets before it
    std::uint8_t units = 0;
    std::array<Unit, 4> unit{};  // that begin in it; more are taken for one with the last of these
  };
  struct Track {
    Component component;
    mux::Multiplexer::Stream* stream = nullptr;
    psi::DecoderModel model;
    ts::AccessUnitScanner scanner;
    std::uint32_t video_changes = 0;
    bool has_limits = false;
    std::uint64_t offset = 0;                // of the scanner's first byte in what was sent
    std::optional<std::uint64_t> begun;      // the scanner's offset of the last unit
    std::optional<ts::ProgramTime> decoded;  // of the last unit
    std::optional<ts::Ticks27> lead;         // of the last unit's decoding time before its packet
    bool leapt = false;                      // that was far from the one before
    ts::ProgramTime last{};                  // of the last packet
    std::uint8_t counter = 15;               // last sent
    unsigned missing = 0;                    // packets before the next one
  };
  // A time base that was left.
  struct Base {
    ts::Pcr pcr;
    ts::ProgramTime time;
  };

  // How much later access units are decoded than by the source's clock: by their time there, so that all that belongs
  // together moves alike. Grows evenly up to `wanted`.
  struct Lag {
    ts::ProgramTime from{};
    ts::Ticks27 level{0}, wanted{0};
    bool steps = false;  // there at once, as too much is missing
    ts::Ticks27 at(ts::ProgramTime time) const;
  };

  void set_clock();
  void feed_clock(ts::Pcr pcr, const Held& held, bool signalled);
  bool has_waited_too_long(std::uint64_t position) const;
  ts::ProgramTime time_beyond_last_pcr(std::uint64_t position) const;
  void time_rest();
  void adopt(std::vector<std::unique_ptr<Track>>& before, const Component& component);
  void time_held();
  void expire(ts::SteadyTime now);
  void take(const ts::Packet& packet, ts::ProgramTime time);
  void scan(Track& track, Timed& timed);
  void begin_unit(Track& track, Timed& timed, std::uint64_t offset, std::optional<ts::Timestamp> dts);
  bool is_credible(Track& track, ts::Ticks27 lead) const;
  void note_slack(ts::Ticks27 slack);
  bool is_of_left_base(ts::Timestamp timestamp, ts::ProgramTime near) const;
  ts::ProgramTime program_time(ts::Timestamp timestamp, ts::ProgramTime near) const;
  bool may_start(ts::ProgramTime time);
  void start();
  void resume();
  void send(Timed& timed);
  void count_on(Track& track, ts::Packet& packet, const Timed& timed);
  void move_times(ts::Packet& packet, ts::ProgramTime near);
  ts::Ticks90 move_of(ts::ProgramTime presented, const Base& base) const;
  void settle_lag();
  bool is_too_early(mux::MultiplexTime due);
  void follow(ts::SteadyTime now);

  mux::Multiplexer& multiplexer_;
  mux::Multiplexer::Program& output_;
  const TimeBase& time_base_;
  Options options_;
  const ServiceFeed* target_;
  Program program_;
  std::vector<std::unique_ptr<Track>> tracks_;
  std::vector<std::unique_ptr<Track>> leaving_;  // no longer in the program, until they are sent
  mux::MultiplexTime changes_at_{};
  std::optional<ts::Pid> sent_pcr_pid_;  // that of the program, from then on
  std::array<std::int16_t, ts::Pid::count> component_of_;
  ts::Continuity continuity_;

  // Wire to program time.
  ts::ProgramClock source_clock_;
  ts::ClockRecovery recovery_;
  std::optional<Base> left_;
  std::uint64_t first_pcr_position_ = 0;
  ts::ProgramTime first_pcr_time_{};
  std::vector<Held> held_;
  ts::ProgramTime last_time_{};
  std::optional<ts::SteadyTime> last_pcr_arrival_;

  // Program time to multiplex time.
  bool running_ = false;
  bool paused_ = false;
  std::vector<Timed> waiting_;  // until it runs
  mux::OutputClock clock_;      // shows program time + shift_
  mux::ClockFollower follower_;
  ts::SteadyTime last_follow_{};
  ts::Ticks27 shift_{0};
  Lag lag_;
  ts::ProgramTime latest_{};  // time stamp that was seen
  std::optional<ts::Ticks27> least_slack_;
  std::optional<ts::Ticks27> least_margin_;
  mux::MultiplexTime fed_until_{};
  Figures figures_;
};

}  // namespace tsmux
