#include "common/io/hitless_merger.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <random>
#include <stdexcept>

#include "tests/support/packet_builder.hpp"

namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using Packets = std::vector<ts::Packet>;
using State = io::PathStatistics::State;

constexpr std::size_t packets_a_datagram = 7;

ts::Arrival at(nanoseconds time) {
  const auto steady = ts::SteadyTime{1h} + time;
  return {steady, ts::WallTime{steady.time_since_epoch() + 24h}};
}

// A service of constant rate: video and audio that are never the same again, PAT and PMT that are the same every 16
// times, PCRs every 40 ms, and nulls.
class Encoder {
 public:
  explicit Encoder(unsigned seed, nanoseconds spacing = 2ms)
      : random_(seed), packet_time_(spacing / packets_a_datagram) {}

  ts::Packet next() {
    const nanoseconds now = packet_time_ * count_++;
    if (now >= next_pcr_) {
      next_pcr_ += 40ms;
      return component(0x100, ts::Pcr{std::chrono::duration_cast<ts::Ticks27>(now)});
    }
    if (now >= next_psi_) {
      next_psi_ += 50ms;
      return table(psi_count_++ % 2 == 0 ? 0 : 0x1000);
    }
    const unsigned kind = static_cast<unsigned>(random_()) % 16;
    if (kind < 3) return ts::Packet::null();
    return component(kind < 5 ? 0x101 : 0x100);
  }

 private:
  ts::Packet component(unsigned pid, std::optional<ts::Pcr> pcr = std::nullopt) {
    std::array<std::uint8_t, 176> payload;
    for (std::size_t i = 0; i < payload.size(); i += 4) {
      const auto word = static_cast<std::uint32_t>(random_());
      for (std::size_t k = 0; k < 4; ++k) payload[i + k] = static_cast<std::uint8_t>(word >> 8 * k);
    }
    return test::make_packet({.pid = pid, .counter = counters_[pid]++ & 15u, .pcr = pcr}, payload);
  }
  ts::Packet table(unsigned pid) {
    const std::array<std::uint8_t, 184> payload{0, static_cast<std::uint8_t>(pid >> 8)};
    return test::make_packet({.pid = pid, .counter = counters_[pid]++ & 15u, .unit_start = true}, payload);
  }

  std::mt19937 random_;
  nanoseconds packet_time_;
  std::int64_t count_ = 0;
  nanoseconds next_pcr_{}, next_psi_{10ms};
  unsigned psi_count_ = 0;
  std::array<std::uint8_t, ts::Pid::count> counters_{};
};

// A stream as it is sent: datagrams at one distance.
struct Sender {
  explicit Sender(std::size_t datagrams, unsigned seed = 1, nanoseconds distance = 2ms) : spacing(distance) {
    Encoder encoder(seed, distance);
    for (std::size_t i = 0; i < datagrams * packets_a_datagram; ++i) packets.push_back(encoder.next());
  }
  std::size_t size() const { return packets.size() / packets_a_datagram; }
  std::span<const ts::Packet> datagram(std::size_t i) const {
    return std::span{packets}.subspan(i * packets_a_datagram, packets_a_datagram);
  }
  nanoseconds sent(std::size_t i) const { return spacing * static_cast<std::int64_t>(i); }
  std::size_t at(nanoseconds time) const { return static_cast<std::size_t>(time / spacing); }

  nanoseconds spacing;
  Packets packets;
};

struct Event {
  nanoseconds time;
  std::size_t path;
  std::size_t datagram;
  io::RtpStamp stamp;
  const Sender* sender;
};

// What paths make of a sender's datagrams.
struct Route {
  std::function<bool(std::size_t)> loses = [](std::size_t) { return false; };
  std::function<nanoseconds(std::size_t)> delay = [](std::size_t) { return 0ns; };
  std::function<std::uint16_t(std::size_t)> sequence = [](std::size_t i) { return static_cast<std::uint16_t>(i); };
  std::uint32_t ssrc = 1;
};

