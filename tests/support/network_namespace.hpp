// A network of a test's own, of which there is only the loopback interface: ports are free and multicast stays inside.
#pragma once

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

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
  if (std::system(script.c_str()) != 0) return false;
  // The kernel notices the carrier, and makes addresses and routes, a little later; ten seconds at the most.
  const auto is_ready = [](const std::string& name) {
    return std::system(("ip -6 addr show dev " + name +
                        " scope link -tentative | grep -q inet6 && "
                        "ip -6 route show table local dev " +
                        name + " | grep -q ^multicast")
                           .c_str()) == 0;
  };
  for (int i = 0; i < 500; ++i) {
    if (is_ready(first) && is_ready(second)) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
  return false;
}

}  // namespace test
