#include "common/io/source.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <numeric>
#include <system_error>

#include "common/io/address.hpp"
#include "common/io/file_descriptor.hpp"
#include "common/io/payload_parser.hpp"
#include "common/io/thread.hpp"
#include "common/ts/rtp.hpp"
#include "tests/support/network_namespace.hpp"
#include "tests/support/packet_builder.hpp"
#include "tests/support/temporary_directory.hpp"

namespace {

using namespace std::chrono_literals;
using Bytes = std::vector<std::uint8_t>;

// Numbered packets: payload and counter tell which.
std::vector<ts::Packet> numbered(std::size_t count, unsigned first = 0) {
  std::vector<ts::Packet> packets;
  for (unsigned i = first; i < first + count; ++i) {
    Bytes payload(184, 0xAA);
    payload[0] = static_cast<std::uint8_t>(i >> 8);
    payload[1] = static_cast<std::uint8_t>(i);
    packets.push_back(test::make_packet({.counter = i & 15}, payload));
  }
  return packets;
}

void append(std::vector<ts::Packet>& to, std::span<const ts::Packet> packets) {
  to.insert(to.end(), packets.begin(), packets.end());
}

TEST(PayloadParser, ALossBeforeADatagramWithoutPacketsIsOneBeforeTheNextChunk) {
  io::PayloadParser parser;
  std::vector<io::Chunk> chunks;
  const auto packets = numbered(7);
  const Bytes junk(100, 0x11);
  parser.parse(ts::bytes_of(packets), {}, false, chunks);
  parser.parse(junk, {}, true, chunks);
  parser.parse({}, {}, false, chunks);
  parser.parse(ts::bytes_of(packets), {}, false, chunks);
  parser.parse(ts::bytes_of(packets), {}, false, chunks);
  ASSERT_EQ(chunks.size(), 3u);
  EXPECT_FALSE(chunks[0].after_loss);
  EXPECT_TRUE(chunks[1].after_loss);
  EXPECT_FALSE(chunks[2].after_loss);
}

TEST(Threads, OneThatCannotBeStartedIsNamed) {
  pthread_attr_t ordinary, huge;
  ASSERT_EQ(pthread_getattr_default_np(&ordinary), 0);
  ASSERT_EQ(pthread_getattr_default_np(&huge), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&huge, std::size_t{1} << 46), 0);
  ASSERT_EQ(pthread_setattr_default_np(&huge), 0);
  try {
    io::start_thread("writer", [] {}).join();
    ADD_FAILURE() << "a stack of 64 TB";
  } catch (const std::system_error& error) {
    EXPECT_STREQ(error.what(), "start thread writer: Resource temporarily unavailable");
  }
  EXPECT_EQ(pthread_setattr_default_np(&ordinary), 0);
}

std::vector<ts::Packet> read_all(io::Source& source) {
  std::vector<ts::Packet> packets;
  while (!source.ended()) {
    for (const auto& chunk : source.read(5s)) append(packets, chunk.packets);
  }
  return packets;
}

// Reads until there are so many; fails the test if they do not come.
std::vector<ts::Packet> read_packets(io::Source& source, std::size_t count) {
  std::vector<ts::Packet> packets;
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (packets.size() < count && std::chrono::steady_clock::now() < deadline) {
    for (const auto& chunk : source.read(100ms)) append(packets, chunk.packets);
  }
  EXPECT_EQ(packets.size(), count);
  return packets;
}

std::string error_of(const std::string& endpoint, const io::SourceOptions& options = {}) {
  try {
    io::open_source(io::Endpoint::parse(endpoint), options);
    return "no error";
  } catch (const std::exception& e) {
    return e.what();
  }
}

