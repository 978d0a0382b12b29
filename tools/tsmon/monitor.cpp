#include "tools/tsmon/monitor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/cli/values.hpp"

namespace tsmon {
namespace {

// Each packet of a PAT goes through as many; no multiplex has so many programs, but a PAT can name 64 k.
constexpr std::size_t most_psi_buffers = 256;

// How late an absence may be found, beside the holding of packets until their time is known.
constexpr ts::Ticks27 poll_interval = std::chrono::milliseconds{20};
constexpr ts::Ticks27 window{ts::system_clock_hz};
// An unreferenced PID that is silent for so long has gone.
constexpr ts::Ticks27 gone = std::chrono::seconds{5};

bool is_continuous(const psi::Pmt::Stream& stream) {
  const auto kind = psi::describe(stream).kind;
  return kind == psi::StreamKind::video || kind == psi::StreamKind::audio;
}

}  // namespace

Monitor::Monitor(Options options)
    : options_(std::move(options)),
      board_(options_.watched, options_.limits.hold),
      timeline_(options_.live, [this](const Stretch& stretch) { take(stretch); }),
      tracker_([this](auto change, auto service) { tables_changed(change, service); }),
      tables_(board_, options_.limits),
      pids_(ts::Pid::count) {
  using enum Indicator;
  const auto unmeasured = [this](std::initializer_list<Indicator> list, const char* reason) {
    for (const Indicator i : list) board_.set_unmeasured(i, reason);
  };
  unmeasured({pcr_repetition, pcr_discontinuity}, "no PCR");
  unmeasured({pcr_accuracy}, "too few PCRs at a constant rate");
  unmeasured({pmt}, "no PAT");
  unmeasured({pid}, "no PMT");
  unmeasured({unreferenced_pid}, "not all PMTs have come");
  unmeasured({pts}, "no PTS in the clear");
  unmeasured({stalled}, "no video or audio");
  unmeasured({cat}, "nothing is scrambled");
  unmeasured({crc}, "no section");
  unmeasured({nit_actual, nit_other, si_repetition, sdt_actual, sdt_other, eit_actual, eit_other, eit_present_following,
              rst, tdt},
             "no such table");
  unmeasured({buffer, empty_buffer, data_delay}, "no stream that a buffer model could be made for");
  unmeasured({black, freeze, silence, decode_error}, "not decoded");
  unmeasured({scrambled}, "nothing is announced as clear");
  unmeasured({no_input}, "the input is a file");
  unmeasured({rtp_loss}, "the input is not RTP");
  unmeasured({socket_drop}, "the input is no socket");
  if (options_.live) board_.set_measured(no_input);
  tracker_.on_section([this](ts::Pid pid, const ts::Section& section) {
    board_.set_measured(crc);
    tables_.section(pid, section, section_begin(pid, section), now_);
  });
  tracker_.on_damaged_section([this](ts::Pid pid, const ts::Section& section) { tables_.damaged(pid, section, now_); });
}

void Monitor::feed(std::span<const io::Chunk> chunks, const io::SourceStatistics& statistics) {
  const bool own_drops = statistics.socket_drops != statistics_.socket_drops;
  for (const io::Chunk& chunk : chunks) {
    if (own_drops && chunk.after_loss) own_drops_.push_back(timeline_.packets());
    timeline_.feed(chunk);
  }
  note_losses(statistics);
}

void Monitor::note_losses(const io::SourceStatistics& statistics) {
  const auto before = std::exchange(statistics_, statistics);
  const auto note = [&](Indicator indicator, std::uint64_t count, const char* what) {
    if (count == 0) return;
    board_.occur(
        indicator, {}, now_, [&] { return fmt::format("{} {}", count, what); }, count);
  };
  if (statistics.has_rtp) board_.set_measured(Indicator::rtp_loss);
  if (statistics.has_socket) board_.set_measured(Indicator::socket_drop);
  note(Indicator::sync_loss, statistics.sync_losses - before.sync_losses, "times no sync byte where it should be");
  note(Indicator::rtp_loss, statistics.rtp_lost - before.rtp_lost, "RTP packets lost");
  note(Indicator::socket_drop, statistics.socket_drops - before.socket_drops,
       "datagrams dropped by this host's socket");
}

void Monitor::idle(ts::Arrival now) {
  timeline_.poll(now.steady);
  if (timeline_.holds_packets()) return;
  wall_ = now.wall;
  board_.set_wall(wall_, now_.time);
  if (!first_arrival_) return;
  if (options_.clock == Clock::arrival) {
    now_.time =
        std::max(now_.time, ts::ProgramTime{} + std::chrono::duration_cast<ts::Ticks27>(now.steady - *first_arrival_));
  }
  poll();
}

void Monitor::begin_silence(std::chrono::nanoseconds noticed) {
  board_.begin(Indicator::no_input, {}, now_,
               [&] { return fmt::format("no packets for {}", cli::human_duration(noticed)); });
  // The time of the stream stands still, so no window would end.
  rate_.add_window(0);
  for (const ts::Pid pid : seen_) pids_[pid.value()].rate.add_window(0);
  for (auto& [service, rate] : service_rates_) rate.add_window(0);
}

void Monitor::end_silence() { board_.end(Indicator::no_input, {}, now_); }

void Monitor::change(IndicatorSet watched, const Limits& limits, const std::vector<ts::Pid>& private_pids) {
  options_.limits = limits;
  options_.private_pids = private_pids;
  board_.set_watched(watched);
  board_.set_hold(limits.hold);
}

std::uint64_t Monitor::lost_packets() const {
  // Most datagrams hold seven packets.
  return std::max(lost_, 7 * statistics_.rtp_lost);
}

void Monitor::finish() {
  timeline_.finish();
  for (const ts::Pid pid : seen_) {
    if (auto& pcr = pids_[pid.value()].pcr) pcr->finish();
  }
  for (const auto& [id, decoder] : decoders_) decoder->finish();
  poll();
  tables_.finish(now_);
  if (has_time()) return;
  for (const auto& what : indicators()) {
    using enum Indicator;
    if (what.indicator == sync_loss || what.indicator == sync_byte || what.indicator == continuity ||
        what.indicator == transport || what.indicator == crc || what.indicator == scrambled ||
        board_.count(what.indicator) > 0 || !board_.unmeasured(what.indicator).empty()) {
      continue;
    }
    board_.set_unmeasured(what.indicator, "no PCR to measure time by");
  }
}

void Monitor::take(const Stretch& stretch) {
  wall_ = stretch.arrival.wall;
  if (!first_arrival_) first_arrival_ = stretch.arrival.steady;
  tables_.set_timed(stretch.ticks_per_packet > 0 || options_.clock == Clock::arrival);
  if (stretch.after_loss) interrupt();
  const bool by_arrival = options_.clock == Clock::arrival;
  const ts::ProgramTime arrived =
      ts::ProgramTime{} + std::chrono::duration_cast<ts::Ticks27>(stretch.arrival.steady - *first_arrival_);
  board_.set_wall(wall_, by_arrival ? arrived : stretch.at(0));
  std::uint64_t position = stretch.position;
  for (std::size_t i = 0; i < stretch.packets.size(); ++i, ++position) {
    now_ = {by_arrival ? arrived : stretch.at(i), position};
    while (!own_drops_.empty() && own_drops_.front() <= position) {
      forgive_loss();
      own_drops_.pop_front();
    }
    take(stretch.packets[i], now_, stretch);
    if (now_.time >= next_poll_) poll();
  }
}

// This host dropped packets: that is no fault of the stream.
void Monitor::forgive_loss() {
  continuity_.reset();
  tracker_.interrupt();
  for (const ts::Pid pid : seen_) {
    if (auto& pcr = pids_[pid.value()].pcr) pcr->forgive(now_);
  }
}

void Monitor::take(const ts::Packet& packet, Moment at, const Stretch& stretch) {
  ++totals_.packets;
  const bool has_sync = packet.has_sync();
  if (!has_sync) {
    ++totals_.bad_sync;
    board_.occur(Indicator::sync_byte, {}, at, [&] { return fmt::format("0x{:02x} in its place", packet.bytes[0]); });
  }
  const ts::Pid pid = packet.pid();
  if (packet.transport_error()) {
    ++totals_.transport_errors;
    const Subject subject = has_sync ? Subject{.pid = pid} : Subject{};
    board_.occur(Indicator::transport, subject, at, [] { return std::string{"transport_error_indicator set"}; });
    return;
  }
  if (!has_sync) return;
  PidState& state = pids_[pid.value()];
  if (state.packets++ == 0) {
    seen_.insert(pid);
    if (pid != ts::null_pid && pid.value() > 0x1F && !referenced_.contains(pid)) state.unknown_since = at.time;
  }
  state.last_seen = at.time;
  if (pid == ts::null_pid) {
    ++totals_.null_packets;
    return;
  }
  const bool is_new = check_continuity(packet, state, at);
  if (packet.scrambling() != 0) take_scrambled(packet, state, at);
  if (!is_new) return;
  if (may_have_pcr(packet)) {
    if (const auto pcr = packet.pcr()) take_pcr(packet, *pcr, state, at, stretch);
  }
  for (const auto& [id, decoder] : decoders_) {
    if (decoder->wants(pid)) decoder->feed(packet, at);
  }
  if (state.elementary) {
    state.elementary->feed(packet, at, stretch.ticks_per_packet, pids_[state.pcr_pid.value()].pcr.get());
  } else if (tracker_.wants(pid)) {
    take_psi(packet, at, stretch.ticks_per_packet);
    if (packet.unit_start()) state.starts = {state.starts[1], at};
    tracker_.feed(packet);
  }
}

void Monitor::take_psi(const ts::Packet& packet, Moment at, double ticks_per_packet) {
  const ts::Pid pid = packet.pid();
  for (auto& [id, buffer] : psi_buffers_) {
    if (pid == ts::pat_pid || pid == ts::cat_pid || pid == buffer.pmt_pid()) buffer.feed(packet, at, ticks_per_packet);
  }
}

// A section begins in a packet with payload_unit_start_indicator; if it ends in such a one, in the one before.
Moment Monitor::section_begin(ts::Pid pid, const ts::Section& section) const {
  if (section.packets() == 1) return now_;
  const auto& starts = pids_[pid.value()].starts;
  return starts[1].position == now_.position ? starts[0] : starts[1];
}

// False for a duplicate, which brings nothing new.
bool Monitor::check_continuity(const ts::Packet& packet, PidState& state, Moment at) {
  const auto result = continuity_.check(packet);
  using enum ts::Continuity::Verdict;
  if (result.verdict == good || result.verdict == first) return true;
  if (result.verdict == duplicate) {
    ++state.duplicates;
    return false;
  }
  ++state.continuity_errors;
  state.lost += result.missing;
  lost_ += result.missing;
  board_.occur(Indicator::continuity, {.pid = packet.pid()}, at, [&] {
    return result.verdict == lost
               ? fmt::format("{} packet{} missing (modulo 16)", result.missing, result.missing == 1 ? "" : "s")
               : std::string{"a packet came more than twice"};
  });
  if (result.verdict == repeated) return false;
  if (state.elementary) state.elementary->interrupt();
  interrupt_pcrs();
  return true;
}

void Monitor::take_scrambled(const ts::Packet& packet, PidState& state, Moment at) {
  ++state.scrambled;
  ++totals_.scrambled;
  const ts::Pid pid = packet.pid();
  tables_.scrambled(pid, at, tracker_.wants(pid));
  if (!state.elementary) return;
  const psi::Service* service = tracker_.find(state.elementary->service());
  if (service == nullptr || !service->pmt || !service->sdt || service->sdt->free_ca_mode) return;
  if (!psi::conditional_access_pids(service->pmt->descriptors).empty() ||
      !psi::conditional_access_pids(state.elementary->stream().descriptors).empty()) {
    return;
  }
  board_.occur(Indicator::scrambled, {.pid = pid, .service = service->id}, at,
               [] { return std::string{"scrambled, but neither SDT nor PMT says so"}; });
}

void Monitor::take_pcr(const ts::Packet& packet, ts::Pcr pcr, PidState& state, Moment at, const Stretch& stretch) {
  if (!state.pcr) state.pcr = std::make_unique<PcrMeter>(packet.pid(), board_, options_.limits);
  if (!std::exchange(state.pcr_since_interruption, true)) pcrs_since_interruption_.push_back(packet.pid());
  const auto arrival = options_.live ? std::optional{stretch.arrival.steady} : std::nullopt;
  // The program's clock against the timeline, whatever clock the limits are measured by.
  state.pcr->feed(pcr, at, packet.discontinuity(), arrival, totals_.null_packets > 0);
}

// Packets are missing: positions before and after do not belong together.
void Monitor::interrupt_pcrs() {
  for (const ts::Pid pid : pcrs_since_interruption_) {
    PidState& state = pids_[pid.value()];
    state.pcr_since_interruption = false;
    if (state.pcr) state.pcr->interrupt();
  }
  pcrs_since_interruption_.clear();
}

// Packets of any PID may be missing.
void Monitor::interrupt() {
  interrupt_pcrs();
  for (const ts::Pid pid : streams_) pids_[pid.value()].elementary->interrupt();
  for (auto& [id, buffer] : psi_buffers_) buffer.reset();
}

void Monitor::tables_changed(psi::ServiceTracker::Change change, std::optional<psi::ServiceId> id) {
  using enum psi::ServiceTracker::Change;
  const psi::Service* service = id ? tracker_.find(*id) : nullptr;
  switch (change) {
    case pat:
      tell(fmt::format("PAT version {} with {} services", tracker_.pat()->version, tracker_.services().size()),
           {.pid = ts::pat_pid});
      update_references();
      drop_decoders();
      break;
    case pmt:
      if (service == nullptr || !service->pmt) return;
      board_.set_measured(Indicator::pid);
      tell(fmt::format("PMT version {} with {} streams", service->pmt->version, service->pmt->streams.size()),
           {.pid = service->pmt_pid, .service = *id});
      update_references();
      follow_decoder(*service);
      break;
    case cat:
      update_references();
      break;
    case sdt:
      for (const auto& [sid, s] : tracker_.services()) {
        if (s.sdt && !s.sdt->free_ca_mode) board_.set_measured(Indicator::scrambled);
      }
      break;
    case event:
      if (service != nullptr && service->present) tell_event(*service);
      return;
  }
  tables_.update(tracker_, now_);
}

void Monitor::tell_event(const psi::Service& service) {
  const auto event = psi::short_event(service.present->descriptors);
  if (!event || told_events_[service.id] == service.present->event_id) return;
  told_events_[service.id] = service.present->event_id;
  tell(fmt::format("now: {}", event->name), {.pid = ts::eit_pid, .service = service.id});
}

void Monitor::tell(const std::string& text, const Subject& subject) {
  if (on_change_) on_change_(text, subject, now_);
}

// What the tables name, and the streams that they announce.
void Monitor::update_references() {
  // By PID: PMTs can name the same ones thousands of times.
  std::vector<bool> named(ts::Pid::count);
  const auto name = [&named](ts::Pid pid) { named[pid.value()] = true; };
  const auto name_all = [&name](const std::vector<ts::Pid>& pids) { std::ranges::for_each(pids, name); };
  if (tracker_.pat() && tracker_.pat()->network_pid) name(*tracker_.pat()->network_pid);
  if (tracker_.cat()) name_all(psi::conditional_access_pids(tracker_.cat()->descriptors));
  std::vector<std::optional<psi::ServiceId>> expected(ts::Pid::count);
  const auto await = [&expected](ts::Pid pid, psi::ServiceId id) {
    if (auto& entry = expected[pid.value()]; !entry) entry = id;
  };
  std::set<ts::Pid> clocks;
  for (const auto& [id, service] : tracker_.services()) {
    name(service.pmt_pid);
    if (!service.pmt) continue;
    name_all(psi::conditional_access_pids(service.pmt->descriptors));
    if (service.pmt->pcr_pid != ts::null_pid) {
      name(service.pmt->pcr_pid);
      clocks.insert(service.pmt->pcr_pid);
      await(service.pmt->pcr_pid, id);
    }
    for (const auto& stream : service.pmt->streams) {
      name(stream.pid);
      name_all(psi::conditional_access_pids(stream.descriptors));
      if (is_continuous(stream)) await(stream.pid, id);
    }
  }
  std::set<ts::Pid> referenced;
  for (std::size_t i = 0; i < pids_.size(); ++i) {
    const ts::Pid pid{static_cast<unsigned>(i)};
    PidState& state = pids_[i];
    expect(pid, state, expected[i]);
    refer(pid, state, named[i]);
    if (named[i]) referenced.insert(referenced.end(), pid);
  }
  referenced_ = std::move(referenced);
  const auto is_known = [](const auto& entry) { return entry.second.pmt.has_value(); };
  if (std::ranges::all_of(tracker_.services(), is_known)) {
    if (!references_known_) references_known_ = now_.time;
    board_.set_measured(Indicator::unreferenced_pid);
  } else {
    references_known_.reset();
  }
  follow_clocks(std::move(clocks));
  follow_streams();
}

// PCRs are due on the PIDs that a PMT names, whether there ever was one or not, and no more on others.
void Monitor::follow_clocks(std::set<ts::Pid> named) {
  for (const ts::Pid pid : named) {
    auto& pcr = pids_[pid.value()].pcr;
    if (!pcr) pcr = std::make_unique<PcrMeter>(pid, board_, options_.limits);
    if (!clocks_.contains(pid)) pcr->expect(now_);
  }
  for (const ts::Pid pid : clocks_) {
    if (!named.contains(pid)) pids_[pid.value()].pcr->expect(now_);
  }
  clocks_ = std::move(named);
}

void Monitor::expect(ts::Pid pid, PidState& state, std::optional<psi::ServiceId> service) {
  if (!service) {
    if (std::exchange(state.missing, false)) board_.end(Indicator::pid, {.pid = pid, .service = state.service}, now_);
    state.expected_since.reset();
  } else if (!state.expected_since) {
    state.expected_since = now_.time;
  }
  state.service = service;
}

void Monitor::refer(ts::Pid pid, PidState& state, bool is_named) {
  const bool is_watched = pid.value() > 0x1F && pid != ts::null_pid && state.packets > 0;
  if (is_named || !is_watched) {
    if (std::exchange(state.unreferenced, false)) board_.end(Indicator::unreferenced_pid, {.pid = pid}, now_);
    state.unknown_since.reset();
  } else if (!state.unknown_since) {
    state.unknown_since = now_.time;
  }
}

void Monitor::follow_decoder(const psi::Service& service) {
  if (!options_.decode) return;
  auto& decoder = decoders_[service.id];
  if (decoder) return decoder->set_streams(*service.pmt);
  DecodeOptions options = *options_.decode;
  if (options.thumbnail) {
    options.thumbnail->path = thumbnail_path(options.thumbnail->path, service.id, tracker_.services().size() > 1);
  }
  decoder = std::make_unique<DecodeWatch>(std::move(options), *service.pmt);
}

void Monitor::drop_decoders() {
  std::erase_if(decoders_, [this](const auto& entry) {
    if (tracker_.find(entry.first) != nullptr) return false;
    board_.end_service({Indicator::black, Indicator::freeze, Indicator::silence, Indicator::decode_error}, entry.first,
                       now_);
    return true;
  });
}

const DecodeWatch* Monitor::decoder(psi::ServiceId service) const {
  const auto found = decoders_.find(service);
  return found == decoders_.end() ? nullptr : found->second.get();
}

void Monitor::follow_streams() {
  std::erase_if(psi_buffers_, [&](const auto& entry) {
    const psi::Service* service = tracker_.find(entry.first);
    return service == nullptr || service->pmt_pid != entry.second.pmt_pid();
  });
  for (const auto& [id, service] : tracker_.services()) {
    if (psi_buffers_.size() >= most_psi_buffers) break;
    psi_buffers_.try_emplace(id, id, service.pmt_pid, board_);
  }
  struct Wanted {
    const psi::Service* service = nullptr;
    const psi::Pmt::Stream* stream = nullptr;
  };
  std::vector<Wanted> wanted(ts::Pid::count);
  for (const auto& [id, service] : tracker_.services()) {
    if (!service.pmt) continue;
    for (const auto& stream : service.pmt->streams) {
      if (Wanted& entry = wanted[stream.pid.value()]; entry.stream == nullptr) entry = {&service, &stream};
    }
  }
  std::erase_if(streams_, [&](ts::Pid pid) {
    auto& watch = pids_[pid.value()].elementary;
    const Wanted& entry = wanted[pid.value()];
    if (entry.stream != nullptr && watch->service() == entry.service->id && watch->stream() == *entry.stream) {
      return false;
    }
    watch->release(now_);
    watch.reset();
    return true;
  });
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const Wanted& entry = wanted[i];
    if (entry.stream == nullptr) continue;
    const ts::Pid pid = entry.stream->pid;
    auto& watch = pids_[i].elementary;
    pids_[i].pcr_pid = entry.service->pmt->pcr_pid;
    // A stream on the PID of a table: the table is what we can read.
    if (watch || tracker_.wants(pid)) continue;
    watch = std::make_unique<ElementaryWatch>(entry.service->id, *entry.stream, now_, board_, options_.limits);
    streams_.insert(pid);
  }
}

