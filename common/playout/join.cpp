#include "common/playout/join.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

namespace playout {

namespace {

using namespace std::chrono_literals;

using ExactTicks = std::chrono::duration<double, ts::Ticks27::period>;

constexpr double ticks(ExactTicks time) { return time.count(); }

constexpr double longest_pcr_gap = ticks(40ms);
constexpr double filler_pcr_gap = ticks(20ms);
// Where the rate is not constant, nothing says how long the packets beyond the outer PCRs took; no longer than this.
constexpr double longest_unclocked = ticks(20ms);
// An overlap so short is rounding; one so long is no overlap but another time base.
constexpr ts::Ticks90 shortest_overlap = std::chrono::duration_cast<ts::Ticks90>(1ms);
constexpr ts::Ticks90 longest_overlap = std::chrono::duration_cast<ts::Ticks90>(10s);
// So long a one at 150 Mb/s. A clock that takes more is broken and says nothing of time.
constexpr std::uint64_t most_filler = 1'000'000;

ts::Ticks27 round_ticks(double ticks) { return ts::Ticks27{std::llround(ticks)}; }

// A clock of the new file and the one of the old that it goes on from.
struct Pair {
  const ClockTrack* before;
  ClockTrack* after;
  // Ticks from the last PCR to the old file's end, by packet of filler, and from the new file's beginning to its first.
  double tail, per_packet, head;

  // From the last PCR to the first with `filler` packets between the files.
  double step(std::uint64_t filler) const { return tail + per_packet * static_cast<double>(filler) + head; }
};

// By service, by PCR PID, and the first of the one file after the first of the other.
const ClockTrack* predecessor(const Pass& before, const Pass& after, std::size_t clock) {
  const auto sent = [&](std::size_t index) {
    return before.clocks()[index].started() ? &before.clocks()[index] : nullptr;
  };
  for (const auto& program : after.programs()) {
    if (program.clock != clock) continue;
    const auto same = std::ranges::find(before.programs(), program.service, &Pass::Program::service);
    if (same != before.programs().end() && sent(same->clock)) return sent(same->clock);
  }
  const auto same_pid = std::ranges::find(before.clocks(), after.clocks()[clock].pid(), &ClockTrack::pid);
  if (same_pid != before.clocks().end() && same_pid->started()) return &*same_pid;
  return clock == after.primary() ? sent(before.primary()) : nullptr;
}

// Time of `packets` that lie beyond the outermost PCR: `rate` is the interval's next to them, `mean` that of all.
double unclocked(std::uint64_t packets, double rate, double mean) {
  const auto count = static_cast<double>(packets);
  return same_rate(rate, mean) ? count * mean : std::min(count * rate, longest_unclocked);
}

// A clock that shows one PCR only runs like its file's first.
const ClockTrack& measured(const ClockTrack& clock, const Pass& pass) {
  return clock.mean_rate() ? clock : pass.clocks()[pass.primary()];
}

Pair make_pair(const ClockTrack& before, ClockTrack& after, const Pass& pass_before, const Pass& pass_after) {
  const ClockTrack& old_rate = measured(before, pass_before);
  const ClockTrack& new_rate = measured(after, pass_after);
  const double mean = *old_rate.mean_rate();
  const bool goes_on = same_rate(*old_rate.last_rate(), mean) && same_rate(*new_rate.first_rate(), mean);
  return {&before, &after, unclocked(pass_before.window().end() - before.last_position(), *old_rate.last_rate(), mean),
          mean, unclocked(after.first_position(), *new_rate.first_rate(), goes_on ? mean : *new_rate.mean_rate())};
}

void set_offset(const Pair& pair, std::uint64_t filler, double fraction) {
  const ts::Pcr first = pair.before->last_sent() + round_ticks(pair.step(filler) + fraction);
  pair.after->set_offset(distance(pair.after->first(), first));
}

void set_all_offsets(Pass& after, const std::vector<Pair>& pairs, std::uint64_t filler,
                     const std::map<ts::Pid, double>& fractions) {
  for (const Pair& pair : pairs) {
    const auto fraction = fractions.find(pair.after->pid());
    set_offset(pair, filler, fraction == fractions.end() ? 0 : fraction->second);
  }
  const ts::Ticks27 primary = after.clocks()[after.primary()].offset();
  for (ClockTrack& clock : after.clocks()) {
    if (std::ranges::find(pairs, &clock, &Pair::after) == pairs.end()) clock.set_offset(primary);
  }
}

// The longest time that a stream of the new file would be decoded too early.
ts::Ticks90 overlap(const Pass& before, const std::map<ts::Pid, LastUnit>& last_units, const Pass& after) {
  ts::Ticks90 longest{0};
  for (const auto& [pid, first_dts] : after.start().first_dts) {
    const auto last = last_units.find(pid);
    if (last == last_units.end()) continue;
    const ts::Ticks27 moved_before = before.clocks()[before.clock_index(pid)].move_at_end(last->second.dts);
    const ts::Ticks27 moved_after = after.clocks()[after.clock_index(pid)].move_of(first_dts, 0);
    const auto gap = distance(last->second.dts + to_ticks90(moved_before), first_dts + to_ticks90(moved_after));
    const ts::Ticks90 missing = last->second.duration - gap;
    if (missing > shortest_overlap && missing < longest_overlap) longest = std::max(longest, missing);
  }
  return longest;
}

// Packets that take as long as the overlap, and room for a PCR of each clock that would be silent for too long.
std::uint64_t filler_size(ts::Ticks90 pause, const std::vector<Pair>& pairs, double rate) {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(ticks(pause) / rate));
  const std::uint64_t packets = wanted <= most_filler ? wanted : 0;
  const auto is_silent = [&](const Pair& pair) { return pair.step(packets) > longest_pcr_gap; };
  const auto silent = std::ranges::count_if(pairs, is_silent);
  return std::max(packets, static_cast<std::uint64_t>(silent));
}

}  // namespace