void send(std::vector<Event>& events, const Sender& sender, std::size_t path, const Route& route,
          nanoseconds start = 0ns) {
  for (std::size_t i = 0; i < sender.size(); ++i) {
    if (route.loses(i)) continue;
    events.push_back({start + sender.sent(i) + route.delay(i), path, i, {route.sequence(i), route.ssrc}, &sender});
  }
}

std::function<bool(std::size_t)> random_loss(double share, unsigned seed) {
  return [share, seed](std::size_t i) {
    std::minstd_rand random(static_cast<unsigned>(i) * 2654435761u ^ seed * 40503u);
    random.discard(3);
    return static_cast<double>(random()) < share * 2147483647.0;
  };
}

std::function<bool(std::size_t)> burst(std::size_t from, std::size_t to) {
  return [=](std::size_t i) { return i >= from && i < to; };
}

std::function<nanoseconds(std::size_t)> constant(nanoseconds delay) {
  return [=](std::size_t) { return delay; };
}

struct Result {
  Packets packets;
  std::vector<nanoseconds> times;   // when each left
  std::vector<nanoseconds> stated;  // Chunk::arrival
  std::vector<std::size_t> losses;  // in packets: before which after_loss was said
};

struct Merge {
  enum class Kind : bool { rtp, plain };

  explicit Merge(Kind its_kind, io::MergeOptions options = {}) : kind(its_kind), merger(options) {}

  void play(std::vector<Event> events) {
    std::ranges::stable_sort(events, {}, &Event::time);
    for (const Event& event : events) {
      take(event.time);
      io::Chunk chunk{event.sender->datagram(event.datagram), at(event.time)};
      if (kind == Kind::rtp) chunk.rtp = event.stamp;
      merger.feed(event.path, chunk);
      last = event.time;
    }
  }
  // All that is held.
  void end() {
    for (nanoseconds time = last; time < last + 3s; time += 1ms) take(time);
  }
  void take(nanoseconds now) {
    for (const io::Chunk& chunk : merger.take(at(now).steady)) {
      if (chunk.after_loss) result.losses.push_back(result.packets.size());
      result.packets.insert(result.packets.end(), chunk.packets.begin(), chunk.packets.end());
      result.times.insert(result.times.end(), chunk.packets.size(), now);
      result.stated.insert(result.stated.end(), chunk.packets.size(), chunk.arrival.steady - at(0ns).steady);
    }
  }

  Kind kind;
  io::HitlessMerger merger;
  Result result;
  nanoseconds last{};
};

// Of all that was sent, what at least one of the routes had.
Packets had_by_any(const Sender& sender, const std::vector<Route>& routes) {
  Packets packets;
  for (std::size_t i = 0; i < sender.size(); ++i) {
    if (std::ranges::all_of(routes, [i](const Route& route) { return route.loses(i); })) continue;
    const auto datagram = sender.datagram(i);
    packets.insert(packets.end(), datagram.begin(), datagram.end());
  }
  return packets;
}

// Not EXPECT_EQ: it would print all of them.
void expect_same(const Packets& got, const Packets& expected) {
  EXPECT_EQ(got.size(), expected.size());
  const auto [a, b] = std::ranges::mismatch(got, expected);
  EXPECT_TRUE(a == got.end() && b == expected.end()) << "differs at packet " << a - got.begin();
}

// How many packets of `all` are not in `got`; fails the test if others are there, or in another order.
std::size_t missing_in(const Packets& got, const Packets& all) {
  std::size_t next = 0;
  for (const ts::Packet& packet : got) {
    while (next < all.size() && all[next] != packet) ++next;
    if (next++ < all.size()) continue;
    ADD_FAILURE() << "twice, out of order, or of another stream";
    return all.size();
  }
  return all.size() - got.size();
}

nanoseconds longest_pause(const std::vector<nanoseconds>& times) {
  nanoseconds longest{};
  for (std::size_t i = 1; i < times.size(); ++i) longest = std::max(longest, times[i] - times[i - 1]);
  return longest;
}

