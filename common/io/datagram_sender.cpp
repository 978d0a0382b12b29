#include "common/io/datagram_sender.hpp"

#include "common/io/srt_link.hpp"
#include "common/io/udp_sender.hpp"

namespace io {

namespace {

class SrtSender final : public DatagramSender {
 public:
  explicit SrtSender(const Endpoint& endpoint) : link_(endpoint, SrtLink::Role::sender, {}) {}
  Lost send(std::span<const Datagram> datagrams) override {
    Lost lost;
    for (const Datagram datagram : datagrams) {
      if (!link_.send(datagram)) lost.add(datagram);
    }
    return lost;
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