std::span<ts::Packet> Filler::next(std::span<ts::Packet> buffer) {
  std::size_t count = 0;
  for (; count < buffer.size() && sent_ < total_; ++count, ++sent_) buffer[count] = next_packet();
  return buffer.first(count);
}

// PCRs are spread evenly, and the last places are for those that must not be left out.
ts::Packet Filler::next_packet() {
  const auto overdue = [](const Clock& clock) { return clock.to_first - clock.sent > longest_pcr_gap; };
  const bool last_places = total_ - sent_ <= static_cast<std::uint64_t>(std::ranges::count_if(clocks_, overdue));
  for (Clock& clock : clocks_) {
    const double now = clock.to_filler + clock.per_packet * static_cast<double>(sent_);
    if (now - clock.sent < filler_pcr_gap && !(last_places && overdue(clock))) continue;
    clock.sent = now;
    return ts::Packet::pcr_only(clock.pid, clock.last + round_ticks(now), 0);
  }
  return ts::Packet::null();
}

Filler join(const Pass& before, const std::map<ts::Pid, LastUnit>& last_units, Pass& after,
            std::map<ts::Pid, double>& fractions) {
  std::vector<Pair> pairs;
  for (std::size_t index = 0; index < after.clocks().size(); ++index) {
    ClockTrack& clock = after.clocks()[index];
    const ClockTrack* old = clock.started() ? predecessor(before, after, index) : nullptr;
    if (old) pairs.push_back(make_pair(*old, clock, before, after));
  }
  set_all_offsets(after, pairs, 0, fractions);
  const double rate = *before.clocks()[before.primary()].mean_rate();
  const std::uint64_t packets = filler_size(overlap(before, last_units, after), pairs, rate);
  set_all_offsets(after, pairs, packets, fractions);

  std::vector<Filler::Clock> clocks;
  for (const Pair& pair : pairs) {
    double& fraction = fractions[pair.after->pid()];
    const double exact = pair.step(packets) + fraction;
    fraction = exact - std::round(exact);
    clocks.push_back({pair.before->pid(), pair.before->last_sent(), pair.tail, pair.per_packet, exact});
  }
  return {packets, std::move(clocks)};
}

}  // namespace playout