// The most packets that came in any `window`.
std::size_t largest_burst(const std::vector<nanoseconds>& times, nanoseconds window) {
  std::size_t largest = 0;
  for (std::size_t i = 0, from = 0; i < times.size(); ++i) {
    while (times[i] - times[from] >= window) ++from;
    largest = std::max(largest, i - from + 1);
  }
  return largest;
}

Merge merge(Merge::Kind kind, const Sender& sender, const std::vector<Route>& routes, io::MergeOptions options = {}) {
  options.paths = routes.size();
  Merge run(kind, options);
  std::vector<Event> events;
  for (std::size_t path = 0; path < routes.size(); ++path) send(events, sender, path, routes[path]);
  run.play(std::move(events));
  run.end();
  return run;
}

class Merging : public testing::TestWithParam<Merge::Kind> {};

TEST_P(Merging, OfOnePathIsADelay) {
  const Sender sender(3000);
  const Merge run = merge(GetParam(), sender, {Route{}});
  expect_same(run.result.packets, sender.packets);
  for (std::size_t i = 0; i < run.result.times.size(); ++i) {
    const nanoseconds delay = run.result.times[i] - sender.sent(i / packets_a_datagram);
    ASSERT_GE(delay, 500ms);
    ASSERT_LE(delay, 502ms);
  }
}

TEST_P(Merging, LosesNothingThatOnePathHas) {
  const Sender sender(20000);
  for (const nanoseconds skew : {-400ms, -30ms, 0ms, 30ms, 400ms}) {
    SCOPED_TRACE(skew.count());
    const std::vector<Route> routes{{.loses = random_loss(0.05, 1), .delay = constant(400ms)},
                                    {.loses = random_loss(0.05, 2), .delay = constant(400ms + skew)}};
    const Merge run = merge(GetParam(), sender, routes);
    expect_same(run.result.packets, had_by_any(sender, routes));
    if (GetParam() == Merge::Kind::rtp) {
      std::uint64_t lost_by_both = 0;
      for (std::size_t i = 0; i < sender.size(); ++i) lost_by_both += routes[0].loses(i) && routes[1].loses(i);
      EXPECT_EQ(run.merger.statistics().unrecovered, lost_by_both);
      EXPECT_EQ(run.result.losses.size(), lost_by_both);
    }
    EXPECT_EQ(run.merger.statistics().packets, run.result.packets.size());
    EXPECT_EQ(run.merger.statistics().restarts, 0u);
    for (const std::size_t path : {0u, 1u}) {
      const auto statistics = run.merger.path(path);
      EXPECT_EQ(statistics.state, State::joined);
      EXPECT_EQ(statistics.late, 0u);
      EXPECT_NEAR(static_cast<double>(statistics.lost), 0.0475 * 140000, 1000);
      EXPECT_NEAR(static_cast<double>(statistics.used), 0.0475 * 140000, 1000);
      ASSERT_TRUE(statistics.skew.has_value());
      const double behind = std::max(0.0, (path == 1 ? 1e-6 : -1e-6) * static_cast<double>(skew.count()));
      EXPECT_NEAR(1e-6 * static_cast<double>(statistics.skew->count()), behind, 1.0);
    }
  }
}

TEST_P(Merging, OfThreePathsUsesWhatOnlyOneHas) {
  const Sender sender(10000);
  const std::vector<Route> routes{{.loses = random_loss(0.3, 1), .delay = constant(100ms)},
                                  {.loses = random_loss(0.3, 2), .delay = constant(0ms)},
                                  {.loses = random_loss(0.3, 3), .delay = constant(300ms)}};
  const Packets got = merge(GetParam(), sender, routes).result.packets;
  const Packets expected = had_by_any(sender, routes);
  if (GetParam() == Merge::Kind::rtp) {
    expect_same(got, expected);
  } else {
    EXPECT_LT(missing_in(got, expected), expected.size() / 50);  // whose order could not be told
  }
}

