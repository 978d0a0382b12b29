// Tables with a right CRC and anything in them; those that are understood, made again and read again; and text.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <vector>

#include "common/psi/elementary_stream.hpp"
#include "common/psi/service_tracker.hpp"
#include "common/psi/tables.hpp"

namespace {

using Bytes = std::span<const std::uint8_t>;

void require(bool condition) {
  if (!condition) std::abort();
}

// A long header and a CRC around `body`.
psi::SectionBytes seal(std::uint8_t table, std::uint8_t number, std::uint8_t last_number, Bytes body) {
  constexpr std::size_t header_size = 8;
  psi::SectionBytes out(header_size + body.size() + 4);
  const std::size_t length = out.size() - 3;
  out[0] = table;
  out[1] = static_cast<std::uint8_t>(0xB0 | length >> 8);
  out[2] = static_cast<std::uint8_t>(length);
  out[4] = 1;
  out[5] = 0xC1;
  out[6] = number;
  out[7] = last_number;
  std::ranges::copy(body, out.begin() + header_size);
  ts::seal_section(out);
  return out;
}

void look_into(const psi::Descriptors& descriptors) {
  psi::service_name(descriptors);
  psi::short_event(descriptors);
  psi::conditional_access_pids(descriptors);
}

// What is read from the sections made is what they were made from, where it all fits into PSI's sections.
template <typename Table>
void read_again(const std::optional<Table>& table, bool fits,
                std::optional<Table> (*parse)(const std::vector<psi::SectionBytes>&)) {
  if (!table) return;
  const auto again = parse(psi::sections(*table));
  require(again.has_value());
  if (fits) require(*again == *table);
}

void read(const std::vector<psi::SectionBytes>& sections) {
  bool fits = true;
  for (const auto& section : sections) fits = fits && section.size() <= 1024;
  read_again(psi::parse_pat(sections), fits, psi::parse_pat);
  const auto pmt = psi::parse_pmt(sections);
  read_again(pmt, fits, psi::parse_pmt);
  const auto sdt = psi::parse_sdt(sections);
  read_again(sdt, fits, psi::parse_sdt);
  read_again(psi::parse_cat(sections), fits, psi::parse_cat);
  // Two entries of one transport stream may become one that goes on in the next section.
  read_again(psi::parse_nit(sections), false, psi::parse_nit);
  psi::parse_time_section(sections.front());
  if (pmt) {
    look_into(pmt->descriptors);
    for (const auto& stream : pmt->streams) psi::describe(stream);
  }
  if (sdt) {
    for (const auto& service : sdt->services) look_into(service.descriptors);
  }
  if (const auto eit = psi::parse_eit_section(sections.front())) {
    for (const auto& event : eit->events) look_into(event.descriptors);
  }
}

// The tables one after another on the PIDs of a multiplex with one service.
void track(const std::vector<psi::SectionBytes>& sections, ts::Pid pid) {
  constexpr std::array<std::uint8_t, 4> service_1_on_pid_0x30{0, 1, 0xE0, 0x30};
  std::vector<ts::Packet> packets;
  ts::SectionPacketizer{ts::pat_pid}.packetize(seal(psi::table_id::pat, 0, 0, service_1_on_pid_0x30), packets);
  ts::SectionPacketizer{pid, 1}.packetize(sections, packets);
  psi::ServiceTracker tracker{{}};
  for (const ts::Packet& packet : packets) tracker.feed(packet);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static constexpr std::array<std::uint8_t, 9> tables{
      psi::table_id::pat,        psi::table_id::cat,           psi::table_id::pmt,
      psi::table_id::sdt_actual, psi::table_id::eit_pf_actual, 0x50,
      psi::table_id::tot,        psi::table_id::tdt,           psi::table_id::nit_actual};
  static constexpr std::array<ts::Pid, 9> pids{ts::pat_pid, ts::cat_pid, ts::Pid{0x30}, ts::sdt_pid, ts::eit_pid,
                                               ts::eit_pid, ts::tdt_pid, ts::tdt_pid,   ts::nit_pid};
  if (size < 3) return 0;
  const std::size_t kind = data[0] % tables.size();
  const bool split = (data[0] & 0x80) != 0;
  Bytes body{data + 3, std::min<std::size_t>(size - 3, 4096 - 12)};
  const std::size_t cut = split ? std::size_t{data[1]} * 256 % (body.size() + 1) + data[2] % 16 : body.size();
  const Bytes first = body.first(std::min(cut, body.size()));

  std::vector<psi::SectionBytes> sections{seal(tables[kind], 0, split ? 1 : 0, first)};
  if (split) sections.push_back(seal(tables[kind], 1, 1, body.subspan(first.size())));
  read(sections);
  track(sections, pids[kind]);
  psi::text(body);
  return 0;
}
