// An SRT connection that is made again for ever, by a thread of its own.
#pragma once

#include <srt/srt.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <thread>

#include "common/io/endpoint.hpp"

namespace io {

class SrtLink {
 public:
  enum class Role { receiver, sender };
  // A message received: its sequence number (31 bits) tells of those lost before it. `first`: of a new connection.
  struct Message {
    std::span<const std::uint8_t> payload;
    std::int32_t sequence;
    bool first;
  };
  using Receive = std::function<void(const Message&)>;  // called by the link's thread

  // Throws std::runtime_error if the host is unknown or the port cannot be listened on; a peer that is not there yet is
  // waited for.
  SrtLink(const Endpoint& endpoint, Role role, Receive receive);
  // A sender gives the last messages time to arrive.
  ~SrtLink();
  SrtLink(const SrtLink&) = delete;
  SrtLink& operator=(const SrtLink&) = delete;

  // False if nobody is connected or the peer does not keep up: the message is lost. By one thread.
  bool send(std::span<const std::uint8_t> message);
  std::uint64_t connections() const { return connections_; }
  // Empty while a peer is connected, else that there is none, and of a caller why the last call failed.
  std::string trouble() const;

 private:
  // Of the library and its threads, as long as any link lives.
  struct Library {
    Library();
    ~Library();
  };

  void run();
  SRTSOCKET create() const;
  void listen();
  SRTSOCKET connect();
  SRTSOCKET call();
  SRTSOCKET accept();
  void serve(SRTSOCKET socket);
  bool receive_all(SRTSOCKET socket, bool& first);
  // Waits for events of the socket. False when told to stop.
  bool wait(SRTSOCKET socket, int events) const;
  void pause(std::chrono::milliseconds time) const;
  void linger(SRTSOCKET socket) const;
  static int on_call(void* link, SRTSOCKET, int, const sockaddr*, const char*);

  const Endpoint endpoint_;
  const Role role_;
  const Receive receive_;
  const Library library_;
  SRTSOCKET listener_ = SRT_INVALID_SOCK;
  std::atomic<SRTSOCKET> current_{SRT_INVALID_SOCK};
  std::atomic<std::uint64_t> connections_{0};
  std::atomic<int> rejection_{SRT_REJ_UNKNOWN};  // of the last call
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace io
