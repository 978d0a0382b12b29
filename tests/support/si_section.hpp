// Sections for tests: whole, sealed with a right CRC.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/psi/tables.hpp"

namespace support {

// Where a section with a long header stands in its table.
struct SectionHeader {
  std::uint8_t table = 0;
  std::uint16_t extension = 0;
  std::uint8_t version = 0;
  std::uint8_t number = 0;
  std::uint8_t last_number = 0;
  bool current = true;
};
psi::SectionBytes long_section(const SectionHeader& header, std::span<const std::uint8_t> body);

struct Event {
  std::uint16_t id = 0;
  std::chrono::sys_seconds start;
  std::chrono::seconds duration{0};
  std::string name, text;  // short_event_descriptor, "fra"
};
// `header.extension` is the service.
psi::SectionBytes eit_section(const SectionHeader& header, std::uint16_t transport_stream, std::uint16_t network,
                              std::span<const Event> events);
psi::SectionBytes tdt_section(std::chrono::sys_seconds utc);
// Without descriptors, with a CRC.
psi::SectionBytes tot_section(std::chrono::sys_seconds utc);
// RST of one event.
psi::SectionBytes rst_section(std::uint16_t service, std::uint16_t event);
// NIT actual with a network_name_descriptor.
psi::SectionBytes nit_section(std::uint16_t network, const std::string& name);

psi::Descriptor service_descriptor(std::uint8_t type, const std::string& provider, const std::string& name);
psi::Descriptor language_descriptor(const std::string& language);
// CA_descriptor: `pid` of the ECMs or EMMs of a system.
psi::Descriptor ca_descriptor(std::uint16_t system, ts::Pid pid);

}  // namespace support
