// The tables that the tools read (by libdvbpsi; PAT and NIT by readers of ours that take linear time) and make (ISO/IEC
// 13818-1 2.4.4, EN 300 468 5.2).
//
// parse_*() take every section of one complete table version, in order of number; nothing comes back if a CRC or a
// length in them is wrong. They may be given any bytes. sections() gives them back, sealed with CRC, at most 1024 bytes
// each; descriptors of more than 255 bytes, or that fit in no section, are left out.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/psi/descriptor.hpp"
#include "common/ts/packet.hpp"
#include "common/ts/section.hpp"

namespace psi {

// program_number of the PAT, service_id of DVB.
class ServiceId {
 public:
  constexpr ServiceId() = default;
  constexpr explicit ServiceId(std::uint16_t value) : value_(value) {}
  constexpr std::uint16_t value() const { return value_; }
  friend constexpr auto operator<=>(ServiceId, ServiceId) = default;

 private:
  std::uint16_t value_ = 0;
};

using SectionBytes = std::vector<std::uint8_t>;

namespace table_id {
inline constexpr std::uint8_t pat = 0x00, cat = 0x01, pmt = 0x02;
inline constexpr std::uint8_t nit_actual = 0x40, nit_other = 0x41, sdt_actual = 0x42, sdt_other = 0x46, bat = 0x4A;
inline constexpr std::uint8_t eit_pf_actual = 0x4E, eit_pf_other = 0x4F;
inline constexpr std::uint8_t eit_schedule_actual_first = 0x50, eit_schedule_actual_last = 0x5F;
inline constexpr std::uint8_t eit_schedule_other_first = 0x60, eit_schedule_other_last = 0x6F;
inline constexpr std::uint8_t tdt = 0x70, rst = 0x71, stuffing = 0x72, tot = 0x73;
}  // namespace table_id

struct Pat {
  struct Entry {
    ServiceId service;
    ts::Pid pmt_pid;
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  std::uint16_t transport_stream_id = 0;
  std::uint8_t version = 0;
  std::optional<ts::Pid> network_pid;  // program_number 0
  std::vector<Entry> services;         // in the table's order
  friend bool operator==(const Pat&, const Pat&) = default;
};

struct Pmt {
  struct Stream {
    std::uint8_t type = 0;  // stream_type
    ts::Pid pid;
    Descriptors descriptors;
    friend bool operator==(const Stream&, const Stream&) = default;
  };
  ServiceId service;
  std::uint8_t version = 0;
  ts::Pid pcr_pid;  // null_pid: no PCR
  Descriptors descriptors;
  std::vector<Stream> streams;
  friend bool operator==(const Pmt&, const Pmt&) = default;
};

struct Cat {
  std::uint8_t version = 0;
  Descriptors descriptors;
  friend bool operator==(const Cat&, const Cat&) = default;
};

struct Sdt {
  struct Service {
    ServiceId service;
    bool eit_schedule = false;
    bool eit_present_following = false;
    std::uint8_t running_status = 0;
    bool free_ca_mode = false;
    Descriptors descriptors;
    friend bool operator==(const Service&, const Service&) = default;
  };
  std::uint16_t transport_stream_id = 0;
  std::uint16_t original_network_id = 0;
  std::uint8_t version = 0;
  std::vector<Service> services;
  friend bool operator==(const Sdt&, const Sdt&) = default;
};

struct Nit {
  struct Stream {
    std::uint16_t transport_stream_id = 0;
    std::uint16_t original_network_id = 0;
    Descriptors descriptors;
    friend bool operator==(const Stream&, const Stream&) = default;
  };
  std::uint16_t network_id = 0;
  std::uint8_t version = 0;
  bool actual = true;
  Descriptors descriptors;  // of the network
  std::vector<Stream> streams;
  friend bool operator==(const Nit&, const Nit&) = default;
};

struct EitEvent {
  std::uint16_t event_id = 0;
  std::optional<std::chrono::sys_seconds> start;  // UTC; absent if undefined (all ones)
  std::optional<std::chrono::seconds> duration;
  std::uint8_t running_status = 0;
  bool free_ca_mode = false;
  Descriptors descriptors;
  friend bool operator==(const EitEvent&, const EitEvent&) = default;
};

// One EIT section (they are repeated, replaced and filtered one by one).
struct EitSection {
  std::uint8_t table = 0;
  ServiceId service;
  std::uint8_t version = 0;
  std::uint8_t number = 0;
  std::uint16_t transport_stream_id = 0;
  std::uint16_t original_network_id = 0;
  std::vector<EitEvent> events;
};

std::optional<Pat> parse_pat(const std::vector<SectionBytes>& sections);
// A PMT is always a single section (2.4.4.9).
std::optional<Pmt> parse_pmt(const std::vector<SectionBytes>& sections);
std::optional<Cat> parse_cat(const std::vector<SectionBytes>& sections);
std::optional<Sdt> parse_sdt(const std::vector<SectionBytes>& sections);
// Actual or other.
std::optional<Nit> parse_nit(const std::vector<SectionBytes>& sections);
// Any EIT: present/following or schedule, actual or other.
std::optional<EitSection> parse_eit_section(const SectionBytes& section);
// UTC_time of a TDT or TOT section (EN 300 468 5.2.5, annex C).
std::optional<std::chrono::sys_seconds> parse_time_section(const SectionBytes& section);

std::vector<SectionBytes> sections(const Pat& pat);
// Streams that do not fit into the one section are left out: none of what parse_pmt() gave.
std::vector<SectionBytes> sections(const Pmt& pmt);
std::vector<SectionBytes> sections(const Cat& cat);
std::vector<SectionBytes> sections(const Sdt& sdt);
// A stream goes on in the next section where its descriptors need it.
std::vector<SectionBytes> sections(const Nit& nit);

// EN 300 468 6.2.33 and 6.2.37, decoded from their descriptors.
struct ServiceName {
  std::uint8_t service_type = 0;
  std::string provider, name;  // UTF-8
};
std::optional<ServiceName> service_name(const Descriptors& descriptors);
struct ShortEvent {
  std::string language, name, text;
};
std::optional<ShortEvent> short_event(const Descriptors& descriptors);

}  // namespace psi
