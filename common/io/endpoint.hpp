// Where a stream comes from or goes to, as written on the command line: headend-endpoints(7).
//
//   -                                               standard input or output
//   path                                            a file, FIFO or device
//   udp://[source@]host:port[,key=value]...         also rtp://; an IPv6 address stands in brackets
//   srt://[host]:port[,key=value]...
//
// The form ?key=value&key=value is accepted too. "udp://@239.1.1.1:5000" is a group with no source, as other tools
// write it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace io {

struct Endpoint {
  enum class Kind : std::uint8_t { standard_stream, path, udp, rtp, srt };
  enum class SrtMode : std::uint8_t { caller, listener, rendezvous };

  Kind kind = Kind::standard_stream;
  std::string text = "-";  // as given, for messages
  std::string path;        // of Kind::path

  // Sockets.
  std::string host;  // without brackets; empty: any address (listener)
  std::uint16_t port = 0;
  std::string source;                   // of a source-specific group
  std::string interface;                // iface=: name or address
  std::optional<int> ttl;               // ttl=: 1 to 255, for multicast and unicast
  std::optional<int> tos;               // tos= (DSCP in the upper six bits)
  std::optional<std::uint64_t> buffer;  // buffer=: socket buffer in bytes
  std::optional<int> packets;           // packets=: TS packets a datagram, 1 to 7 (default 7); output

  // SRT.
  SrtMode srt_mode = SrtMode::caller;                // mode=
  std::optional<std::chrono::milliseconds> latency;  // latency=
  std::string passphrase;                            // passphrase=
  std::string stream_id;                             // streamid=
  int key_length = 0;                                // pbkeylen=: 16, 24 or 32 bytes

  bool is_socket() const { return kind == Kind::udp || kind == Kind::rtp || kind == Kind::srt; }

  // Throws std::invalid_argument with a message that names the text, what is wrong and what would be right. Keys in
  // `tool_keys` are those of the calling tool (newsid= ...): they land in `tool_options`, in any order among the
  // others. In a path, only ",key=" of a known key ends the path, so that file names may hold commas.
  static Endpoint parse(std::string_view text);
  static Endpoint parse(std::string_view text, std::span<const std::string_view> tool_keys,
                        std::multimap<std::string, std::string>& tool_options);
};

// %2C stands for a comma, which would end a key's value. Throws std::invalid_argument.
std::string percent_decoded(std::string_view value);

}  // namespace io
