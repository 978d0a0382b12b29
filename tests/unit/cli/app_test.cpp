#include "common/cli/app.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/cli/completion.hpp"
#include "common/cli/help.hpp"

namespace cli {
namespace {

using namespace std::chrono_literals;

// A type with a parser of its own, as io::Endpoint has.
struct Place {
  std::string text;
  static Place parse(std::string_view text) {
    if (text.empty()) throw std::invalid_argument("not a place: ''");
    return {std::string{text}};
  }
};

enum class Mode { copy, exact };

struct Options {
  std::optional<TimeExpression> from, to;
  std::optional<std::chrono::nanoseconds> duration;
  std::chrono::nanoseconds keep = 24h;
  std::vector<Place> inputs;
  Mode mode = Mode::copy;
  bool loop = false;
  std::vector<std::string> sources;
  std::string output;
};

void declare(App& app, Options& options) {
  app.add("--from", options.from, "TIME", "where to begin").required();
  app.add("--to", options.to, "TIME", "where to end").excludes("--duration");
  app.add("--duration", options.duration, "DURATION", "how long");
  app.add("--keep", options.keep, "DURATION", "how much to keep");
  app.add("-i,--input", options.inputs, "ENDPOINT", "what [to] read: it's 'here'");
  app.choice<Mode>("--mode", options.mode, {{"copy", Mode::copy}, {"exact", Mode::exact}}, "how to cut");
  app.flag("--loop", options.loop, "again and again").needs("--input");
  app.positional("SOURCE", options.sources, "what to cut").required();
  app.positional("OUTPUT", options.output, "where to").required();
}

class AppTest : public testing::Test {
 protected:
  AppTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "app_test.XXXXXX";
    folder_ = mkdtemp(pattern.data());
    declare(app_, options_);
  }
  ~AppTest() override { std::filesystem::remove_all(folder_); }

  std::string refusal(const std::vector<std::string>& arguments) {
    try {
      app_.parse(arguments);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  }
  std::string file(const std::string& content) {
    const auto path = folder_ / "tool.conf";
    std::ofstream{path} << content;
    return path;
  }

  std::filesystem::path folder_;
  App app_{"tool", "do a thing"};
  Options options_;
};

TEST_F(AppTest, TakesTypedValues) {
  app_.parse(
      {"--from", "now-2h", "--keep=90s", "-i", "a,b=c", "--input=b", "--mode", "exact", "--loop", "x.ts", "y.ts", "-"});
  EXPECT_EQ(options_.from->text, "now-2h");
  EXPECT_FALSE(options_.to);
  EXPECT_EQ(options_.keep, 90s);
  ASSERT_EQ(options_.inputs.size(), 2u);
  EXPECT_EQ(options_.inputs[0].text, "a,b=c");
  EXPECT_EQ(options_.mode, Mode::exact);
  EXPECT_TRUE(options_.loop);
  EXPECT_EQ(options_.sources, (std::vector<std::string>{"x.ts", "y.ts"}));
  EXPECT_EQ(options_.output, "-");
}

TEST_F(AppTest, NamesTheOptionAndTheReasonOfARefusal) {
  EXPECT_EQ(refusal({"--keep", "5 parsecs", "--from", "now", "a", "b"}),
            "--keep: not a duration: '5 parsecs' (try 90s, 1h30m, 500ms)");
  EXPECT_EQ(refusal({"--from", "now", "a"}), "OUTPUT is missing");
  EXPECT_EQ(refusal({"--from", "now"}), "SOURCE is missing");
  EXPECT_EQ(refusal({"a", "b"}), "--from is missing");
  EXPECT_EQ(refusal({"--bogus"}), "no such option: --bogus");
  EXPECT_EQ(refusal({"--from", "now", "--from", "now", "a", "b"}), "--from: given more than once");
  EXPECT_EQ(refusal({"--from", "now", "--to", "now", "--duration", "1h", "a", "b"}), "--to excludes --duration");
  EXPECT_EQ(refusal({"--from", "now", "--loop", "a", "b"}), "--loop requires --input");
  EXPECT_EQ(refusal({"--from", "now", "--mode", "x", "a", "b"}), "--mode: not one of copy|exact: 'x'");
  EXPECT_EQ(refusal({"--from", "now", "--input", "", "a", "b"}), "--input: not a place: ''");
}

TEST_F(AppTest, EmptyValueDoesNotSwallowTheNextArgument) {
  EXPECT_EQ(refusal({"--from", "now", "--metrics=", "a.ts", "b.ts"}), "--metrics: a value is missing");
}

TEST_F(AppTest, OneArgumentTooManyIsNamed) {
  App app{"tool", "do a thing"};
  std::string input;
  app.positional("INPUT", input, "what to read");
  try {
    app.parse({"a", "b"});
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "one argument too many: 'b'");
  }
}

TEST_F(AppTest, ArgumentWhereThereAreOnlyOptionsIsNamedWithTheReason) {
  App app{"tool", "do a thing"};
  std::string input;
  app.add("--input", input, "INPUT", "what to read");
  try {
    app.parse({"--input", "a", "b"});
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "'b' belongs to no option: all is given by options here");
  }
}

