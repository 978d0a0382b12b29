#include "common/psi/tables.hpp"

// libdvbpsi's headers include neither what they need nor each other.
#include <dvbpsi/dvbpsi.h>
// (order matters)
#include <dvbpsi/descriptor.h>
#include <dvbpsi/psi.h>
// (order matters)
#include <dvbpsi/cat.h>
#include <dvbpsi/demux.h>
#include <dvbpsi/eit.h>
#include <dvbpsi/pmt.h>
#include <dvbpsi/sdt.h>

#include <algorithm>
#include <memory>
#include <new>
#include <span>

#include "common/psi/section_parts.hpp"
#include "common/psi/section_writer.hpp"

namespace psi {
namespace {

using Bytes = std::span<const std::uint8_t>;

std::uint16_t u16(Bytes bytes) { return static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]); }
std::size_t length12(Bytes bytes) { return u16(bytes) & 0x0FFFu; }

// ---- What libdvbpsi may be given. It trusts the lengths inside a section, so they are checked first: a loop that
// does not end where it says makes the table unreadable.

bool has_whole_descriptors(Bytes loop) {
  while (!loop.empty()) {
    if (loop.size() < 2 || loop.size() - 2 < loop[1]) return false;
    loop = loop.subspan(2u + loop[1]);
  }
  return true;
}

// Entries of `header` bytes, the last 12 bits of which are the length of the descriptors that follow.
bool has_whole_entries(Bytes loop, std::size_t header) {
  while (!loop.empty()) {
    if (loop.size() < header) return false;
    const std::size_t length = length12(loop.subspan(header - 2));
    if (loop.size() - header < length || !has_whole_descriptors(loop.subspan(header, length))) return false;
    loop = loop.subspan(header + length);
  }
  return true;
}

bool is_pat_body(Bytes body) { return body.size() % 4 == 0; }

bool is_pmt_body(Bytes body) {
  if (body.size() < 4) return false;
  const std::size_t length = length12(body.subspan(2));
  return body.size() - 4 >= length && has_whole_descriptors(body.subspan(4, length)) &&
         has_whole_entries(body.subspan(4 + length), 5);
}

bool is_sdt_body(Bytes body) { return body.size() >= 3 && has_whole_entries(body.subspan(3), 5); }

bool is_nit_body(Bytes body) {
  if (body.size() < 2) return false;
  const std::size_t network = length12(body);
  if (body.size() < 2 + network + 2 || !has_whole_descriptors(body.subspan(2, network))) return false;
  const Bytes loop = body.subspan(2 + network);
  return length12(loop) == loop.size() - 2 && has_whole_entries(loop.subspan(2), 6);
}

bool is_eit_body(Bytes body) { return body.size() >= 6 && has_whole_entries(body.subspan(6), 12); }

bool is_section(Bytes bytes) {
  if (bytes.size() < long_header_size + crc_size || (bytes[1] & 0x80) == 0) return false;
  return bytes.size() == length12(bytes.subspan(1)) + 3 && ts::Section{bytes}.crc_ok();
}

// Every section of one version of a table, in order, with bodies that may be decoded.
bool is_table(const std::vector<SectionBytes>& sections, std::uint8_t table, bool (*is_body)(Bytes)) {
  if (sections.empty() || !std::ranges::all_of(sections, is_section)) return false;
  const ts::Section first{sections.front()};
  for (std::size_t i = 0; i < sections.size(); ++i) {
    const ts::Section section{sections[i]};
    if (section.table_id() != table || section.extension() != first.extension() || !section.is_current() ||
        section.version() != first.version() || section.number() != i ||
        std::size_t{section.last_number()} + 1 != sections.size() || !is_body(section.body())) {
      return false;
    }
  }
  return true;
}

// ---- libdvbpsi

