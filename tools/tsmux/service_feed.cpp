#include "tools/tsmux/service_feed.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/ts/pes.hpp"

namespace tsmux {
namespace {

using namespace std::chrono_literals;

using mux::ticks;

// So much of a file is read before its first packet leaves: what its access units lack of time is then known.
constexpr ts::Ticks27 file_look = ticks(1s);
// An access unit has all its bytes so long before it is decoded: what they need to pass TB and MB, and 8 ms for the
// multiplexer.
constexpr ts::Ticks27 least_slack = ticks(10ms);
// A time stamp farther behind its PCR has nothing to do with it.
constexpr ts::Ticks27 largest_lag = ticks(3s);
// No access unit is decoded longer after it came (ISO/IEC 13818-1 2.14.3, with something to spare).
constexpr ts::Ticks27 largest_lead = ticks(12s);
// From one access unit of a stream to the next the time from sending to decoding changes by less.
constexpr ts::Ticks27 largest_change = ticks(1s);
// The lag grows by a millisecond a second, which nobody sees or hears; by a step if more than this is missing.
constexpr ts::Ticks27 lag_step_from = ticks(300ms);
constexpr std::int64_t lag_slope = 1000;
// Time stamps of a time base that was left come for so long.
constexpr ts::Ticks27 base_memory = ticks(15s);
// Where a time stamp is expected, ahead of the packet that brings it.
constexpr ts::Ticks27 usual_lead = ticks(400ms);
// Without a first PCR for so many packets there is no time: 100 ms (ISO/IEC 13818-1 2.7.2) at 800 Mb/s.
constexpr std::size_t most_held = 50'000;
// Without a PCR for so long, time goes on at the last rate: a PCR that came then would be a jump in any case.
constexpr ts::Ticks27 longest_gap = ts::ProgramClock::largest_step;
// Between two PCRs of one time base no more passes (TR 101 290 2.3).
constexpr ts::Ticks27 largest_pcr_step = ticks(100ms);
// A live source may be ahead of its latency by so much; beyond, it is not at its own pace.
constexpr ts::Ticks27 largest_margin = ticks(3s);
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
  for (const auto& track : leaving_) output_.remove_stream(*track->stream);
  if (!target_) output_.set_clock(nullptr, std::nullopt);
}

void ServiceFeed::set_program(const Program& program) {
  if (program == program_) return;
  if (source_clock_.ticks_per_packet()) time_rest();  // by what it was
  auto before = std::exchange(tracks_, {});
  // One that comes back before it has left goes on.
  for (auto& track : std::exchange(leaving_, {})) before.push_back(std::move(track));
  const auto component_of = component_of_;
  component_of_.fill(-1);
  for (const Component& component : program.components) adopt(before, component);
  for (auto& track : before) {
    if (track) leaving_.push_back(std::move(track));
  }
  for (const auto& track : tracks_) {
    if (track->stream) continue;
    track->stream = &output_.add_stream(track->component.pid);
    if (track->model.kind() == psi::DecoderModel::Kind::audio) track->stream->set_limits(unknown_audio());
  }
  // What waits goes by numbers of components.
  std::erase_if(waiting_, [&](Timed& timed) {
    const int now = component_of_[timed.packet.pid().value()];
    const bool stays = now >= 0 && component_of[timed.packet.pid().value()] >= 0;
    if (stays) timed.component = static_cast<std::size_t>(now);
    return !stays;
  });
  for (const auto& track : tracks_) {
    if (track->component.stream.pid == program.source_pcr_pid && !target_) track->stream->set_has_program_clock();
  }
  program_ = program;
  changes_at_ = running_ ? std::max(fed_until_, multiplexer_.now()) : multiplexer_.now();
  settle();
}

void ServiceFeed::settle() {
  if (running_ && !paused_ && sent_pcr_pid_ != program_.pcr_pid && multiplexer_.now() + options_.ahead >= changes_at_) {
    set_clock();
  }
  std::erase_if(leaving_, [this](const auto& track) {
    if (track->stream->queued() > 0 || track->component.pid == sent_pcr_pid_) return false;
    output_.remove_stream(*track->stream);
    return true;
  });
}

void ServiceFeed::set_clock() {
  sent_pcr_pid_ = program_.pcr_pid;
  if (!target_) output_.set_clock(&clock_, program_.pcr_pid);
}

// Takes the component's track out of those there were, or makes one.
void ServiceFeed::adopt(std::vector<std::unique_ptr<Track>>& before, const Component& component) {
  const auto same = std::ranges::find_if(before, [&](const auto& track) {
    return track && track->component.stream.pid == component.stream.pid && track->component.pid == component.pid;
  });
  std::unique_ptr<Track> track;
  if (same != before.end()) {
    track = std::move(*same);
    if (track->component == component) {
      component_of_[component.stream.pid.value()] = static_cast<std::int16_t>(tracks_.size());
      tracks_.push_back(std::move(track));
      return;
    }
  } else {
    track = std::make_unique<Track>();
    continuity_.reset(component.stream.pid);
  }
  const psi::DecoderModel model{component.stream};
  if (same == before.end() || model.kind() != track->model.kind() ||
      component.stream.type != track->component.stream.type) {
    track->offset += track->scanner.position();
    track->scanner = model.make_scanner();
    track->begun.reset();
    track->decoded.reset();
  }
  track->model = model;
  track->has_limits = false;
  track->component = component;
  component_of_[component.stream.pid.value()] = static_cast<std::int16_t>(tracks_.size());
  tracks_.push_back(std::move(track));
}

void ServiceFeed::feed(const ts::Packet& packet, std::uint64_t position, ts::SteadyTime arrival) {
  held_.push_back({packet, position, arrival});
  if (packet.pid() == program_.source_pcr_pid && packet.has_adaptation() && !packet.transport_error()) {
    if (const auto pcr = packet.pcr()) return feed_clock(*pcr, held_.back(), packet.discontinuity());
  }
  if (!has_waited_too_long(position)) return;
  time_rest();
}

bool ServiceFeed::has_waited_too_long(std::uint64_t position) const {
  if (held_.size() > most_held) return true;
  // Live, poll() sees to it.
  return !options_.live && source_clock_.ticks_per_packet() &&
         time_beyond_last_pcr(position) - source_clock_.last_time() > longest_gap;
}

// By the mean rate: between two PCRs there may be one packet, or thousands.
ts::ProgramTime ServiceFeed::time_beyond_last_pcr(std::uint64_t position) const {
  const auto passed = static_cast<double>((source_clock_.last_time() - first_pcr_time_).count());
  const auto packets = static_cast<double>(source_clock_.last_position() - first_pcr_position_);
  const auto beyond = static_cast<double>(position - source_clock_.last_position());
  return source_clock_.last_time() + ts::Ticks27{std::llround(packets > 0 ? passed / packets * beyond : 0)};
}

void ServiceFeed::feed_clock(ts::Pcr pcr, const Held& held, bool signalled) {
  const bool has_before = source_clock_.started();
  const Base before{source_clock_.last_pcr(), source_clock_.last_time()};
  const auto arrival = options_.live ? std::optional{held.arrival} : std::nullopt;
  // A signalled jump may be none: then nothing moves.
  const ts::Ticks27 step = distance(before.pcr, pcr);
  const bool goes_on = has_before && step > ts::Ticks27{0} && step <= largest_pcr_step;
  const auto sample = source_clock_.feed(pcr, held.position, signalled && !goes_on, arrival);
  if (sample.step == ts::ProgramClock::Step::first) {
    first_pcr_position_ = held.position;
    first_pcr_time_ = sample.time;
  }
  if (sample.step == ts::ProgramClock::Step::jump) {
    left_ = before;
    ++figures_.jumps;
  }
  if (options_.live) recovery_.feed(sample.time, held.arrival);
  last_pcr_arrival_ = held.arrival;
  if (source_clock_.ticks_per_packet()) time_held();
}

void ServiceFeed::time_held() {
  for (const Held& held : held_) take(held.packet, source_clock_.at(held.position));
  held_.clear();
}

// No PCR is to come soon.
void ServiceFeed::time_rest() {
  if (source_clock_.ticks_per_packet()) {
    for (const Held& held : held_) take(held.packet, time_beyond_last_pcr(held.position));
  } else {
    figures_.unclocked += held_.size();
  }
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
      track.missing += continuity.missing;
      figures_.lost += continuity.missing;
      track.scanner.reset();
      track.decoded.reset();
    }
    if (has_only_pcr(packet)) return;
    scan(track, timed);
    timed.missing = std::exchange(track.missing, 0);
  }
  ++figures_.packets;
  track.last = time;
  if (!running_ && may_start(time)) start();
  if (running_) {
    send(timed);
  } else {
    waiting_.push_back(timed);
  }
}

