#include "tools/tsmux/xmltv.hpp"

#include <algorithm>
#include <array>
#include <bitset>
#include <iterator>
#include <pugixml.hpp>
#include <stdexcept>
#include <utility>

#include "common/psi/event_tables.hpp"
#include "tools/tsmux/xmltv_words.hpp"

namespace tsmux {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr std::size_t most_programmes = 20'000;  // of a channel
constexpr std::size_t most_languages = 4;        // of a programme
constexpr std::size_t most_genres = 8;
constexpr std::chrono::hours longest_programme{24};
constexpr std::chrono::hours assumed_length{1};

// ---- Dates

// Takes `digits` digits from `text`; none if there are not so many.
std::optional<unsigned> take_number(std::string_view& text, std::size_t digits) {
  unsigned value = 0;
  if (text.size() < digits) return std::nullopt;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  text.remove_prefix(digits);
  return value;
}

std::optional<minutes> named_zone(std::string_view name) {
  struct Zone {
    std::string_view name;
    int hours;
  };
  static constexpr auto zones = std::to_array<Zone>({{"Z", 0},
                                                     {"UTC", 0},
                                                     {"GMT", 0},
                                                     {"WET", 0},
                                                     {"BST", 1},
                                                     {"IST", 1},
                                                     {"WEST", 1},
                                                     {"CET", 1},
                                                     {"MET", 1},
                                                     {"CEST", 2},
                                                     {"MEST", 2},
                                                     {"EET", 2},
                                                     {"EEST", 3},
                                                     {"MSK", 3}});
  const auto found = std::ranges::find(zones, name, &Zone::name);
  return found == zones.end() ? std::nullopt : std::optional{minutes{found->hours * 60}};
}

// "+0100", "+01:00", "+01", "CET" or nothing.
std::optional<minutes> zone_offset(std::string_view zone) {
  if (zone.empty()) return minutes{0};
  if (zone.front() != '+' && zone.front() != '-') return named_zone(zone);
  const int sign = zone.front() == '-' ? -1 : 1;
  zone.remove_prefix(1);
  const auto hours = take_number(zone, 2);
  if (zone.starts_with(':')) zone.remove_prefix(1);
  const auto past_hour = zone.empty() ? std::optional{0u} : take_number(zone, 2);
  if (!hours || !past_hour || !zone.empty() || *hours > 14 || *past_hour > 59) return std::nullopt;
  return sign * minutes{*hours * 60 + *past_hour};
}

// ---- Texts

// One line of valid UTF-8 without control characters.
std::string clean(std::string_view text) {
  constexpr std::uint8_t utf8_selector = 0x15;  // EN 300 468 annex A
  std::vector<std::uint8_t> field{utf8_selector};
  field.insert(field.end(), text.begin(), text.end());
  std::ranges::replace(field, '\t', ' ');
  std::string out = psi::text(field);
  const auto two_blanks = [](char a, char b) { return a == ' ' && b == ' '; };
  out.erase(std::unique(out.begin(), out.end(), two_blanks), out.end());
  if (out.starts_with(' ')) out.erase(0, 1);
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

std::string text_of(const pugi::xml_node& node) { return clean(node.text().get()); }

std::optional<std::string> lang_of(const pugi::xml_node& node) { return language_of(node.attribute("lang").value()); }

// The text of the first child of that name in this language; of `any` language if there is none in this.
std::string text_in(const pugi::xml_node& programme, const char* name, const std::string& language, bool any,
                    const XmltvOptions& options) {
  for (const auto& node : programme.children(name)) {
    if (lang_of(node).value_or(options.language) == language) return text_of(node);
  }
  return any ? text_of(programme.child(name)) : std::string{};
}

// One for each language that there is a title in.
std::vector<psi::EventText> texts_of(const pugi::xml_node& programme, const XmltvOptions& options) {
  std::vector<psi::EventText> out;
  for (const auto& title : programme.children("title")) {
    const std::string language = lang_of(title).value_or(options.language);
    const std::string name = text_of(title);
    if (name.empty() || std::ranges::find(out, language, &psi::EventText::language) != out.end()) continue;
    const bool any = out.empty();
    out.push_back({.language = language,
                   .name = name,
                   .text = text_in(programme, "sub-title", language, any, options),
                   .description = text_in(programme, "desc", language, any, options)});
    if (out.size() == most_languages) break;
  }
  return out;
}

// ---- Genres and ages

// A general genre says nothing beside one of its kind.
void drop_general(std::vector<std::uint8_t>& genres) {
  const auto all = genres;
  std::erase_if(genres, [&all](std::uint8_t genre) {
    const auto says_more = [genre](std::uint8_t other) { return other != genre && other >> 4 == genre >> 4; };
    return (genre & 0x0F) == 0 && std::ranges::any_of(all, says_more);
  });
}

std::vector<std::uint8_t> genres_of(const pugi::xml_node& programme) {
  std::vector<std::uint8_t> out;
  for (const auto& category : programme.children("category")) {
    const auto genre = genre_of(text_of(category));
    if (genre && std::ranges::find(out, *genre) == out.end()) out.push_back(*genre);
    if (out.size() == most_genres) break;
  }
  drop_general(out);
  return out;
}

std::optional<psi::Descriptor> rating_of(const pugi::xml_node& programme, const XmltvOptions& options) {
  for (const auto& rating : programme.children("rating")) {
    const auto age = age_of(rating.child("value").text().get());
    const std::string country = country_of_rating(rating.attribute("system").value()).value_or(options.country);
    if (age && !country.empty()) return psi::parental_rating_descriptor(country, *age);
  }
  return std::nullopt;
}

// ---- Programmes

psi::Descriptors descriptors_of(const pugi::xml_node& programme, const XmltvOptions& options) {
  psi::Descriptors out;
  for (const psi::EventText& text : texts_of(programme, options)) {
    std::ranges::move(psi::event_descriptors(text), std::back_inserter(out));
  }
  if (out.empty()) return out;
  const auto genres = genres_of(programme);
  if (!genres.empty()) out.push_back(psi::content_descriptor(genres));
  if (auto rating = rating_of(programme, options)) out.push_back(std::move(*rating));
  return out;
}

// As in the file; without a duration if that has no end that is after the start.
std::optional<psi::EitEvent> event_of(const pugi::xml_node& programme, const XmltvOptions& options) {
  psi::EitEvent event;
  event.start = parse_xmltv_time(programme.attribute("start").value());
  if (!event.start) return std::nullopt;
  const auto stop = parse_xmltv_time(programme.attribute("stop").value());
  if (stop && *stop > *event.start) event.duration = *stop - *event.start;
  event.descriptors = descriptors_of(programme, options);
  return event.descriptors.empty() ? std::nullopt : std::optional{std::move(event)};
}

// Ids of events in order of start: the minute that they start in, which comes again after 45 days; a second one within
// a minute takes the next number that is free.
void number(std::vector<psi::EitEvent>& events) {
  std::bitset<65536> taken;
  for (psi::EitEvent& event : events) {
    auto id = static_cast<std::uint16_t>(event.start->time_since_epoch() / minutes{1});
    while (taken[id]) ++id;
    taken[id] = true;
    event.event_id = id;
  }
}

void put_in_order(std::vector<psi::EitEvent>& events) {
  std::ranges::stable_sort(events, {}, &psi::EitEvent::start);
  const auto start_together = [](const psi::EitEvent& a, const psi::EitEvent& b) { return a.start == b.start; };
  events.erase(std::unique(events.begin(), events.end(), start_together), events.end());
  for (std::size_t i = 0; i < events.size(); ++i) {
    const bool last = i + 1 == events.size();
    const seconds until_next = last ? longest_programme : *events[i + 1].start - *events[i].start;
    const seconds open_end = last ? assumed_length : longest_programme;
    events[i].duration = std::min({events[i].duration.value_or(open_end), until_next, seconds{longest_programme}});
  }
  number(events);
}

std::size_t line_of(std::string_view text, std::ptrdiff_t offset) {
  const auto end = text.begin() + std::clamp<std::ptrdiff_t>(offset, 0, std::ssize(text));
  return 1 + static_cast<std::size_t>(std::count(text.begin(), end, '\n'));
}

}  // namespace

std::optional<sys_seconds> parse_xmltv_time(std::string_view text) {
  constexpr std::array<unsigned, 5> defaults{1, 1, 0, 0, 0};  // month, day, hours, minutes, seconds
  auto parts = defaults;
  const auto year = take_number(text, 4);
  if (!year || *year < 1970 || *year > 2037) return std::nullopt;
  for (unsigned& part : parts) {
    const auto number = take_number(text, 2);
    if (!number) break;
    part = *number;
  }
  const auto [month, day, hour, minute, second] = parts;
  const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(*year)}, std::chrono::month{month},
                                         std::chrono::day{day}};
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  const auto offset = zone_offset(text);
  if (!offset) return std::nullopt;
  return std::chrono::sys_days{date} + std::chrono::hours{hour} + minutes{minute} + seconds{second} - *offset;
}

Xmltv parse_xmltv(std::string_view text, const std::set<std::string>& channels, sys_seconds since,
                  const XmltvOptions& options) {
  pugi::xml_document document;
  const auto result = document.load_buffer(text.data(), text.size());
  if (!result) {
    throw std::runtime_error("line " + std::to_string(line_of(text, result.offset)) + ": " + result.description());
  }
  const std::string root = document.document_element().name();
  if (root != "tv") throw std::runtime_error("no XMLTV: the root element is <" + clean(root) + ">, not <tv>");

  Xmltv out;
  for (const auto& programme : document.document_element().children("programme")) {
    const auto channel = channels.find(programme.attribute("channel").value());
    if (channel == channels.end()) continue;
    auto& events = out.events[*channel];
    if (events.size() == most_programmes) {
      ++out.surplus[*channel];
      continue;
    }
    auto event = event_of(programme, options);
    if (!event) {
      ++out.refused;
    } else if (*event->start + longest_programme > since) {
      events.push_back(std::move(*event));
    }
  }
  for (auto& [channel, events] : out.events) {
    put_in_order(events);
    std::erase_if(events, [since](const psi::EitEvent& event) { return *event.start + *event.duration <= since; });
  }
  return out;
}

}  // namespace tsmux
