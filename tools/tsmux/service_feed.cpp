#include "tools/tsmux/service_feed.hpp"

#include <algorithm>
#include <utility>

#include "common/ts/pes.hpp"

namespace tsmux {
namespace {

using namespace std::chrono_literals;

constexpr ts::Ticks27 ticks(std::chrono::nanoseconds time) { return std::chrono::duration_cast<ts::Ticks27>(time); }

// So much of a file is read before its first packet leaves: what its access units lack of time is then known.
constexpr ts::Ticks27 file_look = ticks(1s);
// An access unit has all its bytes so long before it is decoded: what they need to pass TB and MB, and 8 ms for the
// multiplexer.
constexpr ts::Ticks27 least_slack = ticks(10ms);
// A time stamp farther behind its PCR has nothing to do with it.
constexpr ts::Ticks27 largest_lag = ticks(3s);
// No access unit is decoded longer after it came (ISO/IEC 13818-1 2.14.3, with something to spare).
constexpr ts::Ticks27 largest_lead = ticks(12s);
// The lag grows by a millisecond a second, which nobody sees or hears; by a step if more than this is missing.
constexpr ts::Ticks27 lag_step_from = ticks(300ms);
constexpr std::int64_t lag_slope = 1000;
// Time stamps of a time base that was left come for so long.
constexpr ts::Ticks27 base_memory = ticks(15s);
// Where a time stamp is expected, ahead of the packet that brings it.
constexpr ts::Ticks27 usual_lead = ticks(400ms);
// Without a PCR for so many packets a file has no time: 100 ms (ISO/IEC 13818-1 2.7.2) at 800 Mb/s.
constexpr std::size_t most_held = 50'000;
// What a late service is moved by, beyond what it was late.
constexpr ts::Ticks27 shift_reserve = ticks(20ms);
constexpr std::chrono::nanoseconds follow_interval = 1s;

// The transport buffer of any audio (ISO/IEC 13818-1 2.4.2.3), until a frame tells more: in a stream that is not what
// its PMT says there never is one.
ts::TstdLimits unknown_audio() {
  ts::TstdLimits limits;
  limits.transport_rate = 2'000'000;
  return limits;
}

bool has_only_pcr(const ts::Packet& packet) {
  if (packet.has_payload()) return false;
  const auto field = packet.adaptation();
  // Splicing point, private data, extension (2.4.3.5).
  return field.empty() || (field[0] & 0x07) == 0;
}

// Some components have time stamps of another clock than the program's.
bool is_related(ts::ProgramTime stamp, ts::ProgramTime near) {
  return stamp >= near - largest_lag && stamp <= near + largest_lead;
}

std::optional<ts::Timestamp> first_timestamp(const ts::Packet& packet) {
  const auto header = ts::PesHeader::parse(packet.payload());
  return header ? header->pts : std::nullopt;
}

}  // namespace

ServiceFeed::ServiceFeed(mux::Multiplexer& multiplexer, mux::Multiplexer::Program& program, const TimeBase& time,
                         const Options& options, const ServiceFeed* target)
    : multiplexer_(multiplexer), output_(program), time_base_(time), options_(options), target_(target) {
  component_of_.fill(-1);
}

ServiceFeed::~ServiceFeed() {
  for (const auto& track : tracks_) output_.remove_stream(*track->stream);
  if (!target_) output_.set_clock(nullptr, std::nullopt);
}

void ServiceFeed::set_program(const Program& program) {
  if (program == program_) return;
  auto before = std::exchange(tracks_, {});
  component_of_.fill(-1);
  waiting_.clear();  // by number of component
  for (const Component& component : program.components) {
    const auto same =
        std::ranges::find_if(before, [&](const auto& track) { return track && track->component == component; });
    if (same != before.end()) {
      tracks_.push_back(std::move(*same));
    } else {
      auto track = std::make_unique<Track>();
      track->component = component;
      track->model = psi::DecoderModel{component.stream};
      track->scanner = track->model.make_scanner();
      continuity_.reset(component.stream.pid);
      tracks_.push_back(std::move(track));
    }
    component_of_[component.stream.pid.value()] = static_cast<std::int16_t>(tracks_.size() - 1);
  }
  for (const auto& track : before) {
    if (track) output_.remove_stream(*track->stream);
  }
  for (const auto& track : tracks_) {
    if (track->stream) continue;
    track->stream = &output_.add_stream(track->component.pid);
    if (track->model.kind() == psi::DecoderModel::Kind::audio) track->stream->set_limits(unknown_audio());
  }
  const bool clock_changes = program.pcr_pid != program_.pcr_pid;
  program_ = program;
  if (clock_changes && running_ && !paused_ && !target_) output_.set_clock(&clock_, program_.pcr_pid);
}

void ServiceFeed::feed(const ts::Packet& packet, std::uint64_t position, ts::SteadyTime arrival) {
  held_.push_back({packet, position, arrival});
  if (packet.pid() == program_.source_pcr_pid && packet.has_adaptation() && !packet.transport_error()) {
    if (const auto pcr = packet.pcr()) return feed_clock(*pcr, held_.back(), packet.discontinuity());
  }
  if (held_.size() > most_held) {
    figures_.unclocked += held_.size();
    held_.clear();
  }
}

void ServiceFeed::feed_clock(ts::Pcr pcr, const Held& held, bool signalled) {
  const bool has_before = source_clock_.started();
  const Base before{source_clock_.last_pcr(), source_clock_.last_time()};
  const auto arrival = options_.live ? std::optional{held.arrival} : std::nullopt;
  const auto sample = source_clock_.feed(pcr, held.position, signalled, arrival);
  if (sample.step == ts::ProgramClock::Step::jump && has_before) {
    // A signalled jump may be none.
    if (before.pcr + (sample.time - before.time) != pcr) {
      left_ = before;
      ++figures_.jumps;
    }
  }
  if (options_.live) recovery_.feed(sample.time, held.arrival);
  last_pcr_arrival_ = held.arrival;
  if (source_clock_.ticks_per_packet()) time_held();
}

void ServiceFeed::time_held() {
  for (const Held& held : held_) take(held.packet, source_clock_.at(held.position));
  held_.clear();
}

// No PCR came in time: by arrival since the last one.
void ServiceFeed::expire(ts::SteadyTime now) {
  const ts::SteadyTime oldest = now - std::chrono::duration_cast<std::chrono::nanoseconds>(options_.latency / 2);
  std::size_t count = 0;
  while (count < held_.size() && held_[count].arrival <= oldest) ++count;
  if (count == 0) return;
  if (!source_clock_.ticks_per_packet() || !last_pcr_arrival_) {
    figures_.unclocked += count;
  } else {
    for (const Held& held : std::span{held_}.first(count)) {
      take(held.packet,
           source_clock_.last_time() + std::chrono::duration_cast<ts::Ticks27>(held.arrival - *last_pcr_arrival_));
    }
  }
  held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(count));
}

