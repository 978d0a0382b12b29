// Watches one transport stream: all that is measured comes from here.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "common/io/source.hpp"
#include "common/psi/service_tracker.hpp"
#include "common/ts/continuity.hpp"
#include "common/ts/packet.hpp"
#include "tools/tsmon/alarm_board.hpp"
#include "tools/tsmon/buffer_watch.hpp"
#include "tools/tsmon/decode_watch.hpp"
#include "tools/tsmon/elementary_watch.hpp"
#include "tools/tsmon/limits.hpp"
#include "tools/tsmon/moment.hpp"
#include "tools/tsmon/pcr_meter.hpp"
#include "tools/tsmon/rate_meter.hpp"
#include "tools/tsmon/table_watch.hpp"
#include "tools/tsmon/timeline.hpp"

namespace tsmon {

// What was seen of one PID.
struct PidState {
  std::uint64_t packets = 0;
  std::uint64_t scrambled = 0;
  std::uint64_t continuity_errors = 0;  // times
  std::uint64_t lost = 0;               // packets, at least (modulo 16 each time)
  std::uint64_t duplicates = 0;
  std::uint64_t window_packets = 0;  // until the last window ended
  RateMeter rate;
  std::unique_ptr<ElementaryWatch> elementary;
  ts::Pid pcr_pid;  // of its program
  std::unique_ptr<PcrMeter> pcr;
  bool pcr_since_interruption = false;

  ts::ProgramTime last_seen{};
  std::array<Moment, 2> starts{};  // of tables: the last packets with payload_unit_start_indicator
  // 1.6: a PMT asks for it since then, that of `service`.
  std::optional<ts::ProgramTime> expected_since;
  std::optional<psi::ServiceId> service;
  bool missing = false;
  // 3.4: no table names it since then.
  std::optional<ts::ProgramTime> unknown_since;
  bool unreferenced = false;
};

class Monitor {
 public:
  enum class Clock { pcr, arrival };
  struct Options {
    bool live = false;
    Clock clock = Clock::pcr;  // arrival only if live
    IndicatorSet watched;
    Limits limits;
    std::optional<DecodeOptions> decode;
    std::vector<ts::Pid> private_pids;  // known to the user: not unreferenced
  };
  // What is no fault but worth telling: another PMT, a service that came or went.
  using ChangeHandler = std::function<void(const std::string& text, const Subject& subject, Moment at)>;

  explicit Monitor(Options options);

  void on_alarm(AlarmBoard::Handler handler) { board_.on_alarm(std::move(handler)); }
  void on_change(ChangeHandler handler) { on_change_ = std::move(handler); }
  // Of this host, not of the stream: a decoder that is too slow, a thumbnail that cannot be written.
  void on_trouble(ChangeHandler handler) { on_trouble_ = std::move(handler); }

  // Packets of one read of the source, and what the source has counted after it.
  void feed(std::span<const io::Chunk> chunks, const io::SourceStatistics& statistics);
  // Live: no packets until now.
  void idle(ts::Arrival now);
  // From here on, other indicators and limits.
  void change(IndicatorSet watched, const Limits& limits, const std::vector<ts::Pid>& private_pids);
  // Live: nothing has come for `noticed`; it comes again.
  void begin_silence(std::chrono::nanoseconds noticed);
  void end_silence();
  void finish();

  struct Totals {
    std::uint64_t packets = 0, null_packets = 0, bad_sync = 0, transport_errors = 0, scrambled = 0;
  };
  const Totals& totals() const { return totals_; }
  // Missing by RTP sequence numbers or continuity counters, whichever knows of more.
  std::uint64_t lost_packets() const;
  // Of the whole multiplex, null packets too; by PCR, or by arrival where there is none.
  std::optional<double> mean_rate() const;
  const RateMeter& rate() const { return rate_; }
  // Whether there is a clock to measure by: PCRs, or arrival.
  bool has_time() const { return options_.live || timeline_.reference().has_value(); }
  // Time watched, by the chosen clock.
  std::chrono::nanoseconds duration() const {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
        std::chrono::duration<double, ts::Ticks27::period>(now_.time.time_since_epoch()));
  }
  Moment now() const { return now_; }
  ts::WallTime wall() const { return wall_; }

