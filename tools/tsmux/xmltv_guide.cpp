#include "tools/tsmux/xmltv_guide.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "common/cli/log.hpp"
#include "common/io/thread.hpp"
#include "tools/tsmux/whole_file.hpp"

namespace tsmux {
namespace {

using cli::Priority;
using psi::EitEvent;
using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr seconds between_looks{5};
constexpr std::uint8_t present_following_table = psi::table_id::eit_pf_actual;

// EN 300 468 table 6.
constexpr std::uint8_t not_running = 1, running = 4;

sys_seconds midnight_before(sys_seconds utc) { return std::chrono::floor<std::chrono::days>(utc); }

// The events of the moment; of `events` in order of start.
struct Moment {
  const EitEvent* present = nullptr;
  const EitEvent* following = nullptr;
};

sys_seconds end_of(const EitEvent& event) { return *event.start + *event.duration; }

Moment moment_of(const std::vector<EitEvent>& events, sys_seconds utc) {
  const auto start = [](const EitEvent& event) { return *event.start; };
  const auto next = std::ranges::upper_bound(events, utc, {}, start);
  Moment out;
  if (next != events.end()) out.following = &*next;
  if (next != events.begin() && end_of(*std::prev(next)) > utc) out.present = &*std::prev(next);
  return out;
}

}  // namespace

// ---- Which services

void XmltvGuide::carry(const psi::EitIds& ids, const std::string& channel, psi::EitMode mode) {
  Service& service = services_[ids.service];
  service.ids = ids;
  if (std::exchange(service.channel, channel) != channel) service.is_missing = false;
  service.mode = mode;
  service.made.reset();
}

void XmltvGuide::drop(psi::ServiceId service) {
  const auto found = services_.find(service);
  if (found == services_.end()) return;
  for (const auto& [id, table] : found->second.tables) remove(found->second, id);
  services_.erase(found);
}

EventFlags XmltvGuide::flags(psi::ServiceId service) const {
  EventFlags out;
  const auto found = services_.find(service);
  if (found == services_.end()) return out;
  for (const auto& [id, table] : found->second.tables) {
    if (!table.sections.empty()) (id == present_following_table ? out.present_following : out.schedule) = true;
  }
  return out;
}

// ---- The file

std::optional<XmltvGuide::FileState> XmltvGuide::state_of(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) return std::nullopt;
  return FileState{facts.st_dev, facts.st_ino, facts.st_size, facts.st_ctim.tv_sec, facts.st_ctim.tv_nsec};
}

XmltvGuide::Reading XmltvGuide::read(const Options& options, std::set<std::string> channels, sys_seconds since) {
  Reading out;
  std::string text;
  try {
    text = read_whole_file(options.path, largest_file);
  } catch (const std::exception& error) {
    out.error = error.what();
    return out;
  }
  try {
    out.content = parse_xmltv(text, channels, since, options.reading);
  } catch (const std::exception& error) {
    out.error = options.path + ": " + error.what();
  }
  return out;
}

void XmltvGuide::look(sys_seconds utc) {
  if (reading_.valid()) {
    if (reading_.wait_for(seconds{0}) == std::future_status::timeout) return;
    take(reading_.get());
  }
  std::set<std::string> wanted;
  for (const auto& [id, service] : services_) wanted.insert(service.channel);
  const bool knows_channels = std::ranges::includes(channels_, wanted);
  const bool first = !looked_;
  const bool due = first || utc < *looked_ || utc - *looked_ >= between_looks;
  if (knows_channels && !due) return;

  looked_ = utc;
  const auto state = state_of(options_.path);
  if (!first && knows_channels && state == state_) return;
  state_ = state;
  channels_ = wanted;
  // Where no thread can be had, it is read when it is taken.
  const io::SignalsBlocked blocked;
  reading_ =
      std::async(std::launch::async | std::launch::deferred, read, options_, std::move(wanted), midnight_before(utc));
  if (first) take(reading_.get());
}

void XmltvGuide::finish_reading() {
  if (reading_.valid()) reading_.wait();
}

void XmltvGuide::take(Reading reading) {
  if (!reading.content) {
    if (reading.error != said_) cli::log(Priority::warning, "{}; events stay as they are", reading.error);
    said_ = std::move(reading.error);
    return;
  }
  if (!std::exchange(said_, {}).empty()) cli::log(Priority::notice, "{} can be read again", options_.path);
  if (reading.content->refused != 0 && reading.content->refused != content_.refused) {
    cli::log(Priority::warning, "{}: {} programmes without a title, or with a start that is no date, are left out",
             options_.path, reading.content->refused);
  }
  content_ = std::move(*reading.content);
  told_channels_.clear();
  for (auto& [id, service] : services_) service.made.reset();
  warn_of_missing_channels();
}

