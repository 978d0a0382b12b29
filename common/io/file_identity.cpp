#include "common/io/file_identity.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace io {
namespace {

// As many as Linux follows: path_resolution(7).
constexpr int most_links = 40;

// Where open(2) would make the file: a link may lead to what is not there yet.
std::filesystem::path past_links(std::filesystem::path path) {
  std::error_code error;
  for (int links = 0; links < most_links && std::filesystem::is_symlink(path, error); ++links) {
    const auto target = std::filesystem::read_symlink(path, error);
    if (error) break;
    path = path.parent_path() / target;
  }
  return path;
}

std::optional<FileIdentity> of_new_file(const std::string& name) {
  const auto path = past_links(name);
  const auto directory = path.has_parent_path() ? path.parent_path() : std::filesystem::path{"."};
  struct stat facts {};
  if (::stat(directory.c_str(), &facts) != 0) return std::nullopt;
  return FileIdentity{facts.st_dev, facts.st_ino, path.filename().string()};
}

}  // namespace

std::optional<FileIdentity> file_identity(const Endpoint& endpoint, int standard_stream) {
  if (endpoint.is_socket()) return std::nullopt;
  struct stat facts {};
  const bool is_path = endpoint.kind == Endpoint::Kind::path;
  if ((is_path ? ::stat(endpoint.path.c_str(), &facts) : ::fstat(standard_stream, &facts)) != 0) {
    return is_path && errno == ENOENT ? of_new_file(endpoint.path) : std::nullopt;
  }
  if (!S_ISREG(facts.st_mode)) return std::nullopt;
  return FileIdentity{facts.st_dev, facts.st_ino, {}};
}

}  // namespace io
