#include "common/playout/pass.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/psi/elementary_stream.hpp"

namespace playout {

namespace {

using namespace std::chrono_literals;

constexpr std::uint8_t splice_information_type = 0x86;  // ANSI/SCTE 35 8.1

}  // namespace

Pass::Pass(std::string name, std::unique_ptr<io::Source> source, TableVersions& versions, std::size_t window)
    : name_(std::move(name)),
      source_(std::move(source)),
      window_(window),
      patcher_(versions),
      services_([this](auto, auto) { services_changed_ = true; }, psi::ServiceTracker::Options{.events = false}) {}

void Pass::fill(const std::function<bool()>& stopping) {
  while (!ended_ && window_.room() > 0) {
    if (chunks_.empty()) {
      if (source_->ended()) {
        ended_ = true;
        statistics_ = source_->statistics();  // with a truncated last packet
      } else if (stopping()) {
        return;
      } else {
        chunks_ = source_->read(200ms);
        statistics_ = source_->statistics();
      }
      continue;
    }
    const auto packets = chunks_.front().packets.subspan(taken_);
    const std::size_t count = std::min(window_.room(), packets.size());
    for (const ts::Packet& packet : packets.first(count)) take(packet);
    taken_ += count;
    if (count == packets.size()) {
      chunks_ = chunks_.subspan(1);
      taken_ = 0;
    }
  }
  if (surveyed_) return;
  surveyed_ = true;
  start_ = survey_start(window_);
  map_programs();
}

void Pass::begin_after_join() {
  begin_with_whole_frames(window_, audio_);
  start_ = survey_start(window_);
}

std::map<ts::Pid, LastUnit> Pass::end_before_join() {
  end_with_whole_frames(window_, audio_);
  return finish_stretch(window_);
}

void Pass::take(const ts::Packet& packet) {
  const std::uint64_t position = window_.end();
  window_.push(packet);
  const ts::Pid pid = packet.pid();
  if (pid == ts::null_pid || !packet.has_sync() || packet.transport_error()) return;
  if (packet.scrambling() != 0) scrambled_.set(pid.value());
  if (services_.wants(pid)) services_.feed(packet);
  if (patcher_.wants(pid)) patcher_.feed(window_, position);
  if (packet.has_adaptation()) {
    if (const auto pcr = packet.pcr()) take_pcr(pid, *pcr, position);
  }
  if (services_changed_) map_programs();
}

void Pass::take_pcr(ts::Pid pid, ts::Pcr pcr, std::uint64_t position) {
  ClockTrack& clock = clocks_[clock_for(pid, primary_)];
  const bool known = clock.mean_rate().has_value();
  // Its programme may have been waiting for it.
  if (!clock.started()) services_changed_ = true;
  clock.feed(pcr, position);
  if (clock.mean_rate().has_value() != known) services_changed_ = true;
  clock.forget_before(window_.begin());
}

// A clock seen for the first time goes on from where the clock `like` is.
std::size_t Pass::clock_for(ts::Pid pcr_pid, std::size_t like) {
  const auto known = std::ranges::find(clocks_, pcr_pid, &ClockTrack::pid);
  if (known != clocks_.end()) return static_cast<std::size_t>(known - clocks_.begin());
  ClockTrack clock{pcr_pid};
  if (like < clocks_.size()) clock.set_offset(clocks_[like].move_at(window_.end()));
  clocks_.push_back(std::move(clock));
  return clocks_.size() - 1;
}

std::size_t Pass::clock_before(psi::ServiceId service) const {
  const auto known = std::ranges::find(programs_, service, &Program::service);
  return known == programs_.end() ? primary_ : known->clock;
}

void Pass::map_programs() {
  services_changed_ = false;
  std::vector<Program> programs;
  if (services_.pat()) {
    for (const auto& entry : services_.pat()->services) {
      patcher_.add_pmt_pid(entry.pmt_pid);
      const psi::Service* service = services_.find(entry.service);
      if (!service || !service->pmt || service->pmt->pcr_pid == ts::null_pid) continue;
      programs.push_back({entry.service, clock_for(service->pmt->pcr_pid, clock_before(entry.service))});
    }
  }
  programs_ = std::move(programs);

  // The first programme that has a clock, or the first clock if there is no table that says.
  const auto runs = [](const ClockTrack& clock) { return clock.mean_rate().has_value(); };
  const auto first = std::ranges::find_if(programs_, [&](const Program& p) { return runs(clocks_[p.clock]); });
  if (first != programs_.end()) {
    primary_ = first->clock;
  } else if (const auto any = std::ranges::find_if(clocks_, runs); any != clocks_.end()) {
    primary_ = static_cast<std::size_t>(any - clocks_.begin());
  }

  clock_of_.fill(static_cast<std::uint16_t>(primary_));
  splice_.reset();
  audio_.clear();
  std::bitset<ts::Pid::count> declared;
  const auto declare = [&](ts::Pid pid, std::size_t clock) {
    if (declared[pid.value()]) return;  // shared: the first programme's
    declared.set(pid.value());
    clock_of_[pid.value()] = static_cast<std::uint16_t>(clocks_[clock].started() ? clock : primary_);
  };
  for (std::size_t i = 0; i < clocks_.size(); ++i) declare(clocks_[i].pid(), i);
  for (const Program& program : programs_) {
    for (const auto& stream : services_.find(program.service)->pmt->streams) {
      declare(stream.pid, program.clock);
      if (stream.type == splice_information_type) splice_.set(stream.pid.value());
      if (const auto format = psi::audio_format(stream)) audio_.emplace(stream.pid, *format);
    }
  }
}

std::optional<std::string> Pass::problem() const {
  if (window_.end() == 0) {
    return statistics_.bytes == 0 ? "is empty" : "is no transport stream: no packets of 188, 192 or 204 bytes in it";
  }
  const bool any = std::ranges::any_of(clocks_, [](const ClockTrack& c) { return c.mean_rate().has_value(); });
  if (!any) {
    return ended_ ? "has no program clock (PCR) to play it by"
                  : "has no program clock (PCR) to play it by in its first 4 MiB";
  }
  return std::nullopt;
}

}  // namespace playout
