#include "common/psi/time_tables.hpp"

#include <algorithm>

#include "common/psi/dvb_time.hpp"
#include "common/psi/section_parts.hpp"
#include "common/psi/section_writer.hpp"

namespace psi {
namespace {

constexpr std::size_t short_header_size = 3;

SectionBytes begin_short_section(std::uint8_t table, std::chrono::sys_seconds utc) {
  SectionBytes out{table, 0x70, 0};  // section_syntax_indicator 0, reserved bits 1
  put_utc(out, utc);
  return out;
}

void set_section_length(SectionBytes& section) {
  const std::size_t length = section.size() - short_header_size;
  section[1] = static_cast<std::uint8_t>(section[1] | length >> 8);
  section[2] = static_cast<std::uint8_t>(length);
}

// Hours and minutes in BCD.
void put_offset(SectionBytes& out, std::chrono::minutes offset) {
  out.push_back(to_bcd(offset / std::chrono::hours{1}));
  out.push_back(to_bcd(offset % std::chrono::hours{1} / std::chrono::minutes{1}));
}

void put_local_time_offset(SectionBytes& out, const LocalTimeOffset& local) {
  using std::chrono::minutes;
  const bool behind = local.offset < minutes{0} || (local.offset == minutes{0} && local.next_offset < minutes{0});
  const auto amount = [behind](minutes offset) { return std::max(behind ? -offset : offset, minutes{0}); };
  for (std::size_t i = 0; i < 3; ++i) {
    out.push_back(i < local.country.size() ? static_cast<std::uint8_t>(local.country[i]) : std::uint8_t{' '});
  }
  out.push_back(static_cast<std::uint8_t>((local.region & 0x3F) << 2 | 0x02 | (behind ? 1 : 0)));
  put_offset(out, amount(local.offset));
  put_utc(out, local.change);
  put_offset(out, amount(local.next_offset));
}

}  // namespace

Descriptor local_time_offset_descriptor(std::span<const LocalTimeOffset> offsets) {
  constexpr std::size_t most = 255 / 13;
  Descriptor out{tag::local_time_offset, {}};
  for (const LocalTimeOffset& local : offsets.first(std::min(offsets.size(), most))) {
    put_local_time_offset(out.data, local);
  }
  return out;
}

SectionBytes tdt_section(std::chrono::sys_seconds utc) {
  SectionBytes out = begin_short_section(table_id::tdt, utc);
  set_section_length(out);
  return out;
}

SectionBytes tot_section(std::chrono::sys_seconds utc, const Descriptors& descriptors) {
  SectionBytes out = begin_short_section(table_id::tot, utc);
  put_descriptors(out, 0xF, descriptors, largest_section - crc_size);
  out.resize(out.size() + crc_size);
  set_section_length(out);
  ts::seal_section(out);
  return out;
}

}  // namespace psi