void ServiceFeed::take(const ts::Packet& packet, ts::ProgramTime time) {
  last_time_ = time = std::max(time, last_time_);
  const int index = component_of_[packet.pid().value()];
  if (index < 0) return;
  Timed timed{.packet = packet, .time = time, .component = static_cast<std::size_t>(index), .part = {}};
  Track& track = *tracks_[timed.component];
  if (packet.transport_error()) {
    ++figures_.errors;
  } else {
    const auto continuity = continuity_.check(packet);
    if (continuity.verdict == ts::Continuity::Verdict::duplicate ||
        continuity.verdict == ts::Continuity::Verdict::repeated) {
      ++figures_.duplicates;
      return;
    }
    if (continuity.verdict == ts::Continuity::Verdict::lost) {
      timed.missing = continuity.missing;
      figures_.lost += continuity.missing;
      track.scanner.reset();
      track.decoded.reset();
    }
    if (has_only_pcr(packet)) return;
    scan(track, timed);
  }
  ++figures_.packets;
  track.last = time;
  if (!running_ && has_seen_enough(time)) start();
  if (running_) {
    send(timed);
  } else {
    waiting_.push_back(timed);
  }
}

// Finds the access units that begin in it.
void ServiceFeed::scan(Track& track, Timed& timed) {
  timed.part.offset = track.scanner.position();
  if (track.model.kind() == psi::DecoderModel::Kind::none) return;
  if (timed.packet.scrambling() != 0) {
    track.scanner.reset();
    track.decoded.reset();
    return;
  }
  const auto units = track.scanner.feed(timed.packet);
  timed.part = {.offset = track.scanner.position() - track.scanner.stream_bytes(),
                .stream_bytes = track.scanner.stream_bytes(),
                .header_bytes = track.scanner.header_bytes()};
  const bool is_audio = track.model.kind() == psi::DecoderModel::Kind::audio;
  if (!track.has_limits || track.video_changes != track.scanner.video_changes() || (is_audio && !units.empty())) {
    track.video_changes = track.scanner.video_changes();
    if (const auto limits = track.model.limits(track.scanner)) {
      track.has_limits = true;
      track.stream->set_limits(*limits);
    }
  }
  if (is_audio) {
    for (const ts::ScannedUnit& unit : units) begin_unit(track, timed, unit.offset, unit.dts);
  } else if (const auto& open = track.scanner.open(); open && open->offset != track.begun) {
    begin_unit(track, timed, open->offset, open->dts);
  }
}