TEST_F(AppTest, AfterTwoDashesAllAreArguments) {
  app_.parse({"--from", "now", "--", "--from", "-x"});
  EXPECT_EQ(options_.sources, std::vector<std::string>{"--from"});
  EXPECT_EQ(options_.output, "-x");
}

TEST_F(AppTest, FileGivesWhatTheCommandLineDoesNot) {
  app_.parse({"--config",
              file("# of a channel\n"
                   "from = 2026-11-22 20:50   # local\n"
                   "keep = 1h\n"
                   "input = udp://239.1.1.1:5000,iface=eth1\n"
                   "loop\n"
                   "input = [\"a,b\",\n  'c']\n"
                   "source = a.ts\n"
                   "output = b.ts\n"),
              "--keep", "2h"});
  EXPECT_EQ(options_.from->text, "2026-11-22 20:50");
  EXPECT_EQ(options_.keep, 2h);
  ASSERT_EQ(options_.inputs.size(), 3u);
  EXPECT_EQ(options_.inputs[0].text, "udp://239.1.1.1:5000,iface=eth1");
  EXPECT_EQ(options_.inputs[1].text, "a,b");
  EXPECT_EQ(options_.inputs[2].text, "c");
  EXPECT_TRUE(options_.loop);
  EXPECT_EQ(options_.sources, std::vector<std::string>{"a.ts"});
  EXPECT_EQ(options_.output, "b.ts");
}

TEST_F(AppTest, FileIsNamedWithTheLineThatIsWrong) {
  const std::string path = (folder_ / "tool.conf").string();
  const auto refused = [&](const std::string& content) {
    return refusal({"--config", file(content), "--from", "now", "a", "b"});
  };
  EXPECT_EQ(refused("\nkeeep = 1h\n"), path + ":2: keeep: no such option");
  EXPECT_EQ(refused("keep = soon\n"), path + ":1: keep: not a duration: 'soon' (try 90s, 1h30m, 500ms)");
  EXPECT_EQ(refused("loop = maybe\n"), path + ":1: loop: not true or false: 'maybe'");
  EXPECT_EQ(refused("config = x\n"), path + ":1: config: no such option");
  EXPECT_EQ(refused("keep\n"), path + ":1: keep: a value is missing");
  EXPECT_EQ(refused("keep = 1h\nkeep = 2h\n"), path + ":1: keep: given more than once");
  EXPECT_EQ(refused("[section]\n"), path + ":1: sections are not used here");
  EXPECT_EQ(refused("input = [\"a\n"), path + ":1: a quote is not closed");
  EXPECT_EQ(refused("input = \"a\" b\n"), path + ":1: 'b' is too much");
}

TEST_F(AppTest, FileMayBeginWithAByteOrderMark) {
  app_.parse({"--config", file("\xEF\xBB\xBFkeep = 1h\n"), "--from", "now", "a", "b"});
  EXPECT_EQ(options_.keep, 1h);
}

TEST_F(AppTest, FileThatCannotBeReadIsNamed) {
  EXPECT_EQ(refusal({"--config", "/nonexistent", "--from", "now", "a", "b"}),
            "--config: open /nonexistent: No such file or directory");
  EXPECT_EQ(refusal({"--config", folder_, "--from", "now", "a", "b"}),
            "--config: open " + folder_.string() + ": Is a directory");
}

TEST_F(AppTest, FlagCanBeDeniedInAFile) {
  app_.parse({"--config", file("loop = no\nfrom = now\n"), "a", "b"});
  EXPECT_FALSE(options_.loop);
}

TEST_F(AppTest, IsReadAgainFromTheChangedFile) {
  app_.parse({"--config", file("keep = 1h\n"), "--from", "now", "a", "b"});
  file("keep = 2h\ninput = new\n");
  const auto options = reread<Options>(app_, declare);
  EXPECT_EQ(options.keep, 2h);
  ASSERT_EQ(options.inputs.size(), 1u);
  EXPECT_EQ(options.output, "b");
  EXPECT_EQ(options_.keep, 1h);

  file("keep = never\n");
  EXPECT_THROW(reread<Options>(app_, declare), UsageError);
}

TEST_F(AppTest, EndsWithTwoOnWrongUsageAndWithZeroOnHelp) {
  const std::array<const char*, 2> wrong{"tool", "--bogus"};
  const std::array<const char*, 2> help{"tool", "--help"};
  const std::array<const char*, 5> right{"tool", "--from", "now", "a", "b"};
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  EXPECT_EQ(app_.parse(2, wrong.data()), ExitStatus::usage);
  EXPECT_EQ(app_.parse(2, help.data()), ExitStatus::done);
  EXPECT_EQ(app_.parse(5, right.data()), std::nullopt);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), help_text(app_));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "tool: no such option: --bogus\ntool: try 'tool --help'\n");
}