class FileSource : public testing::Test {
 protected:
  std::string write_file(const Bytes& bytes) {
    const auto path = directory_.path() / "input.ts";
    std::ofstream out(path, std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return path;
  }
  std::unique_ptr<io::Source> open(const std::string& path) { return io::open_source(io::Endpoint::parse(path)); }

  test::TemporaryDirectory directory_;
};

TEST_F(FileSource, DeliversEveryPacketOfALongFile) {
  const auto packets = numbered(5000);  // several reads
  const auto source = open(write_file(test::to_bytes(packets)));
  EXPECT_EQ(read_all(*source), packets);
  EXPECT_EQ(source->statistics().packets, 5000u);
  EXPECT_EQ(source->statistics().bytes, 5000u * 188);
  EXPECT_EQ(source->statistics().skipped_bytes, 0u);
  EXPECT_FALSE(source->is_live());
}

TEST_F(FileSource, SkipsWhatComesBeforeAndAfterPackets) {
  const auto packets = numbered(3000);
  Bytes bytes(77, 0x11);
  const Bytes stream = test::to_bytes(packets);
  bytes.insert(bytes.end(), stream.begin(), stream.end());
  bytes.insert(bytes.end(), stream.begin(), stream.begin() + 100);
  const auto source = open(write_file(bytes));
  EXPECT_EQ(read_all(*source), packets);
  EXPECT_EQ(source->statistics().skipped_bytes, 177u);
}

TEST_F(FileSource, FindsPacketsOf192And204Bytes) {
  const auto packets = numbered(3000);
  for (const auto& [before, after] : {std::pair{4, 0}, std::pair{0, 16}}) {
    Bytes bytes;
    for (const auto& packet : packets) {
      bytes.insert(bytes.end(), static_cast<std::size_t>(before), 0x22);
      bytes.insert(bytes.end(), packet.bytes.begin(), packet.bytes.end());
      bytes.insert(bytes.end(), static_cast<std::size_t>(after), 0x33);
    }
    const auto source = open(write_file(bytes));
    EXPECT_EQ(read_all(*source), packets) << before + after;
  }
}

TEST_F(FileSource, TellsChunksAfterSkippedBytes) {
  const auto packets = numbered(20);
  Bytes bytes = test::to_bytes(std::span{packets}.first(10));
  bytes.insert(bytes.end(), 5000, 0x11);
  const Bytes rest = test::to_bytes(std::span{packets}.subspan(10));
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  const auto source = open(write_file(bytes));
  std::vector<ts::Packet> received;
  std::size_t losses = 0;
  while (!source->ended()) {
    for (const auto& chunk : source->read(1s)) {
      if (chunk.after_loss) ++losses;
      for (const auto& packet : chunk.packets) {
        if (packet.has_sync()) received.push_back(packet);
      }
    }
  }
  EXPECT_EQ(received, packets);
  EXPECT_EQ(losses, 1u);
}

TEST_F(FileSource, EndsEmptyForWhatIsNoTransportStream) {
  for (const Bytes& bytes : {Bytes{}, Bytes(100000, 'G' + 1), Bytes(50, 0x47)}) {
    const auto source = open(write_file(bytes));
    EXPECT_TRUE(read_all(*source).empty());
    EXPECT_EQ(source->statistics().packets, 0u);
    EXPECT_EQ(source->statistics().bytes, bytes.size());
  }
}

TEST_F(FileSource, DeliversAFileShorterThanFivePackets) {
  const auto packets = numbered(2);
  EXPECT_EQ(read_all(*open(write_file(test::to_bytes(packets)))), packets);
}

TEST_F(FileSource, PutsPacketsOfAPipeTogether) {
  const auto path = directory_.path() / "fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const auto source = open(path);
  EXPECT_TRUE(source->read(0ms).empty());  // nobody writes yet
  EXPECT_FALSE(source->ended());
  io::FileDescriptor writer(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  const auto packets = numbered(40);
  const Bytes bytes = test::to_bytes(packets);
  std::vector<ts::Packet> received;
  for (std::size_t at = 0; at < bytes.size(); at += 100) {
    io::write_all(writer.get(), std::span{bytes}.subspan(at, std::min<std::size_t>(100, bytes.size() - at)), "fifo");
    for (const auto& chunk : source->read(5s)) append(received, chunk.packets);
  }
  writer.reset();
  append(received, read_all(*source));
  EXPECT_EQ(received, packets);
  EXPECT_TRUE(source->ended());
}

TEST_F(FileSource, SaysWhyItCannotOpen) {
  EXPECT_EQ(error_of("/nowhere/a.ts"), "open /nowhere/a.ts: No such file or directory");
  EXPECT_EQ(error_of(directory_.path()), "read " + directory_.path().string() + ": Is a directory");
}

class Datagrams : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::enter_network_namespace()) GTEST_SKIP() << "no right to make a network namespace";
  }

  static std::unique_ptr<io::Source> open(const std::string& endpoint, std::chrono::milliseconds patience = 50ms) {
    return io::open_source(io::Endpoint::parse(endpoint), {.gather = 0ms, .rtp_patience = patience});
  }

  // To a host and port, from an address of this host; multicast by an interface.
  static void send(const Bytes& datagram, const std::string& host, std::uint16_t port, const std::string& from = "",
                   const std::string& interface = "lo") {
    const auto to = io::SocketAddress::resolve(host, port);
    const io::FileDescriptor socket(::socket(to.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!from.empty()) {
      const auto local = io::SocketAddress::resolve(from, 0);
      ASSERT_EQ(::bind(socket.get(), local.get(), local.length), 0);
    }
    const int index = static_cast<int>(io::interface_index(interface));
    const ip_mreqn request{.imr_multiaddr = {}, .imr_address = {}, .imr_ifindex = index};
    if (to.family() == AF_INET) {
      ::setsockopt(socket.get(), IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof request);
    } else {
      ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof index);
    }
    ASSERT_EQ(::sendto(socket.get(), datagram.data(), datagram.size(), 0, to.get(), to.length),
              static_cast<ssize_t>(datagram.size()))
        << std::strerror(errno);
  }

  static Bytes rtp(std::uint16_t sequence, std::span<const ts::Packet> packets) {
    Bytes datagram(ts::RtpHeader::fixed_size);
    ts::RtpHeader header;
    header.sequence = sequence;
    header.ssrc = 77;
    header.payload_type = ts::RtpHeader::mp2t;
    header.write(std::span{datagram}.first<ts::RtpHeader::fixed_size>());
    const Bytes payload = test::to_bytes(packets);
    datagram.insert(datagram.end(), payload.begin(), payload.end());
    return datagram;
  }
};

