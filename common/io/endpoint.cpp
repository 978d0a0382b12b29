#include "common/io/endpoint.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

namespace io {

namespace {

using Kind = Endpoint::Kind;

// Which kinds a key is for.
enum : unsigned { for_udp = 1, for_srt = 2 };

struct Key {
  std::string_view name;
  unsigned kinds;
};

constexpr std::array keys = {
    Key{"iface", for_udp},
    Key{"ttl", for_udp | for_srt},
    Key{"tos", for_udp | for_srt},
    Key{"buffer", for_udp | for_srt},
    Key{"packets", for_udp | for_srt},
    Key{"mode", for_srt},
    Key{"latency", for_srt},
    Key{"passphrase", for_srt},
    Key{"pbkeylen", for_srt},
    Key{"streamid", for_srt},
};

// As other tools write them. pkt_size counts bytes, so it is no mere other name: see set_option().
constexpr std::array aliases = {
    std::pair<std::string_view, std::string_view>{"localaddr", "iface"},
    std::pair<std::string_view, std::string_view>{"buffer_size", "buffer"},
};

std::string_view canonical(std::string_view key) {
  for (const auto& [alias, name] : aliases) {
    if (key == alias) return name;
  }
  return key;
}

const Key* find_key(std::string_view name) {
  const auto* const found = std::ranges::find(keys, canonical(name == "pkt_size" ? "packets" : name), &Key::name);
  return found == keys.end() ? nullptr : found;
}

unsigned bit_of(Kind kind) {
  if (kind == Kind::srt) return for_srt;
  return kind == Kind::udp || kind == Kind::rtp ? for_udp : 0u;
}

struct Setting {
  std::string_view key;
  std::string_view value;
};

// Messages end in logs.
std::string without_secret(std::string_view text) {
  std::string out(text);
  const std::string_view key = "passphrase=";
  const std::size_t begin = out.find(key);
  if (begin == std::string::npos) return out;
  const std::size_t end = out.find_first_of(",&", begin);
  return out.replace(begin + key.size(), end == std::string::npos ? end : end - begin - key.size(), "***");
}

class Parser {
 public:
  Parser(std::string_view text, std::span<const std::string_view> tool_keys,
         std::multimap<std::string, std::string>* tool_options)
      : text_(text), tool_keys_(tool_keys), tool_options_(tool_options) {}

  Endpoint parse() {
    endpoint_.text = without_secret(text_);
    if (text_.empty()) fail("is empty: give a path, a URL or -");
    const std::size_t scheme_end = text_.find("://");
    const std::string_view scheme = scheme_end == std::string_view::npos ? "" : text_.substr(0, scheme_end);
    if (scheme == "udp") {
      endpoint_.kind = Kind::udp;
    } else if (scheme == "rtp") {
      endpoint_.kind = Kind::rtp;
    } else if (scheme == "srt") {
      endpoint_.kind = Kind::srt;
    } else if (is_scheme(scheme)) {
      fail("has an unknown scheme: udp://, rtp:// and srt:// are known");
    } else {
      parse_path();
      return std::move(endpoint_);
    }
    parse_url(text_.substr(scheme_end + 3));
    return std::move(endpoint_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw std::invalid_argument("endpoint '" + without_secret(text_) + "' " + what);
  }

  static bool is_scheme(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= 'a' && c <= 'z'; });
  }

  bool is_tool_key(std::string_view key) const { return std::ranges::find(tool_keys_, key) != tool_keys_.end(); }
  bool is_known(std::string_view key) const { return find_key(key) != nullptr || is_tool_key(key); }

  // Commas belong to a file's name unless a known key and '=' follow.
  void parse_path() {
    std::size_t end = text_.size();
    for (std::size_t comma = text_.find(','); comma != std::string_view::npos; comma = text_.find(',', comma + 1)) {
      const std::string_view rest = text_.substr(comma + 1);
      if (const std::size_t equals = rest.find('=');
          equals != std::string_view::npos && is_known(rest.substr(0, equals))) {
        end = comma;
        break;
      }
    }
    endpoint_.path = std::string(text_.substr(0, end));
    if (endpoint_.path.empty()) fail("names no file");
    endpoint_.kind = endpoint_.path == "-" ? Kind::standard_stream : Kind::path;
    if (endpoint_.kind == Kind::standard_stream) endpoint_.path.clear();
    if (end < text_.size()) set_options(text_.substr(end + 1), ',');
  }