TEST_P(Merging, GoesOnWithoutGapOrBurstWhenThePathThatLeadsDiesAndComesBack) {
  const Sender sender(10000);
  for (const nanoseconds behind : {5ms, 200ms, 450ms}) {
    SCOPED_TRACE(behind.count());
    const std::vector<Route> routes{{.loses = burst(3000, 6000)}, {.delay = constant(behind)}};
    const Merge run = merge(GetParam(), sender, routes);
    expect_same(run.result.packets, sender.packets);
    EXPECT_LE(longest_pause(run.result.times), 6ms);
    EXPECT_LE(largest_burst(run.result.times, 20ms), 15 * packets_a_datagram);
    EXPECT_TRUE(std::ranges::is_sorted(run.result.stated));
  }
}

TEST_P(Merging, FillsBurstsFromTheOtherPathAtTheirTime) {
  const Sender sender(5000);
  const std::vector<Route> routes{{.loses = burst(1000, 1150)}, {.loses = burst(2000, 2150), .delay = constant(100ms)}};
  const Merge run = merge(GetParam(), sender, routes);
  expect_same(run.result.packets, sender.packets);
  EXPECT_LE(longest_pause(run.result.times), 6ms);
  EXPECT_LE(largest_burst(run.result.times, 20ms), 15 * packets_a_datagram);
}

TEST_P(Merging, FollowsASkewThatChangesSlowly) {
  const Sender sender(60000);  // two minutes
  const std::vector<Route> routes{
      {.loses = random_loss(0.05, 1), .delay = constant(400ms)},
      {.loses = random_loss(0.05, 2), .delay = [](std::size_t i) {
         return 400ms + nanoseconds(static_cast<std::int64_t>(400e6 * std::sin(1e-4 * static_cast<double>(i))));
       }}};
  const Merge run = merge(GetParam(), sender, routes);
  expect_same(run.result.packets, had_by_any(sender, routes));
  EXPECT_LE(longest_pause(run.result.times), 10ms);
}

// The path that is the reference may step too: until that is known, and no longer than a second, what the other one
// loses may come too late.
TEST_P(Merging, FollowsASkewThatSteps) {
  const Sender sender(40000);
  const auto stepped = [](std::size_t i) { return i / 8000 % 2 == 0 ? 0ms : 800ms; };
  const std::vector<Route> routes{{.loses = random_loss(0.05, 1), .delay = constant(400ms)},
                                  {.loses =
                                       [](std::size_t i) {
                                         // Were on the longer way when the path changed to the shorter one.
                                         return i % 16000 >= 15600 || random_loss(0.05, 2)(i);
                                       },
                                   .delay = stepped}};
  const Merge run = merge(GetParam(), sender, routes);
  EXPECT_LT(missing_in(run.result.packets, had_by_any(sender, routes)), 4 * 500 * 7 / 10);
}

TEST_P(Merging, ToleratesJitterOfEqualPathsWithoutDrifting) {
  const Sender sender(60000);
  const auto jitter = [](unsigned seed) {
    return [seed](std::size_t i) { return nanoseconds((i * 7919 + seed * 104729) % 1900 * 1000); };
  };
  const std::vector<Route> routes{{.loses = random_loss(0.05, 1), .delay = jitter(1)},
                                  {.loses = random_loss(0.05, 2), .delay = jitter(2)}};
  const Merge run = merge(GetParam(), sender, routes);
  expect_same(run.result.packets, had_by_any(sender, routes));
  const nanoseconds delay = run.result.times.back() - sender.sent(sender.size() - 1);
  EXPECT_NEAR(1e-6 * static_cast<double>(delay.count()), 500, 8);
}

TEST_P(Merging, DropsWhatComesTwice) {
  const Sender sender(5000);
  std::vector<Event> events;
  for (const std::size_t path : {0u, 1u}) {
    send(events, sender, path, {.loses = random_loss(0.05, static_cast<unsigned>(path))});
    send(events, sender, path, {.loses = [](std::size_t i) { return i % 10 != 0; }, .delay = constant(1ms)});
  }
  Merge run(GetParam());
  run.play(events);
  run.end();
  const Route a{.loses = [](std::size_t i) { return i % 10 != 0 && random_loss(0.05, 0)(i); }};
  const Route b{.loses = [](std::size_t i) { return i % 10 != 0 && random_loss(0.05, 1)(i); }};
  expect_same(run.result.packets, had_by_any(sender, {a, b}));
  EXPECT_GT(run.merger.path(0).duplicates, 300 * packets_a_datagram);
}

