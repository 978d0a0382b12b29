// Splits a multiplex: every packet goes to the outputs that want its PID, in the order of the input.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/io/sink.hpp"
#include "common/io/source.hpp"
#include "common/psi/service_tracker.hpp"
#include "common/ts/continuity.hpp"
#include "tools/dvbrecv/multiplex_clock.hpp"
#include "tools/dvbrecv/output_spec.hpp"
#include "tools/dvbrecv/port.hpp"
#include "tools/dvbrecv/service_output.hpp"

namespace dvbrecv {

class Splitter {
 public:
  using OpenSink = std::function<std::unique_ptr<io::Sink>(const OutputSpec&)>;
  struct Output {
    OutputSpec spec;
    std::unique_ptr<Port> port;
    std::unique_ptr<ServiceOutput> service;  // null: packets of the multiplex
  };
  struct Statistics {
    std::uint64_t packets = 0;
    std::uint64_t null_packets = 0;
    std::uint64_t bad_sync = 0;
    std::uint64_t transport_errors = 0;
    std::uint64_t continuity_errors = 0;
  };

  // `live`: arrival times are those of the stream, and outputs that are taken away keep what they hold for
  // `farewell`, so that it can leave; a file's need no such time.
  Splitter(OpenSink open_sink, bool live, std::chrono::nanoseconds farewell = {});

  // Makes the outputs those of `specs`, each with an EIT mode. An output is known by its place: one that stays as it
  // is is not touched, one whose content changes keeps its sink. Says which could not be opened, and why; the others
  // are as asked for.
  std::vector<std::string> configure(const std::vector<OutputSpec>& specs);

  void feed(const io::Chunk& chunk);
  // After each batch of the input, also one that brought nothing.
  void flush();
  // From the main loop: closes what was taken away.
  void poll(ts::SteadyTime now);
  // The input has ended: all that was written leaves.
  void finish();

  const std::vector<Output>& outputs() const { return outputs_; }
  const psi::ServiceTracker& tracker() const { return tracker_; }
  const MultiplexClock& clock() const { return clock_; }
  const Statistics& statistics() const { return statistics_; }

 private:
  // One output that wants a PID, under the PID that it has there.
  struct Target {
    Port* port;
    ts::Pid pid;
    bool is_mapped;
  };
  struct Route {
    bool is_tracked = false;  // carries tables that we look into
    std::vector<Target> targets;
  };
  struct Retired {
    ts::SteadyTime until;
    std::unique_ptr<Port> port;
  };

  void take(const ts::Packet& packet, const io::Stamp& stamp);
  void look_into(const ts::Packet& packet, const io::Stamp& stamp);
  void keep_time(const io::Stamp& stamp);
  void schedule();
  void retire(Output& output);
  void change(Output& output, const OutputSpec& spec);
  void tables_changed(const io::Stamp& stamp);
  void build_routes();
  void track(ts::Pid pid) { route(pid).is_tracked = true; }
  Route& route(ts::Pid pid);
  Moment moment(const io::Stamp& stamp) const { return {stamp, clock_.at(stamp.position)}; }

  OpenSink open_sink_;
  bool live_;
  std::chrono::nanoseconds farewell_;
  std::vector<Output> outputs_;
  std::vector<Retired> retired_;

  std::array<std::uint16_t, ts::Pid::count> route_of_{};  // into routes_; 0: nobody wants it
  std::vector<Route> routes_;
  std::vector<Port*> whole_;  // take every packet

  psi::ServiceTracker tracker_;
  bool tables_changed_ = false, sections_seen_ = false;
  ts::Continuity continuity_;
  MultiplexClock clock_;
  io::Stamp next_;         // of the next packet
  std::uint64_t wake_at_;  // position at which a service has a table to send
  Statistics statistics_;
};

}  // namespace dvbrecv