void Monitor::poll() {
  next_poll_ = now_.time + poll_interval;
  tables_.poll(now_);
  for (const ts::Pid pid : streams_) pids_[pid.value()].elementary->poll(now_);
  for (const ts::Pid pid : clocks_) pids_[pid.value()].pcr->poll(now_);
  for (const auto& [id, service] : tracker_.services()) {
    if (!service.pmt) continue;
    for (const auto& stream : service.pmt->streams) poll_presence(stream.pid, pids_[stream.pid.value()]);
    poll_presence(service.pmt->pcr_pid, pids_[service.pmt->pcr_pid.value()]);
  }
  for (const ts::Pid pid : seen_) poll_reference(pid, pids_[pid.value()]);
  const double window_seconds = seconds(now_.time - window_start_);
  if (now_.time - window_start_ >= window) close_window(window_seconds);
  poll_decoders();
  board_.poll(now_);
}

void Monitor::poll_decoders() {
  for (const auto& [id, decoder] : decoders_) {
    decoder->poll(board_, now_, [this, service = id](const std::string& text) {
      if (on_trouble_) on_trouble_(text, {.service = service}, now_);
    });
  }
}

void Monitor::poll_presence(ts::Pid pid, PidState& state) {
  if (!state.expected_since) return;
  const ts::ProgramTime since =
      std::max(*state.expected_since, state.packets > 0 ? state.last_seen : ts::ProgramTime{});
  const bool missing = now_.time - since > options_.limits.pid;
  if (missing == state.missing) return;
  state.missing = missing;
  const Subject subject{.pid = pid, .service = state.service};
  if (missing) {
    board_.begin(Indicator::pid, subject, now_,
                 [&] { return fmt::format("referenced, but no packets for {:g} s", seconds(options_.limits.pid)); });
  } else {
    board_.end(Indicator::pid, subject, now_);
  }
}

