#include "common/psi/section_writer.hpp"

#include <utility>

#include "common/psi/section_parts.hpp"
#include "common/ts/section.hpp"

namespace psi {

SectionBytes begin_section(std::uint8_t table, unsigned syntax, std::uint16_t extension, std::uint8_t version) {
  SectionBytes out{table, static_cast<std::uint8_t>(syntax << 4), 0};
  put16(out, extension);
  out.insert(out.end(), {static_cast<std::uint8_t>(0xC0 | (version & 0x1F) << 1 | 1), 0, 0});
  return out;
}

void finish_sections(std::vector<SectionBytes>& sections) {
  for (std::size_t i = 0; i < sections.size(); ++i) {
    SectionBytes& section = sections[i];
    section.resize(section.size() + crc_size);
    const std::size_t length = section.size() - 3;
    section[1] = static_cast<std::uint8_t>(section[1] | length >> 8);
    section[2] = static_cast<std::uint8_t>(length);
    section[6] = static_cast<std::uint8_t>(i);
    section[7] = static_cast<std::uint8_t>(sections.size() - 1);
    ts::seal_section(section);
  }
}

void put_descriptor(SectionBytes& out, const Descriptor& descriptor) {
  out.push_back(descriptor.tag);
  out.push_back(static_cast<std::uint8_t>(descriptor.data.size()));
  out.insert(out.end(), descriptor.data.begin(), descriptor.data.end());
}

SectionWriter::SectionWriter(std::uint8_t table, unsigned syntax, std::uint16_t extension, std::uint8_t version,
                             const SectionBytes& fixed)
    : begin_(begin_section(table, syntax, extension, version)) {
  begin_.insert(begin_.end(), fixed.begin(), fixed.end());
  sections_.push_back(begin_);
}

bool SectionWriter::fits(const SectionBytes& entry) const {
  return sections_.back().size() + entry.size() + crc_size <= largest_section;
}

void SectionWriter::add(const SectionBytes& entry) {
  if (!fits(entry)) sections_.push_back(begin_);
  sections_.back().insert(sections_.back().end(), entry.begin(), entry.end());
}

std::vector<SectionBytes> SectionWriter::finish() {
  finish_sections(sections_);
  return std::move(sections_);
}

}  // namespace psi
