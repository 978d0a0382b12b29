// A tool's options, declared once: the parser, --help, the completions and the --config file all come from that.
//
//   cli::App app{"tscut", "cut a passage out of a recording"};
//   app.add("--from", options.from, "TIME", "where to begin").required();
//   app.flag("--exact", options.exact, "re-encode to cut at the very picture");
//   app.positional("SOURCE", options.sources, "a recording, or transport stream files").required();
//   if (const auto status = app.parse(argc, argv)) return *status;
//
// The target's type says how its text is read (values.hpp, date.hpp): by parse_value(), also one found beside the
// type, or by the type's own static parse(). std::optional stays empty if the option is not given, std::vector takes
// the option any number of times. What the target holds before is the default, and is shown in --help.
#pragma once

#include <concepts>
#include <deque>
#include <filesystem>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/cli/date.hpp"
#include "common/cli/exit_status.hpp"
#include "common/cli/values.hpp"

namespace cli {

// A wrong command line or configuration file.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// What a completion offers for a value.
enum class ValueKind { text, file, directory, endpoint };

// One option, as all its uses see it.
struct OptionSpec {
  std::vector<std::string> names;  // "-v", "--verbose"; none of a positional
  std::string metavar;             // "TIME"; empty: a flag
  std::string help;
  std::string group;
  std::string default_text;
  ValueKind kind = ValueKind::text;
  std::vector<std::string> choices;
  std::string implied;                       // of choices: meant where the option has no value
  std::vector<std::string> excludes, needs;  // names of other options
  bool positional = false, required = false, repeats = false, hidden = false;

  std::function<void()> clear;                      // before the first value
  std::function<void(std::string_view text)> take;  // each value; throws std::invalid_argument

  std::string long_name() const;  // "--verbose", or the metavar of a positional
};

namespace detail {

template <class T>
T read_value(std::string_view text) {
  if constexpr (requires(T & value) { parse_value(text, value); }) {
    T value{};
    parse_value(text, value);
    return value;
  } else {
    return T::parse(text);
  }
}

template <class T>
std::string default_text(const T& value) {
  if constexpr (requires { to_text(value) == to_text(T{}); } && std::equality_comparable<T>) {
    return value == T{} ? std::string{} : to_text(value);
  } else {
    return {};
  }
}
inline std::string default_text(const TimeExpression& value) { return value.text; }

template <class T>
void bind(OptionSpec& spec, T& target) {
  spec.default_text = default_text(target);
  spec.take = [&target](std::string_view text) { target = read_value<T>(text); };
}
template <class T>
void bind(OptionSpec& spec, std::optional<T>& target) {
  spec.take = [&target](std::string_view text) { target = read_value<T>(text); };
}
template <class T>
void bind(OptionSpec& spec, std::vector<T>& target) {
  spec.repeats = true;
  spec.clear = [&target] { target.clear(); };
  spec.take = [&target](std::string_view text) { target.push_back(read_value<T>(text)); };
}

}  // namespace detail

class App {
 public:
  // Refines what was just declared.
  class Option {
   public:
    explicit Option(OptionSpec& spec) : spec_(spec) {}
    Option& required();
    Option& excludes(const std::string& other);  // "--to"
    Option& needs(const std::string& other);
    Option& completes(ValueKind kind);
    // Of a choice(): the value may be left out, and is then this one.
    Option& implies(const std::string& value);

   private:
    OptionSpec& spec_;
  };

  // The heading of the options that every tool has, which come last in --help.
  static constexpr const char* common_heading = "COMMON OPTIONS";

  // Every tool has --config, --metrics, --verbose, --quiet, --version and --help.
  App(std::string name, std::string summary);

  // `names` is "--from" or "-j,--json". A metavar of FILE, DIRECTORY or ENDPOINT says what completes it.
  template <class T>
  Option add(const std::string& names, T& target, const std::string& metavar, const std::string& help) {
    OptionSpec& spec = declare(names, metavar, help);
    detail::bind(spec, target);
    return Option{spec};
  }
  // One of a few words.
  template <class T>
  Option choice(const std::string& names, T& target, const std::vector<std::pair<std::string, T>>& values,
                const std::string& help);
  Option flag(const std::string& names, bool& target, const std::string& help);
  // In the order of the command line. One std::vector at most; the ones after it must be required.
  template <class T>
  Option positional(const std::string& metavar, T& target, const std::string& help) {
    OptionSpec& spec = declare("", metavar, help);
    detail::bind(spec, target);
    return Option{spec};
  }
  // The heading in --help of the options declared from here on.
  void group(const std::string& heading) { group_ = heading; }
  // A line of --help's synopsis, without the tool's name; if none is given, one is made.
  void synopsis(const std::string& line) { synopses_.push_back(line); }

  // Nothing: go on. Otherwise the tool ends with this: --help was answered, or an error was written.
  std::optional<ExitStatus> parse(int argc, const char* const* argv);
  // Without the tool's name; for a second reading. Throws UsageError.
  void parse(const std::vector<std::string>& arguments);

  const std::string& name() const { return name_; }
  const std::string& summary() const { return summary_; }
  const std::vector<std::string>& synopses() const { return synopses_; }
  const std::deque<OptionSpec>& options() const { return options_; }
  const std::vector<std::string>& arguments() const { return arguments_; }
  const std::optional<std::filesystem::path>& metrics_file() const { return metrics_file_; }
  bool verbose() const { return verbose_; }
  bool quiet() const { return quiet_; }

 private:
  class Parser;
  OptionSpec& declare(const std::string& names, const std::string& metavar, const std::string& help);

  std::string name_, summary_, group_;
  std::vector<std::string> synopses_;
  std::deque<OptionSpec> options_;
  std::vector<std::string> arguments_;
  std::optional<std::filesystem::path> config_file_, metrics_file_;
  bool verbose_ = false, quiet_ = false;
};

// The options as the command line and its configuration file say now: for SIGHUP. Throws UsageError.
template <class Options>
Options reread(const App& app, const std::function<void(App&, Options&)>& declare) {
  App again{app.name(), app.summary()};
  Options options;
  declare(again, options);
  again.parse(app.arguments());
  return options;
}

template <class T>
App::Option App::choice(const std::string& names, T& target, const std::vector<std::pair<std::string, T>>& values,
                        const std::string& help) {
  std::string metavar;
  for (const auto& [word, value] : values) metavar += (metavar.empty() ? "" : "|") + word;
  OptionSpec& spec = declare(names, metavar, help);
  for (const auto& [word, value] : values) {
    spec.choices.push_back(word);
    if (value == target) spec.default_text = word;
  }
  spec.take = [&target, values](std::string_view text) { target = parse_choice(text, values); };
  return Option{spec};
}

}  // namespace cli
