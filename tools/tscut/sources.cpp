#include "tools/tscut/sources.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <span>
#include <stdexcept>

#include "common/ts/synchronizer.hpp"

namespace tscut {
namespace {

namespace fs = std::filesystem;

// Of packets of 192 or 204 bytes. Such a file is read from its start on. What is no transport stream at all is left to
// the reader of recordings to refuse.
bool has_long_packets(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  std::array<char, 65536> bytes{};
  file.read(bytes.data(), bytes.size());
  const auto size = static_cast<std::size_t>(file.gcount());
  if (size < ts::packet_size) return false;
  ts::Synchronizer synchronizer;
  synchronizer.feed(std::span{reinterpret_cast<const std::uint8_t*>(bytes.data()), size});
  return synchronizer.locked() && synchronizer.stride() != ts::packet_size;
}

bool is_stream(const std::string& operand) {
  const auto endpoint = io::Endpoint::parse(operand);
  if (endpoint.kind != io::Endpoint::Kind::path) return true;
  const auto type = fs::status(operand).type();
  if (type == fs::file_type::fifo || type == fs::file_type::character) return true;
  return type == fs::file_type::regular && has_long_packets(operand);
}

bool is_inside(const fs::path& file, const fs::path& directory) {
  std::error_code error;
  auto folder = file.parent_path();
  if (folder.empty()) folder = ".";
  return fs::equivalent(folder, directory, error) && !error;
}

}  // namespace

Sources open_sources(const std::vector<std::string>& operands) {
  Sources sources;
  for (const auto& operand : operands) {
    const bool stream = is_stream(operand);
    const bool directory = !stream && fs::is_directory(operand);
    if (!stream && !directory) continue;
    if (operands.size() > 1) throw std::runtime_error(operand + ": goes with no other source");
    if (stream) sources.stream = io::Endpoint::parse(operand);
    if (directory) sources.recording = ring::open_ring(operand);
    return sources;
  }
  sources.recording = ring::open_files({operands.begin(), operands.end()});
  return sources;
}

void refuse_overwriting(const std::vector<std::string>& operands, const std::string& output) {
  if (output == "-") return;
  for (const auto& operand : operands) {
    std::error_code error;
    if (fs::equivalent(operand, output, error) && !error && !fs::is_character_file(output, error)) {
      throw std::runtime_error(output + ": is a source of this cut");
    }
    if (fs::is_directory(operand, error) && is_inside(output, operand)) {
      throw std::runtime_error(output + ": lies in the recording's own directory");
    }
  }
}

}  // namespace tscut
