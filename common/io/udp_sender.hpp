// A connected UDP socket for output.
#pragma once

#include <chrono>

#include "common/io/address.hpp"
#include "common/io/datagram_sender.hpp"
#include "common/io/file_descriptor.hpp"

namespace io {

class UdpSender final : public DatagramSender {
 public:
  // For multicast without ttl=. 1, the kernel's own, never leaves the first network.
  static constexpr int default_multicast_ttl = 16;

  // A network that cannot be reached now may come later, and an interface that goes may come back: it is tried at each
  // send.
  explicit UdpSender(const Endpoint& endpoint);
  Lost send(std::span<const Datagram> datagrams) override;

 private:
  FileDescriptor open() const;
  void open_again();
  bool connect();

  const Endpoint endpoint_;
  const SocketAddress to_;
  FileDescriptor socket_;
  bool connected_ = false;
  std::chrono::steady_clock::time_point next_try_{};
};

}  // namespace io
