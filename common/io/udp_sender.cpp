#include "common/io/udp_sender.hpp"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <stdexcept>

#include "common/io/address.hpp"

namespace io {

namespace {

constexpr int default_buffer = 1 << 20;  // a second at 8 Mb/s, should the interface stall
constexpr std::chrono::milliseconds retry_interval{500};

template <typename Value>
void set_option(const FileDescriptor& socket, int level, int option, const Value& value, const Endpoint& endpoint) {
  if (::setsockopt(socket.get(), level, option, &value, sizeof value) != 0) {
    throw_system_error("set up", endpoint.text);
  }
}

void set_multicast_options(const FileDescriptor& socket, const SocketAddress& to, const Endpoint& endpoint) {
  const int index = static_cast<int>(interface_index(endpoint));
  const int ttl = endpoint.ttl.value_or(UdpSender::default_multicast_ttl);
  if (to.family() == AF_INET6) {
    set_option(socket, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, ttl, endpoint);
    if (index != 0) set_option(socket, IPPROTO_IPV6, IPV6_MULTICAST_IF, index, endpoint);
    return;
  }
  set_option(socket, IPPROTO_IP, IP_MULTICAST_TTL, ttl, endpoint);
  if (index != 0) {
    ip_mreqn request{};
    request.imr_ifindex = index;
    set_option(socket, IPPROTO_IP, IP_MULTICAST_IF, request, endpoint);
  }
}

void set_unicast_options(const FileDescriptor& socket, const SocketAddress& to, const Endpoint& endpoint) {
  const bool ipv6 = to.family() == AF_INET6;
  if (const std::uint32_t index = interface_index(endpoint); index != 0) {
    // The kernel takes this index in network order.
    set_option(socket, to.level(), ipv6 ? IPV6_UNICAST_IF : IP_UNICAST_IF, htonl(index), endpoint);
  }
  if (endpoint.ttl) set_option(socket, to.level(), ipv6 ? IPV6_UNICAST_HOPS : IP_TTL, *endpoint.ttl, endpoint);
}

void set_send_buffer(const FileDescriptor& socket, const Endpoint& endpoint) {
  const int bytes = endpoint.buffer ? static_cast<int>(*endpoint.buffer) : default_buffer;
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0) {
    set_option(socket, SOL_SOCKET, SO_SNDBUF, bytes, endpoint);
  }
}

// A pending ICMP error of an earlier datagram: nobody listens there now, which is not for a sender to mind.
bool is_about_the_receiver(int error) { return error == ECONNREFUSED; }
// A machine that starts has no routes, and its interfaces no addresses, yet.
bool is_about_the_network(int error) {
  return error == ENETUNREACH || error == EHOSTUNREACH || error == ENETDOWN || error == EADDRNOTAVAIL;
}
bool passes_soon(int error) { return error == EAGAIN || error == ENOBUFS || error == ENOMEM; }

SocketAddress destination(const Endpoint& endpoint) {
  if (endpoint.host.empty()) throw std::runtime_error(endpoint.text + ": an output needs a host");
  if (!endpoint.source.empty()) throw std::runtime_error(endpoint.text + ": an output cannot choose its source");
  return SocketAddress::resolve(endpoint.host, endpoint.port);
}

}  // namespace

UdpSender::UdpSender(const Endpoint& endpoint) : endpoint_(endpoint), to_(destination(endpoint)) {
  socket_ = open();
  if (!connect() && !is_about_the_network(errno)) throw_system_error("send to", endpoint.text);
}

FileDescriptor UdpSender::open() const {
  FileDescriptor socket(::socket(to_.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) throw_system_error("open", endpoint_.text);
  set_send_buffer(socket, endpoint_);
  if (to_.is_multicast()) {
    set_multicast_options(socket, to_, endpoint_);
  } else {
    set_unicast_options(socket, to_, endpoint_);
  }
  if (endpoint_.tos) {
    set_option(socket, to_.level(), to_.family() == AF_INET6 ? IPV6_TCLASS : IP_TOS, *endpoint_.tos, endpoint_);
  }
  return socket;
}

// An interface that went and came back has another index, and perhaps another address: a socket that knows the old ones
// would never send again.
void UdpSender::open_again() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_try_) return;
  next_try_ = now + retry_interval;
  try {
    socket_ = open();
    connected_ = false;
  } catch (const std::exception&) {
    // The interface is not back yet.
  }
}

bool UdpSender::connect() {
  connected_ = connected_ || ::connect(socket_.get(), to_.get(), to_.length) == 0;
  return connected_;
}

UdpSender::Lost UdpSender::send(std::span<const Datagram> datagrams) {
  Lost lost;
  std::array<mmsghdr, largest_batch> messages{};
  std::array<iovec, largest_batch> vectors;
  const std::size_t count = std::min(datagrams.size(), largest_batch);
  for (std::size_t i = 0; i < count; ++i) {
    vectors[i] = {const_cast<std::uint8_t*>(datagrams[i].data()), datagrams[i].size()};
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  if (!connect()) {
    open_again();
    for (const Datagram datagram : datagrams.first(count)) lost.add(datagram);
    return lost;
  }
  bool retried = false;
  bool refused = false;
  for (std::size_t i = 0; i < count;) {
    const int sent = ::sendmmsg(socket_.get(), &messages[i], static_cast<unsigned>(count - i), MSG_NOSIGNAL);
    if (sent > 0) {
      i += static_cast<std::size_t>(sent);
      retried = false;
    } else if (!retried && (is_about_the_receiver(errno) || passes_soon(errno))) {
      retried = true;
      pollfd writable{.fd = socket_.get(), .events = POLLOUT, .revents = 0};
      if (passes_soon(errno)) ::poll(&writable, 1, 1);
    } else {
      if (!is_about_the_receiver(errno)) {
        lost.add(datagrams[i]);
        refused = refused || !passes_soon(errno);
      }
      ++i;
      retried = false;
    }
  }
  if (refused) open_again();
  return lost;
}

}  // namespace io
