#include "tests/support/si_section.hpp"

namespace support {
namespace {

using Bytes = std::vector<std::uint8_t>;

void put(Bytes& out, unsigned bytes, std::uint64_t value) {
  while (bytes-- > 0) out.push_back(static_cast<std::uint8_t>(value >> 8 * bytes));
}
void put(Bytes& out, const Bytes& bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }
void put_counted(Bytes& out, const Bytes& bytes) {
  put(out, 1, bytes.size());
  put(out, bytes);
}

std::uint64_t bcd(std::int64_t value) { return static_cast<std::uint64_t>(value / 10 * 16 + value % 10); }

std::uint64_t bcd_time(std::chrono::seconds time) {
  const std::chrono::hh_mm_ss split{time};
  return bcd(split.hours().count()) << 16 | bcd(split.minutes().count()) << 8 | bcd(split.seconds().count());
}

// EN 300 468 annex C.
std::uint64_t mjd_time(std::chrono::sys_seconds time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  return static_cast<std::uint64_t>(day.time_since_epoch().count() + 40587) << 24 | bcd_time(time - day);
}

void put_event(Bytes& out, const Event& event) {
  Bytes description{'f', 'r', 'a'};
  put_counted(description, psi::to_dvb_text(event.name));
  put_counted(description, psi::to_dvb_text(event.text));
  put(out, 2, event.id);
  put(out, 5, mjd_time(event.start));
  put(out, 3, bcd_time(event.duration));
  put(out, 2, 4u << 13 | (description.size() + 2));  // running_status: running
  put(out, 1, psi::tag::short_event);
  put_counted(out, description);
}

}  // namespace

psi::SectionBytes long_section(const SectionHeader& header, std::span<const std::uint8_t> body) {
  Bytes out;
  put(out, 1, header.table);
  put(out, 2, (header.table < 0x40 ? 0xB000u : 0xF000u) | (body.size() + 9));
  put(out, 2, header.extension);
  put(out, 1, 0xC0u | static_cast<unsigned>(header.version) << 1 | (header.current ? 1u : 0u));
  put(out, 1, header.number);
  put(out, 1, header.last_number);
  out.insert(out.end(), body.begin(), body.end());
  put(out, 4, 0);
  ts::seal_section(out);
  return out;
}

psi::SectionBytes eit_section(const SectionHeader& header, std::uint16_t transport_stream, std::uint16_t network,
                              std::span<const Event> events) {
  Bytes body;
  put(body, 2, transport_stream);
  put(body, 2, network);
  put(body, 1, header.last_number);  // segment_last_section_number
  put(body, 1, header.table);        // last_table_id
  for (const Event& event : events) put_event(body, event);
  return long_section(header, body);
}

psi::SectionBytes tdt_section(std::chrono::sys_seconds utc) {
  Bytes out{psi::table_id::tdt, 0x70, 5};
  put(out, 5, mjd_time(utc));
  return out;
}

psi::SectionBytes tot_section(std::chrono::sys_seconds utc) {
  Bytes out{psi::table_id::tot, 0x70, 11};
  put(out, 5, mjd_time(utc));
  put(out, 2, 0xF000u);  // no descriptors
  put(out, 4, 0);
  ts::seal_section(out);
  return out;
}

psi::SectionBytes rst_section(std::uint16_t service, std::uint16_t event) {
  Bytes out{psi::table_id::rst, 0x70, 9};
  put(out, 2, 1);       // transport_stream_id
  put(out, 2, 0x20FA);  // original_network_id
  put(out, 2, service);
  put(out, 2, event);
  put(out, 1, 0xFC);  // running
  return out;
}

psi::SectionBytes nit_section(std::uint16_t network, const std::string& name) {
  Bytes descriptor{psi::tag::network_name};
  put_counted(descriptor, psi::to_dvb_text(name));
  Bytes body;
  put(body, 2, 0xF000u | descriptor.size());
  put(body, descriptor);
  put(body, 2, 0xF000u);  // no transport streams
  return long_section({.table = psi::table_id::nit_actual, .extension = network}, body);
}

psi::Descriptor service_descriptor(std::uint8_t type, const std::string& provider, const std::string& name) {
  psi::Descriptor out{psi::tag::service, {type}};
  put_counted(out.data, psi::to_dvb_text(provider));
  put_counted(out.data, psi::to_dvb_text(name));
  return out;
}

psi::Descriptor language_descriptor(const std::string& language) {
  psi::Descriptor out{psi::tag::iso_639_language, {language.begin(), language.end()}};
  out.data.push_back(0);  // audio_type undefined
  return out;
}

psi::Descriptor ca_descriptor(std::uint16_t system, ts::Pid pid) {
  psi::Descriptor out{psi::tag::conditional_access, {}};
  put(out.data, 2, system);
  put(out.data, 2, 0xE000u | pid.value());
  return out;
}

}  // namespace support