TEST_P(Merging, DoesNotMixInAnotherStream) {
  const Sender sender(10000), other(10000, 2);
  Merge run(GetParam());
  std::vector<Event> events;
  send(events, sender, 0, {.loses = random_loss(0.05, 1)});
  send(events, other, 1, {.delay = constant(1ms)});
  run.play(events);
  run.end();
  expect_same(run.result.packets, had_by_any(sender, {{.loses = random_loss(0.05, 1)}}));
  EXPECT_EQ(run.merger.path(1).state, State::different);
  EXPECT_EQ(run.merger.path(1).used, 0u);
}

TEST_P(Merging, TakesAnotherStreamWhenItsOwnHasEnded) {
  const Sender sender(2000), other(5000, 2);
  Merge run(GetParam());
  std::vector<Event> events;
  send(events, sender, 0, {});
  send(events, other, 1, {.delay = constant(1ms)});
  run.play(events);
  run.end();
  EXPECT_EQ(run.merger.statistics().restarts, 1u);
  EXPECT_EQ(run.merger.path(1).state, State::joined);
  ASSERT_GT(run.result.packets.size(), sender.packets.size());
  expect_same(Packets(run.result.packets.begin(), run.result.packets.begin() + 14000), sender.packets);
  const auto rest = run.result.packets.size() - 14000;
  EXPECT_GE(rest, 2000 * packets_a_datagram);
  expect_same(Packets(run.result.packets.begin() + 14000, run.result.packets.end()),
              Packets(other.packets.end() - static_cast<std::ptrdiff_t>(rest), other.packets.end()));
}

TEST_P(Merging, JoinsBothPathsAgainAfterTheSenderStartedAnew) {
  const Sender sender(5000), anew(5000, 2);
  for (const nanoseconds skew : {0ms, 300ms}) {
    std::vector<Event> events;
    const auto later = [](std::size_t i) { return static_cast<std::uint16_t>(i + 40000); };
    for (const std::size_t path : {0u, 1u}) {
      const auto delay = constant(path * skew);
      const unsigned seed = static_cast<unsigned>(path);
      send(events, sender, path, {.loses = random_loss(0.05, seed), .delay = delay});
      send(events, anew, path, {.loses = random_loss(0.05, seed + 2), .delay = delay, .sequence = later, .ssrc = 2},
           10s);
    }
    Merge run(GetParam());
    run.play(events);
    run.end();
    Packets expected = had_by_any(sender, {{.loses = random_loss(0.05, 0)}, {.loses = random_loss(0.05, 1)}});
    const Packets rest = had_by_any(anew, {{.loses = random_loss(0.05, 2)}, {.loses = random_loss(0.05, 3)}});
    expected.insert(expected.end(), rest.begin(), rest.end());
    if (GetParam() == Merge::Kind::rtp) {
      expect_same(run.result.packets, expected);
      EXPECT_EQ(run.merger.statistics().restarts, 1u);
    } else {
      // No counter says where what is lost on one path just there belongs.
      EXPECT_LE(missing_in(run.result.packets, expected), 30 * packets_a_datagram);
    }
    EXPECT_EQ(run.merger.path(0).state, State::joined);
    EXPECT_EQ(run.merger.path(1).state, State::joined);
    EXPECT_LE(longest_pause(run.result.times), 20ms);
  }
}

TEST_P(Merging, HoldsNoMoreThanItMay) {
  const Sender sender(5000, 1, 100us);
  const Merge run = merge(GetParam(), sender, {Route{}, Route{.delay = constant(10ms)}}, {.most_bytes = 1000000});
  expect_same(run.result.packets, sender.packets);
  EXPECT_GT(run.merger.statistics().early, 20000u);
}

