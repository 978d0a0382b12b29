#include "tools/tsmux/id_map.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "tests/support/si_section.hpp"
#include "tests/support/temporary_directory.hpp"

namespace tsmux {
namespace {

using psi::PidMap;
using psi::ServiceId;
using ts::Pid;

psi::Pmt pmt(unsigned pcr_pid, const std::vector<unsigned>& pids) {
  psi::Pmt out;
  out.pcr_pid = Pid{pcr_pid};
  for (const unsigned pid : pids) out.streams.push_back({0x02, Pid{pid}, {}});
  return out;
}

// Inputs as the command line gives them, and what the multiplexer asks for.
struct Bench {
  explicit Bench(const std::vector<std::string>& texts, const GivenIds& remembered = {},
                 const std::vector<std::string>& component_texts = {})
      : map(remembered) {
    configure(texts, component_texts);
  }
  void configure(const std::vector<std::string>& texts, const std::vector<std::string>& component_texts = {}) {
    inputs.clear();
    components.clear();
    for (const auto& text : texts) inputs.push_back(InputSpec::parse(text));
    for (const auto& text : component_texts) components.push_back(ComponentSpec::parse(text));
    join(inputs, components, Latency{200});
    map.configure(inputs, components);
  }
  std::optional<ServiceIds> assign(std::size_t input, unsigned service, unsigned pmt_pid, const psi::Pmt& table) {
    return map.assign(inputs[input], ServiceId{static_cast<std::uint16_t>(service)}, Pid{pmt_pid}, table);
  }

