// What the tests of tscut ask of a cut.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "common/psi/service_tracker.hpp"
#include "common/ts/access_unit.hpp"
#include "common/ts/continuity.hpp"
#include "common/ts/packet.hpp"
#include "common/ts/pes.hpp"

namespace test {

inline std::vector<ts::Packet> read_packets(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  const std::vector<char> bytes{std::istreambuf_iterator<char>{file}, {}};
  EXPECT_EQ(bytes.size() % ts::packet_size, 0u);
  const auto packets = ts::packets_in({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  return {packets.begin(), packets.end()};
}

inline std::size_t continuity_errors(std::span<const ts::Packet> packets) {
  ts::Continuity continuity;
  std::size_t errors = 0;
  for (const auto& packet : packets) errors += ts::Continuity::is_error(continuity.check(packet).verdict);
  return errors;
}

// The PES packets of a PID, each with all its bytes.
inline std::vector<std::vector<std::uint8_t>> units(std::span<const ts::Packet> packets, unsigned pid) {
  std::vector<std::vector<std::uint8_t>> found;
  for (const auto& packet : packets) {
    if (packet.pid() != ts::Pid{pid} || !packet.has_payload()) continue;
    if (packet.unit_start() || found.empty()) found.emplace_back();
    const auto payload = packet.payload();
    found.back().insert(found.back().end(), payload.begin(), payload.end());
  }
  return found;
}

inline std::optional<ts::Timestamp> pts(const std::vector<std::uint8_t>& unit) {
  const auto header = ts::PesHeader::parse(unit);
  return header ? header->pts : std::nullopt;
}

inline std::set<unsigned> pids(std::span<const ts::Packet> packets) {
  std::set<unsigned> found;
  for (const auto& packet : packets) found.insert(packet.pid().value());
  return found;
}

inline std::unique_ptr<psi::ServiceTracker> tables_of(std::span<const ts::Packet> packets) {
  auto tables = std::make_unique<psi::ServiceTracker>();
  for (const auto& packet : packets) tables->feed(packet);
  return tables;
}

// Index of the first packet of each access point of an H.264 PID.
inline std::vector<std::size_t> access_points(std::span<const ts::Packet> packets, unsigned pid) {
  ts::AccessUnitParser parser{ts::VideoCodec::h264};
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    if (packets[i].pid() != ts::Pid{pid}) continue;
    const auto unit = parser.feed(packets[i], i);
    if (unit && unit->access != ts::AccessPoint::none) found.push_back(unit->position);
  }
  return found;
}

}  // namespace test
