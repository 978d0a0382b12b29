#include "common/cli/app.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>

#include "common/cli/completion.hpp"
#include "common/cli/config_file.hpp"
#include "common/cli/help.hpp"
#include "common/cli/log.hpp"

namespace cli {
namespace {

constexpr std::array<std::string_view, 4> not_in_a_file{"config", "help", "version", "completion"};

// Thrown out of the parser by an option that is answered at once, whatever else the command line says.
struct Answer {
  std::string text;
};

ValueKind kind_of(std::string_view metavar) {
  if (metavar == "FILE") return ValueKind::file;
  if (metavar == "DIRECTORY") return ValueKind::directory;
  if (metavar == "ENDPOINT" || metavar == "INPUT" || metavar == "OUTPUT" || metavar == "SOURCE") {
    return ValueKind::endpoint;
  }
  return ValueKind::text;
}

std::vector<std::string> split_names(const std::string& names) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  while (start < names.size()) {
    const std::size_t comma = std::min(names.find(',', start), names.size());
    parts.push_back(names.substr(start, comma - start));
    start = comma + 1;
  }
  return parts;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

void take_all(const OptionSpec& spec, const std::vector<std::string>& values, const std::string& subject) {
  if (!spec.repeats && values.size() > 1) throw UsageError(subject + ": given more than once");
  try {
    if (spec.clear) spec.clear();
    for (const std::string& value : values) spec.take(value);
  } catch (const std::exception& error) {
    throw UsageError(subject + ": " + error.what());
  }
}

}  // namespace

// One reading of a command line: CLI11 takes it apart, and adds what the configuration file says.
class App::Parser {
 public:
  explicit Parser(App& app) : app_(app), cli_(app.summary(), app.name()) {
    cli_.set_help_flag();
    for (const OptionSpec& spec : app.options_) {
      if (!spec.positional) declare(spec);
    }
    for (const OptionSpec& spec : app.options_) relate(spec);
    // Which argument is which is settled when all are known, so that SOURCE... OUTPUT works.
    cli_.add_option("ARGUMENTS", positionals_);
    cli_.config_formatter(std::make_shared<File>(*this));
  }

  void run(std::vector<std::string> arguments) {
    refuse_empty_values(arguments);
    add_implied_values(arguments);
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 takes them
    try {
      cli_.parse(std::move(arguments));
    } catch (const CLI::ExtrasError&) {
      throw UsageError(fmt::format("no such option: {}", cli_.remaining().front()));
    } catch (const CLI::FileError&) {
      throw UsageError(config_error());
    } catch (const CLI::ParseError& error) {
      throw UsageError(error.what());
    }
    for (const auto& [spec, option] : parsed_) {
      if (spec->required && option->count() == 0) throw UsageError(spec->long_name() + " is missing");
    }
    distribute();
  }

 private:
  // CLI11's way in for another syntax of files than its own, which would end values at commas.
  class File : public CLI::ConfigBase {
   public:
    explicit File(Parser& parser) : parser_(parser) {}
    std::vector<CLI::ConfigItem> from_config(std::istream& input) const override { return parser_.read_file(input); }

   private:
    Parser& parser_;
  };