  std::vector<InputSpec> inputs;
  std::vector<ComponentSpec> components;
  IdMap map;
};

ServiceIds ids(unsigned service, unsigned pmt_pid, const std::vector<std::pair<unsigned, unsigned>>& pids) {
  ServiceIds out{ServiceId{static_cast<std::uint16_t>(service)}, Pid{pmt_pid}, {}};
  for (const auto& [from, to] : pids) out.pids.emplace(Pid{from}, Pid{to});
  return out;
}

TEST(IdMap, KeepsWhatIsFree) {
  Bench bench{{"a.ts", "b.ts"}};
  EXPECT_EQ(bench.assign(0, 0x101, 0x100, pmt(0x110, {0x110, 0x111})),
            ids(0x101, 0x100, {{0x110, 0x110}, {0x111, 0x111}}));
  EXPECT_EQ(bench.assign(1, 0x102, 0x200, pmt(0x210, {0x210, 0x211})),
            ids(0x102, 0x200, {{0x210, 0x210}, {0x211, 0x211}}));
}

TEST(IdMap, MovesWhatConflictsToItsInputsBlock) {
  Bench bench{{"a.ts", "b.ts"}};
  bench.assign(0, 0x101, 0x100, pmt(0x110, {0x110, 0x111}));
  EXPECT_EQ(bench.assign(1, 0x101, 0x100, pmt(0x110, {0x110, 0x112})),
            ids(0x201, 0x200, {{0x110, 0x210}, {0x112, 0x112}}));
}

TEST(IdMap, MovesUpwardsFromWhereTheLowByteSays) {
  Bench bench{{"a.ts", "b.ts"}};
  bench.assign(0, 1, 0x100, pmt(0x1fff, {0x110, 0x2fe, 0x2ff, 0x3fe, 0x201}));
  // 0x2fe and 0x2ff are taken, so it goes on from the block's beginning.
  EXPECT_EQ(bench.assign(1, 2, 0x102, pmt(0x1fff, {0x3fe})), ids(2, 0x102, {{0x3fe, 0x200}}));
}

TEST(IdMap, MovesNoPidOntoAnotherOfTheSameService) {
  Bench bench{{"a.ts", "b.ts"}};
  bench.assign(0, 1, 0x20, pmt(0x110, {0x110}));
  EXPECT_EQ(bench.assign(1, 2, 0x21, pmt(0x110, {0x110, 0x210})), ids(2, 0x21, {{0x110, 0x211}, {0x210, 0x210}}));
}

TEST(IdMap, GivesWhatIsAskedForEvenIfAServiceHasIt) {
  Bench bench{{"a.ts"}};
  bench.assign(0, 0x101, 0x100, pmt(0x110, {0x110, 0x111}));
  bench.configure({"a.ts", "b.ts,newsid=0x101,pid-map=0x500:0x110,pmt-pid=0x100"});
  EXPECT_EQ(bench.assign(1, 7, 0x400, pmt(0x500, {0x500})), ids(0x101, 0x100, {{0x500, 0x110}}));
  // The low byte in block 1 is what was asked for by the other; the next are free.
  EXPECT_EQ(bench.assign(0, 0x101, 0x100, pmt(0x110, {0x110, 0x111})),
            ids(0x102, 0x101, {{0x110, 0x112}, {0x111, 0x111}}));
}

TEST(IdMap, KeepsWhatIsAskedForFromOthersWhoComeFirst) {
  Bench bench{{"a.ts", "b.ts,newsid=0x101,pid-map=0x400:0x100+0x500:0x110"}};
  EXPECT_EQ(bench.assign(0, 0x101, 0x100, pmt(0x110, {0x110})), ids(0x102, 0x101, {{0x110, 0x111}}));
  EXPECT_EQ(bench.assign(1, 7, 0x400, pmt(0x500, {0x500})), ids(0x101, 0x100, {{0x500, 0x110}}));
}

TEST(IdMap, GivesTheSameAgainInAnyOrder) {
  const std::vector<std::string> texts{"a.ts", "b.ts"};
  const auto table = pmt(0x110, {0x110, 0x111});
  Bench before{texts};
  const auto first = before.assign(0, 1, 0x100, table);
  const auto second = before.assign(1, 1, 0x100, table);
  Bench after{texts, before.map.given()};
  EXPECT_EQ(after.assign(1, 1, 0x100, table), second);
  EXPECT_EQ(after.assign(0, 1, 0x100, table), first);
  EXPECT_EQ(after.map.given(), before.map.given());
}

TEST(IdMap, KeepsAServicesPidsWhenItsPmtChanges) {
  Bench bench{{"a.ts", "b.ts"}};
  bench.assign(0, 1, 0x100, pmt(0x110, {0x110, 0x111}));
  bench.assign(1, 1, 0x100, pmt(0x110, {0x110}));
  EXPECT_EQ(bench.assign(1, 1, 0x100, pmt(0x110, {0x110, 0x111, 0x120})),
            ids(0x201, 0x200, {{0x110, 0x210}, {0x111, 0x211}, {0x120, 0x120}}));
  // What has gone is given to nobody else, and comes back to where it was.
  bench.assign(1, 1, 0x100, pmt(0x110, {0x110}));
  EXPECT_EQ(bench.assign(0, 1, 0x100, pmt(0x110, {0x110, 0x120})), ids(1, 0x100, {{0x110, 0x110}, {0x120, 0x121}}));
  EXPECT_EQ(bench.assign(1, 1, 0x100, pmt(0x110, {0x110, 0x120}))->pids.at(Pid{0x120}), Pid{0x120});
}

TEST(IdMap, SendsWhatTwoServicesOfOneReceptionShareOnce) {
  Bench bench{{"x.ts", "a.ts,service=1", "a.ts,service=2"}};
  bench.assign(0, 9, 0x900, pmt(0x110, {0x110}));
  const auto first = bench.assign(1, 1, 0x100, pmt(0x110, {0x111, 0x120}));
  const auto second = bench.assign(2, 2, 0x101, pmt(0x110, {0x112, 0x120}));
  EXPECT_EQ(first, ids(1, 0x100, {{0x110, 0x210}, {0x111, 0x111}, {0x120, 0x120}}));
  EXPECT_EQ(second, ids(2, 0x101, {{0x110, 0x210}, {0x112, 0x112}, {0x120, 0x120}}));
}

TEST(IdMap, SendsOneServiceUnderTwoIdsWithTwoPmts) {
  Bench bench{{"a.ts,service=1", "a.ts,service=1,newsid=2"}};
  EXPECT_EQ(bench.assign(0, 1, 0x100, pmt(0x110, {0x110})), ids(1, 0x100, {{0x110, 0x110}}));
  EXPECT_EQ(bench.assign(1, 1, 0x100, pmt(0x110, {0x110})), ids(2, 0x101, {{0x110, 0x110}}));
}

TEST(IdMap, GivesNoPidToAServiceWithoutPcr) {
  Bench bench{{"a.ts"}};
  EXPECT_EQ(bench.assign(0, 1, 0x100, pmt(0x1fff, {0x110, 0x1fff})), ids(1, 0x100, {{0x110, 0x110}}));
}

TEST(IdMap, GivesNoPidOfTablesToAComponent) {
  Bench bench{{"a.ts"}};
  EXPECT_EQ(bench.assign(0, 1, 0x11, pmt(0x12, {0x12})), ids(1, 0x111, {{0x12, 0x112}}));
}

TEST(IdMap, LeavesOutWhatIsDroppedButNotThePcr) {
  Bench bench{{"a.ts,drop=0x110+0x111"}};
  EXPECT_EQ(bench.assign(0, 1, 0x100, pmt(0x110, {0x110, 0x111, 0x112})),
            ids(1, 0x100, {{0x110, 0x110}, {0x112, 0x112}}));
}

TEST(IdMap, MapsEcmsAndEmms) {
  Bench bench{{"a.ts", "b.ts"}};
  bench.assign(0, 1, 0x100, pmt(0x110, {0x110, 0x150, 0x160}));
  auto table = pmt(0x111, {0x111});
  table.descriptors.push_back(support::ca_descriptor(0x500, Pid{0x150}));
  EXPECT_EQ(bench.assign(1, 2, 0x101, table), ids(2, 0x101, {{0x111, 0x111}, {0x150, 0x250}}));
  Reception reception;
  reception.name = "b.ts";
  const psi::Cat cat{
      .version = 0,
      .descriptors = {support::ca_descriptor(0x500, Pid{0x160}), support::ca_descriptor(1, ts::null_pid)}};
  EXPECT_EQ(bench.map.assign(reception, 2, cat), (PidMap{{Pid{0x160}, Pid{0x260}}}));
}

TEST(IdMap, MapsComponentsFromElsewhere) {
  Bench bench{{"a.ts"}, {}, {"t.ts,pid=0x110+0x300+0x301,to=1,pid-map=0x300:0x400"}};
  bench.assign(0, 1, 0x100, pmt(0x110, {0x110}));
  EXPECT_EQ(bench.map.assign(bench.components[0], {}),
            (PidMap{{Pid{0x110}, Pid{0x210}}, {Pid{0x300}, Pid{0x400}}, {Pid{0x301}, Pid{0x301}}}));
}

// As many as a PMT cannot have: every PID of the multiplex.
std::vector<unsigned> pids_from(unsigned first, std::size_t count) {
  std::vector<unsigned> out;
  for (unsigned pid = first; out.size() < count; ++pid) out.push_back(pid);
  return out;
}
constexpr std::size_t all_pids = 0x1ffe - 0x20 + 1;

TEST(IdMap, SaysWhenNoPidIsLeft) {
  Bench bench{{"a.ts", "b.ts"}};
  ASSERT_TRUE(bench.assign(0, 1, 0x20, pmt(0x1fff, pids_from(0x21, all_pids - 2))));
  EXPECT_EQ(bench.assign(1, 2, 0x20, pmt(0x1fff, {0x110})), std::nullopt);
  EXPECT_EQ(bench.assign(1, 2, 0x20, pmt(0x1fff, {})), ids(2, 0x1ffe, {}));
}

TEST(IdMap, GivesAwayWhatHasGoneWhenNothingElseIsLeft) {
  Bench bench{{"a.ts", "b.ts"}};
  ASSERT_TRUE(bench.assign(0, 1, 0x20, pmt(0x1fff, pids_from(0x21, all_pids - 1))));
  EXPECT_EQ(bench.assign(1, 2, 0x20, pmt(0x1fff, {})), std::nullopt);
  ASSERT_TRUE(bench.assign(0, 1, 0x20, pmt(0x1fff, pids_from(0x21, 0x600))));
  // The low byte of 0x0020 in block 2 is in use, and so is all up to 0x0620.
  EXPECT_EQ(bench.assign(1, 2, 0x20, pmt(0x1fff, {})), ids(2, 0x621, {}));
  bench.map.release(bench.inputs[0], ServiceId{1});
  EXPECT_EQ(bench.assign(1, 2, 0x20, pmt(0x1fff, {0x30})), ids(2, 0x621, {{0x30, 0x230}}));
}

TEST(IdMap, ForgetsInputsThatAreNoLongerConfigured) {
  Bench bench{{"a.ts", "b.ts"}};
  bench.assign(0, 1, 0x100, pmt(0x110, {0x110}));
  bench.assign(1, 1, 0x100, pmt(0x110, {0x110}));
  bench.configure({"b.ts"});
  for (const auto& [key, id] : bench.map.given()) EXPECT_EQ(key.input, "b.ts");
  // What stays has what it had.
  EXPECT_EQ(bench.assign(0, 1, 0x100, pmt(0x110, {0x110})), ids(0x201, 0x200, {{0x110, 0x210}}));
}

TEST(IdMap, TellsWhenThereIsSomethingNewToRemember) {
  Bench bench{{"a.ts"}};
  const auto nothing = bench.map.changes();
  bench.assign(0, 1, 0x100, pmt(0x110, {0x110}));
  const auto changes = bench.map.changes();
  EXPECT_NE(changes, nothing);
  bench.assign(0, 1, 0x100, pmt(0x110, {0x110}));
  EXPECT_EQ(bench.map.changes(), changes);
}

class RememberedIdsTest : public ::testing::Test {
 protected:
  std::filesystem::path file() const { return directory_.path() / "ids"; }
  RememberedIds read(const std::string& content) const {
    std::ofstream{file()} << content;
    return read_ids(file());
  }

