// Sections with a long header (ISO/IEC 13818-1 2.4.4.11, EN 300 468 5.1.1): entries into as many as they need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/psi/tables.hpp"

namespace psi {

inline constexpr std::size_t long_header_size = 8;
inline constexpr std::size_t crc_size = 4;
inline constexpr std::size_t largest_section = 1024;  // of PSI, NIT and SDT; EIT: ts::Section::maximum_size

// The four bits before section_length.
inline constexpr unsigned psi_syntax = 0b1011;  // section_syntax_indicator, '0', reserved (ISO/IEC 13818-1)
inline constexpr unsigned si_syntax = 0b1111;   // section_syntax_indicator, reserved_future_use, reserved (EN 300 468)

// A long header, its lengths and numbers still to come.
SectionBytes begin_section(std::uint8_t table, unsigned syntax, std::uint16_t extension, std::uint8_t version);
// Completes headers and CRC of all sections of a table; each has header and body.
void finish_sections(std::vector<SectionBytes>& sections);

// Of at most 255 bytes.
void put_descriptor(SectionBytes& out, const Descriptor& descriptor);

// Ours, because libdvbpsi 1.3 loses the last descriptor of an entry that does not fit into the section at hand, and
// writes beyond its section where entries have no descriptors.
class SectionWriter {
 public:
  // `fixed` follows the header of each section.
  SectionWriter(std::uint8_t table, unsigned syntax, std::uint16_t extension, std::uint8_t version,
                const SectionBytes& fixed);

  bool fits(const SectionBytes& entry) const;
  // Into the next section if it does not fit.
  void add(const SectionBytes& entry);
  std::vector<SectionBytes> finish();

 private:
  SectionBytes begin_;
  std::vector<SectionBytes> sections_;
};

}  // namespace psi