void ServiceFeed::begin_unit(Track& track, Timed& timed, std::uint64_t offset, std::optional<ts::Timestamp> dts) {
  track.begun = offset;
  if (!program_.pcr_pid && !target_) return;
  if (!dts) return;
  const ts::ProgramTime decoded = program_time(*dts, timed.time);
  if (!is_related(decoded, timed.time)) return;
  const bool is_measured =
      track.model.kind() == psi::DecoderModel::Kind::video || track.model.kind() == psi::DecoderModel::Kind::audio;
  if (track.decoded && is_measured) {
    note_slack(*track.decoded - (offset > timed.part.offset ? timed.time : track.last));
  }
  track.decoded = decoded;
  if (timed.units < timed.unit.size()) timed.unit[timed.units++] = {offset, decoded};
}

// Of an access unit: from its last byte to its decoding, by the source's clock.
void ServiceFeed::note_slack(ts::Ticks27 slack) {
  least_slack_ = std::min(least_slack_.value_or(slack), slack);
}

// Around a jump, time stamps of the one time base come in packets of the other: each belongs to that which it fits.
bool ServiceFeed::is_of_left_base(ts::Timestamp timestamp, ts::ProgramTime near) const {
  if (!left_ || near - left_->time > base_memory) return false;
  const auto off = [&](ts::ProgramTime time) { return std::chrono::abs(time - near - usual_lead); };
  const ts::ProgramTime by_left = left_->time + distance(ts::Timestamp{ts::Ticks90{left_->pcr.base()}}, timestamp);
  return off(by_left) < off(source_clock_.unwrap(timestamp));
}

ts::ProgramTime ServiceFeed::program_time(ts::Timestamp timestamp, ts::ProgramTime near) const {
  if (!is_of_left_base(timestamp, near)) return source_clock_.unwrap(timestamp);
  return left_->time + distance(ts::Timestamp{ts::Ticks90{left_->pcr.base()}}, timestamp) -
         ts::Ticks27{left_->pcr.extension()};
}

bool ServiceFeed::has_seen_enough(ts::ProgramTime time) const {
  if (waiting_.empty()) return false;
  return time - waiting_.front().time >= (options_.live ? options_.latency / 2 : file_look);
}

// The clock in the multiplex begins, so that the packets seen first leave as soon as they may.
void ServiceFeed::start() {
  if (waiting_.empty()) return;
  const ts::ProgramTime first = waiting_.front().time;
  lag_ = wanted_lag_ = std::clamp(least_slack - least_slack_.value_or(least_slack), ts::Ticks27{0}, largest_lag);
  last_lag_change_ = last_time_;
  least_slack_.reset();
  mux::MultiplexTime at = multiplexer_.now() + options_.ahead + ticks(1ms);
  if (options_.live && time_base_.is_live()) {
    at = std::max(at, time_base_.at(recovery_.arrival_of(first)) + options_.latency);
  }
  clock_ = mux::OutputClock{at, first, source_clock_.wire(first) - lag_};
  running_ = true;
  figures_.unclocked = 0;  // of the first moment, before the second PCR
  if (!target_) output_.set_clock(&clock_, program_.pcr_pid);
  for (Timed& timed : waiting_) send(timed);
  waiting_ = {};
}

void ServiceFeed::resume() {
  paused_ = false;
  if (!target_) output_.set_clock(&clock_, program_.pcr_pid);
}

