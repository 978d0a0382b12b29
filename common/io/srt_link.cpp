#include "common/io/srt_link.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "common/io/address.hpp"
#include "common/io/thread.hpp"

namespace io {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds poll_step{100};  // between two looks at whether to stop
constexpr milliseconds first_pause{200};
constexpr milliseconds longest_pause{5000};
constexpr milliseconds longest_linger{2000};
constexpr milliseconds linger_step{20};
constexpr int backlog = 1;

constexpr int readable = static_cast<int>(SRT_EPOLL_IN) | static_cast<int>(SRT_EPOLL_ERR);
constexpr int connected = static_cast<int>(SRT_EPOLL_OUT) | static_cast<int>(SRT_EPOLL_ERR);
constexpr int broken = static_cast<int>(SRT_EPOLL_ERR);

[[noreturn]] void fail(const std::string& action, const Endpoint& endpoint) {
  throw std::runtime_error(action + ' ' + endpoint.text + ": " + srt_getlasterror_str());
}

void log_nothing(void*, int, const char*, int, const char*, const char*) {}

template <typename Value>
void set_option(SRTSOCKET socket, SRT_SOCKOPT option, const Value& value, const Endpoint& endpoint) {
  if (srt_setsockflag(socket, option, &value, sizeof value) == SRT_ERROR) fail("set up", endpoint);
}

void set_option(SRTSOCKET socket, SRT_SOCKOPT option, const std::string& value, const Endpoint& endpoint) {
  const int size = static_cast<int>(value.size());
  if (srt_setsockflag(socket, option, value.data(), size) == SRT_ERROR) fail("set up", endpoint);
}

// One socket's events.
class Poll {
 public:
  Poll(SRTSOCKET socket, int events) : id_(srt_epoll_create()) { srt_epoll_add_usock(id_, socket, &events); }
  ~Poll() { srt_epoll_release(id_); }
  Poll(const Poll&) = delete;
  Poll& operator=(const Poll&) = delete;

  bool wait(milliseconds time) const {
    SRT_EPOLL_EVENT event;
    return srt_epoll_uwait(id_, &event, 1, time.count()) > 0;
  }

 private:
  int id_;
};

bool is_connected(SRTSOCKET socket) { return srt_getsockstate(socket) == SRTS_CONNECTED; }

}  // namespace

SrtLink::Library::Library() {
  const SignalsBlocked blocked;
  srt_startup();
  srt_setloghandler(nullptr, &log_nothing);
}

SrtLink::Library::~Library() { srt_cleanup(); }

SrtLink::SrtLink(const Endpoint& endpoint, Role role, Receive receive)
    : endpoint_(endpoint), role_(role), receive_(std::move(receive)) {
  const SignalsBlocked blocked;
  if (endpoint_.srt_mode == Endpoint::SrtMode::listener) {
    listen();
  } else {
    SocketAddress::resolve(endpoint_.host, endpoint_.port);
  }
  thread_ = start_thread("srt", [this] { run(); });
}

SrtLink::~SrtLink() {
  if (const SRTSOCKET socket = current_; role_ == Role::sender && socket != SRT_INVALID_SOCK) linger(socket);
  stop_ = true;
  thread_.join();
  if (listener_ != SRT_INVALID_SOCK) srt_close(listener_);
}

// A peer that is told of the end throws away what it has not handed over, which it does a latency after it was sent.
void SrtLink::linger(SRTSOCKET socket) const {
  const auto ask = [socket](SRT_SOCKOPT option) {
    int value = 0;
    int size = sizeof value;
    return srt_getsockflag(socket, option, &value, &size) == SRT_ERROR ? 0 : value;
  };
  const auto deadline = std::chrono::steady_clock::now() + longest_linger;
  while (ask(SRTO_SNDDATA) > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(linger_step);
  }
  if (is_connected(socket))
    std::this_thread::sleep_until(
        std::min(deadline, std::chrono::steady_clock::now() + milliseconds{ask(SRTO_PEERLATENCY)} + linger_step));
}

SRTSOCKET SrtLink::create() const {
  const SRTSOCKET socket = srt_create_socket();
  if (socket == SRT_INVALID_SOCK) fail("open", endpoint_);
  set_option(socket, SRTO_RCVSYN, false, endpoint_);
  set_option(socket, SRTO_SNDSYN, false, endpoint_);
  set_option(socket, SRTO_IPV6ONLY, 0, endpoint_);
  if (role_ == Role::sender) set_option(socket, SRTO_SENDER, true, endpoint_);
  if (endpoint_.latency) set_option(socket, SRTO_LATENCY, static_cast<int>(endpoint_.latency->count()), endpoint_);
  if (endpoint_.ttl) set_option(socket, SRTO_IPTTL, *endpoint_.ttl, endpoint_);
  if (endpoint_.tos) set_option(socket, SRTO_IPTOS, *endpoint_.tos, endpoint_);
  if (endpoint_.buffer) {
    const int bytes = static_cast<int>(*endpoint_.buffer);
    set_option(socket, role_ == Role::sender ? SRTO_UDP_SNDBUF : SRTO_UDP_RCVBUF, bytes, endpoint_);
  }
  if (endpoint_.key_length != 0) set_option(socket, SRTO_PBKEYLEN, endpoint_.key_length, endpoint_);
  if (!endpoint_.passphrase.empty()) set_option(socket, SRTO_PASSPHRASE, endpoint_.passphrase, endpoint_);
  if (!endpoint_.stream_id.empty() && endpoint_.srt_mode == Endpoint::SrtMode::caller) {
    set_option(socket, SRTO_STREAMID, endpoint_.stream_id, endpoint_);
  }
  return socket;
}