TEST_F(Datagrams, ArriveWithTheKernelsTimes) {
  const auto source = open("udp://127.0.0.1:5000");
  const auto packets = numbered(14);
  const auto before = std::chrono::steady_clock::now();
  const auto wall_before = std::chrono::system_clock::now();
  send(test::to_bytes(std::span{packets}.first(7)), "127.0.0.1", 5000);
  send(test::to_bytes(std::span{packets}.subspan(7)), "127.0.0.1", 5000);
  const auto after = std::chrono::steady_clock::now();
  const auto chunks = source->read(5s);
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_TRUE(std::ranges::equal(chunks[0].packets, std::span{packets}.first(7)));
  EXPECT_TRUE(std::ranges::equal(chunks[1].packets, std::span{packets}.subspan(7)));
  EXPECT_LE(chunks[0].arrival.steady, chunks[1].arrival.steady);
  // Both clocks are read a moment apart, hence the millisecond.
  EXPECT_GE(chunks[0].arrival.steady, before - 1ms);
  EXPECT_LE(chunks[1].arrival.steady, after + 1ms);
  EXPECT_GE(chunks[0].arrival.wall, wall_before);
  EXPECT_FALSE(chunks[0].after_loss);
  const auto statistics = source->statistics();
  EXPECT_TRUE(statistics.has_socket);
  EXPECT_FALSE(statistics.has_rtp);
  EXPECT_EQ(statistics.datagrams, 2u);
  EXPECT_EQ(statistics.packets, 14u);
  EXPECT_EQ(statistics.socket_drops, 0u);
  EXPECT_TRUE(source->is_live());
}

