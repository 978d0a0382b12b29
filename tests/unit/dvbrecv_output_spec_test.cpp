#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "tools/dvbrecv/options.hpp"
#include "tools/dvbrecv/output_spec.hpp"

namespace dvbrecv {
namespace {

using ts::Pid;

std::string refusal(const std::string& text) {
  try {
    OutputSpec::parse(text);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return {};
}

TEST(OutputSpec, ReadsAServiceInDecimalOrHexadecimal) {
  EXPECT_EQ(OutputSpec::parse("257=out.ts").service, psi::ServiceId{0x0101});
  EXPECT_EQ(OutputSpec::parse("0x101=out.ts").service, psi::ServiceId{0x0101});
  EXPECT_EQ(OutputSpec::parse("0x101=out.ts").endpoint.path, "out.ts");
}

TEST(OutputSpec, ReadsTheWholeMultiplex) {
  const auto spec = OutputSpec::parse("*=udp://239.1.1.1:5000");
  EXPECT_FALSE(spec.service);
  EXPECT_EQ(spec.endpoint.host, "239.1.1.1");
}

TEST(OutputSpec, ReadsItsKeysAmongTheEndpoints) {
  const auto spec = OutputSpec::parse(
      "1=udp://"
      "239.1.1.1:5000,newsid=0x10,ttl=4,pids=0x100+257,pid-map=0x100:0x200+0x101:0x201,eit=schedule,ca=ecm+emm");
  EXPECT_EQ(spec.new_id, psi::ServiceId{0x10});
  EXPECT_EQ(spec.endpoint.ttl, 4);
  EXPECT_EQ(spec.pids, (std::set{Pid{0x100}, Pid{0x101}}));
  EXPECT_EQ(spec.pid_map, (std::map<Pid, Pid>{{Pid{0x100}, Pid{0x200}}, {Pid{0x101}, Pid{0x201}}}));
  EXPECT_EQ(spec.eit, EitMode::schedule);
  EXPECT_TRUE(spec.ecm);
  EXPECT_TRUE(spec.emm);
}

TEST(OutputSpec, RefusesWhatItCannotRead) {
  for (const char* text : {"",
                           "out.ts",
                           "1=",
                           "=out.ts",
                           "0=out.ts",
                           "65536=out.ts",
                           "TF1=out.ts",
                           "1=udp://239.1.1.1",
                           "1=out.ts,pids=",
                           "1=out.ts,pids=0x2000",
                           "1=out.ts,pids=0x100+",
                           "1=out.ts,newsid=0",
                           "1=out.ts,pid-map=0x100",
                           "1=out.ts,pid-map=0x100:0x10",
                           "1=out.ts,pid-map=0x100:0x1fff",
                           "1=out.ts,pid-map=0x100:0x200+0x100:0x201",
                           "1=out.ts,pid-map=0x100:0x200+0x101:0x200",
                           "1=out.ts,eit=all",
                           "1=out.ts,ca=yes",
                           "1=out.ts,eit=pf,eit=none",
                           "*=out.ts,newsid=1",
                           "*=out.ts,eit=none"}) {
    EXPECT_FALSE(refusal(text).empty()) << text;
  }
}

TEST(OutputSpec, SaysWhatIsWrongWithWhich) {
  EXPECT_EQ(refusal("1=out.ts,pid-map=0x100:0x200+0x101:0x200"),
            "output 1=out.ts,pid-map=0x100:0x200+0x101:0x200: pid-map: two PIDs are mapped to 0x0200 (512)");
}

TEST(OutputSpec, TellsNoPassphrase) {
  EXPECT_EQ(refusal("1=srt://h:1,passphrase=abcdefghijklmnop,eit=all").find("abcdef"), std::string::npos);
}

TEST(OutputSpec, KnowsAPlaceWhateverGoesThere) {
  const std::string group = "udp://239.1.1.1:5000";
  EXPECT_EQ(OutputSpec::parse("1=" + group + ",newsid=1,ttl=4,ca=ecm").place, group + ",ttl=4");
  EXPECT_EQ(OutputSpec::parse("2=" + group + "?newsid=1&ttl=4&pids=0x100").place, group + "?ttl=4");
  EXPECT_EQ(OutputSpec::parse("2=" + group + "?newsid=1").place, group);
}

TEST(Options, RefuseTwoOutputsToOnePlace) {
  Options options;
  options.outputs = {OutputSpec::parse("1=a.ts"), OutputSpec::parse("2=a.ts,newsid=3")};
  EXPECT_THROW(complete(options), cli::UsageError);
}

TEST(Options, RefuseTwoNamesOfOneNewFile) {
  Options options;
  options.outputs = {OutputSpec::parse("1=a-new-file.ts"), OutputSpec::parse("2=./a-new-file.ts,newsid=3")};
  EXPECT_THROW(complete(options), cli::UsageError);
}

TEST(Options, RefuseTheInputAsAnOutput) {
  Options options;
  options.input = io::Endpoint::parse("a-new-file.ts");
  options.outputs = {OutputSpec::parse("1=./a-new-file.ts")};
  EXPECT_THROW(complete(options), cli::UsageError);
}

std::string refusal(const std::string& input, const std::vector<std::string>& outputs) {
  Options options;
  options.input = io::Endpoint::parse(input);
  for (const auto& output : outputs) options.outputs.push_back(OutputSpec::parse(output));
  try {
    complete(options);
  } catch (const cli::UsageError& e) {
    return e.what();
  }
  return {};
}

TEST(Options, RefuseTwoOutputsThatMixAtOneAddress) {
  EXPECT_EQ(refusal("-", {"1=udp://239.1.1.1:5000", "2=rtp://239.1.1.1:5000,ttl=4,newsid=3"}),
            "outputs udp://239.1.1.1:5000 and rtp://239.1.1.1:5000,ttl=4 are one address");
  EXPECT_EQ(refusal("-", {"1=udp://239.1.1.1:5000", "2=udp://239.1.1.1:5001", "3=udp://239.1.1.1:5000,iface=eth1"}),
            "");
  EXPECT_EQ(refusal("-", {"1=srt://h:9000,streamid=a", "2=srt://h:9000,streamid=b"}), "");
}

TEST(Options, RefuseAnOutputThatComesBackAsTheInput) {
  EXPECT_EQ(refusal("udp://239.1.1.1:5000", {"1=rtp://239.1.1.1:5000,ttl=4"}),
            "output rtp://239.1.1.1:5000,ttl=4 is sent where input udp://239.1.1.1:5000 is received");
  EXPECT_EQ(refusal("udp://239.1.1.1:5000,iface=eth0", {"1=udp://239.1.1.1:5000,iface=eth1"}), "");
  EXPECT_EQ(refusal("udp://10.0.0.9@232.1.1.1:5000", {"1=udp://232.1.1.1:5000"}), "");
}

TEST(Options, GiveTheirEitModeToOutputsThatHaveNone) {
  Options options;
  options.eit = EitMode::schedule;
  options.outputs = {OutputSpec::parse("1=a.ts"), OutputSpec::parse("2=b.ts,eit=none")};
  complete(options);
  EXPECT_EQ(options.outputs[0].eit, EitMode::schedule);
  EXPECT_EQ(options.outputs[1].eit, EitMode::none);
}

}  // namespace
}  // namespace dvbrecv
