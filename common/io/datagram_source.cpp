#include "common/io/datagram_source.hpp"

#include <linux/in6.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <utility>

#include "common/io/waiting.hpp"

namespace io {

namespace {

using std::chrono::nanoseconds;
using ts::SteadyTime;
using ts::WallTime;

constexpr std::size_t batch = 64;
// As long as a UDP datagram can be; only pages that datagrams reached are resident. The odd distance keeps datagrams
// out of one another's cache sets.
constexpr std::size_t slot_size = 65536 + 1344;
constexpr std::size_t control_size = CMSG_SPACE(sizeof(timespec)) + CMSG_SPACE(sizeof(std::uint32_t));
constexpr int default_buffer = 4 << 20;  // four seconds at 8 Mb/s
// A stamp older than that is of a wall clock that stepped.
constexpr nanoseconds oldest_stamp = std::chrono::seconds{10};
// Keeps times from overflowing, whatever the time-out.
constexpr nanoseconds longest_wait = std::chrono::hours{1};
// How often held datagrams are looked at while nothing comes.
constexpr nanoseconds patience_step = std::chrono::milliseconds{5};
// How often it is seen to that a silent group is still joined.
constexpr nanoseconds join_interval = std::chrono::seconds{1};

// A batch without datagrams is no failure, and neither is an ICMP error of what this host sent from the port.
bool is_passing(int error) { return error == EAGAIN || error == EINTR || error == ECONNREFUSED || error == ENOMEM; }

template <typename Value>
void set_option(const FileDescriptor& socket, int level, int option, const Value& value, const std::string& name) {
  if (::setsockopt(socket.get(), level, option, &value, sizeof value) != 0) throw_system_error("set up", name);
}

void set_receive_buffer(const FileDescriptor& socket, const Endpoint& endpoint) {
  const int bytes = endpoint.buffer ? static_cast<int>(*endpoint.buffer) : default_buffer;
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0) {
    set_option(socket, SOL_SOCKET, SO_RCVBUF, bytes, endpoint.text);
  }
}

void copy_address(sockaddr_storage& to, const SocketAddress& from) { std::memcpy(&to, &from.storage, sizeof to); }

// False, with errno, if the kernel refuses.
bool join(const FileDescriptor& socket, const SocketAddress& group, unsigned interface, const Endpoint& endpoint) {
  if (endpoint.source.empty()) {
    group_req request{};
    request.gr_interface = interface;
    copy_address(request.gr_group, group);
    return ::setsockopt(socket.get(), group.level(), MCAST_JOIN_GROUP, &request, sizeof request) == 0;
  }
  group_source_req request{};
  request.gsr_interface = interface;
  copy_address(request.gsr_group, group);
  copy_address(request.gsr_source, SocketAddress::resolve(endpoint.source, 0, group.family()));
  return ::setsockopt(socket.get(), group.level(), MCAST_JOIN_SOURCE_GROUP, &request, sizeof request) == 0;
}

void leave(const FileDescriptor& socket, const SocketAddress& group, unsigned interface) {
  group_req request{};
  request.gr_interface = interface;
  copy_address(request.gr_group, group);
  ::setsockopt(socket.get(), group.level(), MCAST_LEAVE_GROUP, &request, sizeof request);
}

// Only groups that this socket joined itself, on the interface it joined them on.
void refuse_others_groups(const FileDescriptor& socket, const SocketAddress& group, const std::string& name) {
  const bool ipv6 = group.family() == AF_INET6;
  set_option(socket, group.level(), ipv6 ? IPV6_MULTICAST_ALL : IP_MULTICAST_ALL, 0, name);
}

}  // namespace

