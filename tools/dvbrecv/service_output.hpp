// One service of a multiplex as a stream of its own: which PIDs it takes, and its tables, repeated and counted up as
// they change. Components pass as they are; the splitter routes them (routes()).
//
// While the service is not in the multiplex, nothing is sent: what reads the output sees that it has stopped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/cli/log.hpp"
#include "common/io/sink.hpp"
#include "common/psi/service_tracker.hpp"
#include "common/ts/section.hpp"
#include "common/ts/time.hpp"
#include "tools/dvbrecv/output_spec.hpp"
#include "tools/dvbrecv/port.hpp"

namespace dvbrecv {

// Where the input stands.
struct Moment {
  io::Stamp stamp;
  std::optional<ts::ProgramTime> time;  // none: the multiplex has no PCRs (yet)
};

class ServiceOutput {
 public:
  enum class State : std::uint8_t { waiting, present, gone };
  struct Route {
    ts::Pid from, to;
  };

  // `port` must live longer. `spec` has a service and an EIT mode.
  ServiceOutput(OutputSpec spec, Port& port) : spec_(std::move(spec)), port_(port) {}
  // Takes effect with the next update().
  void reconfigure(OutputSpec spec);

  // After any change of the multiplex's tables or of the specification: takes over what is new and sends it at once.
  void update(const psi::ServiceTracker& tracker, const Moment& now);
  // A section has come on a table's PID. What it brings anew is update()'s.
  void see(ts::Pid pid, const ts::Section& section);
  // Repeats the tables that were seen since the last call.
  void repeat_seen(const Moment& now);
  // Sends what is due by `now`.
  void keep_time(const Moment& now);
  // When keep_time() has something to do; nothing: never.
  std::optional<ts::ProgramTime> due() const;
  // Sends what still waits for its time.
  void flush(const io::Stamp& stamp);

  std::vector<Route> routes() const;
  State state() const { return state_; }
  psi::ServiceId service() const { return *spec_.service; }
  bool wants_eit() const { return spec_.eit != EitMode::none; }
  bool wants_cat() const { return spec_.emm; }

 private:
  // A table that is repeated: when it was sent last, and whether the multiplex has just repeated it.
  struct Repetition {
    bool sent = false, seen = false;
    std::optional<ts::ProgramTime> time;
    std::uint64_t position = 0;

    void mark(const Moment& now);
    bool is_due(const Moment& now, ts::Ticks27 interval) const;
    // As often as the source, but not twice within a quarter of `interval`.
    bool repeats_source(const Moment& now, ts::Ticks27 interval);
    ts::ProgramTime next(ts::Ticks27 interval) const { return time ? *time + interval : ts::ProgramTime{}; }
  };

  void vanish();
  bool take_pat(const psi::ServiceTracker& tracker, const psi::Service& service);
  bool take_pmt(const psi::Service& service);
  bool take_sdt(const psi::ServiceTracker& tracker, const psi::Service& service);
  void take_cat(const psi::ServiceTracker& tracker);
  void warn_of_missing_pids();
  bool is_present() const { return state_ == State::present; }
  void send_pat(const Moment& now);
  void send_pmt(const Moment& now);
  void send_sdt(const Moment& now);
  void release_events(const Moment& now);

  OutputSpec spec_;
  Port& port_;
  State state_ = State::waiting;
  bool reconfigured_ = false;

  std::optional<psi::Pat> pat_;  // as sent
  std::optional<psi::Sdt> sdt_;
  std::vector<psi::SectionBytes> pat_sections_, pmt_sections_, sdt_sections_;  // as sent
  std::vector<psi::SectionBytes> source_pmt_sections_;
  std::optional<psi::Pmt> pmt_;  // as the multiplex has it
  std::vector<ts::Pid> emm_pids_;
  ts::Pid source_pmt_pid_;
  Repetition pat_times_, pmt_times_, sdt_times_;
  // Two tables that take turns change as often as they come.
  cli::RateLimited presence_notes_, pmt_notes_, pid_notes_{20};

  // EIT packets, spaced so that a receiver's transport buffer holds them.
  std::vector<ts::Packet> events_;
  std::size_t events_sent_ = 0;
  ts::ProgramTime next_event_{};
};

}  // namespace dvbrecv
