#include "common/playout/table_versions.hpp"

#include <string_view>
#include <vector>

#include "common/psi/tables.hpp"

namespace playout {

namespace {

constexpr std::size_t version_offset = 5;

// Of these there is one at a time, whatever its extension; of others, one for each extension.
bool is_only_one(std::uint8_t table) {
  return table == psi::table_id::pat || table == psi::table_id::cat || table == psi::table_id::nit_actual ||
         table == psi::table_id::sdt_actual;
}

// Of all but version and CRC; section_number and last_section_number count as content.
std::uint64_t content_hash(std::span<const std::uint8_t> section) {
  const std::string_view all{reinterpret_cast<const char*>(section.data()), section.size() - 4};
  const std::hash<std::string_view> hash;
  return hash(all.substr(0, version_offset)) * 31 + hash(all.substr(version_offset + 1));
}

}  // namespace

std::uint8_t TableVersions::assign(ts::Pid pid, const ts::Section& section) {
  const std::uint64_t content = content_hash(section.bytes());
  const std::uint16_t extension = is_only_one(section.table_id()) ? std::uint16_t{0} : section.extension();
  auto [entry, is_new] = tables_.try_emplace(Key{pid, section.table_id(), extension});
  Table& table = entry->second;
  if (is_new) table.version = section.version();
  const auto [sent, first_of_number] = table.sections.try_emplace(section.number(), content);
  if (!first_of_number && sent->second != content) {
    const bool counted = section.version() != table.version;
    table.version = counted ? section.version() : static_cast<std::uint8_t>((table.version + 1) & 0x1F);
    table.sections = {{section.number(), content}};
  }
  if (table.version != section.version()) ++changed_;
  return table.version;
}

TablePatcher::TablePatcher(TableVersions& versions) : versions_(versions) {
  for (const ts::Pid pid : {ts::pat_pid, ts::cat_pid, ts::nit_pid, ts::sdt_pid, ts::eit_pid}) wanted_.set(pid.value());
}

void TablePatcher::add_pmt_pid(ts::Pid pid) {
  wanted_.set(pid.value());
  pmt_.set(pid.value());
}

void TablePatcher::feed(PacketWindow& window, std::uint64_t position) {
  const ts::Packet& packet = window.at(position);
  if (packet.scrambling() != 0) return;
  const ts::Pid pid = packet.pid();
  tracers_[pid].feed(packet, position, [&](auto bytes, auto pieces) { patch(window, pid, bytes, pieces); });
}

void TablePatcher::patch(PacketWindow& window, ts::Pid pid, std::span<const std::uint8_t> bytes,
                         std::span<const SectionTracer::Piece> pieces) {
  const ts::Section section{bytes};
  if (!section.has_long_header() || !section.is_current() || !section.crc_ok()) return;
  if (pmt_[pid.value()] && section.table_id() != psi::table_id::pmt) return;
  if (pieces.front().position < window.begin()) return;
  const std::uint8_t version = versions_.assign(pid, section);
  if (version == section.version()) return;

  std::vector<std::uint8_t> changed(bytes.begin(), bytes.end());
  changed[version_offset] = static_cast<std::uint8_t>((changed[version_offset] & 0xC1) | version << 1);
  ts::seal_section(changed);
  auto from = changed.begin();
  for (const auto& piece : pieces) {
    const auto to = window.at(piece.position).bytes.begin() + static_cast<std::ptrdiff_t>(piece.offset);
    std::copy_n(from, piece.size, to);
    from += static_cast<std::ptrdiff_t>(piece.size);
  }
}

}  // namespace playout
