#include "tools/tsmux/input_spec.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace tsmux {
namespace {

using namespace std::chrono_literals;
using psi::ServiceId;
using ts::Pid;

template <class Spec>
std::string refusal(const std::string& text) {
  try {
    Spec::parse(text);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return {};
}

TEST(InputSpec, ReadsEveryKey) {
  const auto spec = InputSpec::parse(
      "udp://239.1.0.1:5000,iface=eth1,service=0x101,newsid=0x202,name=Un%2C deux,provider=Chaîne,type=0x19,"
      "latency=300ms,live=yes,on-loss=remove,priority=2,lcn=7,drop=0x103+0x104,pid-map=0x100:0x200+0x101:0x201,"
      "pmt-pid=0x1f0,eit=pf,xmltv=un.example");
  EXPECT_EQ(spec.source.endpoint.interface, "eth1");
  EXPECT_EQ(spec.source.place, "udp://239.1.0.1:5000,iface=eth1");
  EXPECT_EQ(spec.service, ServiceId{0x101});
  EXPECT_EQ(spec.new_id, ServiceId{0x202});
  EXPECT_EQ(spec.service_name, "Un, deux");
  EXPECT_EQ(spec.provider, "Chaîne");
  EXPECT_EQ(spec.service_type, 0x19);
  EXPECT_EQ(spec.source.latency, 300ms);
  EXPECT_EQ(spec.source.live, true);
  EXPECT_EQ(spec.on_loss, OnLoss::remove);
  EXPECT_EQ(spec.priority, 2U);
  EXPECT_EQ(spec.channel, 7);
  EXPECT_EQ(spec.dropped, (std::set{Pid{0x103}, Pid{0x104}}));
  EXPECT_EQ(spec.pid_map, (psi::PidMap{{Pid{0x100}, Pid{0x200}}, {Pid{0x101}, Pid{0x201}}}));
  EXPECT_EQ(spec.pmt_pid, Pid{0x1f0});
  EXPECT_EQ(spec.eit, psi::EitMode::present_following);
  EXPECT_EQ(spec.xmltv, "un.example");
}

TEST(InputSpec, TakesTheOnlyServiceWithItsScheduleAndKeepsItWhenLost) {
  const auto spec = InputSpec::parse("a.ts");
  EXPECT_FALSE(spec.service);
  EXPECT_FALSE(spec.all_services);
  EXPECT_EQ(spec.eit, psi::EitMode::schedule);
  EXPECT_EQ(spec.on_loss, OnLoss::keep);
}

TEST(InputSpec, LoopsAFileForEverOrSoManyTimes) {
  EXPECT_EQ(InputSpec::parse("a.ts,loop=yes").source.loop, Plays{Plays::for_ever});
  EXPECT_EQ(InputSpec::parse("a.ts,loop=no").source.loop, Plays{1});
  EXPECT_EQ(InputSpec::parse("a.ts,loop=3").source.loop, Plays{3});
}

TEST(InputSpec, LeavesSrtItsOwnLatency) {
  const auto spec = InputSpec::parse("srt://:9000,latency=500ms,newsid=2");
  EXPECT_EQ(spec.source.endpoint.latency, 500ms);
  EXPECT_FALSE(spec.source.latency);
  EXPECT_EQ(spec.source.place, "srt://:9000,latency=500ms");
}

TEST(InputSpec, RefusesWhatItCannotRead) {
  for (const char* text :
       {"", "udp://239.1.1.1", "a.ts,service=0", "a.ts,service=some", "a.ts,newsid=0x10000", "a.ts,type=0",
        "a.ts,latency=5", "a.ts,latency=1ms", "a.ts,latency=2m", "a.ts,live=maybe", "a.ts,loop=0", "a.ts,loop=often",
        "a.ts,on-loss=stop", "a.ts,priority=-1", "a.ts,lcn=0", "a.ts,lcn=1000", "a.ts,drop=", "a.ts,drop=0x2000",
        "a.ts,pid-map=0x100", "a.ts,pid-map=0x100:0x10", "a.ts,pid-map=0x100:0x200+0x101:0x200", "a.ts,pmt-pid=0x1f",
        "a.ts,pmt-pid=0x1fff", "a.ts,eit=all", "a.ts,name=50%", "a.ts,newsid=1,newsid=2",
        "a.ts,drop=0x100,pid-map=0x100:0x200"}) {
    EXPECT_FALSE(refusal<InputSpec>(text).empty()) << text;
  }
  EXPECT_FALSE(refusal<InputSpec>("a.ts,name=" + std::string(121, 'x')).empty());
}

TEST(InputSpec, SaysWhatIsWrongWithWhich) {
  EXPECT_EQ(refusal<InputSpec>("a.ts,priority=high"),
            "a.ts,priority=high: priority: not a number: 'high' (0 to 255, decimal or 0x)");
  EXPECT_EQ(refusal<InputSpec>("srt://h:1,passphrase=abcdefghijklmnop,eit=all").find("abcdef"), std::string::npos);
}

TEST(InputSpec, RefusesKeysOfOneServiceForAll) {
  for (const char* key : {"newsid=1", "name=x", "lcn=1", "pmt-pid=0x100", "xmltv=x"}) {
    EXPECT_NE(refusal<InputSpec>(std::string{"a.ts,service=all,"} + key).find("service=all"), std::string::npos) << key;
  }
  EXPECT_EQ(refusal<InputSpec>("a.ts,service=all,priority=1,provider=x,eit=pf"), "");
}

TEST(InputSpec, IsEqualWithTheSameContentOfTheSamePlace) {
  const auto spec = InputSpec::parse("udp://239.1.0.1:5000,newsid=1,name=a");
  EXPECT_EQ(spec, InputSpec::parse("udp://239.1.0.1:5000,name=a,newsid=1"));
  EXPECT_NE(spec, InputSpec::parse("udp://239.1.0.1:5000,name=b,newsid=1"));
  EXPECT_NE(spec, InputSpec::parse("udp://239.1.0.2:5000,name=a,newsid=1"));
}

TEST(ComponentSpec, ReadsItsKeys) {
  const auto spec = ComponentSpec::parse("udp://239.1.0.9:5000,pid=0x300+0x301,to=0x202,service=5,pid-map=0x300:0x400");
  EXPECT_EQ(spec.pids, (std::set{Pid{0x300}, Pid{0x301}}));
  EXPECT_EQ(spec.target, ServiceId{0x202});
  EXPECT_EQ(spec.service, ServiceId{5});
  EXPECT_EQ(spec.pid_map, (psi::PidMap{{Pid{0x300}, Pid{0x400}}}));
}

TEST(ComponentSpec, NeedsPidsAndATarget) {
  for (const char* text : {"a.ts", "a.ts,pid=0x100", "a.ts,to=1", "a.ts,pid=0x100,to=0",
                           "a.ts,pid=0x100,to=1,pid-map=0x101:0x102", "a.ts,pid=0x100,to=1,newsid=5"}) {
    EXPECT_FALSE(refusal<ComponentSpec>(text).empty()) << text;
  }
}

struct Joined {
  std::vector<InputSpec> inputs;
  std::vector<ComponentSpec> components;
  std::vector<Reception> receptions;
  std::string refusal;
};
Joined joined(const std::vector<std::string>& inputs, const std::vector<std::string>& components = {}) {
  Joined out;
  for (const auto& text : inputs) out.inputs.push_back(InputSpec::parse(text));
  for (const auto& text : components) out.components.push_back(ComponentSpec::parse(text));
  try {
    out.receptions = join(out.inputs, out.components, 200ms);
  } catch (const std::invalid_argument& e) {
    out.refusal = e.what();
  }
  return out;
}

TEST(Receptions, OpenEachEndpointOnce) {
  const auto all = joined({"udp://239.1.0.1:5000,service=1,latency=400ms", "b.ts,loop=yes",
                           "udp://239.1.0.1:5000,service=2"},
                          {"udp://239.1.0.9:5000,pid=0x300,to=1", "b.ts,pid=0x300,to=2"});
  EXPECT_EQ(all.refusal, "");
  ASSERT_EQ(all.receptions.size(), 3U);
  EXPECT_EQ(all.inputs[2].reception, 0U);
  EXPECT_EQ(all.inputs[1].number, 2U);
  EXPECT_EQ(all.inputs[2].number, 1U);
  EXPECT_EQ(all.components[0].reception, 2U);
  EXPECT_EQ(all.components[0].number, 4U);
  EXPECT_EQ(all.components[1].reception, 1U);
  EXPECT_TRUE(all.receptions[0].live);
  EXPECT_EQ(all.receptions[0].latency, 400ms);
  EXPECT_FALSE(all.receptions[1].live);
  EXPECT_EQ(all.receptions[1].plays, Plays{Plays::for_ever});
  EXPECT_EQ(all.receptions[2].latency, 200ms);
}

TEST(Receptions, AreAsOneOfTheirInputsSays) {
  const auto all = joined({"-,service=1", "-,service=2,live=yes,latency=1s", "-,service=3"});
  ASSERT_EQ(all.receptions.size(), 1U);
  EXPECT_TRUE(all.receptions[0].live);
  EXPECT_EQ(all.receptions[0].latency, 1s);
}

TEST(Receptions, RefuseContradictions) {
  for (const std::vector<std::string>& inputs : std::vector<std::vector<std::string>>{
           {"-,service=1,live=yes", "-,service=2,live=no"},
           {"a.ts,service=1,loop=2", "a.ts,service=2,loop=3"},
           {"-,service=1,live=yes,latency=200ms", "-,service=2,latency=300ms"},
           {"a.ts,service=1", "a.ts"},
           {"a.ts,service=1", "a.ts,service=all"},
           {"a.ts,service=1", "a.ts,service=1"},
           {"a.ts,service=1,newsid=5", "a.ts,service=1,newsid=5"},
           {"a.ts,newsid=5", "b.ts,newsid=5"},
           {"a.ts,lcn=5", "b.ts,lcn=5"},
           {"a.ts,pid-map=0x100:0x200", "b.ts,pid-map=0x101:0x200"},
           {"a.ts,pid-map=0x100:0x200", "b.ts,pmt-pid=0x200"},
           {"a.ts,service=1,pid-map=0x100:0x200", "a.ts,service=2,pid-map=0x100:0x201"},
           {"udp://239.1.0.1:5000,live=no"},
           {"udp://239.1.0.1:5000,loop=yes"},
           {"-,loop=yes"},
           {"a.ts,loop=yes,live=yes"},
           {"a.ts,latency=300ms"}}) {
    EXPECT_FALSE(joined(inputs).refusal.empty()) << inputs.front();
  }
  EXPECT_FALSE(joined({"a.ts"}, {"b.ts,pid=0x30,to=1", "b.ts,pid=0x30+0x31,to=1"}).refusal.empty());
  EXPECT_FALSE(joined({"a.ts,pmt-pid=0x40"}, {"b.ts,pid=0x30,to=1,pid-map=0x30:0x40"}).refusal.empty());
}

TEST(Receptions, SendAServiceTwiceUnderTwoIds) {
  EXPECT_EQ(joined({"a.ts,service=1", "a.ts,service=1,newsid=5", "a.ts,service=1,newsid=6"}).refusal, "");
}

TEST(Receptions, TakeAnAgreementOnAPid) {
  EXPECT_EQ(joined({"a.ts,service=1,pid-map=0x100:0x200", "a.ts,service=2,pid-map=0x100:0x200"}).refusal, "");
}

TEST(Receptions, AreEqualWhereTheyCanGoOn) {
  const auto before = joined({"udp://239.1.0.1:5000,service=1"}).receptions;
  EXPECT_EQ(before, joined({"udp://239.1.0.1:5000,service=2,name=x"}).receptions);
  EXPECT_NE(before, joined({"udp://239.1.0.1:5000,service=1,latency=1s"}).receptions);
}

}  // namespace
}  // namespace tsmux
