#include "tools/dvbrecv/service_output.hpp"

#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include "common/cli/log.hpp"
#include "common/cli/values.hpp"
#include "common/psi/elementary_stream.hpp"
#include "common/psi/event_tables.hpp"
#include "tools/dvbrecv/service_tables.hpp"

namespace dvbrecv {
namespace {

using cli::Priority;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

// Receivers wait for PAT and PMT, which should come every 100 ms; some is left for positions between PCRs.
constexpr ts::Ticks27 psi_interval{duration_cast<ts::Ticks27>(milliseconds{85})};
// SDT actual comes at least every 2 s (EN 300 468 5.1.4, TR 101 211 4.4.1).
constexpr ts::Ticks27 sdt_interval{duration_cast<ts::Ticks27>(milliseconds{1900})};
// The transport buffer of system data is emptied at 1 Mb/s (ISO/IEC 13818-1 2.4.2.3): a packet in 1504 µs.
constexpr ts::Ticks27 event_spacing{27 * 8 * std::int64_t{ts::packet_size}};
// More than 1 Mb/s of one service's EIT does not pass in time: then the spacing goes, not the tables.
constexpr std::size_t most_events = 512;

bool same_content(const psi::Pat& a, psi::Pat b) {
  b.version = a.version;
  return a == b;
}
bool same_content(const psi::Sdt& a, psi::Sdt b) {
  b.version = a.version;
  return a == b;
}

// A table made here keeps its version until its content changes.
template <class Table>
bool replace(std::optional<Table>& current, std::vector<psi::SectionBytes>& sections, Table table) {
  if (current && same_content(*current, table)) return false;
  if (current) table.version = static_cast<std::uint8_t>((current->version + 1) & 0x1F);
  current = std::move(table);
  sections = psi::sections(*current);
  return true;
}

unsigned version_of(const std::vector<psi::SectionBytes>& sections) { return ts::Section{sections.front()}.version(); }

}  // namespace

void ServiceOutput::Repetition::mark(const Moment& now) {
  sent = true;
  time = now.time;
  position = now.stamp.position;
}

bool ServiceOutput::Repetition::is_due(const Moment& now, ts::Ticks27 interval) const {
  return sent && now.time && *now.time >= next(interval);
}

bool ServiceOutput::Repetition::repeats_source(const Moment& now, ts::Ticks27 interval) {
  if (!std::exchange(seen, false) || (sent && position == now.stamp.position)) return false;
  return !sent || !time || !now.time || *now.time - *time >= interval / 4;
}

void ServiceOutput::reconfigure(OutputSpec spec) {
  if (spec.service != spec_.service) {
    vanish();
    state_ = State::waiting;
  }
  spec_ = std::move(spec);
  reconfigured_ = true;
}

void ServiceOutput::update(const psi::ServiceTracker& tracker, const Moment& now) {
  const psi::Service* const service = tracker.pat() ? tracker.find(*spec_.service) : nullptr;
  if (service == nullptr) {
    if (!is_present()) return;
    presence_notes_.log(Priority::warning, "{} is no longer in the multiplex; {} is silent until it returns",
                        spec_.subject(), port_.name());
    vanish();
    return;
  }
  if (!service->pmt && !pmt_) return;
  const bool new_pat = take_pat(tracker, *service);
  const bool new_pmt = take_pmt(*service);
  const bool new_sdt = take_sdt(tracker, *service);
  take_cat(tracker);
  reconfigured_ = false;
  if (!is_present()) {
    presence_notes_.log(state_ == State::gone ? Priority::notice : Priority::debug,
                        "{} {}: PMT PID {}, {} components, to {}", spec_.subject(),
                        state_ == State::gone ? "has returned" : "found", cli::to_text(source_pmt_pid_),
                        pmt_->streams.size(), port_.name());
    state_ = State::present;
    send_pat(now);
    send_pmt(now);
    send_sdt(now);
    return;
  }
  if (new_pat) send_pat(now);
  if (new_pmt) send_pmt(now);
  if (new_sdt) send_sdt(now);
}

void ServiceOutput::vanish() {
  if (is_present()) state_ = State::gone;
  pmt_.reset();
  source_pmt_sections_.clear();
  sdt_sections_.clear();
  pat_times_ = pmt_times_ = sdt_times_ = {};
  events_.clear();
  events_sent_ = 0;
}

bool ServiceOutput::take_pat(const psi::ServiceTracker& tracker, const psi::Service& service) {
  source_pmt_pid_ = service.pmt_pid;
  return replace(pat_, pat_sections_, single_service_pat(*tracker.pat(), service, spec_));
}

bool ServiceOutput::take_pmt(const psi::Service& service) {
  if (!service.pmt || (!reconfigured_ && service.pmt_sections == source_pmt_sections_)) return false;
  auto sections = service_pmt(service, spec_);
  if (sections.empty()) return false;
  const bool is_first = !pmt_;
  source_pmt_sections_ = service.pmt_sections;
  pmt_ = service.pmt;
  const auto pcr_pid = psi::mapped(spec_.pid_map, pmt_->pcr_pid);
  port_.set_pcr_pid(pcr_pid == ts::null_pid ? std::nullopt : std::optional{pcr_pid});
  warn_of_missing_pids();
  // Receivers look at the version only: one that stays, while the content is another, has to be counted up here.
  if (!pmt_sections_.empty() && sections != pmt_sections_ && version_of(sections) == version_of(pmt_sections_)) {
    for (auto& section : sections) ts::set_version(section, version_of(pmt_sections_) + 1);
  }
  if (!is_first && is_present()) {
    pmt_notes_.log(Priority::info, "{}: new PMT, version {}, {} components", spec_.subject(), version_of(sections),
                   pmt_->streams.size());
  }
  const bool is_new = sections != pmt_sections_;
  pmt_sections_ = std::move(sections);
  return is_new;
}

bool ServiceOutput::take_sdt(const psi::ServiceTracker& tracker, const psi::Service& service) {
  auto sdt = tracker.sdt() ? single_service_sdt(*tracker.sdt(), service, spec_) : std::nullopt;
  if (!sdt) {
    sdt_sections_.clear();
    return false;
  }
  const bool was_silent = sdt_sections_.empty();
  const bool is_new = replace(sdt_, sdt_sections_, std::move(*sdt));
  if (was_silent) sdt_sections_ = psi::sections(*sdt_);
  return is_new || was_silent;
}

void ServiceOutput::take_cat(const psi::ServiceTracker& tracker) {
  emm_pids_.clear();
  if (spec_.emm && tracker.cat()) emm_pids_ = psi::conditional_access_pids(tracker.cat()->descriptors);
}

void ServiceOutput::warn_of_missing_pids() {
  for (const ts::Pid pid : spec_.pids) {
    if (std::ranges::find(pmt_->streams, pid, &psi::Pmt::Stream::pid) == pmt_->streams.end()) {
      pid_notes_.log(Priority::warning, "{} has no component on PID {}", spec_.subject(), cli::to_text(pid));
    }
  }
  auto pids = service_pids(*pmt_, spec_);
  pids.insert(source_pmt_pid_);
  for (const auto& [from, to] : spec_.pid_map) {
    if (!pids.contains(from)) {
      pid_notes_.log(Priority::warning, "{}: nothing to be mapped from PID {} to {}", spec_.subject(),
                     cli::to_text(from), cli::to_text(to));
    } else if (pids.contains(to) && !spec_.pid_map.contains(to)) {
      pid_notes_.log(Priority::warning, "{}: PID {} is mapped to {}, which is another of its PIDs", spec_.subject(),
                     cli::to_text(from), cli::to_text(to));
    }
  }
}

void ServiceOutput::see(ts::Pid pid, const ts::Section& section) {
  if (!is_present() || !section.has_long_header()) return;
  const unsigned table = section.table_id();
  if (pid == ts::eit_pid) {
    const bool wanted = (table == psi::table_id::eit_pf_actual && spec_.eit != EitMode::none) ||
                        (psi::is_eit_schedule_actual(table) && spec_.eit == EitMode::schedule);
    if (wanted && section.extension() == spec_.service->value()) {
      port_.packetize(ts::eit_pid, psi::with_service(section, spec_.new_id.value_or(*spec_.service)), events_);
    }
    return;
  }
  if (pid == ts::pat_pid && table == psi::table_id::pat && section.number() == 0) pat_times_.seen = true;
  if (pid == ts::sdt_pid && table == psi::table_id::sdt_actual && section.number() == 0) sdt_times_.seen = true;
  if (pid == source_pmt_pid_ && table == psi::table_id::pmt && section.extension() == spec_.service->value()) {
    pmt_times_.seen = true;
  }
}

void ServiceOutput::repeat_seen(const Moment& now) {
  if (!is_present()) return;
  if (pat_times_.repeats_source(now, psi_interval)) send_pat(now);
  if (pmt_times_.repeats_source(now, psi_interval)) send_pmt(now);
  if (sdt_times_.repeats_source(now, psi_interval)) send_sdt(now);
  release_events(now);
}

void ServiceOutput::keep_time(const Moment& now) {
  if (!is_present()) return;
  if (pat_times_.is_due(now, psi_interval)) send_pat(now);
  if (pmt_times_.is_due(now, psi_interval)) send_pmt(now);
  if (sdt_times_.is_due(now, sdt_interval)) send_sdt(now);
  release_events(now);
}

std::optional<ts::ProgramTime> ServiceOutput::due() const {
  if (!is_present()) return std::nullopt;
  auto first = std::min(pat_times_.next(psi_interval), pmt_times_.next(psi_interval));
  if (sdt_times_.sent) first = std::min(first, sdt_times_.next(sdt_interval));
  if (!events_.empty()) first = std::min(first, next_event_);
  return first;
}

void ServiceOutput::flush(const io::Stamp& stamp) {
  port_.insert(std::span{events_}.subspan(events_sent_), stamp);
  events_.clear();
  events_sent_ = 0;
}

std::vector<ServiceOutput::Route> ServiceOutput::routes() const {
  if (!is_present()) return {};
  std::set<ts::Pid> pids = service_pids(*pmt_, spec_);
  std::set<ts::Pid> as_they_are{pat_->network_pid.value_or(ts::nit_pid), ts::tdt_pid};
  if (spec_.emm) as_they_are.insert(emm_pids_.begin(), emm_pids_.end());
  // Whatever PMT, PAT or CAT say that these are.
  for (const ts::Pid other : {ts::pat_pid, ts::cat_pid, ts::sdt_pid, ts::eit_pid, source_pmt_pid_, ts::null_pid}) {
    pids.erase(other);
    as_they_are.erase(other);
  }
  if (spec_.emm) as_they_are.insert(ts::cat_pid);
  std::vector<Route> routes;
  for (const ts::Pid pid : pids) routes.push_back({pid, psi::mapped(spec_.pid_map, pid)});
  for (const ts::Pid pid : as_they_are) {
    if (!pids.contains(pid)) routes.push_back({pid, pid});
  }
  return routes;
}

void ServiceOutput::send_pat(const Moment& now) {
  for (const auto& section : pat_sections_) port_.write_section(ts::pat_pid, section, now.stamp);
  pat_times_.mark(now);
}

void ServiceOutput::send_pmt(const Moment& now) {
  const ts::Pid pid = psi::mapped(spec_.pid_map, source_pmt_pid_);
  for (const auto& section : pmt_sections_) port_.write_section(pid, section, now.stamp);
  pmt_times_.mark(now);
}

void ServiceOutput::send_sdt(const Moment& now) {
  if (sdt_sections_.empty()) return;
  for (const auto& section : sdt_sections_) port_.write_section(ts::sdt_pid, section, now.stamp);
  sdt_times_.mark(now);
}

void ServiceOutput::release_events(const Moment& now) {
  if (events_.empty()) return;
  if (!now.time || events_.size() - events_sent_ > most_events) {
    flush(now.stamp);
    return;
  }
  if (next_event_ > *now.time + event_spacing) next_event_ = *now.time;  // the clock was started anew
  while (events_sent_ < events_.size() && next_event_ <= *now.time) {
    port_.insert(std::span{events_}.subspan(events_sent_, 1), now.stamp);
    ++events_sent_;
    next_event_ = *now.time + event_spacing;
  }
  if (events_sent_ == events_.size()) {
    events_.clear();
    events_sent_ = 0;
  }
}

}  // namespace dvbrecv