  const AlarmBoard& board() const { return board_; }
  const psi::ServiceTracker& tracker() const { return tracker_; }
  const std::set<ts::Pid>& pids() const { return seen_; }
  bool is_referenced(ts::Pid pid) const { return referenced_.contains(pid); }  // by a table
  std::size_t scrambled_pids() const;
  const PidState& state(ts::Pid pid) const { return pids_[pid.value()]; }
  std::optional<double> mean_rate(ts::Pid pid) const;
  const RateMeter* service_rate(psi::ServiceId service) const;
  std::optional<double> mean_rate(psi::ServiceId service) const;
  // The PIDs of a service: PMT, PCR and streams.
  std::set<ts::Pid> pids_of(psi::ServiceId service) const;
  // Null where the service is not decoded.
  const DecodeWatch* decoder(psi::ServiceId service) const;
  const Timeline& timeline() const { return timeline_; }
  const Options& options() const { return options_; }

 private:
  void note_losses(const io::SourceStatistics& statistics);
  void take(const Stretch& stretch);
  void take(const ts::Packet& packet, Moment at, const Stretch& stretch);
  bool check_continuity(const ts::Packet& packet, PidState& state, Moment at);
  void take_scrambled(const ts::Packet& packet, PidState& state, Moment at);
  void take_pcr(const ts::Packet& packet, ts::Pcr pcr, PidState& state, Moment at, const Stretch& stretch);
  void take_psi(const ts::Packet& packet, Moment at, double ticks_per_packet);
  void interrupt();
  void interrupt_pcrs();
  void forgive_loss();
  void tables_changed(psi::ServiceTracker::Change change, std::optional<psi::ServiceId> service);
  void tell(const std::string& text, const Subject& subject);
  void tell_event(const psi::Service& service);
  void update_references();
  void expect(ts::Pid pid, PidState& state, std::optional<psi::ServiceId> service);
  void refer(ts::Pid pid, PidState& state, bool is_named);
  void follow_clocks(std::set<ts::Pid> named);
  void follow_streams();
  void follow_decoder(const psi::Service& service);
  void drop_decoders();
  void poll_decoders();
  Moment section_begin(ts::Pid pid, const ts::Section& section) const;
  void poll();
  void poll_presence(ts::Pid pid, PidState& state);
  void poll_reference(ts::Pid pid, PidState& state);
  void close_window(double window_seconds);

  Options options_;
  AlarmBoard board_;
  Timeline timeline_;
  psi::ServiceTracker tracker_;
  TableWatch tables_;
  ts::Continuity continuity_;
  ChangeHandler on_change_, on_trouble_;
  std::vector<PidState> pids_;
  std::set<ts::Pid> seen_;
  std::vector<ts::Pid> pcrs_since_interruption_;     // few, where a loss follows another
  std::set<ts::Pid> referenced_;                     // named by a table
  std::optional<ts::ProgramTime> references_known_;  // all PMTs of the PAT have come
  std::set<ts::Pid> clocks_;                         // PCR PIDs of the PMTs
  std::set<ts::Pid> streams_;                        // that have an ElementaryWatch
  std::map<psi::ServiceId, std::uint16_t> told_events_;
  std::map<psi::ServiceId, PsiBufferWatch> psi_buffers_;
  std::map<psi::ServiceId, std::unique_ptr<DecodeWatch>> decoders_;
  std::map<psi::ServiceId, RateMeter> service_rates_;
  RateMeter rate_;
  Totals totals_;
  std::uint64_t lost_ = 0;  // by continuity counters
  Moment now_;
  ts::WallTime wall_{};
  std::optional<ts::SteadyTime> first_arrival_;
  ts::ProgramTime next_poll_{};
  ts::ProgramTime window_start_{};
  std::uint64_t window_packets_ = 0;
  io::SourceStatistics statistics_;      // after the last read
  std::deque<std::uint64_t> own_drops_;  // positions before which this host's socket dropped packets
};

}  // namespace tsmon
