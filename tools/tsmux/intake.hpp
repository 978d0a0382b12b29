// One input: received by a thread if it is live, else read as the multiplex needs it; its tables followed, its packets
// handed to the feeds of the services that are taken from it.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/io/source.hpp"
#include "common/mux/time.hpp"
#include "common/psi/service_tracker.hpp"
#include "common/ts/packet.hpp"
#include "tools/tsmux/live_reader.hpp"
#include "tools/tsmux/service_feed.hpp"

namespace tsmux {

class Intake {
 public:
  struct Options {
    bool live = false;
    // Reading may wait for a slow pipe: nothing else has to go on meanwhile.
    bool may_block = false;
    std::size_t queue = 0;  // live: packets that may be queued
  };
  struct Figures {
    std::uint64_t packets = 0;
    std::uint64_t sync_losses = 0, skipped_bytes = 0;
    std::uint64_t dropped = 0;  // live: the queue was full
    std::uint64_t socket_drops = 0, rtp_lost = 0, srt_lost = 0;
  };

  // Both are called from within poll() and need(): at a change of its tables, and with each section of them.
  Intake(std::unique_ptr<io::Source> source, const Options& options, psi::ServiceTracker::ChangeHandler on_change,
         psi::ServiceTracker::SectionHandler on_section);

  bool is_live() const { return options_.live; }
  // Live: takes what has come.
  void poll(ts::SteadyTime now);
  // Of a file: reads on until its feeds have what is due by then, or all there is for the moment.
  void need(mux::MultiplexTime until);
  // Of a file, before its feeds are known: reads on until `enough`; gives up after so many packets. All that was read
  // comes again, to the feeds too, at the first need().
  void read_until(const std::function<bool()>& enough, std::uint64_t most);
  // There was no more of it, or it gave up.
  bool is_looked_through() const { return ended_ || looked_through_; }

  const psi::ServiceTracker& tracker() const { return tracker_; }
  // Whether PCRs have come on this PID; and the first PID on which any have.
  bool has_pcr(ts::Pid pid) const { return has_pcr_[pid.value()]; }
  std::optional<ts::Pid> any_pcr_pid() const { return any_pcr_pid_; }

  // The feeds are the caller's, and tell what they want; again when that changes.
  void set_feeds(std::vector<ServiceFeed*> feeds);
  bool has_feeds() const { return !feeds_.empty(); }

  // A file is at its end, a live input will bring no more.
  bool ended() const { return ended_; }
  // Why, if it failed.
  const std::string& failure() const { return failure_; }
  // Why nothing may come at present, if that is known.
  std::string trouble() const;
  // Live: when a packet last came.
  std::optional<ts::SteadyTime> last_arrival() const { return last_arrival_; }
  Figures figures() const;

 private:
  void feed(std::span<const ts::Packet> packets, ts::SteadyTime arrival, bool after_loss);
  bool read(std::chrono::milliseconds timeout);
  void begin_again();
  void end(const std::string& failure);
  bool have(mux::MultiplexTime until) const;

  Options options_;
  std::unique_ptr<io::Source> source_;  // not live
  std::unique_ptr<LiveReader> reader_;  // live
  psi::ServiceTracker tracker_;
  std::vector<ServiceFeed*> feeds_;
  std::vector<std::vector<ServiceFeed*>> routes_;
  std::array<std::uint16_t, ts::Pid::count> route_of_{};  // index in routes_, of which the first is empty
  std::bitset<ts::Pid::count> has_pcr_;
  std::optional<ts::Pid> any_pcr_pid_;
  struct Seen {
    std::vector<ts::Packet> packets;
    ts::SteadyTime arrival;
    bool after_loss;
  };
  std::vector<Seen> seen_;  // of a file, before need()
  bool looking_ = false, looked_through_ = false;
  std::uint64_t position_ = 0;
  std::uint64_t packets_ = 0;
  std::optional<ts::SteadyTime> last_arrival_;
  bool ended_ = false;
  std::string failure_;
};

}  // namespace tsmux
