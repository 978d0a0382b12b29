// Sends one stream to many multicast groups at its rate, for recorders to be measured with.
//
//   multicast_sender FIRST-GROUP PORT GROUPS RATE SECONDS     239.9.0.1 5000 38 8000000 60
//
// Prints how many packets each group was sent. The groups count up from the first one, on the loopback interface.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/io/file_descriptor.hpp"
#include "tests/support/stream_builder.hpp"

namespace {

constexpr std::size_t packets_a_datagram = 7;

void sleep_until(std::chrono::nanoseconds steady) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(steady);
  const timespec due{seconds.count(), (steady - seconds).count()};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, nullptr) != 0) {
  }
}

std::vector<ts::Packet> make_stream(std::int64_t rate, std::chrono::seconds duration) {
  support::StreamBuilder builder{{.rate = rate}};
  auto service = support::ServiceOptions::numbered(1);
  service.picture_bytes = static_cast<std::size_t>(rate) / 8 / 25 * 8 / 10;
  builder.add(service);
  auto packets = builder.make(duration);
  packets.resize(packets.size() / packets_a_datagram * packets_a_datagram);
  return packets;
}

std::vector<sockaddr_in> make_groups(const char* first, std::uint16_t port, std::uint32_t count) {
  std::vector<sockaddr_in> groups(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    groups[i].sin_family = AF_INET;
    groups[i].sin_port = htons(port);
    groups[i].sin_addr.s_addr = htonl(ntohl(inet_addr(first)) + i);
  }
  return groups;
}

void send(const std::vector<ts::Packet>& packets, std::vector<sockaddr_in>& groups, std::int64_t rate) {
  const io::FileDescriptor socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  const in_addr loopback{htonl(INADDR_LOOPBACK)};
  if (!socket || setsockopt(socket.get(), IPPROTO_IP, IP_MULTICAST_IF, &loopback, sizeof loopback) != 0) {
    io::throw_system_error("open", "a multicast socket");
  }
  std::vector<mmsghdr> messages(groups.size());
  const auto start = std::chrono::steady_clock::now().time_since_epoch();
  const auto interval = std::chrono::nanoseconds{std::chrono::seconds{1}} *
                        static_cast<std::int64_t>(packets_a_datagram * ts::packet_size * 8) / rate;
  for (std::size_t at = 0; at < packets.size(); at += packets_a_datagram) {
    iovec data{const_cast<ts::Packet*>(packets.data() + at), packets_a_datagram * ts::packet_size};
    for (std::size_t i = 0; i < groups.size(); ++i) {
      messages[i].msg_hdr = {&groups[i], sizeof groups[i], &data, 1, nullptr, 0, 0};
    }
    sleep_until(start + interval * static_cast<std::int64_t>(at / packets_a_datagram));
    for (std::size_t sent = 0; sent < messages.size();) {
      const int n = sendmmsg(socket.get(), messages.data() + sent, static_cast<unsigned>(messages.size() - sent), 0);
      if (n < 0) io::throw_system_error("send to", "a multicast group");
      sent += static_cast<std::size_t>(n);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 6) throw std::runtime_error("usage: multicast_sender FIRST-GROUP PORT GROUPS RATE SECONDS");
    const std::int64_t rate = std::atoll(argv[4]);
    const auto packets = make_stream(rate, std::chrono::seconds{std::atoll(argv[5])});
    auto groups = make_groups(argv[1], static_cast<std::uint16_t>(std::atoi(argv[2])),
                              static_cast<std::uint32_t>(std::atoi(argv[3])));
    send(packets, groups, rate);
    std::printf("%zu\n", packets.size());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "multicast_sender: %s\n", error.what());
    return 1;
  }
}
