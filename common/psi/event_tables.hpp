// Event information tables (EN 300 468 5.2.4, TR 101 211 4.1.4): made from events, and received ones for other ids.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/psi/descriptor.hpp"
#include "common/psi/tables.hpp"

namespace psi {

// Which service of which multiplex the events are of.
struct EitIds {
  ServiceId service;
  std::uint16_t transport_stream_id = 0;
  std::uint16_t original_network_id = 0;
  friend bool operator==(const EitIds&, const EitIds&) = default;
};

// A copy of a received EIT section, sealed again, that differs in the ids alone. It has a long header; if it is too
// short for an EIT's, what it has of the ids is changed.
SectionBytes with_ids(const ts::Section& section, const EitIds& ids);
SectionBytes with_service(const ts::Section& section, ServiceId service);

// An EIT's own header, after the long one. Of sections with a body of at least 6 bytes.
inline std::uint8_t segment_last_section_number(const ts::Section& section) { return section.body()[4]; }
constexpr bool is_eit_schedule_actual(unsigned table) {
  return table >= table_id::eit_schedule_actual_first && table <= table_id::eit_schedule_actual_last;
}

// ---- An event's descriptors

// What is told of an event in one language (ISO 639-2, three letters). UTF-8.
struct EventText {
  std::string language;
  std::string name;
  std::string text;         // in short
  std::string description;  // at length
};
// A short event descriptor (6.2.37) and as many extended event descriptors (6.2.15) as the description takes, at most
// 16. A description that fits beside the name, and has no text before it, needs none. What is too long is cut.
Descriptors event_descriptors(const EventText& text);

// Genres (6.2.9): content_nibble_level_1 and _2 in a byte each; the first 127 of them.
Descriptor content_descriptor(std::span<const std::uint8_t> genres);
// The age that viewers should have, 4 to 18 (6.2.28), in a country (ISO 3166, three letters).
Descriptor parental_rating_descriptor(const std::string& country, unsigned age);

// ---- Tables, of version 0

// Section 0 with the present event, section 1 with the following; empty where there is none.
std::vector<SectionBytes> present_following_sections(const EitIds& ids, const EitEvent* present,
                                                     const EitEvent* following);

inline constexpr std::size_t schedule_table_count = 16;  // 0x50 to 0x5F
inline constexpr std::chrono::hours schedule_segment{3};
inline constexpr std::chrono::days schedule_table_span{4};

struct Schedule {
  std::vector<std::vector<SectionBytes>> tables;  // from 0x50 on in order, each with its sections in order
  std::size_t shortened = 0;                      // events that are sent with less than all of their texts
  std::size_t left_out = 0;                       // events that are not sent
};
// The schedule of the events that start from midnight (UTC) before `now` on, in any order, but for those that were over
// before the segment of `now` began: so a table changes at segments' ends, not with every event. A segment without
// events has an empty section; after the last event there is nothing, and without events no table. A segment holds 8
// sections of 4096 bytes: where its events do not fit, they lose their extended events first, then their short texts,
// and the last ones of the segment are left out.
Schedule schedule_tables(const EitIds& ids, std::span<const EitEvent> events, std::chrono::sys_seconds now);

// The begin of the schedule's segment that a moment is in.
std::chrono::sys_seconds segment_start(std::chrono::sys_seconds moment);

}  // namespace psi