struct Delete {
  void operator()(dvbpsi_pmt_t* table) const { dvbpsi_pmt_delete(table); }
  void operator()(dvbpsi_cat_t* table) const { dvbpsi_cat_delete(table); }
  void operator()(dvbpsi_sdt_t* table) const { dvbpsi_sdt_delete(table); }
  void operator()(dvbpsi_eit_t* table) const { dvbpsi_eit_delete(table); }
};
template <typename Table>
using Owned = std::unique_ptr<Table, Delete>;

// libdvbpsi hands a table over; `owner` is an Owned<Table>.
template <typename Table>
void receive(void* owner, Table* table) {
  static_cast<Owned<Table>*>(owner)->reset(table);
}

// Decodes one table. `attach` and `detach` are those of its decoder. libdvbpsi takes packets, not sections.
template <typename Table, typename Attach>
Owned<Table> decode(const std::vector<SectionBytes>& sections, Attach attach, void (*detach)(dvbpsi_t*)) {
  const std::unique_ptr<dvbpsi_t, decltype(&dvbpsi_delete)> handle{dvbpsi_new(nullptr, DVBPSI_MSG_NONE),
                                                                   &dvbpsi_delete};
  Owned<Table> table;
  if (!handle || !attach(handle.get(), &table)) throw std::bad_alloc{};
  std::vector<ts::Packet> packets;
  ts::SectionPacketizer{ts::Pid{0x0020}}.packetize(sections, packets);
  for (ts::Packet& packet : packets) dvbpsi_packet_push(handle.get(), packet.bytes.data());
  detach(handle.get());
  return table;
}

void ignore_subtable(dvbpsi_t*, std::uint8_t, std::uint16_t, void*) {}

Descriptors convert(const dvbpsi_descriptor_t* descriptor) {
  Descriptors out;
  for (; descriptor != nullptr; descriptor = descriptor->p_next) {
    out.push_back({descriptor->i_tag, {descriptor->p_data, descriptor->p_data + descriptor->i_length}});
  }
  return out;
}

// ---- What is read here

// Of whole descriptors.
void append_descriptors(Descriptors& out, Bytes loop) {
  for (; !loop.empty(); loop = loop.subspan(2u + loop[1])) {
    const Bytes data = loop.subspan(2, loop[1]);
    out.push_back({loop[0], {data.begin(), data.end()}});
  }
}

// The transport streams of one section of the NIT. One that was begun in the section before goes on.
void add_streams(Nit& nit, Bytes loop) {
  bool begins = true;
  while (!loop.empty()) {
    const std::uint16_t id = u16(loop), network = u16(loop.subspan(2));
    const bool goes_on = begins && !nit.streams.empty() && nit.streams.back().transport_stream_id == id &&
                         nit.streams.back().original_network_id == network;
    if (!goes_on) nit.streams.push_back({id, network, {}});
    begins = false;
    const std::size_t length = length12(loop.subspan(4));
    append_descriptors(nit.streams.back().descriptors, loop.subspan(6, length));
    loop = loop.subspan(6 + length);
  }
}

// ---- DVB's dates (EN 300 468 annex C)

std::optional<unsigned> bcd(std::uint64_t two_digits) {
  const auto tens = static_cast<unsigned>(two_digits >> 4 & 0x0F);
  const auto ones = static_cast<unsigned>(two_digits & 0x0F);
  if (tens > 9 || ones > 9) return std::nullopt;
  return tens * 10 + ones;
}

// 24 bits: hours, minutes and seconds in BCD. All ones, for undefined, are no BCD either.
std::optional<std::chrono::seconds> duration(std::uint64_t bits) {
  const auto hours = bcd(bits >> 16);
  const auto minutes = bcd(bits >> 8);
  const auto seconds = bcd(bits);
  if (!hours || !minutes || !seconds) return std::nullopt;
  return std::chrono::hours{*hours} + std::chrono::minutes{*minutes} + std::chrono::seconds{*seconds};
}