TEST_P(Merging, DropsWhatNobodyTakes) {
  const Sender sender(20000, 1, 100us);
  io::HitlessMerger merger({.most_bytes = 1000000});
  for (std::size_t i = 0; i < sender.size(); ++i) {
    io::Chunk chunk{sender.datagram(i), at(sender.sent(i))};
    if (GetParam() == Merge::Kind::rtp) chunk.rtp = {static_cast<std::uint16_t>(i), 1};
    merger.feed(0, chunk);
  }
  std::size_t taken = 0;
  for (const auto& chunk : merger.take(at(1h).steady)) taken += chunk.packets.size();
  EXPECT_LE(taken * ts::packet_size, 3000000u);
  EXPECT_EQ(taken + merger.statistics().dropped, sender.packets.size());
}

INSTANTIATE_TEST_SUITE_P(Streams, Merging, testing::Values(Merge::Kind::rtp, Merge::Kind::plain),
                         [](const auto& kind) { return kind.param == Merge::Kind::rtp ? "Rtp" : "Plain"; });

TEST(HitlessMerger, OfRtpPutsDatagramsInOrder) {
  const Sender sender(10000);
  const auto shuffled = [](unsigned seed) {
    return [seed](std::size_t i) { return nanoseconds((i * 7919 + seed * 104729) % 20000 * 1000); };
  };
  const std::vector<Route> routes{{.loses = random_loss(0.05, 1), .delay = shuffled(1)},
                                  {.loses = random_loss(0.05, 2), .delay = shuffled(2)}};
  expect_same(merge(Merge::Kind::rtp, sender, routes).result.packets, had_by_any(sender, routes));
}

TEST(HitlessMerger, OfRtpKeepsOrderAcrossWraps) {
  const Sender sender(150000, 1, 50us);  // every 3.3 s
  const std::vector<Route> routes{{.loses = random_loss(0.05, 1)},
                                  {.loses = random_loss(0.05, 2), .delay = constant(400ms), .ssrc = 77}};
  const Merge run = merge(Merge::Kind::rtp, sender, routes);
  expect_same(run.result.packets, had_by_any(sender, routes));
}

TEST(HitlessMerger, OfRtpSaysOnlyWhatCameTooLateIsLate) {
  const Sender sender(5000);
  const std::vector<Route> routes{{.loses = [](std::size_t i) { return i % 100 == 50; }}, {.delay = constant(700ms)}};
  const Merge run = merge(Merge::Kind::rtp, sender, routes);
  expect_same(run.result.packets, had_by_any(sender, {routes[0]}));
  EXPECT_EQ(run.merger.statistics().unrecovered, 50u);
  EXPECT_GT(run.merger.path(1).late, 4500 * packets_a_datagram);
}

TEST(HitlessMerger, OfRtpBeginsAnewWhenASenderGoesBackWithTheSameSsrc) {
  const Sender sender(5000), anew(5000, 2);
  for (const std::uint16_t first : {std::uint16_t{4990}, std::uint16_t{100}, std::uint16_t{30000}}) {
    SCOPED_TRACE(first);
    std::vector<Event> events;
    const auto back = [first](std::size_t i) { return static_cast<std::uint16_t>(i + first); };
    send(events, sender, 0, {});
    send(events, anew, 0, {.sequence = back}, 10s);
    Merge run(Merge::Kind::rtp);
    run.play(events);
    run.end();
    EXPECT_EQ(run.merger.statistics().restarts, 1u);
    EXPECT_GE(run.result.packets.size(), (10000 - 16) * packets_a_datagram);
  }
}

