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
  struct Lost {
    std::size_t datagrams = 0, bytes = 0;
    void add(Datagram datagram) {
      ++datagrams;
      bytes += datagram.size();
    }
  };
  // Sends at most largest_batch datagrams and never blocks for long. Returns what of them was lost: a network that
  // refuses, or is not there yet, is counted, not thrown.
  virtual Lost send(std::span<const Datagram> datagrams) = 0;
};

// Throws what open_sink() throws.
std::unique_ptr<DatagramSender> open_sender(const Endpoint& endpoint);

}  // namespace io