// 40 bits: Modified Julian Date, then the time of day.
std::optional<std::chrono::sys_seconds> utc(std::uint64_t bits) {
  constexpr std::int64_t mjd_of_1970 = 40587;
  const auto time = duration(bits);
  if (!time || *time >= std::chrono::days{1}) return std::nullopt;
  const std::chrono::days day{static_cast<std::int64_t>(bits >> 24 & 0xFFFF) - mjd_of_1970};
  return std::chrono::sys_days{day} + *time;
}

}  // namespace

// Read here, because libdvbpsi is quadratic in the number of programmes: a table of 256 full sections, which the CRC
// does not prevent, would stall it. The entries have a fixed size (ISO/IEC 13818-1 2.4.4.3).
std::optional<Pat> parse_pat(const std::vector<SectionBytes>& sections) {
  if (!is_table(sections, table_id::pat, is_pat_body)) return std::nullopt;
  const ts::Section first{sections.front()};
  Pat out{.transport_stream_id = first.extension(), .version = first.version(), .network_pid = {}, .services = {}};
  std::vector<bool> seen(std::size_t{1} << 16);  // by program_number
  for (const Bytes bytes : sections) {
    for (Bytes rest = ts::Section{bytes}.body(); !rest.empty(); rest = rest.subspan(4)) {
      const std::uint16_t number = u16(rest);
      const ts::Pid pid{static_cast<std::uint16_t>(u16(rest.subspan(2)) & 0x1FFF)};
      if (seen[number]) continue;
      seen[number] = true;
      if (number == 0) {
        out.network_pid = pid;
      } else {
        out.services.push_back({ServiceId{number}, pid});
      }
    }
  }
  return out;
}

std::optional<Pmt> parse_pmt(const std::vector<SectionBytes>& sections) {
  if (sections.size() != 1 || !is_table(sections, table_id::pmt, is_pmt_body)) return std::nullopt;
  const auto attach = [service = ts::Section{sections.front()}.extension()](dvbpsi_t* handle, void* owner) {
    return dvbpsi_pmt_attach(handle, service, receive, owner);
  };
  const auto table = decode<dvbpsi_pmt_t>(sections, attach, dvbpsi_pmt_detach);
  if (!table) return std::nullopt;
  Pmt out{.service = ServiceId{table->i_program_number},
          .version = table->i_version,
          .pcr_pid = ts::Pid{table->i_pcr_pid},
          .descriptors = convert(table->p_first_descriptor),
          .streams = {}};
  for (const auto* stream = table->p_first_es; stream != nullptr; stream = stream->p_next) {
    out.streams.push_back({stream->i_type, ts::Pid{stream->i_pid}, convert(stream->p_first_descriptor)});
  }
  return out;
}

std::optional<Cat> parse_cat(const std::vector<SectionBytes>& sections) {
  if (!is_table(sections, table_id::cat, has_whole_descriptors)) return std::nullopt;
  const auto attach = [](dvbpsi_t* handle, void* owner) { return dvbpsi_cat_attach(handle, receive, owner); };
  const auto table = decode<dvbpsi_cat_t>(sections, attach, dvbpsi_cat_detach);
  if (!table) return std::nullopt;
  return Cat{.version = table->i_version, .descriptors = convert(table->p_first_descriptor)};
}

std::optional<Sdt> parse_sdt(const std::vector<SectionBytes>& sections) {
  if (!is_table(sections, table_id::sdt_actual, is_sdt_body)) return std::nullopt;
  const auto attach = [id = ts::Section{sections.front()}.extension()](dvbpsi_t* handle, void* owner) {
    return dvbpsi_AttachDemux(handle, ignore_subtable, nullptr) &&
           dvbpsi_sdt_attach(handle, table_id::sdt_actual, id, receive, owner);
  };
  const auto table = decode<dvbpsi_sdt_t>(sections, attach, dvbpsi_DetachDemux);
  if (!table) return std::nullopt;
  Sdt out{.transport_stream_id = table->i_extension,
          .original_network_id = table->i_network_id,
          .version = table->i_version,
          .services = {}};
  for (const auto* service = table->p_first_service; service != nullptr; service = service->p_next) {
    out.services.push_back({.service = ServiceId{service->i_service_id},
                            .eit_schedule = service->b_eit_schedule,
                            .eit_present_following = service->b_eit_present,
                            .running_status = service->i_running_status,
                            .free_ca_mode = service->b_free_ca,
                            .descriptors = convert(service->p_first_descriptor)});
  }
  return out;
}

