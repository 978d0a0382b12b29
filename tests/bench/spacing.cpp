// How evenly the datagrams of a constant-rate stream arrive: the spacing between two by the kernel's time stamps,
// against the spacing that the stream's PCRs ask for.
//
//   spacing udp://239.1.1.1:5000[,iface=NAME] SECONDS
//
// Prints the deviation of each spacing, in microseconds, one a line. Fails if packets were lost.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "common/io/source.hpp"
#include "common/ts/continuity.hpp"
#include "common/ts/program_clock.hpp"

namespace {

using namespace std::chrono_literals;

struct Measurement {
  std::vector<ts::SteadyTime> arrivals;
  std::vector<std::uint64_t> positions;  // of each datagram's last packet
  std::uint64_t lost = 0;
  double ns_per_packet = 0;
};

Measurement measure(const io::Endpoint& endpoint, std::chrono::seconds length) {
  Measurement result;
  ts::Continuity continuity;
  std::optional<ts::Pid> clock_pid;
  std::optional<std::pair<ts::Pcr, std::uint64_t>> first;
  std::uint64_t position = 0;
  // A large gather leaves the processors to the sender.
  const auto source = io::open_source(endpoint, {.gather = 50ms});
  std::optional<ts::SteadyTime> end;
  while (!end || std::chrono::steady_clock::now() < *end) {
    const auto chunks = source->read(10s);
    if (chunks.empty() && !end) throw std::runtime_error("nothing received");
    if (chunks.empty()) break;
    if (!end) end = chunks.front().arrival.steady + length;
    for (const auto& chunk : chunks) {
      for (const auto& packet : chunk.packets) {
        ++position;
        if (continuity.check(packet).verdict == ts::Continuity::Verdict::lost) ++result.lost;
        const auto pcr = packet.pcr();
        if (!pcr || (clock_pid && packet.pid() != *clock_pid)) continue;
        clock_pid = packet.pid();
        if (!first) first = {*pcr, position};
        if (position == first->second) continue;
        const std::chrono::duration<double, std::nano> passed = ts::distance(first->first, *pcr);
        result.ns_per_packet = passed.count() / static_cast<double>(position - first->second);
      }
      result.arrivals.push_back(chunk.arrival.steady);
      result.positions.push_back(position);
    }
  }
  return result;
}

void print(const Measurement& measurement) {
  if (measurement.arrivals.size() < 2 || measurement.ns_per_packet <= 0)
    throw std::runtime_error("too little received");
  for (std::size_t i = 1; i < measurement.arrivals.size(); ++i) {
    const auto spacing = static_cast<double>((measurement.arrivals[i] - measurement.arrivals[i - 1]).count());
    const auto packets = static_cast<double>(measurement.positions[i] - measurement.positions[i - 1]);
    std::printf("%.1f\n", std::abs(spacing - packets * measurement.ns_per_packet) / 1000);
  }
  if (measurement.lost > 0) throw std::runtime_error("packets were lost");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: spacing ENDPOINT SECONDS\n", stderr);
    return 2;
  }
  try {
    print(measure(io::Endpoint::parse(argv[1]), std::chrono::seconds{std::atoi(argv[2])}));
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "spacing: %s\n", e.what());
    return 1;
  }
}
