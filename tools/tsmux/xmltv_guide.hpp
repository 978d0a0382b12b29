// Events of services that have none of their own, from an XMLTV file that is read again whenever it changes.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <future>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "common/psi/event_tables.hpp"
#include "tools/tsmux/event_table.hpp"
#include "tools/tsmux/table_version.hpp"
#include "tools/tsmux/xmltv.hpp"

namespace tsmux {

class XmltvGuide {
 public:
  struct Options {
    std::string path;
    XmltvOptions reading;
    std::chrono::days schedule{8};  // that are sent, from the last midnight (UTC) on; 64 at most
  };
  // Larger files are refused: what they can make of memory is about 16 times their size.
  static constexpr std::size_t largest_file = std::size_t{64} << 20;

  explicit XmltvGuide(Options options) : options_(std::move(options)) {}

  // The service is sent with the events of `channel`, as the file names it. Again with something else: from then on.
  void carry(const psi::EitIds& ids, const std::string& channel, psi::EitMode mode);
  // No longer.
  void drop(psi::ServiceId service);

  // The tables that differ from what the last call gave: as an event begins or ends, as a segment of the schedule ends,
  // as the file has other events. To be called some times a second, `utc` being what viewers' clocks show. The first
  // call reads the file; later ones have it looked at every few seconds, and read by a thread. A file that cannot be
  // read is said once, and leaves the events as they are.
  std::vector<EventTable> take_changes(std::chrono::sys_seconds utc);
  // Waits for the thread, if it is reading, so that the next call has what it read.
  void finish_reading();

  EventFlags flags(psi::ServiceId service) const;

 private:
  // As last sent. One that was removed keeps its version: what comes next must have another.
  struct Table {
    TableVersion version;
    std::vector<psi::SectionBytes> sections;
  };
  struct Service {
    psi::EitIds ids;
    std::string channel;
    psi::EitMode mode = psi::EitMode::none;
    std::map<std::uint8_t, Table> tables;                // by table_id
    std::optional<std::chrono::sys_seconds> made, next;  // the tables hold from one to the other
    bool is_missing = false;                             // the channel, in the file; said
  };
  // What tells a file from what it was: the status change time counts what the modification time does, and permissions.
  using FileState = std::tuple<dev_t, ino_t, off_t, std::int64_t, std::int64_t>;
  struct Reading {
    std::set<std::string> channels;
    std::optional<Xmltv> content;
    std::string error;  // if there is no content
  };

  static std::optional<FileState> state_of(const std::string& path);
  static Reading read(const Options& options, std::set<std::string> channels, std::chrono::sys_seconds since);
  void look(std::chrono::sys_seconds utc);
  void take(Reading reading);
  void warn_of_missing_channels();
  void make(Service& service, std::chrono::sys_seconds utc);
  void make_present_following(Service& service, std::chrono::sys_seconds utc);
  void make_schedule(Service& service, std::chrono::sys_seconds utc);
  void tell_losses(const std::string& channel, const psi::Schedule& schedule, std::size_t events);
  void send(Service& service, std::uint8_t table, std::vector<psi::SectionBytes> sections);
  void remove(Service& service, std::uint8_t table);
  const std::vector<psi::EitEvent>& events_of(const Service& service) const;

  Options options_;
  std::map<psi::ServiceId, Service> services_;
  std::set<std::string> channels_;  // that the content is for
  Xmltv content_;
  std::optional<FileState> state_;  // of the file as last read
  std::optional<std::chrono::sys_seconds> looked_;
  std::future<Reading> reading_;
  std::string said_;                     // of the file as it is
  std::set<std::string> told_channels_;  // with more than a schedule can carry; since the file was read
  std::vector<EventTable> changes_;
};

}  // namespace tsmux
