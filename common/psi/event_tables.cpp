#include "common/psi/event_tables.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include "common/psi/dvb_time.hpp"
#include "common/psi/section_parts.hpp"

namespace psi {
namespace {

constexpr std::size_t header_size = 14;  // up to the first event
constexpr std::size_t crc_size = 4;
constexpr std::size_t room = ts::Section::maximum_size - header_size - crc_size;  // for events, in one section
constexpr std::size_t event_header_size = 12;
constexpr std::size_t sections_of_segment = 8;
constexpr std::size_t segments_of_table = schedule_table_span / schedule_segment;

void set16(SectionBytes& bytes, std::size_t at, unsigned value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}

// ---- Texts

// The longest beginning of UTF-8 text that is at most so many bytes and ends with a whole character.
std::string_view beginning(std::string_view utf8, std::size_t size) {
  if (utf8.size() <= size) return utf8;
  std::size_t end = size;
  while (end > 0 && (static_cast<unsigned char>(utf8[end]) & 0xC0) == 0x80) --end;
  return utf8.substr(0, end);
}

// Takes from `rest` what fits into a text field of `size` bytes, selector included.
std::vector<std::uint8_t> take_field(std::string_view& rest, std::size_t size) {
  std::string_view part = beginning(rest, size);
  auto field = to_dvb_text(std::string{part});
  if (field.size() > size) {
    part = beginning(rest, size - 1);
    field = to_dvb_text(std::string{part});
  }
  rest.remove_prefix(part.size());
  return field;
}

void put_counted(std::vector<std::uint8_t>& out, const std::vector<std::uint8_t>& field) {
  out.push_back(static_cast<std::uint8_t>(field.size()));
  out.insert(out.end(), field.begin(), field.end());
}

// Three letters, whatever is given.
void put_code(std::vector<std::uint8_t>& out, std::string code) {
  code.resize(3, ' ');
  out.insert(out.end(), code.begin(), code.end());
}

// language, event_name_length, text_length (6.2.37).
constexpr std::size_t short_event_room = 255 - 5;
// descriptor numbers, language, length_of_items, text_length (6.2.15).
constexpr std::size_t extended_event_room = 255 - 6;
constexpr std::size_t most_extended_events = 16;

// Takes the text from `rest`.
Descriptor short_event_descriptor(const EventText& text, std::string_view& rest) {
  Descriptor out{tag::short_event, {}};
  put_code(out.data, text.language);
  std::string_view name = text.name;
  const auto name_field = take_field(name, short_event_room);
  put_counted(out.data, name_field);
  put_counted(out.data, name_field.size() < short_event_room ? take_field(rest, short_event_room - name_field.size())
                                                             : std::vector<std::uint8_t>{});
  return out;
}

// Each part of the text has its own selector of a character table.
Descriptors extended_event_descriptors(const std::string& language, std::string_view rest) {
  Descriptors out;
  while (!rest.empty() && out.size() < most_extended_events) {
    Descriptor& part = out.emplace_back(Descriptor{tag::extended_event, {0}});
    put_code(part.data, language);
    part.data.push_back(0);  // length_of_items
    const auto before = rest.size();
    put_counted(part.data, take_field(rest, extended_event_room));
    if (rest.size() == before) break;  // no UTF-8
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i].data.front() = static_cast<std::uint8_t>(i << 4 | (out.size() - 1));
  }
  return out;
}

// ---- Events

// How much of an event is sent.
enum class Detail : std::uint8_t { all, short_text, name };

// The same short event descriptor without its text.
Descriptor without_text(Descriptor descriptor) {
  if (descriptor.data.size() < 5) return descriptor;
  const std::size_t text_at = std::size_t{4} + descriptor.data[3];
  if (text_at < descriptor.data.size()) {
    descriptor.data.resize(text_at + 1);
    descriptor.data[text_at] = 0;
  }
  return descriptor;
}

Descriptors reduced(const Descriptors& descriptors, Detail detail) {
  Descriptors out;
  for (const Descriptor& descriptor : descriptors) {
    if (detail != Detail::all && descriptor.tag == tag::extended_event) continue;
    const bool cut = detail == Detail::name && descriptor.tag == tag::short_event;
    out.push_back(cut ? without_text(descriptor) : descriptor);
  }
  return out;
}

std::size_t size_of(const Descriptors& descriptors) {
  std::size_t size = 0;
  for (const Descriptor& descriptor : descriptors) size += 2 + descriptor.data.size();
  return size;
}

// Annex C. All ones: undefined.
void put_start(SectionBytes& out, const std::optional<std::chrono::sys_seconds>& start) {
  if (start) {
    put_utc(out, *start);
  } else {
    out.insert(out.end(), 5, 0xFF);
  }
}

void put_duration(SectionBytes& out, const std::optional<std::chrono::seconds>& duration) {
  constexpr std::chrono::seconds longest{100 * 3600 - 1};
  if (!duration) {
    out.insert(out.end(), 3, 0xFF);
    return;
  }
  const std::chrono::hh_mm_ss time{std::clamp(*duration, std::chrono::seconds{0}, longest)};
  out.insert(out.end(), {to_bcd(time.hours().count()), to_bcd(time.minutes().count()), to_bcd(time.seconds().count())});
}

// One entry of the event loop, at most `room` bytes.
SectionBytes entry(const EitEvent& event, Detail detail) {
  Descriptors descriptors = reduced(event.descriptors, detail);
  while (detail != Detail::name && size_of(descriptors) > room - event_header_size) {
    detail = detail == Detail::all ? Detail::short_text : Detail::name;
    descriptors = reduced(event.descriptors, detail);
  }
  SectionBytes out;
  put16(out, event.event_id);
  put_start(out, event.start);
  put_duration(out, event.duration);
  put_descriptors(out, (event.running_status & 7u) << 1 | (event.free_ca_mode ? 1u : 0u), descriptors, room);
  return out;
}

// ---- Sections

// What the sections of one table have in common, and where one of them stands.
struct Place {
  std::uint8_t table = 0;
  std::uint8_t last_table = 0;
  std::size_t number = 0, segment_last_number = 0, last_number = 0;
};

SectionBytes section(const EitIds& ids, const Place& place, const SectionBytes& events) {
  SectionBytes out{place.table};
  put16(out, 0xF000u | static_cast<unsigned>(header_size - 3 + events.size() + crc_size));
  put16(out, ids.service.value());
  out.push_back(0xC1);  // reserved, version 0, current
  out.push_back(static_cast<std::uint8_t>(place.number));
  out.push_back(static_cast<std::uint8_t>(place.last_number));
  put16(out, ids.transport_stream_id);
  put16(out, ids.original_network_id);
  out.push_back(static_cast<std::uint8_t>(place.segment_last_number));
  out.push_back(place.last_table);
  out.insert(out.end(), events.begin(), events.end());
  out.resize(out.size() + crc_size);
  ts::seal_section(out);
  return out;
}

using Events = std::vector<const EitEvent*>;
struct Segment {
  std::vector<SectionBytes> bodies{1};  // the event loops of its sections
  std::size_t packed = 0;               // events in them
  std::size_t shortened = 0;            // of these, with less than all of their texts
};

// As many of the events, from the first on, as a segment holds.
Segment packed(const Events& events, Detail detail) {
  Segment out;
  for (const EitEvent* event : events) {
    const SectionBytes bytes = entry(*event, detail);
    if (out.bodies.back().size() + bytes.size() > room) {
      if (out.bodies.size() == sections_of_segment) break;
      out.bodies.emplace_back();
    }
    out.bodies.back().insert(out.bodies.back().end(), bytes.begin(), bytes.end());
    ++out.packed;
    if (detail != Detail::all && bytes.size() < entry(*event, Detail::all).size()) ++out.shortened;
  }
  return out;
}

// Counts in `schedule` what does not fit.
Segment segment_of(const Events& events, Schedule& schedule) {
  Segment out = packed(events, Detail::all);
  if (out.packed == events.size()) return out;
  out = packed(events, Detail::short_text);
  if (out.packed != events.size()) out = packed(events, Detail::name);
  schedule.shortened += out.shortened;
  schedule.left_out += events.size() - out.packed;
  return out;
}

// The events of the segments from midnight on, up to the last that has any; in order.
std::vector<Events> by_segment(std::span<const EitEvent> events, std::chrono::sys_seconds now) {
  const std::chrono::sys_seconds first = std::chrono::floor<std::chrono::days>(now);
  const auto last = first + schedule_table_span * schedule_table_count;
  const auto current = segment_start(now);
  std::vector<Events> out;
  for (const EitEvent& event : events) {
    if (!event.start || *event.start < first || *event.start >= last) continue;
    const auto end = *event.start + event.duration.value_or(std::chrono::seconds{0});
    if (*event.start < current && end <= current) continue;
    const auto segment = static_cast<std::size_t>((*event.start - first) / schedule_segment);
    if (out.size() <= segment) out.resize(segment + 1);
    out[segment].push_back(&event);
  }
  for (Events& segment : out) std::ranges::stable_sort(segment, {}, [](const EitEvent* e) { return *e->start; });
  return out;
}

void add_table(Schedule& schedule, const EitIds& ids, Place place, std::span<const Events> segments) {
  std::vector<Segment> parts;
  for (const Events& events : segments) parts.push_back(segment_of(events, schedule));
  place.last_number = (parts.size() - 1) * sections_of_segment + parts.back().bodies.size() - 1;
  auto& sections = schedule.tables.emplace_back();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    place.number = i * sections_of_segment;
    place.segment_last_number = place.number + parts[i].bodies.size() - 1;
    for (const SectionBytes& events : parts[i].bodies) {
      sections.push_back(section(ids, place, events));
      ++place.number;
    }
  }
}

}  // namespace

