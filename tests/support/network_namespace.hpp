// A network of a test's own, of which there is only the loopback interface: ports are free and multicast stays inside.
#pragma once

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "common/io/file_descriptor.hpp"

namespace test {

// Moves this process into it, and threads begun from now on. False without the right to.
inline bool enter_network_namespace() {
  if (::unshare(CLONE_NEWNET) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
  const io::FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING | IFF_MULTICAST;
  return ::ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0;
}

// Two interfaces that are connected with each other, with IPv6 addresses that can be used at once.
inline bool add_interface_pair(const std::string& first, const std::string& second) {
  const std::string script = "echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad; ip link add " + first +
                             " type veth peer name " + second + " && ip link set " + first + " up && ip link set " +
                             second + " up";
  return std::system(script.c_str()) == 0;
}

}  // namespace test