// Read here, as the PAT is.
std::optional<Nit> parse_nit(const std::vector<SectionBytes>& sections) {
  if (sections.empty() || sections.front().empty()) return std::nullopt;
  const std::uint8_t table = sections.front().front();
  if (table != table_id::nit_actual && table != table_id::nit_other) return std::nullopt;
  if (!is_table(sections, table, is_nit_body)) return std::nullopt;
  const ts::Section first{sections.front()};
  Nit out{.network_id = first.extension(),
          .version = first.version(),
          .actual = table == table_id::nit_actual,
          .descriptors = {},
          .streams = {}};
  for (const Bytes bytes : sections) {
    const Bytes body = ts::Section{bytes}.body();
    const std::size_t network = length12(body);
    append_descriptors(out.descriptors, body.subspan(2, network));
    add_streams(out, body.subspan(2 + network + 2));
  }
  return out;
}

std::optional<EitSection> parse_eit_section(const SectionBytes& section) {
  if (!is_section(section)) return std::nullopt;
  const ts::Section sent{section};
  if (sent.table_id() < table_id::eit_pf_actual || sent.table_id() > table_id::eit_schedule_other_last) {
    return std::nullopt;
  }
  if (!is_eit_body(sent.body())) return std::nullopt;

  // libdvbpsi waits for every section of a table, so this one becomes the only one of its own; and as the EIT's section
  // numbers may have gaps, libdvbpsi takes it as complete only when they come round again.
  SectionBytes alone = section;
  alone[6] = alone[7] = 0;  // section_number, last_section_number
  alone[12] = 0;            // segment_last_section_number
  ts::seal_section(alone);
  const auto attach = [&sent](dvbpsi_t* handle, void* owner) {
    return dvbpsi_AttachDemux(handle, ignore_subtable, nullptr) &&
           dvbpsi_eit_attach(handle, sent.table_id(), sent.extension(), receive, owner);
  };
  const auto table = decode<dvbpsi_eit_t>({alone, alone}, attach, dvbpsi_DetachDemux);
  if (!table) return std::nullopt;
  EitSection out{.table = sent.table_id(),
                 .service = ServiceId{sent.extension()},
                 .version = sent.version(),
                 .number = sent.number(),
                 .transport_stream_id = table->i_ts_id,
                 .original_network_id = table->i_network_id,
                 .events = {}};
  for (const auto* event = table->p_first_event; event != nullptr; event = event->p_next) {
    out.events.push_back({.event_id = event->i_event_id,
                          .start = utc(event->i_start_time),
                          .duration = duration(event->i_duration),
                          .running_status = event->i_running_status,
                          .free_ca_mode = event->b_free_ca,
                          .descriptors = convert(event->p_first_descriptor)});
  }
  return out;
}

std::optional<std::chrono::sys_seconds> parse_time_section(const SectionBytes& section) {
  constexpr std::size_t header_size = 3;
  if (section.size() < header_size + 5 || (section[0] != table_id::tdt && section[0] != table_id::tot)) {
    return std::nullopt;
  }
  std::uint64_t bits = 0;
  for (const std::uint8_t byte : Bytes{section}.subspan(header_size, 5)) bits = bits << 8 | byte;
  return utc(bits);
}