DatagramSource::DatagramSource(const Endpoint& endpoint, const SourceOptions& options)
    : name_(endpoint.text), endpoint_(endpoint), options_(options), reorder_(options.rtp_patience) {
  const SocketAddress local = SocketAddress::resolve(endpoint.host, endpoint.port);
  const bool is_group = local.is_multicast();
  if (!endpoint.source.empty() && !is_group) {
    throw std::runtime_error(name_ + ": source@ needs a multicast group, and " + endpoint.host + " is none");
  }
  socket_.reset(::socket(local.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_) throw_system_error("open", name_);
  set_receive_buffer(socket_, endpoint);
  set_option(socket_, SOL_SOCKET, SO_TIMESTAMPNS, 1, name_);
  set_option(socket_, SOL_SOCKET, SO_RXQ_OVFL, 1, name_);
  if (is_group) {
    // Any number of programs may receive a group; a unicast port has one owner, and another is told so.
    set_option(socket_, SOL_SOCKET, SO_REUSEADDR, 1, name_);
    refuse_others_groups(socket_, local, name_);
  } else if (endpoint.host.empty() && local.family() == AF_INET6) {
    set_option(socket_, IPPROTO_IPV6, IPV6_V6ONLY, 0, name_);
  }
  // Bound to the group itself, so that another group on the same port does not get in.
  if (::bind(socket_.get(), local.get(), local.length) != 0) throw_system_error("listen on", name_);
  if (is_group) {
    group_ = local;
    join_group();
  }

  slots_ = std::make_unique_for_overwrite<std::uint8_t[]>(batch * slot_size);
  controls_.resize(batch * control_size);
  messages_.resize(batch);
  vectors_.resize(batch);
  for (std::size_t i = 0; i < batch; ++i) vectors_[i] = {slots_.get() + i * slot_size, slot_size};
}

void DatagramSource::join_group() {
  interface_ = interface_index(endpoint_);
  if (join(socket_, *group_, interface_, endpoint_)) return;
  if (errno == ENODEV && interface_ == 0) {
    throw std::runtime_error("join " + name_ + ": no route to the group: name the interface with iface=");
  }
  throw_system_error("join", name_);
}

// The membership goes with the interface, if that is removed, and does not come back with it. To join is refused, and
// costs nothing, as long as it is there.
void DatagramSource::join_again(SteadyTime now) {
  if (!group_ || now < next_join_) return;
  next_join_ = now + join_interval;
  try {
    const unsigned interface = interface_index(endpoint_.interface);
    if (!join(socket_, *group_, interface, endpoint_)) return;
    // A socket may be in so many groups only.
    if (const unsigned old = std::exchange(interface_, interface); old != 0) leave(socket_, *group_, old);
  } catch (const std::exception&) {
    // The interface is not there.
  }
}

std::uint16_t DatagramSource::port() const {
  SocketAddress local;
  local.length = sizeof local.storage;
  if (::getsockname(socket_.get(), local.get(), &local.length) != 0) throw_system_error("look at", name_);
  const auto* const ipv4 = reinterpret_cast<const sockaddr_in*>(&local.storage);
  const auto* const ipv6 = reinterpret_cast<const sockaddr_in6*>(&local.storage);
  return ntohs(local.family() == AF_INET6 ? ipv6->sin6_port : ipv4->sin_port);
}

DatagramSource::ClockPair DatagramSource::ClockPair::read() {
  // A thread that is stopped between the two readings would shift all arrivals of the batch.
  ClockPair best{};
  nanoseconds shortest = nanoseconds::max();
  for (int i = 0; i < 3 && shortest > std::chrono::microseconds{2}; ++i) {
    const SteadyTime before = std::chrono::steady_clock::now();
    const WallTime wall = std::chrono::system_clock::now();
    const nanoseconds between = std::chrono::steady_clock::now() - before;
    if (between >= shortest) continue;
    shortest = between;
    best = {before + between / 2, wall};
  }
  return best;
}

std::span<const Chunk> DatagramSource::read(std::chrono::milliseconds timeout) {
  chunks_.clear();
  released_.clear();
  parser_.begin();
  if (wait(timeout)) {
    receive();
  } else {
    join_again(std::chrono::steady_clock::now());
  }
  if (reorder_.holds()) release(std::chrono::steady_clock::now());
  return chunks_;
}

// Lets datagrams gather in the socket before it is looked at again. True if there may be any.
bool DatagramSource::wait(nanoseconds timeout) {
  const SteadyTime now = std::chrono::steady_clock::now();
  const SteadyTime deadline = now + std::min<nanoseconds>(timeout, longest_wait);
  const SteadyTime ripe = last_drain_ + options_.gather;
  if (ripe > now) {
    wait_readable(-1, std::min(ripe, deadline) - now, options_.wait_mask);
    if (std::chrono::steady_clock::now() < ripe) return false;  // a signal, or no time left
  }
  const nanoseconds left = deadline - std::chrono::steady_clock::now();
  // What is held back for a missing datagram is due soon, whether or not anything comes.
  const nanoseconds limit = reorder_.holds() ? std::min<nanoseconds>(left, patience_step) : left;
  return wait_readable(socket_.get(), limit, options_.wait_mask);
}

void DatagramSource::receive() {
  for (std::size_t i = 0; i < batch; ++i) {
    msghdr& header = messages_[i].msg_hdr;
    header = {};
    header.msg_iov = &vectors_[i];
    header.msg_iovlen = 1;
    header.msg_control = controls_.data() + i * control_size;
    header.msg_controllen = control_size;
  }
  const int count = ::recvmmsg(socket_.get(), messages_.data(), batch, 0, nullptr);
  const ClockPair clocks = ClockPair::read();
  if (count < 0) {
    if (is_passing(errno)) return;
    throw_system_error("receive from", name_);
  }
  // A full batch says that more is waiting: it is fetched without a pause.
  if (static_cast<std::size_t>(count) < batch) last_drain_ = clocks.steady;
  if (count > 0) next_join_ = clocks.steady + join_interval;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const auto* const bytes = static_cast<const std::uint8_t*>(vectors_[i].iov_base);
    take(messages_[i].msg_hdr, {bytes, messages_[i].msg_len}, clocks);
  }
}

