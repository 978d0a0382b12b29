// Sends a transport stream of constant rate from standard input to a multicast group on the loopback interface, by a
// clock that is off: a source whose 27 MHz are not those of this host.
//
//   drifting_sender RATE PPM GROUP PORT      3000000 -30 239.1.0.1 5000
//
// Ends with its input.
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

#include "common/io/file_descriptor.hpp"

namespace {

constexpr std::size_t datagram_size = 7 * 188;

void sleep_until(std::chrono::nanoseconds steady) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(steady);
  const timespec due{seconds.count(), (steady - seconds).count()};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, nullptr) != 0) {
  }
}

io::FileDescriptor open_socket(const char* group, std::uint16_t port) {
  io::FileDescriptor socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  const in_addr loopback{htonl(INADDR_LOOPBACK)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (inet_pton(AF_INET, group, &address.sin_addr) != 1) throw std::runtime_error("GROUP is no IPv4 address");
  if (!socket || setsockopt(socket.get(), IPPROTO_IP, IP_MULTICAST_IF, &loopback, sizeof loopback) != 0 ||
      connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    io::throw_system_error("open", "a multicast socket");
  }
  return socket;
}

void send(const io::FileDescriptor& socket, double rate, double ppm) {
  const double ns_a_datagram = datagram_size * 8e9 / (rate * (1 + ppm * 1e-6));
  const auto start = std::chrono::steady_clock::now().time_since_epoch();
  std::array<char, datagram_size> datagram;
  for (std::uint64_t n = 0; std::fread(datagram.data(), 1, datagram.size(), stdin) == datagram.size(); ++n) {
    sleep_until(start + std::chrono::nanoseconds{static_cast<std::int64_t>(static_cast<double>(n) * ns_a_datagram)});
    // That nobody listens yet is no error.
    ::send(socket.get(), datagram.data(), datagram.size(), 0);
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 5) throw std::runtime_error("usage: drifting_sender RATE PPM GROUP PORT");
    const double rate = std::atof(argv[1]);
    if (rate <= 0) throw std::runtime_error("RATE must be more than 0");
    send(open_socket(argv[3], static_cast<std::uint16_t>(std::atoi(argv[4]))), rate, std::atof(argv[2]));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "drifting_sender: %s\n", error.what());
    return 1;
  }
}