void Monitor::poll_reference(ts::Pid pid, PidState& state) {
  // Before all PMTs are known there is no telling.
  if (!state.unknown_since || !references_known_) return;
  const bool has_gone = now_.time - state.last_seen > gone;
  const bool is_private = std::ranges::find(options_.private_pids, pid) != options_.private_pids.end();
  // Packets that still come after that time: what ceases within it was being taken away.
  const bool unreferenced =
      !has_gone && !is_private &&
      state.last_seen - std::max(*state.unknown_since, *references_known_) > options_.limits.unreferenced;
  if (has_gone) state.unknown_since = now_.time;
  if (unreferenced == state.unreferenced) return;
  state.unreferenced = unreferenced;
  if (unreferenced) {
    board_.begin(Indicator::unreferenced_pid, {.pid = pid}, now_,
                 [&] { return fmt::format("in no PMT or CAT for {:g} s", seconds(options_.limits.unreferenced)); });
  } else {
    board_.end(Indicator::unreferenced_pid, {.pid = pid}, now_);
  }
}

void Monitor::close_window(double window_seconds) {
  window_start_ = now_.time;
  rate_.add_window(bits(totals_.packets - std::exchange(window_packets_, totals_.packets)) / window_seconds);
  for (const ts::Pid pid : seen_) {
    PidState& state = pids_[pid.value()];
    state.rate.add_window(bits(state.packets - std::exchange(state.window_packets, state.packets)) / window_seconds);
  }
  for (const auto& [id, service] : tracker_.services()) {
    double sum = 0;
    for (const ts::Pid pid : pids_of(id)) sum += pids_[pid.value()].rate.current().value_or(0);
    service_rates_[id].add_window(sum);
  }
  std::erase_if(service_rates_, [&](const auto& entry) { return tracker_.find(entry.first) == nullptr; });
}

