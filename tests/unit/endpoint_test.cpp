#include "common/io/endpoint.hpp"

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "common/io/keyed_endpoint.hpp"

namespace {

using io::Endpoint;
using Kind = Endpoint::Kind;
using namespace std::chrono_literals;

// The message of the exception, or nothing.
std::string error_of(std::string_view text) {
  try {
    Endpoint::parse(text);
    return {};
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
}

void expect_error(std::string_view text, std::string_view part) {
  EXPECT_NE(error_of(text).find(part), std::string::npos) << text << ": " << error_of(text);
}

TEST(Endpoint, ReadsStandardStreamAndPaths) {
  EXPECT_EQ(Endpoint::parse("-").kind, Kind::standard_stream);
  const auto path = Endpoint::parse("/srv/rec/a,b=c?d.ts");
  EXPECT_EQ(path.kind, Kind::path);
  EXPECT_EQ(path.path, "/srv/rec/a,b=c?d.ts");
  EXPECT_EQ(Endpoint::parse("./a://b").kind, Kind::path);
}

TEST(Endpoint, ReadsGroupsWithOptions) {
  const auto e = Endpoint::parse("udp://239.1.1.1:5000,iface=eth1,ttl=4,tos=0xb8,buffer=8M,packets=1");
  EXPECT_EQ(e.kind, Kind::udp);
  EXPECT_EQ(e.host, "239.1.1.1");
  EXPECT_EQ(e.port, 5000);
  EXPECT_EQ(e.interface, "eth1");
  EXPECT_EQ(e.ttl, 4);
  EXPECT_EQ(e.tos, 0xb8);
  EXPECT_EQ(e.buffer, 8'000'000u);
  EXPECT_EQ(e.packets, 1);
  EXPECT_EQ(e.text, "udp://239.1.1.1:5000,iface=eth1,ttl=4,tos=0xb8,buffer=8M,packets=1");
}

TEST(Endpoint, ReadsTheFormOfOtherTools) {
  const auto e = Endpoint::parse("rtp://@239.1.1.1:5000?localaddr=10.0.0.1&pkt_size=564&buffer_size=65536&ttl=2");
  EXPECT_EQ(e.kind, Kind::rtp);
  EXPECT_EQ(e.source, "");
  EXPECT_EQ(e.interface, "10.0.0.1");
  EXPECT_EQ(e.packets, 3);
  EXPECT_EQ(e.buffer, 65536u);
  EXPECT_EQ(e.ttl, 2);
}

TEST(Endpoint, ReadsSourcesAndIpv6) {
  const auto ssm = Endpoint::parse("udp://10.0.0.9@232.1.1.1:5000");
  EXPECT_EQ(ssm.source, "10.0.0.9");
  EXPECT_EQ(ssm.host, "232.1.1.1");
  const auto v6 = Endpoint::parse("udp://[2001:db8::9]@[ff3e::1]:5000");
  EXPECT_EQ(v6.source, "2001:db8::9");
  EXPECT_EQ(v6.host, "ff3e::1");
  const auto scoped = Endpoint::parse("udp://[fe80::1%eth0]:5000/");
  EXPECT_EQ(scoped.host, "fe80::1%eth0");
  EXPECT_EQ(scoped.port, 5000);
  EXPECT_EQ(Endpoint::parse("udp://:5000").host, "");
}

TEST(Endpoint, ReadsSrt) {
  const auto e =
      Endpoint::parse("srt://h.example:9000,latency=120ms,passphrase=0123456789,pbkeylen=32,streamid=a%2Cb=c");
  EXPECT_EQ(e.kind, Kind::srt);
  EXPECT_EQ(e.srt_mode, Endpoint::SrtMode::caller);
  EXPECT_EQ(e.latency, 120ms);
  EXPECT_EQ(e.passphrase, "0123456789");
  EXPECT_EQ(e.key_length, 32);
  EXPECT_EQ(e.stream_id, "a,b=c");
  EXPECT_EQ(Endpoint::parse("srt://h:1?latency=80").latency, 80ms);
  EXPECT_EQ(Endpoint::parse("srt://:9000").srt_mode, Endpoint::SrtMode::listener);
  EXPECT_EQ(Endpoint::parse("srt://0.0.0.0:9000?latency=80").srt_mode, Endpoint::SrtMode::listener);
  EXPECT_EQ(Endpoint::parse("srt://[::]:9000").srt_mode, Endpoint::SrtMode::listener);
  EXPECT_EQ(Endpoint::parse("srt://1.2.3.4:9000,mode=listener").srt_mode, Endpoint::SrtMode::listener);
  EXPECT_EQ(Endpoint::parse("srt://1.2.3.4:9000,mode=rendezvous").srt_mode, Endpoint::SrtMode::rendezvous);
}

TEST(Endpoint, KeepsSecretsOutOfMessages) {
  EXPECT_EQ(Endpoint::parse("srt://h:1,passphrase=0123456789,latency=5").text, "srt://h:1,passphrase=***,latency=5");
  EXPECT_EQ(error_of("srt://h:1,latency=x,passphrase=0123456789").find("0123456789"), std::string::npos);
}

TEST(Endpoint, GivesToolsTheirKeys) {
  constexpr std::array<std::string_view, 2> keys{"service", "newsid"};
  std::multimap<std::string, std::string> options;
  const auto url = Endpoint::parse("udp://239.1.1.1:5000,newsid=7,ttl=3,service=1,service=2", keys, options);
  EXPECT_EQ(url.ttl, 3);
  EXPECT_EQ(options, (std::multimap<std::string, std::string>{{"newsid", "7"}, {"service", "1"}, {"service", "2"}}));
  options.clear();
  const auto path = Endpoint::parse("a,b.ts,service=0x101", keys, options);
  EXPECT_EQ(path.path, "a,b.ts");
  EXPECT_EQ(options.find("service")->second, "0x101");
  options.clear();
  EXPECT_EQ(Endpoint::parse("-,service=5", keys, options).kind, Kind::standard_stream);
  EXPECT_EQ(options.size(), 1u);
}

TEST(Endpoint, ReadsTheExamplesOfTheManPage) {
  const auto page = std::filesystem::path(__FILE__).parent_path() / "../../man/headend-endpoints.7";
  if (!std::filesystem::exists(page)) GTEST_SKIP() << "no " << page << ": not built where the sources are";
  constexpr std::array<std::string_view, 1> keys{"newsid"};
  std::multimap<std::string, std::string> options;
  std::ifstream in(page);
  std::size_t examples = 0;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(".Dl ")) continue;
    EXPECT_TRUE(Endpoint::parse(line.substr(4), keys, options).is_socket()) << line;
    ++examples;
  }
  EXPECT_GE(examples, 8u);
}