void SrtLink::listen() {
  const SocketAddress local = SocketAddress::resolve(endpoint_.host, endpoint_.port);
  listener_ = create();
  srt_listen_callback(listener_, &SrtLink::on_call, this);
  if (srt_bind(listener_, local.get(), static_cast<int>(local.length)) == SRT_ERROR ||
      srt_listen(listener_, backlog) == SRT_ERROR) {
    const std::string reason = srt_getlasterror_str();
    srt_close(listener_);
    throw std::runtime_error("listen on " + endpoint_.text + ": " + reason);
  }
}

// One peer at a time: another is refused, and comes again.
int SrtLink::on_call(void* link, SRTSOCKET, int, const sockaddr*, const char*) {
  return static_cast<const SrtLink*>(link)->current_ == SRT_INVALID_SOCK ? 0 : -1;
}

void SrtLink::run() {
  milliseconds pause_time = first_pause;
  while (!stop_) {
    const SRTSOCKET socket = connect();
    if (socket == SRT_INVALID_SOCK) {
      pause(pause_time);
      pause_time = std::min(pause_time * 2, longest_pause);
      continue;
    }
    pause_time = first_pause;
    ++connections_;
    current_ = socket;
    serve(socket);
    current_ = SRT_INVALID_SOCK;
    srt_close(socket);
  }
}

SRTSOCKET SrtLink::connect() {
  if (endpoint_.srt_mode == Endpoint::SrtMode::listener) return accept();
  try {
    return call();
  } catch (const std::runtime_error&) {
    return SRT_INVALID_SOCK;  // a resolver that fails for the moment
  }
}

SRTSOCKET SrtLink::accept() {
  const Poll poll(listener_, readable);
  // The library does not tell of a peer that came before the listener was polled, and keeps all others away for it.
  for (bool told = false; !stop_; told = poll.wait(poll_step)) {
    const SRTSOCKET socket = srt_accept(listener_, nullptr, nullptr);
    if (socket != SRT_INVALID_SOCK || told) return socket;
  }
  return SRT_INVALID_SOCK;
}

SRTSOCKET SrtLink::call() {
  const SocketAddress peer = SocketAddress::resolve(endpoint_.host, endpoint_.port);
  const SRTSOCKET socket = create();
  const int length = static_cast<int>(peer.length);
  int result = SRT_ERROR;
  if (endpoint_.srt_mode == Endpoint::SrtMode::rendezvous) {
    const SocketAddress local = SocketAddress::resolve("", endpoint_.port, peer.family());
    result = srt_rendezvous(socket, local.get(), static_cast<int>(local.length), peer.get(), length);
  } else {
    result = srt_connect(socket, peer.get(), length);
  }
  if (result != SRT_ERROR) wait(socket, connected);
  if (is_connected(socket)) return socket;
  rejection_ = srt_getrejectreason(socket);
  srt_close(socket);
  return SRT_INVALID_SOCK;
}

bool SrtLink::wait(SRTSOCKET socket, int events) const {
  const Poll poll(socket, events);
  while (!stop_) {
    if (poll.wait(poll_step)) return true;
  }
  return false;
}

void SrtLink::pause(milliseconds time) const {
  for (; time.count() > 0 && !stop_; time -= std::min(time, poll_step)) {
    std::this_thread::sleep_for(std::min(time, poll_step));
  }
}

void SrtLink::serve(SRTSOCKET socket) {
  const Poll poll(socket, role_ == Role::receiver ? readable : broken);
  bool first = true;
  while (!stop_ && is_connected(socket)) {
    if (!poll.wait(poll_step)) continue;
    if (role_ == Role::sender || !receive_all(socket, first)) return;
  }
}

// False if the connection is lost.
bool SrtLink::receive_all(SRTSOCKET socket, bool& first) {
  std::array<char, SRT_LIVE_MAX_PLSIZE> buffer;
  while (true) {
    SRT_MSGCTRL control = srt_msgctrl_default;
    const int size = srt_recvmsg2(socket, buffer.data(), static_cast<int>(buffer.size()), &control);
    if (size < 0) return srt_getlasterror(nullptr) == SRT_EASYNCRCV;
    if (size == 0) return false;
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(buffer.data());
    receive_({{bytes, static_cast<std::size_t>(size)}, control.pktseq, std::exchange(first, false)});
  }
}

std::string SrtLink::trouble() const {
  if (current_ != SRT_INVALID_SOCK) return {};
  const int rejection = rejection_;
  const std::string reason = rejection == SRT_REJ_UNKNOWN ? "" : std::string{": "} + srt_rejectreason_str(rejection);
  return "no SRT peer is connected" + reason;
}

bool SrtLink::send(std::span<const std::uint8_t> message) {
  const SRTSOCKET socket = current_;
  if (socket == SRT_INVALID_SOCK) return false;
  const auto* const bytes = reinterpret_cast<const char*>(message.data());
  return srt_sendmsg2(socket, bytes, static_cast<int>(message.size()), nullptr) != SRT_ERROR;
}

}  // namespace io