std::optional<double> Monitor::mean_rate() const {
  if (timeline_.measured_time() > ts::Ticks27{0}) {
    return bits(timeline_.measured_packets()) / seconds(timeline_.measured_time());
  }
  if (options_.live && now_.time > ts::ProgramTime{}) return bits(totals_.packets) / seconds(now_.time);
  return std::nullopt;
}

std::optional<double> Monitor::mean_rate(ts::Pid pid) const {
  const auto whole = mean_rate();
  if (!whole || totals_.packets == 0) return std::nullopt;
  return *whole * static_cast<double>(pids_[pid.value()].packets) / static_cast<double>(totals_.packets);
}

std::optional<double> Monitor::mean_rate(psi::ServiceId service) const {
  std::optional<double> sum;
  for (const ts::Pid pid : pids_of(service)) {
    if (const auto rate = mean_rate(pid)) sum = sum.value_or(0) + *rate;
  }
  return sum;
}

const RateMeter* Monitor::service_rate(psi::ServiceId service) const {
  const auto found = service_rates_.find(service);
  return found == service_rates_.end() ? nullptr : &found->second;
}

std::size_t Monitor::scrambled_pids() const {
  const auto is_scrambled = [this](ts::Pid pid) { return pids_[pid.value()].scrambled > 0; };
  return static_cast<std::size_t>(std::ranges::count_if(seen_, is_scrambled));
}

std::set<ts::Pid> Monitor::pids_of(psi::ServiceId id) const {
  const psi::Service* service = tracker_.find(id);
  if (service == nullptr) return {};
  std::set<ts::Pid> result{service->pmt_pid};
  if (!service->pmt) return result;
  if (service->pmt->pcr_pid != ts::null_pid) result.insert(service->pmt->pcr_pid);
  for (const auto& stream : service->pmt->streams) result.insert(stream.pid);
  return result;
}

}  // namespace tsmon