  static std::string joined(const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, ",")); }

  void declare(const OptionSpec& spec) {
    const std::string names = joined(spec.names);
    CLI::Option* option = nullptr;
    if (spec.long_name() == "--config") {
      option = cli_.set_config(names, "", spec.help);
    } else if (spec.metavar.empty()) {
      option = cli_.add_flag_function(names, [&spec](std::int64_t count) {
        if (count > 0) spec.take("true");
      });
    } else {
      const CLI::callback_t take = [this, &spec](const CLI::results_t& values) {
        const auto place = places_.find(&spec);
        take_all(spec, values, place == places_.end() ? spec.long_name() : place->second);
        return true;
      };
      option = cli_.add_option(names, take)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }
    parsed_[&spec] = option;
  }

  void relate(const OptionSpec& spec) {
    if (spec.positional) return;
    for (const std::string& other : spec.excludes) parsed_[&spec]->excludes(cli_.get_option(other));
    for (const std::string& other : spec.needs) parsed_[&spec]->needs(cli_.get_option(other));
  }

  // CLI11 would take the next argument as the value of "--metrics=".
  void refuse_empty_values(const std::vector<std::string>& arguments) const {
    for (const std::string& argument : arguments) {
      if (argument == "--") return;
      if (!argument.ends_with('=')) continue;
      const std::string name = argument.substr(0, argument.size() - 1);
      for (const OptionSpec& spec : app_.options_) {
        if (!spec.positional && spec.long_name() == name) throw UsageError(name + ": a value is missing");
      }
    }
  }

  // "--decode FILE" becomes "--decode=all FILE" where FILE is none of the option's words.
  void add_implied_values(std::vector<std::string>& arguments) const {
    for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
      for (const OptionSpec& spec : app_.options_) {
        const bool is_it = std::find(spec.names.begin(), spec.names.end(), arguments[i]) != spec.names.end();
        if (spec.implied.empty() || !is_it) continue;
        const bool has_value = i + 1 < arguments.size() && std::find(spec.choices.begin(), spec.choices.end(),
                                                                     arguments[i + 1]) != spec.choices.end();
        if (!has_value) arguments[i] = spec.long_name() + "=" + spec.implied;
        break;
      }
    }
  }

  std::string config_path() const { return cli_.get_config_ptr()->as<std::string>(); }

  std::string config_error() const {
    const std::string path = config_path();
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) return fmt::format("--config: open {}: Is a directory", path);
    errno = 0;
    const std::ifstream file{path};
    return fmt::format("--config: open {}: {}", path, std::strerror(errno));
  }

  std::vector<CLI::ConfigItem> read_file(std::istream& input) {
    std::vector<CLI::ConfigItem> items;
    for (const ConfigEntry& entry : read_config(input, config_path())) {
      take_entry(entry, fmt::format("{}:{}: {}", config_path(), entry.line, entry.key), items);
    }
    return items;
  }

  void take_entry(const ConfigEntry& entry, const std::string& place, std::vector<CLI::ConfigItem>& items) {
    const OptionSpec& spec = find(entry, place);
    if (spec.metavar.empty()) {
      const std::string word = entry.values.empty() ? "true" : lower(entry.values.back());
      const bool on = word == "true" || word == "yes" || word == "on" || word == "1";
      const bool off = word == "false" || word == "no" || word == "off" || word == "0";
      if (!on && !off) throw UsageError(place + ": not true or false: '" + word + "'");
      if (on) items.push_back({{}, entry.key, {"true"}});
      return;
    }
    if (entry.values.empty() && !spec.implied.empty()) {
      if (parsed_[&spec]->count() == 0) items.push_back({{}, entry.key, {spec.implied}});
      return;
    }
    if (entry.values.empty()) throw UsageError(place + ": a value is missing");
    if (spec.positional) {
      positional_entries_[&spec] = {entry.values, place};
      return;
    }
    if (parsed_[&spec]->count() > 0) return;  // the command line comes first
    places_[&spec] = place;
    items.push_back({{}, entry.key, entry.values});
  }

  const OptionSpec& find(const ConfigEntry& entry, const std::string& place) const {
    const bool barred = std::find(not_in_a_file.begin(), not_in_a_file.end(), entry.key) != not_in_a_file.end();
    for (const OptionSpec& spec : app_.options_) {
      const std::string name = spec.positional ? lower(spec.metavar) : spec.long_name().substr(2);
      if (name == entry.key && !barred) return spec;
    }
    throw UsageError(place + ": no such option");
  }

  // The arguments after a repeated one are taken from the back.
  void distribute() {
    std::vector<const OptionSpec*> specs;
    for (const OptionSpec& spec : app_.options_) {
      if (spec.positional) specs.push_back(&spec);
    }
    std::size_t next = 0;
    for (std::size_t i = 0; i < specs.size(); ++i) {
      const OptionSpec& spec = *specs[i];
      const std::size_t left = positionals_.size() - next;
      const std::size_t wanted_after = spec.repeats ? specs.size() - i - 1 : 0;
      const std::size_t least = std::min<std::size_t>(left, 1);
      const std::size_t count = spec.repeats && left > wanted_after ? left - wanted_after : least;
      const auto first = positionals_.begin() + static_cast<std::ptrdiff_t>(next);
      give(spec, {first, first + static_cast<std::ptrdiff_t>(count)});
      next += count;
    }
    if (next == positionals_.size()) return;
    const std::string& left = positionals_[next];
    if (specs.empty()) throw UsageError(fmt::format("'{}' belongs to no option: all is given by options here", left));
    throw UsageError(fmt::format("one argument too many: '{}'", left));
  }

  void give(const OptionSpec& spec, const std::vector<std::string>& values) {
    if (!values.empty()) {
      take_all(spec, values, spec.metavar);
      return;
    }
    const auto entry = positional_entries_.find(&spec);
    if (entry != positional_entries_.end()) {
      take_all(spec, entry->second.first, entry->second.second);
    } else if (spec.required) {
      throw UsageError(spec.metavar + " is missing");
    }
  }

  App& app_;
  CLI::App cli_;
  std::map<const OptionSpec*, CLI::Option*> parsed_;
  std::map<const OptionSpec*, std::string> places_;  // "FILE:LINE: key" of those that the file sets
  std::map<const OptionSpec*, std::pair<std::vector<std::string>, std::string>> positional_entries_;
  std::vector<std::string> positionals_;
};

