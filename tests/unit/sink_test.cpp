#include "common/io/sink.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <srt/srt.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <fstream>
#include <functional>
#include <iterator>
#include <system_error>
#include <thread>
#include <utility>

#include "common/io/address.hpp"
#include "common/io/file_descriptor.hpp"
#include "common/io/source.hpp"
#include "common/ts/rtp.hpp"
#include "tests/support/network_namespace.hpp"
#include "tests/support/packet_builder.hpp"
#include "tests/support/temporary_directory.hpp"

namespace {

// While set, a thread that is about to wait for peers of a listener does not come to it.
std::atomic<bool> hold_listeners{false};

}  // namespace

// In place of the library's.
extern "C" int srt_epoll_add_usock(int id, SRTSOCKET socket, const int* events) {
  while (hold_listeners && srt_getsockstate(socket) == SRTS_LISTENING) std::this_thread::yield();
  static const auto real = reinterpret_cast<decltype(&srt_epoll_add_usock)>(::dlsym(RTLD_NEXT, "srt_epoll_add_usock"));
  return real(id, socket, events);
}

namespace {

using namespace std::chrono_literals;
using Bytes = std::vector<std::uint8_t>;

io::Stamp stamp(std::uint64_t position) {
  return {position, {std::chrono::steady_clock::now(), std::chrono::system_clock::now()}};
}

// A constant-rate stream, 100 us a packet, with a PCR in every `every`th (0: none).
std::vector<ts::Packet> stream(std::size_t count, std::size_t every = 50) {
  std::vector<ts::Packet> packets;
  for (std::size_t i = 0; i < count; ++i) {
    test::PacketFields fields{.counter = static_cast<unsigned>(i & 15)};
    if (every != 0 && i % every == 0) fields.pcr = ts::Pcr{ts::Ticks27{static_cast<std::int64_t>(i) * 2700}};
    Bytes payload(184, 0xAA);
    payload[0] = static_cast<std::uint8_t>(i >> 8);
    payload[1] = static_cast<std::uint8_t>(i);
    packets.push_back(test::make_packet(fields, payload));
  }
  return packets;
}

std::size_t number_of(const ts::Packet& packet) {
  return static_cast<std::size_t>(packet.payload()[0] << 8 | packet.payload()[1]);
}

std::unique_ptr<io::Sink> open(const std::string& endpoint, const io::SinkOptions& options = {}) {
  return io::open_sink(io::Endpoint::parse(endpoint), options);
}

void write_one_by_one(io::Sink& sink, std::span<const ts::Packet> packets) {
  for (std::size_t i = 0; i < packets.size(); ++i) sink.write(packets.subspan(i, 1), stamp(i));
}

Bytes read_available(int fd, std::size_t size) {
  Bytes bytes(size);
  std::size_t at = 0;
  while (at < size) {
    const ssize_t n = ::read(fd, bytes.data() + at, size - at);
    if (n <= 0) break;
    at += static_cast<std::size_t>(n);
  }
  bytes.resize(at);
  return bytes;
}

class FileSinks : public testing::TestWithParam<bool> {  // live or not
 protected:
  std::string path() const { return directory_.path() / "out"; }
  Bytes content() const {
    std::ifstream in(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void make_fifo() { ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0); }
  io::FileDescriptor open_reader(int flags = 0) {
    return io::FileDescriptor(::open(path().c_str(), O_RDONLY | O_CLOEXEC | flags));
  }
  test::TemporaryDirectory directory_;
};

TEST_P(FileSinks, WriteEveryByte) {
  const auto packets = stream(3000);
  const auto sink = open(path(), {.live = GetParam()});
  write_one_by_one(*sink, std::span{packets}.first(1000));
  sink->write(std::span{packets}.subspan(1000), stamp(1000));
  sink->finish();
  EXPECT_EQ(content(), test::to_bytes(packets));
  EXPECT_EQ(sink->statistics().packets, 3000u);
  EXPECT_EQ(sink->statistics().bytes, 3000u * 188);
  EXPECT_EQ(sink->statistics().dropped_packets, 0u);
}

TEST_P(FileSinks, ReplaceWhatWasThere) {
  std::ofstream(path()) << std::string(100'000, 'x');
  const auto packets = stream(3);
  const auto sink = open(path(), {.live = GetParam()});
  sink->write(packets, stamp(0));
  sink->finish();
  EXPECT_EQ(content(), test::to_bytes(packets));
}

TEST_P(FileSinks, SayWhereTheyCannotBeMade) {
  try {
    open("/nowhere/a.ts", {.live = GetParam()});
    FAIL() << "nothing thrown";
  } catch (const std::system_error& e) {
    EXPECT_STREQ(e.what(), "create /nowhere/a.ts: No such file or directory");
  }
}

TEST_P(FileSinks, ThrowWhenTheDiskIsFull) {
  const auto sink = open("/dev/full", {.live = GetParam()});
  try {
    sink->write(stream(3), stamp(0));
    sink->finish();
    FAIL() << "nothing thrown";
  } catch (const std::system_error& e) {
    EXPECT_STREQ(e.what(), "write /dev/full: No space left on device");
  }
}

TEST_P(FileSinks, HoldNothingBackFromAPipeAtTheEndOfABatch) {
  make_fifo();
  const auto reader = open_reader(O_NONBLOCK);
  ASSERT_EQ(::fcntl(reader.get(), F_SETFL, 0), 0);
  const auto packets = stream(5);
  const auto sink = open(path(), {.live = GetParam()});
  write_one_by_one(*sink, packets);
  sink->flush();
  EXPECT_EQ(read_available(reader.get(), 5 * 188), test::to_bytes(packets));  // blocks if it is held back
}

TEST_P(FileSinks, AreNotTheEndOfTheProcessWhenTheReaderOfStandardOutputLeaves) {
  std::array<int, 2> ends;
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const io::FileDescriptor saved(::dup(STDOUT_FILENO));
  ASSERT_EQ(::dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
  ::close(ends[1]);
  {
    const auto sink = open("-", {.live = GetParam()});
    ::close(ends[0]);
    EXPECT_THROW(
        {
          sink->write(stream(2), stamp(0));
          sink->finish();
        },
        io::BrokenPipe);
  }
  ::dup2(saved.get(), STDOUT_FILENO);
}

INSTANTIATE_TEST_SUITE_P(Sinks, FileSinks, testing::Bool(),
                         [](const auto& test) { return test.param ? "Live" : "Offline"; });

using LiveFifo = FileSinks;

TEST_F(LiveFifo, DropsUntilSomebodyReads) {
  make_fifo();
  const auto packets = stream(20);
  const auto sink = open(path(), {.live = true});
  sink->write(std::span{packets}.first(10), stamp(0));
  sink->finish();  // all that was written is dropped by now
  EXPECT_EQ(sink->statistics().dropped_packets, 10u);
  const auto reader = open_reader(O_NONBLOCK);
  sink->write(std::span{packets}.subspan(10), stamp(10));
  sink->finish();
  EXPECT_EQ(read_available(reader.get(), 100'000), test::to_bytes(std::span{packets}.subspan(10)));
}

TEST_F(LiveFifo, GoesOnWithAWholePacketForTheNextReader) {
  make_fifo();
  auto reader = open_reader(O_NONBLOCK);
  const auto packets = stream(2000);  // more than a pipe holds, so that a block is cut
  const auto sink = open(path(), {.live = true});
  sink->write(packets, stamp(0));
  sink->flush();
  ASSERT_EQ(::fcntl(reader.get(), F_SETFL, 0), 0);
  EXPECT_EQ(read_available(reader.get(), 1000).size(), 1000u);
  reader.reset();
  sink->finish();
  const std::uint64_t dropped = sink->statistics().dropped_packets;
  EXPECT_GT(dropped, 0u);

  const auto next = open_reader(O_NONBLOCK);
  sink->write(std::span{packets}.first(10), stamp(2000));
  sink->finish();
  EXPECT_EQ(read_available(next.get(), 100'000), test::to_bytes(std::span{packets}.first(10)));
  EXPECT_EQ(sink->statistics().dropped_packets, dropped);
}

TEST_F(LiveFifo, CountsWhatAReaderThatStopsMakesItDrop) {
  make_fifo();
  const auto reader = open_reader(O_NONBLOCK);
  const auto packets = stream(2000);
  const auto sink = open(path(), {.live = true, .queue_bytes = 200'000});
  for (int i = 0; i < 5; ++i) sink->write(packets, stamp(0));  // does not block
  sink->finish();
  const auto statistics = sink->statistics();
  EXPECT_EQ(statistics.packets, 10'000u);
  EXPECT_GT(statistics.dropped_packets, 5000u);
}

using OfflineFifo = FileSinks;

TEST_F(OfflineFifo, WaitsForItsReader) {
  make_fifo();
  const auto packets = stream(2000);
  Bytes received;
  std::atomic<bool> writing{false};
  std::thread reader([&] {
    while (!writing) std::this_thread::yield();
    const auto fd = open_reader();
    received = read_available(fd.get(), packets.size() * 188);
  });
  const auto sink = open(path());
  writing = true;
  sink->write(packets, stamp(0));
  sink->finish();
  reader.join();
  EXPECT_EQ(received, test::to_bytes(packets));
}

TEST_F(OfflineFifo, GivesUpWhenToldToStop) {
  make_fifo();
  const auto sink = open(path(), {.stopping = [] { return true; }});
  sink->write(stream(10), stamp(0));
  sink->finish();
  EXPECT_EQ(sink->statistics().dropped_packets, 10u);
}

TEST_F(OfflineFifo, SaysThatItsReaderLeft) {
  make_fifo();
  auto reader = open_reader(O_NONBLOCK);
  const auto sink = open(path());
  sink->write(stream(10), stamp(0));
  sink->flush();
  reader.reset();
  sink->write(stream(10), stamp(0));
  EXPECT_THROW(sink->finish(), io::BrokenPipe);
}

class SocketSinks : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::enter_network_namespace()) GTEST_SKIP() << "no right to make a network namespace";
  }
  static std::unique_ptr<io::Source> receiver(const std::string& endpoint) {
    return io::open_source(io::Endpoint::parse(endpoint), {.gather = 0ms, .rtp_patience = 5s});
  }
  static std::vector<ts::Packet> receive(io::Source& source, std::size_t count) {
    std::vector<ts::Packet> packets;
    while (packets.size() < count) {
      const auto chunks = source.read(10s);
      if (chunks.empty()) break;
      for (const auto& chunk : chunks) packets.insert(packets.end(), chunk.packets.begin(), chunk.packets.end());
    }
    return packets;
  }
  io::Pacer pacer_;
};

TEST_F(SocketSinks, DeliverEveryPacketInDatagramsOfSeven) {
  const auto source = receiver("udp://127.0.0.1:5000");
  const auto packets = stream(1000);
  const auto sink = open("udp://127.0.0.1:5000", {.latency = 20ms, .pacer = &pacer_});
  write_one_by_one(*sink, packets);
  sink->finish();
  EXPECT_EQ(receive(*source, 1000), packets);
  EXPECT_EQ(source->statistics().datagrams, 143u);
  const auto statistics = sink->statistics();
  EXPECT_EQ(statistics.packets, 1000u);
  EXPECT_EQ(statistics.bytes, 1000u * 188);
  EXPECT_EQ(statistics.dropped_packets, 0u);
  EXPECT_EQ(statistics.unclocked_packets, 0u);
  ASSERT_TRUE(statistics.pacer);
  EXPECT_EQ(statistics.pacer->datagrams, 143u);
}

TEST_F(SocketSinks, SendByTheProgramClock) {
  const auto source = receiver("udp://127.0.0.1:5000");
  const auto sink = open("udp://127.0.0.1:5000", {.latency = 20ms, .pacer = &pacer_});
  const auto before = std::chrono::steady_clock::now();
  sink->write(stream(5001), stamp(0));  // half a second
  sink->finish();
  std::vector<ts::SteadyTime> arrivals;
  while (arrivals.size() < 715) {
    const auto chunks = source->read(10s);
    ASSERT_FALSE(chunks.empty());
    for (const auto& chunk : chunks) arrivals.push_back(chunk.arrival.steady);
  }
  // None before its last packet's time; how late is the scheduler's affair. Two clocks are compared, hence the 50 us.
  for (int i = 0; i < 714; ++i) {
    ASSERT_GE(arrivals[static_cast<std::size_t>(i)], before + 20ms + (7 * i + 6) * 100us - 50us) << i;
  }
}

TEST_F(SocketSinks, NumberAndStampRtp) {
  const auto source = receiver("rtp://127.0.0.1:5000");
  const io::FileDescriptor raw(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto local = io::SocketAddress::resolve("127.0.0.1", 5001);
  ASSERT_EQ(::bind(raw.get(), local.get(), local.length), 0);
  const auto packets = stream(351);
  for (const char* const endpoint : {"rtp://127.0.0.1:5000", "rtp://127.0.0.1:5001"}) {
    const auto sink = open(endpoint, {.latency = 20ms, .pacer = &pacer_});
    sink->write(packets, stamp(0));
    sink->finish();
  }
  EXPECT_EQ(receive(*source, 351), packets);
  EXPECT_TRUE(source->statistics().has_rtp);
  EXPECT_EQ(source->statistics().rtp_lost, 0u);

  std::optional<ts::RtpHeader> last;
  for (int i = 0; i < 50; ++i) {
    Bytes datagram(2000);
    const ssize_t size = ::recv(raw.get(), datagram.data(), datagram.size(), 0);
    ASSERT_EQ(size, 12 + 1316);
    datagram.resize(static_cast<std::size_t>(size));
    const auto header = ts::RtpHeader::parse(datagram);
    ASSERT_TRUE(header);
    EXPECT_EQ(header->payload_type, 33);
    if (last) {
      EXPECT_EQ(header->ssrc, last->ssrc);
      EXPECT_EQ(header->sequence, static_cast<std::uint16_t>(last->sequence + 1));
      EXPECT_NEAR(header->timestamp - last->timestamp, 63, 1);  // 700 us
    }
    last = header;
  }
}

TEST_F(SocketSinks, FillDatagramsAsAskedFor) {
  const auto source = receiver("udp://127.0.0.1:5000");
  const auto sink = open("udp://127.0.0.1:5000,packets=2", {.latency = 20ms, .pacer = &pacer_});
  sink->write(stream(101), stamp(0));
  sink->finish();
  EXPECT_EQ(receive(*source, 101).size(), 101u);
  EXPECT_EQ(source->statistics().datagrams, 51u);
}

// 7.5 ms a packet, as a radio service of 200 kb/s has, with a PCR in every fifth.
std::vector<ts::Packet> radio(std::size_t count) {
  auto packets = stream(count, 5);
  for (std::size_t i = 0; i < count; i += 5) {
    packets[i].set_pcr(ts::Pcr{ts::Ticks27{static_cast<std::int64_t>(i) * 202'500}});
  }
  return packets;
}

TEST_F(SocketSinks, DoNotLetALowRateWaitForAFullDatagram) {
  const auto source = receiver("udp://127.0.0.1:5000");
  const auto sink = open("udp://127.0.0.1:5000", {.latency = 20ms, .pacer = &pacer_});
  const auto packets = radio(21);
  sink->write(packets, stamp(0));
  sink->finish();
  std::vector<ts::Packet> received;
  while (received.size() < packets.size()) {
    const auto chunks = source->read(10s);
    ASSERT_FALSE(chunks.empty());
    for (const auto& chunk : chunks) {
      EXPECT_LE(chunk.packets.size(), 3u) << "within 20 ms";
      received.insert(received.end(), chunk.packets.begin(), chunk.packets.end());
    }
  }
  EXPECT_EQ(received, packets);
}

// Writes radio to the sink, whose datagrams the source gets.
void expect_no_waiting_pcr(io::Sink& sink, io::Source& source) {
  const auto packets = radio(41);
  sink.write(packets, stamp(0));
  sink.finish();
  std::size_t count = 0, pcrs = 0;
  while (count < packets.size()) {
    const auto chunks = source.read(10s);
    ASSERT_FALSE(chunks.empty());
    for (const auto& chunk : chunks) {
      // A datagram leaves when its last packet is due. The first PCR alone cannot tell the rate.
      for (std::size_t i = 0; i < chunk.packets.size(); ++i) {
        if (!chunk.packets[i].pcr()) continue;
        ++pcrs;
        EXPECT_TRUE(count == 0 || i + 1 == chunk.packets.size()) << count << "+" << i;
      }
      count += chunk.packets.size();
    }
  }
  EXPECT_EQ(pcrs, 9u);
}

TEST_F(SocketSinks, LetNoPcrOfALowRateWait) {
  const auto source = receiver("udp://127.0.0.1:5000");
  const auto sink = open("udp://127.0.0.1:5000", {.latency = 20ms, .pacer = &pacer_});
  expect_no_waiting_pcr(*sink, *source);
}

// Times that a writer knows, `interval` from packet to packet.
std::function<ts::SteadyTime(std::uint64_t)> due_every(std::chrono::nanoseconds interval, ts::SteadyTime start) {
  return [=](std::uint64_t position) { return start + interval * static_cast<std::int64_t>(position); };
}

TEST_F(SocketSinks, SendAtTheTimesThatTheWriterKnows) {
  const auto start = std::chrono::steady_clock::now();
  for (const bool live : {false, true}) {
    const auto source = receiver("udp://127.0.0.1:5000");
    // A clock that nobody needs is not there, and a latency of an hour would outlast the test.
    const auto packets = stream(351, 0);
    const auto sink =
        open("udp://127.0.0.1:5000", {.live = live, .latency = 1h, .due = due_every(1ms, start), .pacer = &pacer_});
    sink->write(packets, stamp(0));
    sink->finish();
    std::vector<ts::Packet> received;
    while (received.size() < packets.size()) {
      const auto chunks = source->read(10s);
      ASSERT_FALSE(chunks.empty());
      for (const auto& chunk : chunks) {
        received.insert(received.end(), chunk.packets.begin(), chunk.packets.end());
        const auto last = static_cast<std::int64_t>(received.size()) - 1;
        ASSERT_GE(chunk.arrival.steady, start + last * 1ms - 50us) << live;  // two clocks
      }
    }
    EXPECT_EQ(received, packets);
    EXPECT_EQ(source->statistics().datagrams, 51u);
    EXPECT_EQ(sink->statistics().dropped_packets, 0u);
    EXPECT_EQ(sink->statistics().unclocked_packets, 0u);
  }
}

TEST_F(SocketSinks, StampRtpByTheTimesThatTheWriterKnows) {
  const io::FileDescriptor raw(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto local = io::SocketAddress::resolve("127.0.0.1", 5000);
  ASSERT_EQ(::bind(raw.get(), local.get(), local.length), 0);
  const auto start = std::chrono::steady_clock::now();
  const auto sink = open("rtp://127.0.0.1:5000", {.due = due_every(1ms, start), .pacer = &pacer_});
  sink->write(stream(70, 0), stamp(0));
  sink->finish();
  std::optional<ts::RtpHeader> last;
  for (int i = 0; i < 10; ++i) {
    Bytes datagram(2000);
    ASSERT_EQ(::recv(raw.get(), datagram.data(), datagram.size(), 0), 12 + 1316);
    const auto header = ts::RtpHeader::parse(datagram);
    ASSERT_TRUE(header);
    if (last) {
      EXPECT_NEAR(header->timestamp - last->timestamp, 630, 1);  // 7 ms
    }
    last = header;
  }
}

TEST_F(SocketSinks, LetNoPcrWaitWhereTheWriterKnowsTheTimes) {
  const auto source = receiver("udp://127.0.0.1:5000");
  const auto start = std::chrono::steady_clock::now();
  const auto sink = open("udp://127.0.0.1:5000", {.due = due_every(7500us, start), .pacer = &pacer_});
  expect_no_waiting_pcr(*sink, *source);
}

TEST_F(SocketSinks, MakeAWriterThatKnowsTheTimesWaitForThem) {
  const auto start = std::chrono::steady_clock::now();
  const auto sink = open("udp://127.0.0.1:5000", {.latency = 1h, .due = due_every(1ms, start), .pacer = &pacer_});
  sink->write(stream(700), stamp(0));
  EXPECT_GE(std::chrono::steady_clock::now(), start + 399ms) << "300 ms before the last datagram";
}

TEST_F(SocketSinks, CountWhatLeavesBeforeThereIsANetworkAndSendOnceThereIs) {
  const auto sink = open("udp://10.9.8.7:5000", {.latency = 1ms, .pacer = &pacer_});
  sink->write(stream(100), stamp(0));
  sink->finish();
  const auto before = sink->statistics();
  EXPECT_EQ(before.refused_packets, 100u);
  EXPECT_EQ(before.dropped_packets, 100u);
  ASSERT_EQ(std::system("ip address add 10.9.8.7/32 dev lo"), 0);
  const auto source = receiver("udp://10.9.8.7:5000");
  const auto packets = stream(100);
  sink->write(packets, stamp(100));
  sink->finish();
  EXPECT_EQ(receive(*source, 100), packets);
  EXPECT_EQ(sink->statistics().refused_packets, 100u);
}

TEST_F(SocketSinks, LiveOnesNeverBlock) {
  const auto sink = open("udp://127.0.0.1:5000", {.live = true, .pacer = &pacer_});
  // Far more than may be queued, all of it due in an hour.
  io::Stamp future = stamp(0);
  future.arrival.steady += 1h;
  sink->write(stream(100'000, 0), future);
  // By then they have waited too long for a PCR.
  future.arrival.steady += 1h;
  future.position = 100'000;
  sink->write(stream(1, 0), future);
  const auto statistics = sink->statistics();
  EXPECT_EQ(statistics.packets, 100'001u);
  EXPECT_GT(statistics.dropped_packets, 0u);
  EXPECT_EQ(statistics.unclocked_packets, 100'000u);
}

TEST_F(SocketSinks, LiveOnesDoNotBlockWhereTheWriterKnowsTheTimes) {
  const auto in_an_hour = std::chrono::steady_clock::now() + 1h;
  const auto sink = open("udp://127.0.0.1:5000", {.live = true, .due = due_every(1us, in_an_hour), .pacer = &pacer_});
  sink->write(stream(100'000, 0), stamp(0));
  EXPECT_GT(sink->statistics().dropped_packets, 0u);
}

TEST_F(SocketSinks, StopAtOnceWhenTold) {
  bool stop = false;
  const auto sink =
      open("udp://127.0.0.1:5000", {.pacer = &pacer_, .stopping = [&] { return std::exchange(stop, true); }});
  // An hour of it: what does not stop runs into the test's time limit.
  const auto packets = stream(100);
  for (std::uint64_t p = 0; p < 36'000'000 && !stop; p += packets.size()) {
    std::vector<ts::Packet> part = packets;
    for (std::size_t i = 0; i < part.size(); i += 50) {
      part[i].set_pcr(ts::Pcr{ts::Ticks27{static_cast<std::int64_t>(p + i) * 2700}});
    }
    sink->write(part, stamp(p));
  }
  EXPECT_TRUE(stop);
  sink->finish();
}

TEST_F(SocketSinks, SayWhyTheyCannotBeOpened) {
  const auto error_of = [&](const std::string& endpoint) -> std::string {
    try {
      open(endpoint, {.pacer = &pacer_});
      return "no error";
    } catch (const std::exception& e) {
      return e.what();
    }
  };
  EXPECT_EQ(error_of("udp://:5000"), "udp://:5000: an output needs a host");
  EXPECT_EQ(error_of("udp://1.2.3.4@239.1.1.1:5000"),
            "udp://1.2.3.4@239.1.1.1:5000: an output cannot choose its source");
  EXPECT_EQ(error_of("udp://239.1.1.1:5000,iface=none0"),
            "udp://239.1.1.1:5000,iface=none0: no network interface has the name or address 'none0'");
  EXPECT_EQ(error_of("udp://[fe80::1]:5000"),
            "find host fe80::1: an address of a link needs its interface: write [fe80::1%eth0]");
  EXPECT_EQ(error_of("udp://no.such.host.invalid:5000").find("find host no.such.host.invalid: "), 0u);
}

TEST_F(SocketSinks, ReachAGroupWithTheTtlAskedFor) {
  const io::FileDescriptor raw(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto group = io::SocketAddress::resolve("239.1.1.1", 5000);
  ASSERT_EQ(::bind(raw.get(), group.get(), group.length), 0);
  const ip_mreqn membership{.imr_multiaddr = reinterpret_cast<const sockaddr_in*>(group.get())->sin_addr,
                            .imr_address = {},
                            .imr_ifindex = static_cast<int>(io::interface_index("lo"))};
  ASSERT_EQ(::setsockopt(raw.get(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof membership), 0);
  const int on = 1;
  ASSERT_EQ(::setsockopt(raw.get(), IPPROTO_IP, IP_RECVTTL, &on, sizeof on), 0);
  for (const auto& [key, ttl] : {std::pair{"", 16}, std::pair{",ttl=3", 3}}) {
    const auto sink = open(std::string("udp://239.1.1.1:5000,iface=lo") + key, {.latency = 1ms, .pacer = &pacer_});
    sink->write(stream(7), stamp(0));
    sink->finish();
    std::array<std::uint8_t, 2000> bytes;
    iovec vector{bytes.data(), bytes.size()};
    alignas(cmsghdr) std::array<std::uint8_t, 64> control;
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ASSERT_EQ(::recvmsg(raw.get(), &message, 0), 1316);
    const cmsghdr* const header = CMSG_FIRSTHDR(&message);
    ASSERT_NE(header, nullptr);
    EXPECT_EQ(*reinterpret_cast<const int*>(CMSG_DATA(header)), ttl);
  }
}

class Srt : public SocketSinks {
 protected:
  // SRT hands over what was sent before the peer was there to nobody, so packets are sent until one arrives.
  void expect_stream(const std::string& out, const std::string& in) {
    const auto source = receiver(in);
    const auto sink = open(out, {.latency = 20ms, .pacer = &pacer_});
    expect_stream(*sink, *source);
  }
  void expect_stream(io::Sink& sink, io::Source& source) {
    const auto packets = stream(700);
    std::vector<ts::Packet> received;
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (received.size() < 1400 && std::chrono::steady_clock::now() < deadline) {
      // One stretch after another, each with its clock where the last one ended.
      std::vector<ts::Packet> part = packets;
      for (std::size_t i = 0; i < part.size(); ++i) {
        part[i].set_pcr(ts::Pcr{ts::Ticks27{static_cast<std::int64_t>(position_ + i) * 2700}});
      }
      sink.write(part, stamp(position_));
      position_ += part.size();
      for (const auto& chunk : source.read(0ms)) {
        if (chunk.after_loss) received.clear();  // the last connection's rest comes first
        received.insert(received.end(), chunk.packets.begin(), chunk.packets.end());
      }
    }
    ASSERT_GE(received.size(), 1400u);
    // What arrives is without a gap.
    for (std::size_t i = 1; i < received.size(); ++i) {
      ASSERT_EQ(number_of(received[i]), (number_of(received[i - 1]) + 1) % 700) << i;
    }
  }
  std::uint64_t position_ = 0;
};

TEST_F(Srt, CallsAListener) { expect_stream("srt://127.0.0.1:9000,latency=20", "srt://127.0.0.1:9000,mode=listener"); }
TEST_F(Srt, ListensForACaller) { expect_stream("srt://:9000", "srt://127.0.0.1:9000,latency=20"); }
TEST_F(Srt, Encrypts) {
  expect_stream("srt://127.0.0.1:9000,latency=20,passphrase=0123456789,pbkeylen=32",
                "srt://:9000,passphrase=0123456789");
}

TEST_F(Srt, SinkTakesTheNextCallerWhenOneLeaves) {
  const auto sink = open("srt://127.0.0.1:9000,mode=listener,latency=20", {.latency = 20ms, .pacer = &pacer_});
  for (int i = 0; i < 2; ++i) expect_stream(*sink, *receiver("srt://127.0.0.1:9000,latency=20"));
}

TEST_F(Srt, SourceTakesTheNextCallerWhenOneLeaves) {
  const auto source = receiver("srt://:9000,latency=20");
  for (int i = 0; i < 2; ++i) {
    const auto sink = open("srt://127.0.0.1:9000,latency=20", {.latency = 20ms, .pacer = &pacer_});
    expect_stream(*sink, *source);
  }
  EXPECT_EQ(source->statistics().reconnects, 1u);
}

// Reads until the source's trouble is as expected, which takes a call or two; returns the last one.
std::string awaited_trouble(io::Source& source, const std::string& expected) {
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (source.trouble() != expected && std::chrono::steady_clock::now() < deadline) source.read(10ms);
  return source.trouble();
}

TEST_F(Srt, SourceSaysWhyThereIsNoPeer) {
  const std::string refused = "no SRT peer is connected: Incorrect passphrase";
  const auto sink = open("srt://:9000,passphrase=0123456789", {.latency = 20ms, .pacer = &pacer_});
  EXPECT_EQ(awaited_trouble(*receiver("srt://127.0.0.1:9000,passphrase=9876543210"), refused), refused);
}

TEST_F(Srt, SourceHasNoTroubleWhileThereIsAPeer) {
  const auto source = receiver("srt://:9000");
  EXPECT_EQ(source->trouble(), "no SRT peer is connected");
  const auto sink = open("srt://127.0.0.1:9000", {.latency = 20ms, .pacer = &pacer_});
  EXPECT_EQ(awaited_trouble(*source, ""), "");
}

TEST_F(Srt, ListenerTakesAPeerThatCameBeforeItLooked) {
  hold_listeners = true;
  const auto sink = open("srt://:9000,latency=20", {.latency = 20ms, .pacer = &pacer_});
  const auto source = receiver("srt://127.0.0.1:9000,latency=20");
  const std::string trouble = awaited_trouble(*source, "");
  hold_listeners = false;
  ASSERT_EQ(trouble, "");
  expect_stream(*sink, *source);
}

TEST_F(Srt, BusyPortIsRefused) {
  const auto first = receiver("srt://127.0.0.1:9000,mode=listener");
  const io::FileDescriptor busy(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto local = io::SocketAddress::resolve("127.0.0.1", 9001);
  ASSERT_EQ(::bind(busy.get(), local.get(), local.length), 0);
  EXPECT_THROW(receiver("srt://127.0.0.1:9001,mode=listener"), std::runtime_error);
  EXPECT_THROW(receiver("srt://no-such-host.invalid:9001"), std::runtime_error);
}

}  // namespace