DatagramSource::Ancillary DatagramSource::ancillary_of(const msghdr& message) {
  Ancillary result;
  auto* const header = const_cast<msghdr*>(&message);  // CMSG_NXTHDR is not for const
  for (const cmsghdr* c = CMSG_FIRSTHDR(header); c != nullptr; c = CMSG_NXTHDR(header, const_cast<cmsghdr*>(c))) {
    if (c->cmsg_level != SOL_SOCKET) continue;
    if (c->cmsg_type == SCM_TIMESTAMPNS) {
      timespec stamp;
      std::memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
      result.stamp = WallTime(std::chrono::seconds{stamp.tv_sec} + nanoseconds{stamp.tv_nsec});
    } else if (c->cmsg_type == SO_RXQ_OVFL) {
      std::uint32_t drops;
      std::memcpy(&drops, CMSG_DATA(c), sizeof drops);
      result.drops = drops;
    }
  }
  return result;
}

// The kernel stamps with the wall clock; the steady clock's time is as long ago as that.
ts::Arrival DatagramSource::arrival_of(const std::optional<WallTime>& stamp, const ClockPair& clocks) {
  const nanoseconds age = stamp ? clocks.wall - *stamp : nanoseconds{0};
  const bool believable = age.count() >= 0 && age < oldest_stamp;
  const SteadyTime steady = believable ? clocks.steady - age : clocks.steady;
  last_arrival_ = std::max(last_arrival_, steady);
  return {last_arrival_, stamp.value_or(clocks.wall)};
}

void DatagramSource::take(const msghdr& message, std::span<const std::uint8_t> datagram, const ClockPair& clocks) {
  const Ancillary ancillary = ancillary_of(message);
  const ts::Arrival arrival = arrival_of(ancillary.stamp, clocks);
  ++datagrams_;
  bytes_ += datagram.size();
  if (ancillary.drops && *ancillary.drops != last_drops_) {
    drops_ += *ancillary.drops - last_drops_;  // modulo 2^32
    last_drops_ = *ancillary.drops;
    after_drops_ = true;
  }
  // RTP by what it is, not by what the endpoint calls it: many senders and receivers disagree about that.
  if (!datagram.empty() && datagram[0] != ts::sync_byte) {
    const auto header = ts::RtpHeader::parse(datagram);
    if (header && header->payload_type == ts::RtpHeader::mp2t) {
      take_rtp(*header, datagram, arrival);
      return;
    }
  }
  parser_.parse(datagram, arrival, std::exchange(after_drops_, false), chunks_);
}

void DatagramSource::take_rtp(const ts::RtpHeader& header, std::span<const std::uint8_t> datagram,
                              const ts::Arrival& arrival) {
  has_rtp_ = true;
  const auto payload = datagram.subspan(header.payload_offset, header.payload_size);
  if (options_.rtp_as_received) {
    const std::size_t parsed = chunks_.size();
    parser_.parse(payload, arrival, std::exchange(after_drops_, false), chunks_);
    if (chunks_.size() > parsed) chunks_.back().rtp = {header.sequence, header.ssrc};
    return;
  }
  if (reorder_.is_next(header, payload, arrival)) {
    const bool after_loss = std::exchange(after_drops_, false) || reorder_.last_was_after_loss();
    parser_.parse(payload, arrival, after_loss, chunks_);
  } else {
    release(arrival.steady);
  }
}

void DatagramSource::release(SteadyTime now) {
  while (auto datagram = reorder_.next(now)) {
    const auto& kept = released_.emplace_back(std::move(*datagram));
    parser_.parse(kept.payload, kept.arrival, kept.after_loss, chunks_);
  }
}

SourceStatistics DatagramSource::statistics() const {
  SourceStatistics result;
  parser_.add_to(result);
  result.has_socket = true;
  result.has_rtp = has_rtp_;
  result.bytes = bytes_;
  result.datagrams = datagrams_;
  result.socket_drops = drops_;
  result.rtp_lost = reorder_.statistics().lost;
  result.rtp_reordered = reorder_.statistics().reordered;
  result.rtp_duplicates = reorder_.statistics().duplicates;
  return result;
}

}  // namespace io
