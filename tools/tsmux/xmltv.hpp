// Programme guides in XMLTV's format (xmltv.dtd of the XMLTV project) as events of the EIT.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/psi/tables.hpp"

namespace tsmux {

struct XmltvOptions {
  std::string language = "und";  // ISO 639-2, of texts that do not say theirs
  std::string country;  // ISO 3166 in three letters, of ages in a rating system that we do not know; empty: left out
};

struct Xmltv {
  // By channel, as the file names it: in order of start, none before the end of another; none twice.
  std::map<std::string, std::vector<psi::EitEvent>, std::less<>> events;
  std::map<std::string, std::size_t, std::less<>> surplus;  // programmes that are more than are taken; by channel
  std::uint64_t refused = 0;  // programmes of these channels without a title, or with a start that cannot be read
};

// The programmes of these channels that end after `since`; of a channel, 20 000 at most. An event ends where the next
// begins if the file has no end for it, or a later one; the last of a channel without an end lasts an hour; none longer
// than a day. An event's id is made of its start alone, so that it is the same in the next file, and after a restart.
// `text` is UTF-8, UTF-16, UTF-32 or ISO 8859-1, as it says itself. Throws std::runtime_error, with the line, for what
// is no XML or no XMLTV; entities other than XML's own five are left as they are.
Xmltv parse_xmltv(std::string_view text, const std::set<std::string>& channels, std::chrono::sys_seconds since,
                  const XmltvOptions& options);

// "20260115120000 +0100", shorter ones from the year on ("202601151200"), zones as numbers or by the usual names; no
// zone: UTC. Until 2037, for the EIT's dates end in 2038.
std::optional<std::chrono::sys_seconds> parse_xmltv_time(std::string_view text);

}  // namespace tsmux