TEST_F(Datagrams, GatherIntoOneRead) {
  const auto source = io::open_source(io::Endpoint::parse("udp://127.0.0.1:5000"), {.gather = 50ms});
  const auto packets = numbered(7 * 20);
  send(test::to_bytes(std::span{packets}.first(7)), "127.0.0.1", 5000);
  EXPECT_EQ(source->read(5s).size(), 1u);
  for (std::size_t i = 1; i < 20; ++i) {
    send(test::to_bytes(std::span{packets}.subspan(7 * i, 7)), "127.0.0.1", 5000);
  }
  EXPECT_TRUE(source->read(0ms).empty());
  EXPECT_EQ(source->read(5s).size(), 19u);
}

TEST_F(Datagrams, ComeOverIpv6) {
  const auto source = open("udp://[::1]:5000");
  const auto any = open("udp://:5001");
  const auto packets = numbered(7);
  send(test::to_bytes(packets), "::1", 5000);
  EXPECT_EQ(read_packets(*source, 7), packets);
  send(test::to_bytes(packets), "::1", 5001);
  send(test::to_bytes(packets), "127.0.0.1", 5001);
  EXPECT_EQ(read_packets(*any, 14).size(), 14u);
}

TEST_F(Datagrams, OfOtherGroupsOnThePortStayOut) {
  const auto first = open("udp://239.1.1.1:5000,iface=lo");
  const auto again = open("udp://239.1.1.1:5000,iface=127.0.0.1");
  const auto second = open("udp://239.1.1.2:5000,iface=lo");
  const auto one = numbered(7);
  const auto two = numbered(7, 100);
  send(test::to_bytes(two), "239.1.1.2", 5000);
  send(test::to_bytes(one), "239.1.1.1", 5000);
  EXPECT_EQ(read_packets(*first, 7), one);
  EXPECT_EQ(read_packets(*again, 7), one);
  EXPECT_EQ(read_packets(*second, 7), two);
  EXPECT_TRUE(first->read(0ms).empty());
  EXPECT_TRUE(second->read(0ms).empty());
}

TEST_F(Datagrams, OfAGroupOverIpv6) {
  if (!test::add_interface_pair("v0", "v1")) GTEST_SKIP() << "cannot make a pair of interfaces";
  const auto source = open("udp://[ff15::1]:5000,iface=v0");
  const auto packets = numbered(7);
  send(test::to_bytes(packets), "ff15::1", 5000, "", "v0");
  EXPECT_EQ(read_packets(*source, 7), packets);
}

TEST_F(Datagrams, OfOneSourceOnly) {
  const auto source = open("udp://127.0.0.9@232.1.1.1:5000,iface=lo");
  const auto wanted = numbered(7);
  send(test::to_bytes(numbered(7, 100)), "232.1.1.1", 5000, "127.0.0.8");
  send(test::to_bytes(wanted), "232.1.1.1", 5000, "127.0.0.9");
  EXPECT_EQ(read_packets(*source, 7), wanted);
  EXPECT_TRUE(source->read(0ms).empty());
}