  test::TemporaryDirectory directory_;
};

TEST_F(RememberedIdsTest, ReadsWhatWasWritten) {
  Bench bench{{"udp://239.1.1.1:5000,iface=eth1", "srt://h:1,passphrase=abcdefghijklmnop", "a file, with blanks.ts"}};
  for (const std::size_t i : {0U, 1U, 2U}) bench.assign(i, 0x101, 0x100, pmt(0x110, {0x110}));
  write_ids(file(), bench.map.given());
  const auto remembered = read_ids(file());
  EXPECT_EQ(remembered.trouble, "");
  EXPECT_EQ(remembered.ids, bench.map.given());
  EXPECT_EQ(remembered.ids.size(), 9U);

  std::ifstream stream{file()};
  const std::string text{std::istreambuf_iterator<char>{stream}, {}};
  EXPECT_NE(text.find("\npid 0x0210 0x0110 srt://h:1,passphrase=***\n"), std::string::npos) << text;
}

TEST_F(RememberedIdsTest, IsEmptyBeforeTheFirstTime) {
  const auto remembered = read_ids(file());
  EXPECT_TRUE(remembered.ids.empty());
  EXPECT_EQ(remembered.trouble, "");
}

TEST_F(RememberedIdsTest, TakesNothingOfADamagedFile) {
  const std::string good = "service 0x0101 0x0101 a.ts\n";
  EXPECT_EQ(read(good).ids.size(), 1U);
  for (const std::string line :
       {"service 0x0101 0x0102 a.ts", "service 0x0102 0x0101 a.ts", "service 0 0x0102 a.ts", "pid 0x1f 0x100 a.ts",
        "pid 0x1fff 0x100 a.ts", "pid 0x100 0x100", "pid 0x100", "pid", "pids 0x100 0x100 a.ts", "pid 0x0100 0x10000 a",
        "\x01\x02\x03"}) {
    const auto remembered = read(good + line);
    EXPECT_TRUE(remembered.ids.empty()) << line;
    EXPECT_NE(remembered.trouble.find("ids, line 2: "), std::string::npos) << remembered.trouble;
  }
  EXPECT_NE(read_ids(directory_.path()).trouble, "");
}

TEST_F(RememberedIdsTest, TakesNothingOfWhatNeedNotEnd) {
  std::filesystem::create_symlink("/dev/zero", file());
  EXPECT_EQ(read_ids(file()).trouble, "open " + file().string() + ": no regular file");
}

TEST_F(RememberedIdsTest, TakesNothingOfAFileThatIsTooLarge) {
  const std::string most = std::string((std::size_t{1} << 20) - 1, '#') + "\n";
  EXPECT_EQ(read(most).trouble, "");
  EXPECT_EQ(read(most + "#").trouble, "read " + file().string() + ": more than 1 MiB");
}

TEST_F(RememberedIdsTest, SaysWhatIsWrongInPrintableCharacters) {
  const auto trouble = read("\x1b[2J\xff 0x100 0x100 a.ts\n").trouble;
  EXPECT_NE(trouble.find("line 1: \"?[2J?\" is not service"), std::string::npos) << trouble;
}

TEST_F(RememberedIdsTest, LeavesOutWhatNoLineCanHold) {
  write_ids(file(), {{{IdKey::Kind::pid, "a\nb.ts", 0x100}, 0x100}, {{IdKey::Kind::pid, "c.ts", 0x101}, 0x101}});
  const auto remembered = read_ids(file());
  EXPECT_EQ(remembered.trouble, "");
  EXPECT_EQ(remembered.ids.size(), 1U);
}

}  // namespace
}  // namespace tsmux
