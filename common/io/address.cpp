#include "common/io/address.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <system_error>

#include "common/io/file_descriptor.hpp"

namespace io {

namespace {

const sockaddr_in& as_ipv4(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr_in&>(address.storage);
}
const sockaddr_in6& as_ipv6(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr_in6&>(address.storage);
}

bool has_ipv6() { return static_cast<bool>(FileDescriptor(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0))); }

SocketAddress any_address(std::uint16_t port, int family) {
  SocketAddress address;
  if (family == AF_INET6 || (family == AF_UNSPEC && has_ipv6())) {
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_port = htons(port);
    any.sin6_addr = in6addr_any;
    std::memcpy(&address.storage, &any, sizeof any);
    address.length = sizeof any;
  } else {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_port = htons(port);
    std::memcpy(&address.storage, &any, sizeof any);
    address.length = sizeof any;
  }
  return address;
}

SocketAddress from_sockaddr(const sockaddr* from) {
  SocketAddress address;
  address.length = from->sa_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  std::memcpy(&address.storage, from, address.length);
  return address;
}

}  // namespace

bool SocketAddress::is_multicast() const {
  if (family() == AF_INET6) return IN6_IS_ADDR_MULTICAST(&as_ipv6(*this).sin6_addr);
  return IN_MULTICAST(ntohl(as_ipv4(*this).sin_addr.s_addr));
}

bool SocketAddress::same_host(const SocketAddress& other) const {
  if (family() != other.family()) return false;
  if (family() == AF_INET6) {
    return std::memcmp(&as_ipv6(*this).sin6_addr, &as_ipv6(other).sin6_addr, sizeof(in6_addr)) == 0;
  }
  return as_ipv4(*this).sin_addr.s_addr == as_ipv4(other).sin_addr.s_addr;
}

SocketAddress SocketAddress::resolve(const std::string& host, std::uint16_t port, int family) {
  if (host.empty()) return any_address(port, family);
  addrinfo hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (error != 0) {
    throw std::runtime_error("find host " + host + ": " +
                             (error == EAI_SYSTEM ? std::generic_category().message(errno) : ::gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  const SocketAddress address = from_sockaddr(list->ai_addr);
  // The kernel would only say "Invalid argument". The source of a group, which has no port, needs none.
  if (port != 0 && address.family() == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&as_ipv6(address).sin6_addr) &&
      as_ipv6(address).sin6_scope_id == 0) {
    throw std::runtime_error("find host " + host + ": an address of a link needs its interface: write [" + host +
                             "%eth0]");
  }
  return address;
}

unsigned interface_index(const std::string& name) {
  if (name.empty()) return 0;
  if (const unsigned index = ::if_nametoindex(name.c_str()); index != 0) return index;

  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* list = nullptr;
  if (::getaddrinfo(name.c_str(), nullptr, &hints, &list) == 0) {
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
    const SocketAddress wanted = from_sockaddr(list->ai_addr);
    ifaddrs* interfaces = nullptr;
    if (::getifaddrs(&interfaces) != 0) throw_system_error("list", "the network interfaces");
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> interfaces_owner(interfaces, &::freeifaddrs);
    for (const ifaddrs* i = interfaces; i != nullptr; i = i->ifa_next) {
      if (i->ifa_addr == nullptr || (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6)) continue;
      if (from_sockaddr(i->ifa_addr).same_host(wanted)) return ::if_nametoindex(i->ifa_name);
    }
  }
  throw std::runtime_error("no network interface has the name or address '" + name + "'");
}

unsigned interface_index(const Endpoint& endpoint) {
  try {
    return interface_index(endpoint.interface);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(endpoint.text + ": " + error.what());
  }
}

}  // namespace io
