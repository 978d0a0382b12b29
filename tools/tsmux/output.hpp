// Where the multiplex goes: packets with the times at which they leave.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "common/io/endpoint.hpp"
#include "common/io/pacer.hpp"
#include "common/io/sink.hpp"
#include "common/mux/time.hpp"
#include "common/ts/packet.hpp"
#include "tools/tsmux/time_base.hpp"

namespace tsmux {

class Output {
 public:
  struct Options {
    io::Endpoint endpoint;
    // An input is live: nothing waits for the output.
    bool live = false;
    bool realtime = false;
  };
  // Opens it. `time_base` says when packets leave through a socket, `stopping` whether a write that waits gives up.
  Output(const Options& options, const TimeBase& time_base, std::function<bool()> stopping);

  // The packets leave at these times, one each.
  void write(std::span<const ts::Packet> packets, std::span<const mux::MultiplexTime> times);
  void flush() { sink_->flush(); }
  void finish() { sink_->finish(); }
  const io::Sink& sink() const { return *sink_; }
  bool realtime_refused() const { return pacer_.realtime_refused(); }

 private:
  ts::SteadyTime due(std::uint64_t position) const;

  const TimeBase& time_base_;
  io::Pacer pacer_;
  std::span<const mux::MultiplexTime> times_;  // of the packets being written
  std::uint64_t first_ = 0, next_ = 0;         // positions
  std::unique_ptr<io::Sink> sink_;
};

}  // namespace tsmux