// Finds the access units that begin in it.
void ServiceFeed::scan(Track& track, Timed& timed) {
  timed.part.offset = track.offset + track.scanner.position();
  if (track.model.kind() == psi::DecoderModel::Kind::none) return;
  if (timed.packet.scrambling() != 0) {
    track.scanner.reset();
    track.decoded.reset();
    return;
  }
  const auto units = track.scanner.feed(timed.packet);
  timed.part = {.offset = track.offset + track.scanner.position() - track.scanner.stream_bytes(),
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
  for (const ts::ScannedUnit& unit : units) {
    if (is_audio || !track.begun || unit.offset > *track.begun) begin_unit(track, timed, unit.offset, unit.dts);
  }
  if (const auto& open = track.scanner.open(); open && open->offset != track.begun) {
    begin_unit(track, timed, open->offset, open->dts);
  }
}

void ServiceFeed::begin_unit(Track& track, Timed& timed, std::uint64_t offset, std::optional<ts::Timestamp> dts) {
  track.begun = offset;
  if (!program_.pcr_pid && !target_) return;
  if (!dts) return track.decoded.reset();
  const ts::ProgramTime decoded = program_time(*dts, timed.time);
  if (!is_related(decoded, timed.time) || !is_credible(track, decoded - timed.time)) return track.decoded.reset();
  offset += track.offset;
  const bool is_measured =
      track.model.kind() == psi::DecoderModel::Kind::video || track.model.kind() == psi::DecoderModel::Kind::audio;
  if (track.decoded && is_measured) {
    note_slack(*track.decoded - (offset > timed.part.offset ? timed.time : track.last));
  }
  track.decoded = decoded;
  if (timed.units < timed.unit.size()) timed.unit[timed.units++] = {offset, decoded};
}

// A time stamp that is far off is damage, unless the next one is as far.
bool ServiceFeed::is_credible(Track& track, ts::Ticks27 lead) const {
  const bool leaps = track.lead && std::chrono::abs(lead - *track.lead) > largest_change;
  track.leapt = leaps && !track.leapt;
  if (track.leapt) return false;
  track.lead = lead;
  return true;
}

// Of an access unit: from its last byte to its decoding, by the source's clock.
void ServiceFeed::note_slack(ts::Ticks27 slack) { least_slack_ = std::min(least_slack_.value_or(slack), slack); }

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

bool ServiceFeed::may_start(ts::ProgramTime time) {
  const ts::Ticks27 look = options_.live ? options_.latency / 2 : file_look;
  const auto is_enough = [&] {
    return !waiting_.empty() && (time - waiting_.front().time >= look || waiting_.size() > most_held);
  };
  if (!target_ || target_->is_running()) return is_enough();
  // What comes before the target's clock runs has no place beside it.
  while (is_enough())
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(waiting_.size() + 1) / 2);
  return false;
}

