#include "common/io/datagram_sender.hpp"

#include <algorithm>

#include "common/io/srt_link.hpp"
#include "common/io/udp_sender.hpp"

namespace io {

namespace {

class SrtSender final : public DatagramSender {
 public:
  explicit SrtSender(const Endpoint& endpoint) : link_(endpoint, SrtLink::Role::sender, {}) {}
  std::size_t send(std::span<const Datagram> datagrams) override {
    return static_cast<std::size_t>(
        std::ranges::count_if(datagrams, [this](Datagram datagram) { return !link_.send(datagram); }));
  }

 private:
  SrtLink link_;
};

}  // namespace

std::unique_ptr<DatagramSender> open_sender(const Endpoint& endpoint) {
  if (endpoint.kind == Endpoint::Kind::srt) return std::make_unique<SrtSender>(endpoint);
  return std::make_unique<UdpSender>(endpoint);
}

}  // namespace io
