// What merging two paths costs: time and allocations for each packet that comes out, at 50 Mb/s on each path.
#include <benchmark/benchmark.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <new>
#include <random>
#include <vector>

#include "common/io/hitless_merger.hpp"
#include "tests/support/packet_builder.hpp"

namespace {

std::atomic<std::uint64_t> allocations = 0;

}  // namespace

[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using namespace std::chrono_literals;

constexpr std::size_t datagram = 7;
constexpr std::size_t datagrams = 20000;  // four seconds, again and again
constexpr std::chrono::nanoseconds spacing = 210us;
constexpr std::size_t behind = 300ms / spacing;

std::vector<ts::Packet> made_packets() {
  std::mt19937 random;
  std::vector<ts::Packet> packets;
  for (unsigned i = 0; i < datagrams * datagram; ++i) {
    std::array<std::uint8_t, 176> payload;
    for (auto& byte : payload) byte = static_cast<std::uint8_t>(random());
    std::optional<ts::Pcr> pcr;
    if (i % 1000 == 0) pcr = ts::Pcr{ts::Ticks27{i * 810}};
    packets.push_back(test::make_packet({.counter = i & 15u, .pcr = pcr}, payload));
  }
  return packets;
}

// Arguments: with RTP or not; datagrams lost in 1000, on each path.
void merge(benchmark::State& state) {
  static const std::vector<ts::Packet> packets = made_packets();
  const bool is_rtp = state.range(0) != 0;
  const auto lost = static_cast<unsigned>(state.range(1));
  std::mt19937 random;
  io::HitlessMerger merger({});
  std::int64_t count = 0;
  std::uint64_t taken = 0, allocated_before = 0, taken_before = 0;
  const auto feed = [&](std::size_t path, std::int64_t number, ts::Arrival arrival) {
    if (random() % 1000 < lost) return;
    const auto at = static_cast<std::size_t>(number) % datagrams * datagram;
    io::Chunk chunk{std::span{packets}.subspan(at, datagram), arrival};
    if (is_rtp) chunk.rtp = {static_cast<std::uint16_t>(number), 1};
    merger.feed(path, chunk);
  };
  const auto step = [&] {
    const ts::Arrival arrival{ts::SteadyTime{1h} + spacing * count, {}};
    feed(0, count, arrival);
    if (count >= static_cast<std::int64_t>(behind)) feed(1, count - static_cast<std::int64_t>(behind), arrival);
    if (++count % 8 == 0) {
      for (const auto& chunk : merger.take(arrival.steady)) taken += chunk.packets.size();
    }
  };
  for (std::size_t i = 0; i < 2 * datagrams; ++i) step();
  allocated_before = allocations;
  taken_before = taken;
  for (auto _ : state) step();
  state.SetItemsProcessed(static_cast<std::int64_t>(taken - taken_before));
  const double made = static_cast<double>(taken - taken_before);
  state.counters["allocations"] = static_cast<double>(allocations - allocated_before) / made;
  state.counters["time"] = benchmark::Counter(made, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(merge)->ArgNames({"rtp", "loss"})->ArgsProduct({{1, 0}, {0, 50}})->Iterations(200000);

}  // namespace

BENCHMARK_MAIN();
