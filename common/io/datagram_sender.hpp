// Where datagrams go: a UDP socket or an SRT connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "common/io/endpoint.hpp"

namespace io {

class DatagramSender {
 public:
  static constexpr std::size_t largest_batch = 64;
  using Datagram = std::span<const std::uint8_t>;

  virtual ~DatagramSender() = default;
  // Sends at most largest_batch datagrams and never blocks for long. Returns how many of them were lost: a network that
  // refuses is counted, not thrown.
  virtual std::size_t send(std::span<const Datagram> datagrams) = 0;
};

// Throws what open_sink() throws.
std::unique_ptr<DatagramSender> open_sender(const Endpoint& endpoint);

}  // namespace io
