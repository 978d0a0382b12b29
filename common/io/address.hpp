// Socket addresses and interfaces, by name or number.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "common/io/endpoint.hpp"

namespace io {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
  // SOL_IP or SOL_IPV6, for setsockopt().
  int level() const { return family() == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP; }
  bool is_multicast() const;
  bool same_host(const SocketAddress& other) const;

  // Throws std::runtime_error with the resolver's reason. `family`: AF_UNSPEC or that of another address. An empty host
  // is any address: of both protocols where the host has IPv6, else of IPv4.
  static SocketAddress resolve(const std::string& host, std::uint16_t port, int family = AF_UNSPEC);
};

// The index of an interface given by its name or one of its addresses; 0 for an empty name (the routing table chooses).
// Throws std::runtime_error if there is no such interface.
unsigned interface_index(const std::string& name);
// Of an endpoint's iface=; the error names the endpoint.
unsigned interface_index(const Endpoint& endpoint);

}  // namespace io
