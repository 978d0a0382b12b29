// Real captures: in the folder that HEADEND_STREAMS names, or in ../shared/streams beside the repository.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace test {

inline std::filesystem::path capture_path(const std::string& name) {
  const char* folder = std::getenv("HEADEND_STREAMS");
  if (folder != nullptr) return std::filesystem::path{folder} / name;
  // A compiler cache may have made __FILE__ relative to the build folder, where the tests run.
  const auto here = std::filesystem::absolute(__FILE__).lexically_normal();
  const auto repository = here.parent_path().parent_path().parent_path();
  return repository.parent_path() / "shared" / "streams" / name;
}

// Empty if there is no such file.
inline std::vector<std::uint8_t> read_capture(const std::string& name) {
  std::ifstream file{capture_path(name), std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

}  // namespace test

// Gives the test `bytes`, or skips it.
#define CAPTURE_OR_SKIP(bytes, name)           \
  const auto bytes = test::read_capture(name); \
  if (bytes.empty()) GTEST_SKIP() << name << " is not here: set HEADEND_STREAMS"