  void parse_url(std::string_view rest) {
    const std::size_t end = rest.find_first_of(",?");
    parse_authority(rest.substr(0, end));
    if (endpoint_.kind == Kind::srt && is_any_host()) endpoint_.srt_mode = Endpoint::SrtMode::listener;
    if (end != std::string_view::npos) set_options(rest.substr(end + 1), rest[end] == '?' ? '&' : ',');
    if (endpoint_.kind == Kind::srt) check_srt();
  }

  void parse_authority(std::string_view authority) {
    if (authority.ends_with('/')) authority.remove_suffix(1);
    if (const std::size_t at = authority.find('@'); at != std::string_view::npos) {
      endpoint_.source = std::string(unbracketed(authority.substr(0, at)));
      authority.remove_prefix(at + 1);
    }
    if (!endpoint_.source.empty() && endpoint_.kind == Kind::srt) fail("has a source, which is for udp:// and rtp://");
    const std::size_t bracket = authority.rfind(']');
    const std::size_t colon = authority.rfind(':');
    if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)) {
      fail("has no port: write host:port");
    }
    const std::string_view host = authority.substr(0, colon);
    if (host.find(':') != std::string_view::npos && !host.starts_with('[')) {
      fail("has an IPv6 address without brackets: write [address]:port");
    }
    endpoint_.host = std::string(unbracketed(host));
    endpoint_.port = static_cast<std::uint16_t>(number("port", authority.substr(colon + 1), 1, 65535));
  }

  std::string_view unbracketed(std::string_view host) const {
    if (!host.starts_with('[')) return host;
    if (!host.ends_with(']')) fail("has a '[' without its ']'");
    return host.substr(1, host.size() - 2);
  }

  // Nobody can be called there.
  bool is_any_host() const { return endpoint_.host.empty() || endpoint_.host == "0.0.0.0" || endpoint_.host == "::"; }

  void check_srt() const {
    if (is_any_host() && endpoint_.srt_mode != Endpoint::SrtMode::listener) {
      fail(endpoint_.host.empty() ? "has no host: only mode=listener can do without"
                                  : "has a host that stands for any: only mode=listener can have it");
    }
    if (endpoint_.key_length != 0 && endpoint_.passphrase.empty()) fail("has pbkeylen= but no passphrase=");
  }

  void set_options(std::string_view options, char separator) {
    while (!options.empty()) {
      const std::size_t end = options.find(separator);
      const std::string_view option = options.substr(0, end);
      options = end == std::string_view::npos ? std::string_view{} : options.substr(end + 1);
      if (option.empty()) continue;
      const std::size_t equals = option.find('=');
      if (equals == std::string_view::npos) fail("has '" + std::string(option) + "' where key=value is expected");
      set_option({option.substr(0, equals), option.substr(equals + 1)});
    }
  }

  void set_option(Setting setting) {
    if (is_tool_key(setting.key)) {
      tool_options_->emplace(setting.key, setting.value);
      return;
    }
    const Key* const key = find_key(setting.key);
    if (key == nullptr) fail("has an unknown key '" + std::string(setting.key) + "': known are " + list_of_keys());
    if ((key->kinds & bit_of(endpoint_.kind)) == 0) {
      fail("cannot have " + std::string(key->name) + "=: its keys are " + list_of_keys());
    }
    if (setting.key == "pkt_size") return set_packet_bytes(setting.value);
    set_socket_option(key->name, setting.value);
    if (endpoint_.kind == Kind::srt) set_srt_option(key->name, setting.value);
  }

  void set_packet_bytes(std::string_view value) {
    const auto bytes = number("pkt_size", value, 188, 7 * 188);
    if (bytes % 188 != 0) fail("has pkt_size=" + std::string(value) + ", which is no multiple of 188");
    endpoint_.packets = static_cast<int>(bytes / 188);
  }

  void set_socket_option(std::string_view key, std::string_view value) {
    if (key == "iface") {
      if (value.empty()) fail("has an empty iface=: give an interface's name or address");
      endpoint_.interface = std::string(value);
    } else if (key == "ttl") {
      endpoint_.ttl = static_cast<int>(number(key, value, 1, 255));
    } else if (key == "tos") {
      endpoint_.tos = static_cast<int>(number(key, value, 0, 255));
    } else if (key == "buffer") {
      endpoint_.buffer = size(key, value);
    } else if (key == "packets") {
      endpoint_.packets = static_cast<int>(number(key, value, 1, 7));
    }
  }

  void set_srt_option(std::string_view key, std::string_view value) {
    if (key == "mode") {
      endpoint_.srt_mode = srt_mode(value);
    } else if (key == "latency") {
      if (value.ends_with("ms")) value.remove_suffix(2);
      endpoint_.latency = std::chrono::milliseconds(number(key, value, 0, 60'000));
    } else if (key == "passphrase") {
      endpoint_.passphrase = decoded(value);
      const std::size_t length = endpoint_.passphrase.size();
      if (length < 10 || length > 79) fail("has a passphrase that is not 10 to 79 characters long");
    } else if (key == "pbkeylen") {
      endpoint_.key_length = static_cast<int>(number(key, value, 16, 32));
      if (endpoint_.key_length % 8 != 0) fail("has a pbkeylen other than 16, 24 or 32");
    } else if (key == "streamid") {
      endpoint_.stream_id = decoded(value);
      if (endpoint_.stream_id.size() > 512) fail("has a streamid longer than 512 bytes");
    }
  }

  Endpoint::SrtMode srt_mode(std::string_view value) const {
    if (value == "caller") return Endpoint::SrtMode::caller;
    if (value == "listener") return Endpoint::SrtMode::listener;
    if (value == "rendezvous") return Endpoint::SrtMode::rendezvous;
    fail("has mode=" + std::string(value) + ": caller, listener and rendezvous are known");
  }

  std::int64_t number(std::string_view key, std::string_view value, std::int64_t low, std::int64_t high) const {
    std::int64_t result = 0;
    int base = 10;
    std::string_view digits = value;
    if (digits.starts_with("0x")) {
      digits.remove_prefix(2);
      base = 16;
    }
    const char* const end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, result, base);
    if (error != std::errc{} || stop != end || result < low || result > high) {
      fail("has " + std::string(key) + " '" + std::string(value) + "': a number from " + std::to_string(low) + " to " +
           std::to_string(high) + " is expected");
    }
    return result;
  }

  // Bytes; k, M and G are powers of 1000, Ki, Mi and Gi of 1024.
  std::uint64_t size(std::string_view key, std::string_view value) const {
    std::string_view digits = value;
    std::int64_t unit = 1;
    std::int64_t thousand = 1000;
    if (digits.ends_with('i')) {
      thousand = 1024;
      digits.remove_suffix(1);
    }
    const std::size_t exponent = digits.empty() ? std::string_view::npos : std::string_view("kMG").find(digits.back());
    if (exponent != std::string_view::npos) {
      digits.remove_suffix(1);
      for (std::size_t i = 0; i <= exponent; ++i) unit *= thousand;
    } else if (thousand == 1024) {
      digits = value;
    }
    constexpr std::int64_t largest = std::numeric_limits<std::int32_t>::max() / 2;  // the kernel doubles it in an int
    std::int64_t count = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, count);
    if (error != std::errc{} || stop != end || count < 1 || count > largest / unit) {
      fail("has " + std::string(key) + " '" + std::string(value) + "': a size from 1 to " + std::to_string(largest) +
           " bytes is expected, such as 8M");
    }
    return static_cast<std::uint64_t>(count * unit);
  }

  std::string decoded(std::string_view value) const {
    try {
      return percent_decoded(value);
    } catch (const std::invalid_argument& error) {
      fail(error.what());
    }
  }

  std::string list_of_keys() const {
    std::string list;
    const auto add = [&list](std::string_view name) {
      if (!list.empty()) list += ' ';
      list.append(name).append("=");
    };
    for (const Key& key : keys) {
      if ((key.kinds & bit_of(endpoint_.kind)) != 0) add(key.name);
    }
    for (const std::string_view key : tool_keys_) add(key);
    return list.empty() ? "none" : list;
  }

  std::string_view text_;
  std::span<const std::string_view> tool_keys_;
  std::multimap<std::string, std::string>* tool_options_;
  Endpoint endpoint_;
};

}  // namespace

Endpoint Endpoint::parse(std::string_view text) { return Parser(text, {}, nullptr).parse(); }

Endpoint Endpoint::parse(std::string_view text, std::span<const std::string_view> tool_keys,
                         std::multimap<std::string, std::string>& tool_options) {
  return Parser(text, tool_keys, &tool_options).parse();
}

std::string percent_decoded(std::string_view value) {
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] != '%') {
      out += value[i];
      continue;
    }
    unsigned code = 0;
    const char* const begin = value.data() + i + 1;
    if (i + 2 >= value.size() || std::from_chars(begin, begin + 2, code, 16).ptr != begin + 2) {
      throw std::invalid_argument("has a '%' that two hexadecimal digits do not follow: write %25");
    }
    out += static_cast<char>(code);
    i += 2;
  }
  return out;
}

}  // namespace io
