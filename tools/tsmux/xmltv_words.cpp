#include "tools/tsmux/xmltv_words.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <span>

namespace tsmux {
namespace {

struct Language {
  std::string_view two, three;
};
// ISO 639: the languages of Europe, and those that are broadcast there.
constexpr auto languages = std::to_array<Language>({
    {"ar", "ara"}, {"az", "aze"}, {"be", "bel"}, {"bg", "bul"}, {"br", "bre"}, {"bs", "bos"}, {"ca", "cat"},
    {"co", "cos"}, {"cs", "ces"}, {"cy", "cym"}, {"da", "dan"}, {"de", "deu"}, {"el", "ell"}, {"en", "eng"},
    {"es", "spa"}, {"et", "est"}, {"eu", "eus"}, {"fa", "fas"}, {"fi", "fin"}, {"fo", "fao"}, {"fr", "fra"},
    {"fy", "fry"}, {"ga", "gle"}, {"gd", "gla"}, {"gl", "glg"}, {"he", "heb"}, {"hi", "hin"}, {"hr", "hrv"},
    {"hu", "hun"}, {"hy", "hye"}, {"is", "isl"}, {"it", "ita"}, {"ja", "jpn"}, {"ka", "kat"}, {"kk", "kaz"},
    {"ko", "kor"}, {"ku", "kur"}, {"lb", "ltz"}, {"lt", "lit"}, {"lv", "lav"}, {"mk", "mkd"}, {"mt", "mlt"},
    {"nb", "nob"}, {"nl", "nld"}, {"nn", "nno"}, {"no", "nor"}, {"oc", "oci"}, {"pl", "pol"}, {"pt", "por"},
    {"rm", "roh"}, {"ro", "ron"}, {"ru", "rus"}, {"se", "sme"}, {"sk", "slk"}, {"sl", "slv"}, {"sq", "sqi"},
    {"sr", "srp"}, {"sv", "swe"}, {"tr", "tur"}, {"uk", "ukr"}, {"vi", "vie"}, {"zh", "zho"},
});

struct Genre {
  std::string_view word;  // small letters
  std::uint8_t nibbles;
};
constexpr auto genres = std::to_array<Genre>({
    // Drama
    {"movie", 0x10},
    {"movies", 0x10},
    {"film", 0x10},
    {"films", 0x10},
    {"spielfilm", 0x10},
    {"fernsehfilm", 0x10},
    {"téléfilm", 0x10},
    {"película", 0x10},
    {"cine", 0x10},
    {"cinema", 0x10},
    {"cinéma", 0x10},
    {"drama", 0x10},
    {"drame", 0x10},
    {"dramma", 0x10},
    {"series", 0x10},
    {"série", 0x10},
    {"serie", 0x10},
    {"feuilleton", 0x15},
    {"fiction", 0x10},
    {"thriller", 0x11},
    {"crime", 0x11},
    {"detective", 0x11},
    {"mystery", 0x11},
    {"krimi", 0x11},
    {"policier", 0x11},
    {"policière", 0x11},
    {"polar", 0x11},
    {"policíaca", 0x11},
    {"giallo", 0x11},
    {"adventure", 0x12},
    {"aventure", 0x12},
    {"aventures", 0x12},
    {"abenteuer", 0x12},
    {"aventuras", 0x12},
    {"avventura", 0x12},
    {"action", 0x12},
    {"western", 0x12},
    {"war", 0x12},
    {"guerre", 0x12},
    {"science fiction", 0x13},
    {"science-fiction", 0x13},
    {"sci-fi", 0x13},
    {"fantasy", 0x13},
    {"fantastique", 0x13},
    {"horror", 0x13},
    {"horreur", 0x13},
    {"comedy", 0x14},
    {"comédie", 0x14},
    {"komödie", 0x14},
    {"comedia", 0x14},
    {"commedia", 0x14},
    {"sitcom", 0x14},
    {"humour", 0x14},
    {"soap", 0x15},
    {"telenovela", 0x15},
    {"romance", 0x16},
    {"romantic", 0x16},
    {"historical", 0x17},
    {"historique", 0x17},
    {"adult", 0x18},
    {"adults only", 0x18},
    {"érotique", 0x18},
    // News
    {"news", 0x20},
    {"current affairs", 0x20},
    {"information", 0x20},
    {"informations", 0x20},
    {"actualité", 0x20},
    {"actualités", 0x20},
    {"journal", 0x21},
    {"nachrichten", 0x20},
    {"noticias", 0x20},
    {"informativo", 0x20},
    {"notiziario", 0x20},
    {"telegiornale", 0x21},
    {"weather", 0x21},
    {"météo", 0x21},
    {"wetter", 0x21},
    {"tiempo", 0x21},
    {"meteo", 0x21},
    {"news magazine", 0x22},
    {"documentary", 0x23},
    {"documentaire", 0x23},
    {"dokumentation", 0x23},
    {"doku", 0x23},
    {"documental", 0x23},
    {"documentario", 0x23},
    {"reportage", 0x23},
    {"interview", 0x24},
    {"debate", 0x24},
    {"débat", 0x24},
    {"discussion", 0x24},
    // Shows
    {"show", 0x30},
    {"entertainment", 0x30},
    {"divertissement", 0x30},
    {"unterhaltung", 0x30},
    {"entretenimiento", 0x30},
    {"intrattenimento", 0x30},
    {"reality", 0x30},
    {"téléréalité", 0x30},
    {"game show", 0x31},
    {"game", 0x31},
    {"quiz", 0x31},
    {"jeu", 0x31},
    {"concurso", 0x31},
    {"contest", 0x31},
    {"variety", 0x32},
    {"variétés", 0x32},
    {"spectacle", 0x32},
    {"talk show", 0x33},
    {"talk", 0x33},
    {"talkshow", 0x33},
    // Sports
    {"sport", 0x40},
    {"sports", 0x40},
    {"deporte", 0x40},
    {"deportes", 0x40},
    {"football", 0x43},
    {"soccer", 0x43},
    {"fußball", 0x43},
    {"fútbol", 0x43},
    {"calcio", 0x43},
    {"tennis", 0x44},
    {"rugby", 0x45},
    {"basketball", 0x45},
    {"basket", 0x45},
    {"handball", 0x45},
    {"volleyball", 0x45},
    {"hockey", 0x45},
    {"athletics", 0x46},
    {"athlétisme", 0x46},
    {"motorsport", 0x47},
    {"formule 1", 0x47},
    {"formula 1", 0x47},
    {"formel 1", 0x47},
    {"swimming", 0x48},
    {"natation", 0x48},
    {"ski", 0x49},
    {"wintersport", 0x49},
    {"équitation", 0x4A},
    {"boxing", 0x4B},
    {"boxe", 0x4B},
    {"judo", 0x4B},
    // Children
    {"children", 0x50},
    {"children's", 0x50},
    {"kids", 0x50},
    {"youth", 0x50},
    {"jeunesse", 0x50},
    {"enfants", 0x50},
    {"kinder", 0x50},
    {"kinderprogramm", 0x50},
    {"infantil", 0x50},
    {"bambini", 0x50},
    {"ragazzi", 0x50},
    {"preschool", 0x51},
    {"cartoon", 0x55},
    {"cartoons", 0x55},
    {"animation", 0x55},
    {"animated", 0x55},
    {"dessin animé", 0x55},
    {"zeichentrick", 0x55},
    {"dibujos", 0x55},
    {"cartoni", 0x55},
    // Music
    {"music", 0x60},
    {"musique", 0x60},
    {"musik", 0x60},
    {"música", 0x60},
    {"musica", 0x60},
    {"concert", 0x60},
    {"dance", 0x60},
    {"danse", 0x60},
    {"rock", 0x61},
    {"pop", 0x61},
    {"clip", 0x61},
    {"classical", 0x62},
    {"classique", 0x62},
    {"klassik", 0x62},
    {"folk", 0x63},
    {"jazz", 0x64},
    {"opera", 0x65},
    {"opéra", 0x65},
    {"oper", 0x65},
    {"musical", 0x65},
    {"ballet", 0x66},
    // Arts
    {"arts", 0x70},
    {"art", 0x70},
    {"culture", 0x70},
    {"culturel", 0x70},
    {"kultur", 0x70},
    {"cultura", 0x70},
    {"theatre", 0x71},
    {"théâtre", 0x71},
    {"theater", 0x71},
    {"religion", 0x73},
    {"religious", 0x73},
    {"religieux", 0x73},
    {"literature", 0x75},
    {"littérature", 0x75},
    {"fashion", 0x7B},
    {"mode", 0x7B},
    // Society
    {"social", 0x80},
    {"society", 0x80},
    {"société", 0x80},
    {"politics", 0x80},
    {"political", 0x80},
    {"politique", 0x80},
    {"politik", 0x80},
    {"política", 0x80},
    {"magazine", 0x81},
    {"magazin", 0x81},
    {"economics", 0x82},
    {"business", 0x82},
    {"économie", 0x82},
    {"wirtschaft", 0x82},
    {"biography", 0x83},
    {"biographie", 0x83},
    // Education
    {"education", 0x90},
    {"educational", 0x90},
    {"éducation", 0x90},
    {"bildung", 0x90},
    {"factual", 0x90},
    {"history", 0x90},
    {"histoire", 0x90},
    {"geschichte", 0x90},
    {"nature", 0x91},
    {"natur", 0x91},
    {"animals", 0x91},
    {"animalier", 0x91},
    {"environment", 0x91},
    {"environnement", 0x91},
    {"tiere", 0x91},
    {"naturaleza", 0x91},
    {"science", 0x92},
    {"sciences", 0x92},
    {"technology", 0x92},
    {"wissenschaft", 0x92},
    {"ciencia", 0x92},
    {"scienza", 0x92},
    {"medicine", 0x93},
    {"médecine", 0x93},
    {"languages", 0x97},
    // Leisure
    {"leisure", 0xA0},
    {"hobbies", 0xA0},
    {"lifestyle", 0xA0},
    {"loisirs", 0xA0},
    {"travel", 0xA1},
    {"tourism", 0xA1},
    {"voyage", 0xA1},
    {"reise", 0xA1},
    {"viajes", 0xA1},
    {"viaggi", 0xA1},
    {"diy", 0xA2},
    {"bricolage", 0xA2},
    {"motoring", 0xA3},
    {"automobile", 0xA3},
    {"auto", 0xA3},
    {"fitness", 0xA4},
    {"health", 0xA4},
    {"santé", 0xA4},
    {"gesundheit", 0xA4},
    {"cooking", 0xA5},
    {"cuisine", 0xA5},
    {"culinaire", 0xA5},
    {"gastronomie", 0xA5},
    {"kochen", 0xA5},
    {"cocina", 0xA5},
    {"cucina", 0xA5},
    {"shopping", 0xA6},
    {"télé-achat", 0xA6},
    {"gardening", 0xA7},
    {"jardinage", 0xA7},
    {"garten", 0xA7},
});

struct RatingSystem {
  std::string_view name, country;
};
constexpr auto rating_systems = std::to_array<RatingSystem>({
    {"csa", "FRA"},
    {"arcom", "FRA"},
    {"fsk", "DEU"},
    {"bbfc", "GBR"},
    {"mpaa", "USA"},
    {"vchip", "USA"},
    {"tvpg", "USA"},
    {"kijkwijzer", "NLD"},
    {"nicam", "NLD"},
});

// ASCII, and the accented letters of Latin-1, whose UTF-8 is 0xC3 and a byte that differs in a bit.
std::string small_letters(std::string_view utf8) {
  std::string out{utf8};
  bool latin = false;
  for (char& letter : out) {
    const auto byte = static_cast<unsigned char>(letter);
    if (byte >= 'A' && byte <= 'Z') letter = static_cast<char>(byte + 0x20);
    if (latin && byte >= 0x80 && byte <= 0x9E && byte != 0x97) letter = static_cast<char>(byte + 0x20);
    latin = byte == 0xC3;
  }
  return out;
}

std::optional<std::uint8_t> look_up(std::string_view word) {
  const auto found = std::ranges::find(genres, word, &Genre::word);
  return found == genres.end() ? std::nullopt : std::optional{found->nibbles};
}

bool is_of_word(char letter) {
  return static_cast<unsigned char>(letter) >= 0x80 || std::isalnum(static_cast<unsigned char>(letter)) != 0;
}

constexpr std::string_view blanks = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// Of the words in a phrase, the last that says more than a general one does; or else the first that is known.
std::optional<std::uint8_t> genre_of_phrase(std::string_view phrase) {
  if (const auto whole = look_up(phrase)) return whole;
  std::optional<std::uint8_t> best;
  while (!phrase.empty()) {
    const auto begin = std::ranges::find_if(phrase, is_of_word);
    const auto end = std::find_if_not(begin, phrase.end(), is_of_word);
    const auto genre = look_up({begin, end});
    if (genre && (!best || (*genre & 0x0F) != 0)) best = genre;
    phrase = {end, phrase.end()};
  }
  return best;
}

}  // namespace

std::optional<std::string> language_of(std::string_view code) {
  const std::string name = small_letters(code.substr(0, code.find_first_of("-_")));
  const bool letters = std::ranges::all_of(name, [](char c) { return c >= 'a' && c <= 'z'; });
  if (!letters) return std::nullopt;
  if (name.size() == 3) return name;
  const auto found = std::ranges::find(languages, name, &Language::two);
  return found == languages.end() ? std::nullopt : std::optional{std::string{found->three}};
}

std::optional<std::uint8_t> genre_of(std::string_view category) {
  const std::string text = small_letters(category.substr(0, category.find('(')));
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('/'), rest.size());
    if (const auto genre = genre_of_phrase(trimmed(rest.substr(0, end)))) return genre;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return std::nullopt;
}

std::optional<std::string> country_of_rating(std::string_view system) {
  const auto found = std::ranges::find(rating_systems, small_letters(system), &RatingSystem::name);
  return found == rating_systems.end() ? std::nullopt : std::optional{std::string{found->country}};
}

std::optional<unsigned> age_of(std::string_view rating) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  unsigned age = 0;
  for (auto it = std::ranges::find_if(rating, is_digit); it != rating.end() && is_digit(*it) && age < 100; ++it) {
    age = age * 10 + static_cast<unsigned>(*it - '0');
  }
  return age >= 4 && age <= 18 ? std::optional{age} : std::nullopt;
}

}  // namespace tsmux
