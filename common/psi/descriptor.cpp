#include "common/psi/descriptor.hpp"

#include <iconv.h>

#include <algorithm>
#include <array>

namespace psi {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr char32_t replacement = 0xFFFD;

// A character table of EN 300 468 annex A by the name that iconv has for it.
struct CharacterTable {
  const char* name;
  std::size_t selector_size;  // bytes before the text
  std::size_t unit;           // bytes to step over what cannot be converted
  bool has_euro = false;      // at 0xA4 (figure A.1), where ISO/IEC 6937 has nothing
};

// Part of ISO/IEC 8859, 1 to 15; part 12 does not exist.
const char* iso_8859(unsigned part) {
  static constexpr std::array<const char*, 16> names{
      nullptr,     "ISO8859-1", "ISO8859-2",  "ISO8859-3",  "ISO8859-4", "ISO8859-5",  "ISO8859-6",  "ISO8859-7",
      "ISO8859-8", "ISO8859-9", "ISO8859-10", "ISO8859-11", nullptr,     "ISO8859-13", "ISO8859-14", "ISO8859-15"};
  return part < names.size() ? names[part] : nullptr;
}

// Some broadcasters send Latin letters of ISO/IEC 8859 and no selector. From 0xE0 to 0xEF those are the accented small
// letters, while ISO 6937 has capitals there, which do not follow a small letter; but for its ordinals 0xE3 and 0xEB.
bool is_mislabelled_latin(Bytes field) {
  const auto gives_away = [](std::uint8_t before, std::uint8_t letter) {
    return before >= 'a' && before <= 'z' && letter >= 0xE0 && letter <= 0xEF && letter != 0xE3 && letter != 0xEB;
  };
  return std::ranges::adjacent_find(field, gives_away) != field.end();
}

// Tables A.3 and A.4; no name for what is reserved.
CharacterTable character_table(Bytes field) {
  const std::uint8_t selector = field.front();
  if (selector >= 0x20 && is_mislabelled_latin(field)) return {"ISO8859-15", 0, 1};
  if (selector >= 0x20) return {"ISO_6937", 0, 1, true};
  if (selector >= 0x01 && selector <= 0x0B) return {iso_8859(selector + 4u), 1, 1};
  switch (selector) {
    case 0x10:
      return {field.size() >= 3 && field[1] == 0 ? iso_8859(field[2]) : nullptr, 3, 1};
    case 0x11:
      return {"UTF-16BE", 1, 2};
    case 0x12:
      return {"EUC-KR", 1, 1};
    case 0x13:
      return {"GB2312", 1, 1};
    case 0x14:
      return {"UTF-16BE", 1, 2};  // Big5 subset of ISO/IEC 10646
    case 0x15:
      return {"UTF-8", 1, 1};
    case 0x1F:
      return {nullptr, 2, 1};  // encoding_type_id: private
    default:
      return {nullptr, 1, 1};
  }
}

// What cannot be converted becomes the replacement character.
std::u32string decode(const CharacterTable& table, Bytes bytes) {
  const iconv_t converter = table.name ? iconv_open("UTF-32LE", table.name) : iconv_t(-1);
  if (converter == iconv_t(-1)) return std::u32string(bytes.size(), replacement);
  std::vector<char> input(bytes.begin(), bytes.end());
  std::u32string out(bytes.size() + 1, U'\0');
  char* from = input.data();
  std::size_t from_left = input.size();
  auto* to = reinterpret_cast<char*>(out.data());
  std::size_t to_left = out.size() * sizeof(char32_t);
  const auto put = [&](char32_t character) {
    if (to_left < sizeof character) return;
    out[out.size() - to_left / sizeof character] = character;
    to += sizeof character;
    to_left -= sizeof character;
  };
  while (from_left > 0 && iconv(converter, &from, &from_left, &to, &to_left) == static_cast<std::size_t>(-1)) {
    put(table.has_euro && static_cast<std::uint8_t>(*from) == 0xA4 ? U'\u20AC' : replacement);
    const std::size_t step = std::min(table.unit, from_left);
    from += step;
    from_left -= step;
  }
  // Some converters hold a letter back in case an accent follows.
  iconv(converter, nullptr, nullptr, &to, &to_left);
  iconv_close(converter);
  out.resize(out.size() - to_left / sizeof(char32_t));
  return out;
}

void append_utf8(std::string& out, char32_t c) {
  const auto put = [&out](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

// Tables A.1 and A.2: DVB's control codes, at U+0080 in one-byte tables and at U+E080 in the others.
bool is_line_break(char32_t c) { return c == U'\n' || c == 0x8A || c == 0xE08A; }
bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0xE080 && c < 0xE0A0); }

}  // namespace

const Descriptor* find(const Descriptors& descriptors, std::uint8_t tag) {
  const auto found = std::ranges::find(descriptors, tag, &Descriptor::tag);
  return found == descriptors.end() ? nullptr : &*found;
}

std::string language_code(std::span<const std::uint8_t, 3> code) {
  std::string out(code.begin(), code.end());
  for (char& letter : out) {
    const bool printable = letter > ' ' && letter < 0x7F;
    if (!printable) letter = '?';
  }
  return out;
}

std::string text(std::span<const std::uint8_t> field) {
  if (field.empty()) return {};
  const CharacterTable table = character_table(field);
  std::string out;
  for (const char32_t c : decode(table, field.subspan(std::min(table.selector_size, field.size())))) {
    if (is_line_break(c)) {
      out.push_back(' ');
    } else if (!is_control(c)) {
      append_utf8(out, c);
    }
  }
  return out;
}

std::vector<std::uint8_t> to_dvb_text(const std::string& utf8) {
  std::vector<std::uint8_t> out(utf8.begin(), utf8.end());
  const bool plain = std::ranges::all_of(out, [](std::uint8_t byte) { return byte >= 0x20 && byte < 0x7F; });
  if (!plain) out.insert(out.begin(), 0x15);
  return out;
}

std::vector<std::uint8_t> to_dvb_text(const std::string& utf8, std::size_t limit) {
  auto out = to_dvb_text(utf8);
  if (out.size() <= limit) return out;
  const auto continues = [](std::uint8_t byte) { return (byte & 0xC0) == 0x80; };
  std::size_t end = limit;
  while (end > 0 && continues(out[end])) --end;
  out.resize(end);
  return out;
}

}  // namespace psi