TEST_F(AppTest, HelpKeepsToAHundredColumnsAndNamesEveryOption) {
  const std::string help = help_text(app_);
  std::istringstream lines{help};
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100u) << line;
  for (const OptionSpec& option : app_.options()) {
    EXPECT_EQ(help.find(option.long_name()) != std::string::npos, !option.hidden) << option.long_name();
  }
  EXPECT_NE(help.find("[default: 24h]"), std::string::npos);
  EXPECT_NE(help.find("  tool [OPTIONS] --from TIME SOURCE... OUTPUT\n"), std::string::npos);
}

TEST_F(AppTest, CompletionsNameEveryOption) {
  for (const auto* shell : {"bash", "zsh", "fish"}) {
    const std::string script = completion_script(app_, shell);
    for (const OptionSpec& option : app_.options()) {
      if (option.positional || option.hidden) continue;
      const std::string name =
          std::string_view{shell} == "fish" ? "-l " + option.long_name().substr(2) : option.long_name();
      EXPECT_NE(script.find(name), std::string::npos) << shell << ' ' << name;
    }
    EXPECT_NE(script.find("copy exact"), std::string::npos);
    EXPECT_NE(script.find("udp:// rtp:// srt://"), std::string::npos);
    EXPECT_EQ(script.find("--completion"), std::string::npos);
  }
}

// An option whose value may be left out.
class ImpliedValueTest : public AppTest {
 protected:
  enum class Pictures { none, all, keyframes };

  // What --decode and INPUT are after this command line.
  static std::pair<Pictures, std::string> parse(const std::vector<std::string>& arguments) {
    App app{"tool", "do a thing"};
    Pictures pictures = Pictures::none;
    std::string input;
    bool loud = false;
    app.choice<Pictures>("-D,--decode", pictures, {{"all", Pictures::all}, {"keyframes", Pictures::keyframes}},
                         "decode")
        .implies("all");
    app.flag("--loud", loud, "a flag");
    app.positional("INPUT", input, "what to read");
    app.parse(arguments);
    return {pictures, input};
  }
  static std::string refusal(const std::vector<std::string>& arguments) {
    try {
      parse(arguments);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  }
  using Result = std::pair<Pictures, std::string>;
};

TEST_F(ImpliedValueTest, IsTakenWhereThereIsNone) {
  EXPECT_EQ(parse({}), Result(Pictures::none, ""));
  EXPECT_EQ(parse({"--decode"}), Result(Pictures::all, ""));
  EXPECT_EQ(parse({"a.ts", "--decode"}), Result(Pictures::all, "a.ts"));
  EXPECT_EQ(parse({"--decode", "--loud", "a.ts"}), Result(Pictures::all, "a.ts"));
  EXPECT_EQ(parse({"-D", "a.ts"}), Result(Pictures::all, "a.ts"));
}

TEST_F(ImpliedValueTest, GivesWayToAValue) {
  EXPECT_EQ(parse({"--decode", "keyframes"}), Result(Pictures::keyframes, ""));
  EXPECT_EQ(parse({"--decode", "keyframes", "a.ts"}), Result(Pictures::keyframes, "a.ts"));
  EXPECT_EQ(parse({"--decode=keyframes", "a.ts"}), Result(Pictures::keyframes, "a.ts"));
  EXPECT_EQ(parse({"a.ts", "--decode=all"}), Result(Pictures::all, "a.ts"));
}

// Only a word of the option's own is its value; another after = is a mistake.
TEST_F(ImpliedValueTest, LeavesTheNextArgumentAlone) {
  EXPECT_EQ(parse({"--decode", "a.ts"}), Result(Pictures::all, "a.ts"));
  EXPECT_EQ(parse({"--decode", "./keyframes"}), Result(Pictures::all, "./keyframes"));
  EXPECT_EQ(parse({"--decode", "--", "keyframes"}), Result(Pictures::all, "keyframes"));
  EXPECT_EQ(parse({"--decode", "-"}), Result(Pictures::all, "-"));
  EXPECT_EQ(parse({"--", "--decode"}), Result(Pictures::none, "--decode"));
  EXPECT_EQ(refusal({"--decode=a.ts"}), "--decode: not one of all|keyframes: 'a.ts'");
  EXPECT_EQ(refusal({"--decode=", "a.ts"}), "--decode: a value is missing");
  EXPECT_EQ(refusal({"--decode", "--decode"}), "--decode: given more than once");
}

TEST_F(ImpliedValueTest, InAFile) {
  EXPECT_EQ(parse({"--config", file("decode\ninput = a.ts\n")}), Result(Pictures::all, "a.ts"));
  EXPECT_EQ(parse({"--config", file("decode = keyframes\ninput = a.ts\n")}), Result(Pictures::keyframes, "a.ts"));
  // The command line comes first.
  EXPECT_EQ(parse({"--config", file("decode\n"), "--decode=keyframes"}), Result(Pictures::keyframes, ""));
  EXPECT_EQ(parse({"--config", file("decode = keyframes\n"), "--decode", "a.ts"}), Result(Pictures::all, "a.ts"));
  const std::string path = folder_ / "tool.conf";
  EXPECT_EQ(refusal({"--config", file("decode = a.ts\n")}), path + ":1: decode: not one of all|keyframes: 'a.ts'");
}

}  // namespace
}  // namespace cli