TEST_F(Datagrams, OfRtpArePutInOrder) {
  const auto source = open("rtp://127.0.0.1:5000", 2s);
  const auto packets = numbered(7 * 6);
  const auto part = [&](std::size_t i) { return std::span{packets}.subspan(7 * i, 7); };
  // 65534, 0, 65535 (over the wrap), 1 twice, 2 and 3.
  send(rtp(65534, part(0)), "127.0.0.1", 5000);
  send(rtp(0, part(2)), "127.0.0.1", 5000);
  send(rtp(65535, part(1)), "127.0.0.1", 5000);
  send(rtp(1, part(3)), "127.0.0.1", 5000);
  send(rtp(1, part(3)), "127.0.0.1", 5000);
  send(rtp(2, part(4)), "127.0.0.1", 5000);
  send(rtp(3, part(5)), "127.0.0.1", 5000);
  EXPECT_EQ(read_packets(*source, 42), packets);
  const auto statistics = source->statistics();
  EXPECT_TRUE(statistics.has_rtp);
  EXPECT_EQ(statistics.rtp_reordered, 1u);
  EXPECT_EQ(statistics.rtp_duplicates, 1u);
  EXPECT_EQ(statistics.rtp_lost, 0u);
}

TEST_F(Datagrams, OfRtpAreAsTheyCameIfThatIsAsked) {
  const auto source = io::open_source(io::Endpoint::parse("rtp://127.0.0.1:5000"), {.rtp_as_received = true});
  const auto packets = numbered(7);
  const std::vector<std::uint16_t> sent{9, 7, 7, 8};
  for (const std::uint16_t sequence : sent) send(rtp(sequence, packets), "127.0.0.1", 5000);
  std::vector<std::uint16_t> received;
  while (received.size() < sent.size()) {
    const auto chunks = source->read(5s);
    ASSERT_FALSE(chunks.empty());
    for (const auto& chunk : chunks) {
      EXPECT_TRUE(std::ranges::equal(chunk.packets, packets));
      ASSERT_TRUE(chunk.rtp.has_value());
      received.push_back(chunk.rtp->sequence);
    }
  }
  EXPECT_EQ(received, sent);
}

TEST_F(Datagrams, OfRtpThatAreMissingAreGivenUpAndCounted) {
  const auto source = open("rtp://127.0.0.1:5000", 20ms);
  const auto packets = numbered(21);
  send(rtp(10, std::span{packets}.first(7)), "127.0.0.1", 5000);
  EXPECT_EQ(read_packets(*source, 7).size(), 7u);
  send(rtp(13, std::span{packets}.subspan(7, 7)), "127.0.0.1", 5000);
  send(rtp(14, std::span{packets}.subspan(14, 7)), "127.0.0.1", 5000);
  std::vector<ts::Packet> received;
  std::vector<bool> after_loss;
  while (received.size() < 14) {
    const auto chunks = source->read(1s);
    for (const auto& chunk : chunks) {
      append(received, chunk.packets);
      after_loss.push_back(chunk.after_loss);
    }
  }
  EXPECT_TRUE(std::ranges::equal(received, std::span{packets}.subspan(7)));
  EXPECT_EQ(after_loss, (std::vector<bool>{true, false}));
  EXPECT_EQ(source->statistics().rtp_lost, 2u);
}

TEST_F(Datagrams, AreTakenForWhatTheyAre) {
  const auto udp = open("udp://127.0.0.1:5000");
  const auto rtp_source = open("rtp://127.0.0.1:5001");
  const auto packets = numbered(7);
  send(rtp(1, packets), "127.0.0.1", 5000);
  EXPECT_EQ(read_packets(*udp, 7), packets);
  EXPECT_TRUE(udp->statistics().has_rtp);
  send(test::to_bytes(packets), "127.0.0.1", 5001);
  EXPECT_EQ(read_packets(*rtp_source, 7), packets);
  EXPECT_FALSE(rtp_source->statistics().has_rtp);
}

TEST_F(Datagrams, OfAByteStreamCutAnywhereAreJoined) {
  const auto source = open("udp://127.0.0.1:5000");
  const auto packets = numbered(60);
  const Bytes bytes = test::to_bytes(packets);
  for (std::size_t at = 0; at < bytes.size(); at += 1000) {
    const Bytes part(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                     bytes.begin() + static_cast<std::ptrdiff_t>(std::min(at + 1000, bytes.size())));
    send(part, "127.0.0.1", 5000);
  }
  EXPECT_EQ(read_packets(*source, 60), packets);
}

