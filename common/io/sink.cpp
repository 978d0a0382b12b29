#include "common/io/sink.hpp"

#include <csignal>

#include "common/io/file_sink.hpp"
#include "common/io/queued_sink.hpp"
#include "common/io/socket_sink.hpp"

namespace io {

std::unique_ptr<Sink> open_sink(const Endpoint& endpoint, const SinkOptions& options) {
  if (endpoint.is_socket()) return std::make_unique<SocketSink>(endpoint, options);
  // A reader that leaves is an error of write(), not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  if (options.live) return std::make_unique<QueuedSink>(endpoint, options);
  return std::make_unique<FileSink>(endpoint, options);
}

std::string_view refusal(const Endpoint& endpoint) {
  if (endpoint.kind == Endpoint::Kind::srt) return "packets dropped: no SRT peer is connected, or it is too slow";
  return "packets refused by the network";
}

}  // namespace io
