// A connected UDP socket for output.
#pragma once

#include "common/io/datagram_sender.hpp"
#include "common/io/file_descriptor.hpp"

namespace io {

class UdpSender final : public DatagramSender {
 public:
  // For multicast without ttl=. 1, the kernel's own, never leaves the first network.
  static constexpr int default_multicast_ttl = 16;

  explicit UdpSender(const Endpoint& endpoint);
  std::size_t send(std::span<const Datagram> datagrams) override;

 private:
  FileDescriptor socket_;
};

}  // namespace io