void XmltvGuide::warn_of_missing_channels() {
  for (auto& [id, service] : services_) {
    const bool missing = channels_.contains(service.channel) && !content_.events.contains(service.channel);
    if (missing && !service.is_missing) {
      cli::log(Priority::warning, "{0} has no programmes of channel '{1}', for service 0x{2:04x} ({2})", options_.path,
               service.channel, id.value());
    }
    service.is_missing = missing;
  }
}

// ---- The tables

std::vector<EventTable> XmltvGuide::take_changes(sys_seconds utc) {
  if (!services_.empty()) look(utc);
  for (auto& [id, service] : services_) {
    if (!service.made || utc < *service.made || utc >= *service.next) make(service, utc);
  }
  return std::exchange(changes_, {});
}

const std::vector<EitEvent>& XmltvGuide::events_of(const Service& service) const {
  static const std::vector<EitEvent> none;
  const auto found = content_.events.find(service.channel);
  return found == content_.events.end() ? none : found->second;
}

void XmltvGuide::make(Service& service, sys_seconds utc) {
  make_present_following(service, utc);
  make_schedule(service, utc);
  const Moment moment = moment_of(events_of(service), utc);
  service.made = utc;
  service.next = psi::segment_start(utc) + psi::schedule_segment;
  if (moment.present != nullptr) service.next = std::min(*service.next, end_of(*moment.present));
  if (moment.following != nullptr) service.next = std::min(*service.next, *moment.following->start);
}

void XmltvGuide::make_present_following(Service& service, sys_seconds utc) {
  if (service.mode == psi::EitMode::none) {
    remove(service, present_following_table);
    return;
  }
  const Moment moment = moment_of(events_of(service), utc);
  std::optional<EitEvent> present, following;
  if (moment.present != nullptr) (present = *moment.present)->running_status = running;
  if (moment.following != nullptr) (following = *moment.following)->running_status = not_running;
  send(service, present_following_table,
       psi::present_following_sections(service.ids, present ? &*present : nullptr, following ? &*following : nullptr));
}

void XmltvGuide::make_schedule(Service& service, sys_seconds utc) {
  psi::Schedule schedule;
  if (service.mode == psi::EitMode::schedule) {
    const auto& all = events_of(service);
    const auto start = [](const EitEvent& event) { return *event.start; };
    const auto end = std::ranges::lower_bound(all, midnight_before(utc) + options_.schedule, {}, start);
    schedule = psi::schedule_tables(service.ids, {all.begin(), end}, utc);
    tell_losses(service.channel, schedule, static_cast<std::size_t>(end - all.begin()));
  }
  for (std::size_t i = 0; i < psi::schedule_table_count; ++i) {
    const auto id = static_cast<std::uint8_t>(psi::table_id::eit_schedule_actual_first + i);
    if (i < schedule.tables.size()) {
      send(service, id, std::move(schedule.tables[i]));
    } else {
      remove(service, id);
    }
  }
}

void XmltvGuide::tell_losses(const std::string& channel, const psi::Schedule& schedule, std::size_t events) {
  const auto found = content_.surplus.find(channel);
  const std::size_t surplus = found == content_.surplus.end() ? 0 : found->second;
  const std::size_t left_out = schedule.left_out + surplus;
  if ((left_out == 0 && schedule.shortened == 0) || !told_channels_.insert(channel).second) return;
  const auto tell = [&](std::size_t count, std::string_view fate) {
    if (count == 0) return;
    cli::log(Priority::warning, "{}: channel {}: {} of {} programmes {}: more than a schedule can carry", options_.path,
             channel, count, events + surplus, fate);
  };
  tell(left_out, "left out");
  tell(schedule.shortened, "sent without all of their texts");
}

void XmltvGuide::send(Service& service, std::uint8_t table, std::vector<psi::SectionBytes> sections) {
  Table& sent = service.tables[table];
  auto stamped = sent.version.stamp(std::move(sections));
  if (stamped == sent.sections) return;
  sent.sections = std::move(stamped);
  changes_.push_back({event_table_key(service.ids.service, table), sent.sections, event_interval(table)});
}

void XmltvGuide::remove(Service& service, std::uint8_t table) {
  const auto found = service.tables.find(table);
  if (found == service.tables.end() || found->second.sections.empty()) return;
  found->second.sections.clear();
  changes_.push_back({event_table_key(service.ids.service, table), {}, event_interval(table)});
}

}  // namespace tsmux