TEST(HitlessMerger, OfRtpExpelsAPathThatChangesToAnotherStream) {
  const Sender sender(10000), other(10000, 2);
  for (const nanoseconds ahead : {0ms, 300ms}) {  // the path that changes leads
    std::vector<Event> events;
    send(events, sender, 0, {.loses = random_loss(0.05, 1), .delay = constant(ahead)});
    send(events, sender, 1, {.loses = burst(5000, 10000)});
    send(events, other, 1, {.loses = burst(0, 5000)});
    Merge run(Merge::Kind::rtp);
    run.play(events);
    run.end();
    Packets expected(sender.packets.begin(), sender.packets.begin() + 35000);
    const Packets rest =
        had_by_any(sender, {{.loses = [](std::size_t i) { return i < 5000 || random_loss(0.05, 1)(i); }}});
    expected.insert(expected.end(), rest.begin(), rest.end());
    if (ahead > 0ms) {
      expect_same(run.result.packets, expected);
    } else {
      EXPECT_NEAR(static_cast<double>(run.result.packets.size()), static_cast<double>(expected.size()), 21);
    }
    EXPECT_EQ(run.merger.path(1).state, State::different);
  }
}

// 24 hours of a slow stream, 66 times around the sequence numbers; the second path falls behind by ever more.
TEST_P(Merging, KeepsOrderAndDelayForADay) {
  constexpr std::uint32_t count = 24 * 3600 * 50;
  io::HitlessMerger merger({});
  const auto lost = [](std::uint32_t i, std::uint32_t path) { return (i * 2654435761u + path * 40503u) >> 16 & 15; };
  const auto sent = [](std::uint32_t i) -> nanoseconds { return 20ms * static_cast<std::int64_t>(i); };
  const auto feed = [&](std::uint32_t i, std::size_t path, nanoseconds now) {
    if (lost(i, static_cast<std::uint32_t>(path)) == 0) return;
    ts::Packet packet = ts::Packet::pcr_only(ts::Pid{0x100}, ts::Pcr{ts::Ticks27{i * 540000}}, 0);
    for (std::size_t k = 0; k < 4; ++k) packet.bytes[180 + k] = static_cast<std::uint8_t>(i >> 8 * k);
    io::Chunk chunk{std::span{&packet, 1}, at(now)};
    if (GetParam() == Merge::Kind::rtp) chunk.rtp = {static_cast<std::uint16_t>(i), 1};
    merger.feed(path, chunk);
  };
  std::uint32_t next = 0, missing = 0, lost_by_both = 0;
  nanoseconds longest{};
  for (std::uint32_t i = 0; i < count; ++i) {
    feed(i, 0, sent(i));
    const std::uint32_t behind = 1 + i / 300000;  // up to 300 ms
    if (i >= behind && i % 300000 != 0) feed(i - behind, 1, sent(i) + 1ms);
    lost_by_both += i < count - 100 && lost(i, 0) == 0 && lost(i, 1) == 0;
    for (const auto& chunk : merger.take(at(sent(i) + 2ms).steady)) {
      std::uint32_t number = 0;
      for (std::size_t k = 0; k < 4; ++k) number |= std::uint32_t{chunk.packets[0].bytes[180 + k]} << 8 * k;
      ASSERT_GE(number, next);
      missing += number - next;
      next = number + 1;
      longest = std::max<nanoseconds>(longest, sent(i) - sent(number));
    }
  }
  EXPECT_GT(next, count - 100);
  EXPECT_NEAR(missing, lost_by_both, 3);
  EXPECT_LE(longest, 540ms);
}

// Whatever comes: packets of some streams with any numbers, on any path, at any time.
TEST_P(Merging, SurvivesAnything) {
  const Sender one(300), other(300, 2);
  std::mt19937 random(7);
  const auto below = [&random](unsigned limit) { return static_cast<unsigned>(random()) % limit; };
  for (int round = 0; round < 30; ++round) {
    const std::size_t paths = 1 + below(4);
    io::HitlessMerger merger(
        {.paths = paths, .skew = std::chrono::milliseconds{below(300)}, .most_bytes = 1000 + below(2000000)});
    nanoseconds now{};
    std::uint64_t fed = 0, taken = 0;
    unsigned at_datagram = 0;
    for (int i = 0; i < 3000; ++i) {
      now += std::chrono::microseconds{below(20) == 0 ? below(2000000) : below(3000)};
      at_datagram = below(10) == 0 ? below(300) : (at_datagram + 1) % 300;
      const Sender& sender = below(50) == 0 ? other : one;
      const std::size_t first = below(3) == 0 ? at_datagram * 7 + below(3) : at_datagram * 7;
      const std::size_t count = std::min<std::size_t>(below(4) == 0 ? below(40) : 7, sender.packets.size() - first);
      io::Chunk chunk{std::span{sender.packets}.subspan(first, count), at(now - std::chrono::milliseconds{below(30)})};
      if (GetParam() == Merge::Kind::rtp) {
        const auto sequence = static_cast<std::uint16_t>(below(30) == 0 ? below(65536) : at_datagram);
        chunk.rtp = {sequence, below(100) == 0 ? below(3) : 1};
      }
      merger.feed(below(static_cast<unsigned>(paths)), chunk);
      fed += count;
      if (below(3) != 0) continue;
      for (const auto& out : merger.take(at(now).steady)) taken += out.packets.size();
    }
    std::uint64_t received = 0;
    for (std::size_t path = 0; path < paths; ++path) received += merger.path(path).received;
    EXPECT_EQ(received, fed);
    EXPECT_EQ(merger.statistics().packets, taken);
    EXPECT_LE(taken, fed);
  }
}