void ServiceFeed::send(Timed& timed) {
  if (paused_) resume();
  settle_lag(timed.time);
  Track& track = *tracks_[timed.component];
  const mux::MultiplexTime due = clock_.when(timed.time + shift_);
  for (const Unit& unit : std::span{timed.unit}.first(timed.units)) {
    track.stream->begin_unit(unit.offset, clock_.when(unit.decoded + shift_ + lag_));
  }
  if (timed.packet.unit_start()) move_times(timed.packet, timed.time);
  count_on(track, timed.packet, timed);
  timed.packet.set_pid(track.component.pid);
  timed.packet.set_discontinuity(false);  // there is none any more
  if (options_.live) {
    const ts::Ticks27 margin = due - multiplexer_.now();
    least_margin_ = std::min(least_margin_.value_or(margin), margin);
    if (margin < ts::Ticks27{0}) ++figures_.late;
  }
  track.stream->push(timed.packet, due, timed.part);
  fed_until_ = std::max(fed_until_, due);
}

// What was lost on the way here stays a gap for those who receive it.
void ServiceFeed::count_on(Track& track, ts::Packet& packet, const Timed& timed) {
  const auto step = static_cast<std::uint8_t>(packet.has_payload() ? 1 : 0);
  const auto counter = static_cast<std::uint8_t>((track.counter + step + timed.missing) & 0x0F);
  packet.set_continuity(counter);
  // A packet with an error counts by what follows it.
  if (!packet.transport_error()) track.counter = counter;
}

ts::Ticks90 ServiceFeed::move_from(const Base& base) const {
  ts::Pcr sent;
  if (target_) {
    sent = target_->clock_.wire(target_->clock_.at(clock_.when(base.time + shift_)) + target_->lag_);
  } else {
    sent = clock_.wire(base.time + shift_ + lag_);
  }
  const std::int64_t move = distance(base.pcr, sent).count();
  return ts::Ticks90{(move + (move < 0 ? -150 : 150)) / 300};
}

void ServiceFeed::move_times(ts::Packet& packet, ts::ProgramTime near) {
  if ((!program_.pcr_pid && !target_) || packet.scrambling() != 0 || packet.transport_error()) return;
  const auto timestamp = first_timestamp(packet);
  if (!timestamp || !is_related(program_time(*timestamp, near), near)) return;
  const Base current{source_clock_.last_pcr(), source_clock_.last_time()};
  const auto move = move_from(is_of_left_base(*timestamp, near) ? *left_ : current);
  if (move.count() != 0) ts::move_timestamps(packet, move);
}

void ServiceFeed::settle_lag(ts::ProgramTime time) {
  if (least_slack_ && *least_slack_ + wanted_lag_ < least_slack) {
    wanted_lag_ = std::min(least_slack - *least_slack_, largest_lag);
    if (wanted_lag_ - lag_ > lag_step_from) lag_ = wanted_lag_;
  }
  least_slack_.reset();
  const ts::Ticks27 step = (time - last_lag_change_) / lag_slope;
  if (lag_ == wanted_lag_) {
    last_lag_change_ = time;
  } else if (step > ts::Ticks27{0}) {
    lag_ = std::min(wanted_lag_, lag_ + step);
    last_lag_change_ = time;
  }
  figures_.lag = lag_;
}

void ServiceFeed::poll(ts::SteadyTime now) {
  if (!options_.live) return;
  expire(now);
  if (now - last_follow_ < follow_interval) return;
  if (running_ && !paused_ && last_follow_ != ts::SteadyTime{}) follow(now);
  last_follow_ = now;
}

void ServiceFeed::follow(ts::SteadyTime now) {
  figures_.margin = least_margin_;
  if (least_margin_ && *least_margin_ < ts::Ticks27{0}) {
    shift_ += shift_reserve - *least_margin_;
    ++figures_.shifts;
  }
  least_margin_.reset();
  if (!recovery_.started()) return;
  figures_.drift_ppm = recovery_.drift_ppm();
  const mux::MultiplexTime wanted = time_base_.at(recovery_.arrival_of(last_time_)) + options_.latency;
  const mux::ClockFollower::Seconds behind = clock_.when(last_time_ + shift_) - wanted;
  clock_.set_rate(multiplexer_.now(), follower_.follow(recovery_.drift_ppm() * 1e-6, behind, now - last_follow_));
}

void ServiceFeed::finish() {
  if (source_clock_.ticks_per_packet()) time_held();
  figures_.unclocked += held_.size();
  held_.clear();
  if (!running_) start();
}

void ServiceFeed::pause() {
  if (!running_ || paused_) return;
  paused_ = true;
  if (!target_) output_.set_clock(nullptr, std::nullopt);
  for (const auto& track : tracks_) {
    track->scanner.reset();
    track->decoded.reset();
    continuity_.reset(track->component.stream.pid);
  }
}

}  // namespace tsmux
