// Makes a recording for tscut to be measured with: as tscircrec leaves it, but as fast as the disk takes it.
//
//   make_ring DIRECTORY RATE SECONDS
//
// The stream is the test support's: H.264 that fills most of the rate, two sounds, all tables.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>

#include "tests/support/ring_maker.hpp"
#include "tests/support/stream_builder.hpp"

namespace {

void make_ring(const std::filesystem::path& directory, std::int64_t rate, std::chrono::seconds duration) {
  using namespace std::chrono_literals;
  support::StreamBuilder builder{{.rate = rate}};
  auto service = support::ServiceOptions::numbered(1);
  service.picture_bytes = static_cast<std::size_t>(rate) / 8 / 25 * 9 / 10;
  builder.add(service);
  ring::WriterOptions options;
  options.directory = directory;
  const auto now = std::chrono::system_clock::now();
  support::RingMaker maker{options, support::RingMaker::plain_disk(), {ts::SteadyTime{1h}, now - duration}};
  for (auto made = 0s; made < duration; made += 10s) maker.feed(builder.make(10s), 10s);
  maker.close();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: make_ring DIRECTORY RATE SECONDS\n", stderr);
    return 2;
  }
  try {
    make_ring(argv[1], std::atoll(argv[2]), std::chrono::seconds{std::atoll(argv[3])});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make_ring: %s\n", error.what());
    return 1;
  }
}