SectionBytes with_service(const ts::Section& section, ServiceId service) {
  SectionBytes out(section.bytes().begin(), section.bytes().end());
  set16(out, 3, service.value());
  ts::seal_section(out);
  return out;
}

SectionBytes with_ids(const ts::Section& section, const EitIds& ids) {
  SectionBytes out = with_service(section, ids.service);
  if (section.body().size() >= 4) {
    set16(out, 8, ids.transport_stream_id);
    set16(out, 10, ids.original_network_id);
    ts::seal_section(out);
  }
  return out;
}

Descriptors event_descriptors(const EventText& text) {
  const bool describes = text.text.empty();
  std::string_view rest = describes ? text.description : text.text;
  Descriptor brief = short_event_descriptor(text, rest);
  if (describes && rest.empty()) return {std::move(brief)};
  Descriptors out{describes ? without_text(std::move(brief)) : std::move(brief)};
  std::ranges::move(extended_event_descriptors(text.language, text.description), std::back_inserter(out));
  return out;
}

Descriptor content_descriptor(std::span<const std::uint8_t> genres) {
  Descriptor out{tag::content, {}};
  for (const std::uint8_t genre : genres.first(std::min<std::size_t>(genres.size(), 127))) {
    out.data.insert(out.data.end(), {genre, 0});  // user_byte
  }
  return out;
}

