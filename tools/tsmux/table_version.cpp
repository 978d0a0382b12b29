#include "tools/tsmux/table_version.hpp"

#include "common/ts/section.hpp"

namespace tsmux {
namespace {

constexpr std::size_t crc_size = 4;
constexpr unsigned versions = 32;

std::vector<std::uint8_t> content_of(std::vector<psi::SectionBytes>& sections) {
  std::vector<std::uint8_t> content;
  for (auto& section : sections) {
    ts::set_version(section, 0);
    content.insert(content.end(), section.begin(), section.end() - crc_size);
  }
  return content;
}

}  // namespace

std::vector<psi::SectionBytes> TableVersion::stamp(std::vector<psi::SectionBytes> sections) {
  auto content = content_of(sections);
  if (!version_) {
    version_ = static_cast<std::uint8_t>(ts::crc32(content) % versions);
  } else if (content != content_) {
    version_ = static_cast<std::uint8_t>((*version_ + 1) % versions);
  }
  content_ = std::move(content);
  for (auto& section : sections) ts::set_version(section, *version_);
  return sections;
}

}  // namespace tsmux