std::string OptionSpec::long_name() const {
  if (positional) return metavar;
  const auto found = std::find_if(names.begin(), names.end(), [](const auto& name) { return name.starts_with("--"); });
  return found == names.end() ? names.front() : *found;
}

App::Option& App::Option::required() {
  spec_.required = true;
  return *this;
}
App::Option& App::Option::excludes(const std::string& other) {
  spec_.excludes.push_back(other);
  return *this;
}
App::Option& App::Option::needs(const std::string& other) {
  spec_.needs.push_back(other);
  return *this;
}
App::Option& App::Option::completes(ValueKind kind) {
  spec_.kind = kind;
  return *this;
}

App::Option& App::Option::implies(const std::string& value) {
  spec_.implied = value;
  return *this;
}

App::App(std::string name, std::string summary) : name_(std::move(name)), summary_(std::move(summary)) {
  group(common_heading);
  add("--config", config_file_, "FILE", "read options from a file: \"name = value\", by their long names");
  add("--metrics", metrics_file_, "FILE", "keep counters in a file for Prometheus, replaced every 5 s and at the end");
  flag("-v,--verbose", verbose_, "say more").excludes("--quiet");
  flag("-q,--quiet", quiet_, "only errors");
  flag("-h,--help", verbose_, "print this");
  options_.back().take = [this](std::string_view) { throw Answer{help_text(*this)}; };
  flag("--version", verbose_, "print the version");
  options_.back().take = [this](std::string_view) {
    throw Answer{fmt::format("{} (headend-tools) {}\n", name_, HEADEND_VERSION)};
  };
  OptionSpec& completion = declare("--completion", "bash|zsh|fish", "print the completions for a shell");
  completion.choices = {"bash", "zsh", "fish"};
  completion.hidden = true;
  completion.take = [this](std::string_view shell) { throw Answer{completion_script(*this, shell)}; };
  group("OPTIONS");
}

App::Option App::flag(const std::string& names, bool& target, const std::string& help) {
  OptionSpec& spec = declare(names, "", help);
  spec.take = [&target](std::string_view) { target = true; };
  return Option{spec};
}

OptionSpec& App::declare(const std::string& names, const std::string& metavar, const std::string& help) {
  OptionSpec& spec = options_.emplace_back();
  spec.names = split_names(names);
  spec.metavar = metavar;
  spec.help = help;
  spec.group = group_;
  spec.kind = kind_of(metavar);
  spec.positional = names.empty();
  return spec;
}

std::optional<ExitStatus> App::parse(int argc, const char* const* argv) {
  set_log(name_, Priority::info);
  try {
    parse(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const Answer& answer) {
    std::fputs(answer.text.c_str(), stdout);
    return ExitStatus::done;
  } catch (const UsageError& error) {
    write_log(Priority::error, error.what());
    write_log(Priority::error, fmt::format("try '{} --help'", name_));
    return ExitStatus::usage;
  }
  set_log(name_, quiet_ ? Priority::error : verbose_ ? Priority::debug : Priority::info);
  return std::nullopt;
}

void App::parse(const std::vector<std::string>& arguments) {
  arguments_ = arguments;
  Parser{*this}.run(arguments);
}

}  // namespace cli