// The clock in the multiplex begins, so that the packets seen first leave as soon as they may.
void ServiceFeed::start() {
  if (waiting_.empty()) return;
  const ts::ProgramTime first = waiting_.front().time;
  const auto lag = std::clamp(least_slack - least_slack_.value_or(least_slack), ts::Ticks27{0}, largest_lag);
  lag_ = {.from = latest_, .level = lag, .wanted = lag, .steps = false};
  least_slack_.reset();
  mux::MultiplexTime at = multiplexer_.now() + options_.ahead + ticks(1ms);
  if (options_.live && time_base_.is_live()) {
    at = std::max(at, time_base_.at(recovery_.arrival_of(first)) + options_.latency);
  }
  clock_ = mux::OutputClock{at, first, source_clock_.wire(first) - lag};
  running_ = true;
  figures_.unclocked = 0;  // of the first moment, before the second PCR
  set_clock();
  for (Timed& timed : waiting_) send(timed);
  waiting_ = {};
}

void ServiceFeed::resume() {
  paused_ = false;
  set_clock();
}

void ServiceFeed::send(Timed& timed) {
  if (paused_) resume();
  settle_lag();
  Track& track = *tracks_[timed.component];
  mux::MultiplexTime due = clock_.when(timed.time + shift_);
  const ts::Ticks27 margin = due - multiplexer_.now();  // how long before it is due it comes
  least_margin_ = std::min(least_margin_.value_or(margin), margin);
  if (margin < ts::Ticks27{0}) {
    // It and what follows have their time again; what came before does not wait for it.
    shift_ += shift_reserve - margin;
    ++figures_.shifts;
    due = clock_.when(timed.time + shift_);
  }
  if (is_too_early(due)) {
    ++figures_.early;
    track.missing += timed.missing + (timed.packet.has_payload() ? 1u : 0u);
    return;
  }
  for (const Unit& unit : std::span{timed.unit}.first(timed.units)) {
    track.stream->begin_unit(unit.offset, clock_.when(unit.decoded + shift_ + lag_.at(unit.decoded)));
  }
  if (timed.packet.unit_start()) move_times(timed.packet, timed.time);
  count_on(track, timed.packet, timed);
  timed.packet.set_pid(track.component.pid);
  timed.packet.set_discontinuity(false);  // there is none any more
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

// By how much a time stamp moves that says `presented`, by the source's clock of this base.
ts::Ticks90 ServiceFeed::move_of(ts::ProgramTime presented, const Base& base) const {
  ts::Pcr sent;
  if (target_) {
    // The target's time when this base's is sent: what belongs to it is moved as the target's own.
    const ts::ProgramTime time = target_->clock_.at(clock_.when(base.time + shift_));
    const ts::Ticks27 lag = target_->lag_.at(time + (presented - base.time));
    sent = target_->clock_.wire(time + target_->shift_ + lag);
  } else {
    sent = clock_.wire(base.time + shift_ + lag_.at(presented));
  }
  const std::int64_t move = distance(base.pcr, sent).count();
  return ts::Ticks90{(move + (move < 0 ? -150 : 150)) / 300};
}

void ServiceFeed::move_times(ts::Packet& packet, ts::ProgramTime near) {
  if ((!program_.pcr_pid && !target_) || packet.scrambling() != 0 || packet.transport_error()) return;
  const auto timestamp = first_timestamp(packet);
  if (!timestamp) return;
  const ts::ProgramTime presented = program_time(*timestamp, near);
  if (!is_related(presented, near)) return;
  const Base current{source_clock_.last_pcr(), source_clock_.last_time()};
  latest_ = std::max(latest_, presented);
  const auto move = move_of(presented, is_of_left_base(*timestamp, near) ? *left_ : current);
  if (move.count() != 0) ts::move_timestamps(packet, move);
}

ts::Ticks27 ServiceFeed::Lag::at(ts::ProgramTime time) const {
  if (time <= from) return level;
  return steps ? wanted : std::min(wanted, level + (time - from) / lag_slope);
}

// What was sent keeps its lag.
void ServiceFeed::settle_lag() {
  if (least_slack_ && *least_slack_ + lag_.wanted < least_slack) {
    const ts::Ticks27 wanted = std::min(least_slack - *least_slack_, largest_lag), now = lag_.at(latest_);
    const bool steps = wanted - now > lag_step_from;
    if (now == lag_.wanted || steps) lag_ = {.from = latest_, .level = now, .wanted = now, .steps = steps};
    lag_.wanted = wanted;
  }
  least_slack_.reset();
  figures_.lag = lag_.at(latest_);
}

// A live source that runs ahead would fill the memory: what it is ahead by beyond its latency is left out.
bool ServiceFeed::is_too_early(mux::MultiplexTime due) {
  if (!options_.live) return false;
  const ts::Ticks27 ahead = due - multiplexer_.now() - options_.latency;
  if (ahead > largest_margin) {
    shift_ -= ahead;
    return true;
  }
  return due < fed_until_ - ticks(1ms);
}

void ServiceFeed::poll(ts::SteadyTime now) {
  if (!options_.live) return;
  expire(now);
  if (now - last_follow_ < follow_interval) return;
  if (running_ && !paused_ && last_follow_ != ts::SteadyTime{}) follow(now);
  last_follow_ = now;
}

void ServiceFeed::follow(ts::SteadyTime now) {
  figures_.margin = std::exchange(least_margin_, std::nullopt);
  if (!recovery_.started()) return;
  figures_.drift_ppm = recovery_.drift_ppm();
  const mux::MultiplexTime wanted = time_base_.at(recovery_.arrival_of(last_time_)) + options_.latency;
  const mux::ClockFollower::Seconds behind = clock_.when(last_time_ + shift_) - wanted;
  clock_.set_rate(multiplexer_.now(), follower_.follow(recovery_.drift_ppm() * 1e-6, behind, now - last_follow_));
}

void ServiceFeed::finish() {
  time_rest();
  if (!running_) start();
}

void ServiceFeed::pause(bool keeps_clock) {
  if (!running_ || paused_) return;
  paused_ = true;
  if (!target_ && !keeps_clock) output_.set_clock(nullptr, std::nullopt);
  for (const auto& track : tracks_) {
    track->scanner.reset();
    track->decoded.reset();
    continuity_.reset(track->component.stream.pid);
  }
}

}  // namespace tsmux
