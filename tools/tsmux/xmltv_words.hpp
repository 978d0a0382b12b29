// The words of programme guides, and the codes that EN 300 468 has for them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tsmux {

// "fr", "fr-FR" or "fra" as ISO 639-2 (639-2/T), three small letters; none for what is no language of the table.
std::optional<std::string> language_of(std::string_view code);

// content_nibble_level_1 and _2 (EN 300 468 table 29) of a genre in English, French, German, Spanish or Italian, by
// the words in it; none if none is known.
std::optional<std::uint8_t> genre_of(std::string_view category);

// ISO 3166, three letters, of a system of age ratings; none if it is not known.
std::optional<std::string> country_of_rating(std::string_view system);

// The age in a rating: 12 in "-12", "FSK 12" and "PG-13"'s 13; none where there is no number from 4 to 18.
std::optional<unsigned> age_of(std::string_view rating);

}  // namespace tsmux