std::vector<SectionBytes> sections(const Pat& pat) {
  SectionWriter writer{table_id::pat, psi_syntax, pat.transport_stream_id, pat.version, {}};
  const auto add = [&writer](ServiceId service, ts::Pid pid) {
    SectionBytes entry;
    put16(entry, service.value());
    put16(entry, 0xE000u | pid.value());
    writer.add(entry);
  };
  if (pat.network_pid) add(ServiceId{0}, *pat.network_pid);
  for (const Pat::Entry& entry : pat.services) add(entry.service, entry.pmt_pid);
  return writer.finish();
}

std::vector<SectionBytes> sections(const Pmt& pmt) {
  SectionBytes fixed;
  put16(fixed, 0xE000u | pmt.pcr_pid.value());
  put_descriptors(fixed, 0xF, pmt.descriptors, largest_section - long_header_size - crc_size);
  SectionWriter writer{table_id::pmt, psi_syntax, pmt.service.value(), pmt.version, fixed};
  for (const Pmt::Stream& stream : pmt.streams) {
    SectionBytes entry{stream.type};
    put16(entry, 0xE000u | stream.pid.value());
    put_descriptors(entry, 0xF, stream.descriptors, largest_section);
    if (writer.fits(entry)) writer.add(entry);
  }
  return writer.finish();
}

std::vector<SectionBytes> sections(const Cat& cat) {
  constexpr std::uint16_t reserved = 0xFFFF;
  SectionWriter writer{table_id::cat, psi_syntax, reserved, cat.version, {}};
  for (const Descriptor& descriptor : cat.descriptors) {
    if (descriptor.data.size() > 0xFF) continue;
    SectionBytes entry;
    put_descriptor(entry, descriptor);
    writer.add(entry);
  }
  return writer.finish();
}

std::vector<SectionBytes> sections(const Sdt& sdt) {
  SectionBytes fixed;
  put16(fixed, sdt.original_network_id);
  fixed.push_back(0xFF);  // reserved_future_use
  const std::size_t room = largest_section - long_header_size - fixed.size() - crc_size;
  SectionWriter writer{table_id::sdt_actual, si_syntax, sdt.transport_stream_id, sdt.version, fixed};
  for (const Sdt::Service& service : sdt.services) {
    SectionBytes entry;
    put16(entry, service.service.value());
    entry.push_back(
        static_cast<std::uint8_t>(0xFC | (service.eit_schedule ? 2 : 0) | (service.eit_present_following ? 1 : 0)));
    const unsigned status = (service.running_status & 7u) << 1 | (service.free_ca_mode ? 1u : 0u);
    put_descriptors(entry, status, service.descriptors, room);
    writer.add(entry);
  }
  return writer.finish();
}

std::optional<ServiceName> service_name(const Descriptors& descriptors) {
  const Descriptor* found = find(descriptors, tag::service);
  if (found == nullptr) return std::nullopt;
  const Bytes data{found->data};
  if (data.size() < 3) return std::nullopt;
  const std::size_t provider = data[1];
  if (data.size() < 3 + provider) return std::nullopt;
  const std::size_t name = data[2 + provider];
  if (data.size() < 3 + provider + name) return std::nullopt;
  return ServiceName{data[0], text(data.subspan(2, provider)), text(data.subspan(3 + provider, name))};
}

std::optional<ShortEvent> short_event(const Descriptors& descriptors) {
  const Descriptor* found = find(descriptors, tag::short_event);
  if (found == nullptr) return std::nullopt;
  const Bytes data{found->data};
  if (data.size() < 5) return std::nullopt;
  const std::size_t name = data[3];
  if (data.size() < 5 + name) return std::nullopt;
  const std::size_t description = data[4 + name];
  if (data.size() < 5 + name + description) return std::nullopt;
  return ShortEvent{language_code(data.first<3>()), text(data.subspan(4, name)),
                    text(data.subspan(5 + name, description))};
}

}  // namespace psi