TEST(Endpoint, SaysWhatIsWrongAndWhatWouldBeRight) {
  expect_error("", "is empty");
  expect_error("http://x:1", "udp://, rtp:// and srt://");
  expect_error("udp://239.1.1.1", "write host:port");
  expect_error("udp://239.1.1.1:0", "1 to 65535");
  expect_error("udp://239.1.1.1:65536", "1 to 65535");
  expect_error("udp://239.1.1.1:5000x", "1 to 65535");
  expect_error("udp://ff02::1:5000", "[address]:port");
  expect_error("udp://[ff02::1:5000", "']'");
  expect_error("udp://a:1,ttl=0", "1 to 255");
  expect_error("udp://a:1,ttl=256", "1 to 255");
  expect_error("udp://a:1,packets=8", "1 to 7");
  expect_error("udp://a:1,pkt_size=1000", "multiple of 188");
  expect_error("udp://a:1,tll=4", "known are iface= ttl= tos= buffer= packets=");
  expect_error("udp://a:1,ttl", "key=value");
  expect_error("udp://a:1,mode=listener", "cannot have mode=");
  expect_error("srt://a:1,iface=eth0", "cannot have iface=");
  expect_error("srt://a:1,passphrase=short", "10 to 79");
  expect_error("srt://a:1,pbkeylen=20", "16, 24 or 32");
  expect_error("srt://a:1,pbkeylen=16", "no passphrase");
  expect_error("srt://:1,mode=caller", "has no host");
  expect_error("srt://0.0.0.0:1,mode=caller", "only mode=listener");
  expect_error("srt://a:1,mode=server", "rendezvous");
  expect_error("srt://a:1,streamid=%zz", "%25");
  expect_error("srt://1.2.3.4@a:1", "udp:// and rtp://");
  expect_error("udp://a:1,buffer=4G", "has buffer '4G': a size from 1 to 1073741823 bytes is expected, such as 8M");
  expect_error("udp://a:1,buffer=99999999999999999999G", "has buffer '99999999999999999999G': a size from 1 to");
  expect_error("udp://a:1,buffer=", "has buffer '': a size from 1 to");
  expect_error("out.ts,ttl=4", "cannot have ttl=");
}

TEST(KeyedEndpoint, TellsTheToolsKeysFromItsOwn) {
  constexpr std::array<std::string_view, 2> keys{"latency", "newsid"};
  const auto keyed = io::KeyedEndpoint::parse("udp://239.1.1.1:5000?newsid=1&ttl=4&latency=2s", keys);
  EXPECT_EQ(keyed.place, "udp://239.1.1.1:5000?ttl=4");
  EXPECT_EQ(keyed.keys, (std::map<std::string, std::string>{{"latency", "2s"}, {"newsid", "1"}}));
  EXPECT_EQ(keyed.endpoint.ttl, 4);
  EXPECT_THROW(io::KeyedEndpoint::parse("a.ts,newsid=1,newsid=1", keys), std::invalid_argument);
}

TEST(KeyedEndpoint, HasANameWithoutItsSecrets) {
  constexpr std::array<std::string_view, 1> keys{"newsid"};
  const auto keyed = io::KeyedEndpoint::parse("srt://h:1,newsid=1,passphrase=abcdefghijklmnop", keys);
  EXPECT_EQ(keyed.name, "srt://h:1,passphrase=***");
  EXPECT_EQ(keyed.place, "srt://h:1,passphrase=abcdefghijklmnop");
}

TEST(Endpoint, DecodesWhatAKeysValueCannotHold) {
  EXPECT_EQ(io::percent_decoded("Un%2C deux%25"), "Un, deux%");
  EXPECT_THROW(io::percent_decoded("100%"), std::invalid_argument);
  EXPECT_THROW(io::percent_decoded("100%zz"), std::invalid_argument);
}

}  // namespace