TEST_F(Datagrams, LongerThanAnEthernetFrameAreTakenWhole) {
  const auto source = open("udp://127.0.0.1:5000");
  const auto packets = numbered(300);  // 56400 bytes
  send(test::to_bytes(packets), "127.0.0.1", 5000);
  EXPECT_EQ(read_packets(*source, 300), packets);
}

TEST_F(Datagrams, WithoutPacketsAreCounted) {
  const auto source = open("udp://127.0.0.1:5000");
  send(Bytes(500, 'x'), "127.0.0.1", 5000);
  send(Bytes{}, "127.0.0.1", 5000);
  const auto packets = numbered(7);
  send(test::to_bytes(packets), "127.0.0.1", 5000);
  EXPECT_EQ(read_packets(*source, 7), packets);
  EXPECT_EQ(source->statistics().invalid_datagrams, 2u);
  EXPECT_EQ(source->statistics().datagrams, 3u);
}

TEST_F(Datagrams, LostInTheSocketAreCounted) {
  const auto source = open("udp://127.0.0.1:5000,buffer=4096");
  const auto packets = numbered(7);
  for (int i = 0; i < 100; ++i) send(test::to_bytes(packets), "127.0.0.1", 5000);
  std::size_t received = 0;
  for (auto chunks = source->read(1s); !chunks.empty(); chunks = source->read(0ms)) received += chunks.size();
  // The kernel tells of drops with the next datagram that it keeps.
  send(test::to_bytes(packets), "127.0.0.1", 5000);
  const auto chunks = source->read(5s);
  ASSERT_EQ(chunks.size(), 1u);
  EXPECT_TRUE(chunks[0].after_loss);
  EXPECT_GT(source->statistics().socket_drops, 0u);
  EXPECT_EQ(source->statistics().socket_drops, 100 - received);
}

TEST_F(Datagrams, EndpointsThatCannotBeOpenedSayWhy) {
  const auto unicast = open("udp://127.0.0.1:5000");
  EXPECT_EQ(error_of("udp://127.0.0.1:5000"), "listen on udp://127.0.0.1:5000: Address already in use");
  EXPECT_EQ(error_of("udp://10.9.8.7:5000"), "listen on udp://10.9.8.7:5000: Cannot assign requested address");
  EXPECT_EQ(error_of("udp://1.2.3.4@127.0.0.1:5001"),
            "udp://1.2.3.4@127.0.0.1:5001: source@ needs a multicast group, and 127.0.0.1 is none");
  EXPECT_EQ(error_of("udp://239.1.1.1:5000,iface=none0"),
            "udp://239.1.1.1:5000,iface=none0: no network interface has the name or address 'none0'");
  EXPECT_EQ(error_of("udp://[fe80::1]:5000"),
            "find host fe80::1: an address of a link needs its interface: write [fe80::1%eth0]");
  EXPECT_NE(error_of("udp://239.1.1.1:5000").find("iface="), std::string::npos);
  EXPECT_NE(error_of("udp://no-such-host.invalid:5000").find("find host no-such-host.invalid"), std::string::npos);
}

extern "C" void ignore(int) {}

TEST_F(Datagrams, WaitingForThemEndsByASignal) {
  struct sigaction action {};
  action.sa_handler = &ignore;
  ASSERT_EQ(::sigaction(SIGUSR1, &action, nullptr), 0);
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &blocked, &before), 0);
  const auto source = io::open_source(io::Endpoint::parse("udp://127.0.0.1:5000"), {.wait_mask = &before});
  ::raise(SIGUSR1);
  // An hour: a read that the signal does not end runs into the test's time limit.
  EXPECT_TRUE(source->read(std::chrono::hours{1}).empty());
}

}  // namespace