Descriptor parental_rating_descriptor(const std::string& country, unsigned age) {
  Descriptor out{tag::parental_rating, {}};
  put_code(out.data, country);
  out.data.push_back(static_cast<std::uint8_t>(std::clamp(age, 4u, 18u) - 3));
  return out;
}

std::vector<SectionBytes> present_following_sections(const EitIds& ids, const EitEvent* present,
                                                     const EitEvent* following) {
  std::vector<SectionBytes> out;
  for (const EitEvent* event : {present, following}) {
    const Place place{.table = table_id::eit_pf_actual,
                      .last_table = table_id::eit_pf_actual,
                      .number = out.size(),
                      .segment_last_number = 1,
                      .last_number = 1};
    out.push_back(section(ids, place, event == nullptr ? SectionBytes{} : entry(*event, Detail::all)));
  }
  return out;
}

Schedule schedule_tables(const EitIds& ids, std::span<const EitEvent> events, std::chrono::sys_seconds now) {
  const auto segments = by_segment(events, now);
  const std::size_t count = (segments.size() + segments_of_table - 1) / segments_of_table;
  Schedule out;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t first = i * segments_of_table;
    const Place place{.table = static_cast<std::uint8_t>(table_id::eit_schedule_actual_first + i),
                      .last_table = static_cast<std::uint8_t>(table_id::eit_schedule_actual_first + count - 1)};
    const auto of_table = std::span{segments}.subspan(first, std::min(segments_of_table, segments.size() - first));
    add_table(out, ids, place, of_table);
  }
  return out;
}

std::chrono::sys_seconds segment_start(std::chrono::sys_seconds moment) {
  const std::chrono::sys_seconds midnight = std::chrono::floor<std::chrono::days>(moment);
  return midnight + (moment - midnight) / schedule_segment * schedule_segment;
}

}  // namespace psi
