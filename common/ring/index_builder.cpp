#include "common/ring/index_builder.hpp"

#include <algorithm>
#include <utility>

#include "common/psi/elementary_stream.hpp"

namespace ring {
namespace {

// Losses closer together than this are one gap, so that a bad reception does not fill the index.
constexpr std::chrono::seconds loss_span{1};
// A multiplex has a few hundred services; what is beyond this is not a multiplex but noise with good checksums.
constexpr std::size_t most_event_sections = 2048;
// A transport stream of random bytes has a PCR on every PID.
constexpr std::size_t most_clocks = 256;

}  // namespace

IndexBuilder::IndexBuilder(std::chrono::nanoseconds spacing)
    : spacing_(spacing), tracker_([this](psi::ServiceTracker::Change change, std::optional<psi::ServiceId> service) {
        take_change(change, service);
      }) {
  tracker_.on_section([this](ts::Pid pid, const ts::Section& section) {
    if (pid == ts::eit_pid && section.table_id() == psi::table_id::eit_pf_actual) take_event(section);
  });
}

void IndexBuilder::feed(std::span<const ts::Packet> packets, const ts::Arrival& arrival, bool estimated) {
  if (packets.empty()) return;
  estimated_ = estimated;
  if (date_next_ || !dated_ || arrival.steady - dated_at_ >= spacing_) add_date(next_, arrival);
  for (const ts::Packet& packet : packets) {
    look(packet, arrival);
    ++next_;
  }
  statistics_.packets += packets.size();
  last_arrival_ = arrival;
}

void IndexBuilder::look(const ts::Packet& packet, const ts::Arrival& arrival) {
  if (!packet.has_sync()) {
    ++statistics_.bad_sync;
    return;
  }
  if (packet.transport_error()) {
    ++statistics_.transport_errors;
    return;
  }
  const ts::Pid pid = packet.pid();
  if (pid == ts::null_pid) {
    ++statistics_.null_packets;
    return;
  }
  const auto result = continuity_.check(packet);
  const bool duplicate = result.verdict == ts::Continuity::Verdict::duplicate;
  const bool lost = result.verdict == ts::Continuity::Verdict::lost;
  if (ts::Continuity::is_error(result.verdict)) ++statistics_.continuity_errors;
  if (lost) lose(result.missing, arrival);
  if (packet.scrambling() != 0) ++statistics_.scrambled;
  if (packet.has_adaptation()) look_at_clock(packet, arrival);

  if (services_changed_) follow_services();
  const std::uint8_t interest = interest_[pid.value()];
  if (interest == 0) return;
  if ((interest & pictures) != 0 && !duplicate) {
    auto& parser = pictures_.at(pid).parser;
    if (lost) parser.reset();
    add_access(parser.feed(packet, next_), pid);
  }
  if ((interest & tables) != 0) tracker_.feed(packet);
}

void IndexBuilder::look_at_clock(const ts::Packet& packet, const ts::Arrival& arrival) {
  const auto pcr = packet.pcr();
  if (!pcr) return;
  auto found = clocks_.find(packet.pid());
  if (found == clocks_.end()) {
    if (clocks_.size() >= most_clocks) return;
    found = clocks_.try_emplace(packet.pid()).first;
  }
  auto& [clock, recorded] = found->second;
  const auto sample = clock.feed(*pcr, next_, packet.discontinuity(), arrival.steady);
  const bool jump = sample.step == ts::ProgramClock::Step::jump;
  if (jump) ++statistics_.clock_jumps;
  if (sample.step == ts::ProgramClock::Step::continuous && sample.time - recorded < spacing_) return;
  recorded = sample.time;
  records_.push_back(ClockRecord{next_, packet.pid(), *pcr, jump});
}

// Counts `missing` packets into the loss that is going on, or begins one.
void IndexBuilder::lose(std::uint64_t missing, const ts::Arrival& arrival) {
  statistics_.missing_packets += missing;
  if (open_loss_ && *open_loss_ < records_.size()) {
    auto* gap = std::get_if<GapRecord>(&records_[*open_loss_]);
    if (gap != nullptr && arrival.wall - gap->from <= loss_span && arrival.wall >= gap->from) {
      gap->packets += missing;
      gap->to = std::max(gap->to, arrival.wall);
      return;
    }
  }
  open_loss_ = records_.size();
  const auto from = last_arrival_ ? last_arrival_->wall : arrival.wall;
  records_.push_back(GapRecord{next_, GapRecord::Cause::lost, std::min(from, arrival.wall), arrival.wall, missing});
}

void IndexBuilder::gap(const GapRecord& gap, bool known) {
  GapRecord record = gap;
  record.packet = next_;
  date_next_ = true;
  if (known) {
    continuity_.reset();
    tracker_.interrupt();
    for (auto& [pid, picture] : pictures_) picture.parser.reset();
  } else {
    open_loss_ = records_.size();
  }
  records_.push_back(record);
}

void IndexBuilder::clock_step(std::chrono::nanoseconds step) {
  date_next_ = true;
  records_.push_back(ClockStepRecord{next_, step});
}

void IndexBuilder::add_date(PacketNumber packet, const ts::Arrival& arrival) {
  records_.push_back(DateRecord{packet, arrival.wall, arrival.steady, estimated_});
  dated_ = packet;
  dated_at_ = arrival.steady;
  date_next_ = false;
}

void IndexBuilder::date_last() {
  if (last_arrival_ && next_ > 0 && dated_ != next_ - 1) add_date(next_ - 1, *last_arrival_);
}

void IndexBuilder::add_access(const std::optional<ts::AccessUnit>& unit, ts::Pid pid) {
  if (!unit || unit->access == ts::AccessPoint::none) return;
  ++statistics_.access_points;
  records_.push_back(AccessRecord{unit->position, pid, unit->access, unit->pts, unit->dts});
}

void IndexBuilder::take_change(psi::ServiceTracker::Change change, std::optional<psi::ServiceId> service) {
  using Change = psi::ServiceTracker::Change;
  if (change == Change::pat) {
    services_changed_ = true;
    records_.push_back(TableRecord{next_, ts::pat_pid, tracker_.pat_sections()});
  } else if (change == Change::sdt) {
    records_.push_back(TableRecord{next_, ts::sdt_pid, tracker_.sdt_sections()});
  } else if (change == Change::pmt && service) {
    services_changed_ = true;
    const auto* known = tracker_.find(*service);
    if (known != nullptr && !known->pmt_sections.empty()) {
      records_.push_back(TableRecord{next_, known->pmt_pid, known->pmt_sections});
    }
  }
}

void IndexBuilder::take_event(const ts::Section& section) {
  if (!section.has_long_header() || !section.is_current()) return;
  const auto key = std::pair{section.extension(), section.number()};
  const auto bytes = section.bytes();
  const auto known = events_.find(key);
  if (known != events_.end() && std::ranges::equal(known->second, bytes)) return;
  if (known == events_.end() && events_.size() >= most_event_sections) return;
  auto& stored = events_[key];
  stored.assign(bytes.begin(), bytes.end());
  records_.push_back(TableRecord{next_, ts::eit_pid, {stored}});
}

// Which PIDs carry tables and pictures now. A parser goes on if its PID keeps its codec.
void IndexBuilder::follow_services() {
  services_changed_ = false;
  std::map<ts::Pid, Pictures> followed;
  for (const auto& [id, service] : tracker_.services()) {
    if (!service.pmt) continue;
    for (const auto& stream : service.pmt->streams) {
      const auto codec = psi::video_codec(stream);
      if (!codec || followed.contains(stream.pid)) continue;
      const auto old = pictures_.find(stream.pid);
      if (old != pictures_.end() && old->second.codec == *codec) {
        followed.emplace(stream.pid, std::move(old->second));
      } else {
        followed.emplace(stream.pid, Pictures{*codec, ts::AccessUnitParser{*codec}});
      }
    }
  }
  pictures_ = std::move(followed);
  for (std::size_t pid = 0; pid < ts::Pid::count; ++pid) {
    interest_[pid] = 0;
    if (tracker_.wants(ts::Pid{static_cast<unsigned>(pid)})) interest_[pid] |= Interest::tables;
  }
  for (const auto& [pid, picture] : pictures_) interest_[pid.value()] |= Interest::pictures;
}

std::vector<Record> IndexBuilder::tables_in_force(PacketNumber packet) const {
  std::vector<Record> records;
  const auto add = [&](ts::Pid pid, std::vector<psi::SectionBytes> sections) {
    if (!sections.empty()) records.push_back(TableRecord{packet, pid, std::move(sections)});
  };
  add(ts::pat_pid, tracker_.pat_sections());
  for (const auto& [id, service] : tracker_.services()) add(service.pmt_pid, service.pmt_sections);
  add(ts::sdt_pid, tracker_.sdt_sections());
  for (const auto& [key, section] : events_) add(ts::eit_pid, {section});
  return records;
}

}  // namespace ring