TEST(HitlessMerger, WithoutRtpExpelsAPathThatChangesToAnotherStream) {
  const Sender sender(10000), other(10000, 2);
  std::vector<Event> events;
  send(events, sender, 0, {.delay = constant(300ms)});
  send(events, sender, 1, {.loses = burst(5000, 10000)});
  send(events, other, 1, {.loses = burst(0, 5000)});
  Merge run(Merge::Kind::plain);
  run.play(events);
  run.end();
  expect_same(run.result.packets, sender.packets);
  EXPECT_EQ(run.merger.path(1).state, State::different);
}

TEST(HitlessMerger, WithoutRtpPutsNothingInAWrongPlaceThatALaterPathHasOutOfOrder) {
  const Sender sender(10000);
  const auto is_late = [](std::size_t i) { return i % 50 == 10; };
  const std::vector<Route> routes{{.loses = is_late},
                                  {.delay = [=](std::size_t i) { return is_late(i) ? 10ms : 5ms; }}};
  const Merge run = merge(Merge::Kind::plain, sender, routes);
  EXPECT_LE(missing_in(run.result.packets, sender.packets), 200 * packets_a_datagram);
}

TEST(HitlessMerger, WithoutRtpKeepsFillersThatComeAgainAndAgain) {
  Sender sender(1000);
  std::array<std::uint8_t, 184> filler;
  for (std::size_t i = 0; i < filler.size(); ++i) filler[i] = static_cast<std::uint8_t>(i);
  for (unsigned i = 700; i < 5000; ++i)
    sender.packets[i] = test::make_packet({.pid = 0x102, .counter = i & 15u}, filler);
  expect_same(merge(Merge::Kind::plain, sender, {Route{}}).result.packets, sender.packets);
  expect_same(merge(Merge::Kind::plain, sender, {Route{}, Route{.delay = constant(100ms)}}).result.packets,
              sender.packets);
}

TEST(HitlessMerger, OfRtpNeedsRtpOfAllPaths) {
  const Sender sender(10);
  io::HitlessMerger merger({});
  merger.feed(0, {.packets = sender.datagram(0), .arrival = at(0ms), .rtp = io::RtpStamp{}});
  merger.feed(1, {.packets = sender.datagram(0), .arrival = at(0ms)});
  EXPECT_EQ(merger.path(1).state, State::different);
  EXPECT_EQ(merger.path(1).received, packets_a_datagram);
}

TEST(HitlessMerger, RefusesPathsThatThereAreNot) {
  EXPECT_THROW(io::HitlessMerger({.paths = 0}), std::invalid_argument);
  EXPECT_THROW(io::HitlessMerger({.paths = 65}), std::invalid_argument);
  EXPECT_THROW(io::HitlessMerger({.skew = -1ms}), std::invalid_argument);
  io::HitlessMerger merger({});
  EXPECT_THROW(merger.feed(2, {}), std::invalid_argument);
  EXPECT_THROW(merger.path(2), std::invalid_argument);
}

}  // namespace
