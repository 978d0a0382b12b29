#include "common/cli/completion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "common/cli/app.hpp"

namespace cli {
namespace {

constexpr std::string_view url_prefixes = "udp:// rtp:// srt://";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

// In single quotes, for any of the shells' grammars but fish's, which reads \' within them.
std::string quoted(const std::string& text) { return "'" + replaced(text, "'", "'\\''") + "'"; }

std::vector<const OptionSpec*> shown(const App& app, bool positional) {
  std::vector<const OptionSpec*> specs;
  for (const OptionSpec& spec : app.options()) {
    if (!spec.hidden && spec.positional == positional) specs.push_back(&spec);
  }
  return specs;
}

std::string bash_values(ValueKind kind) {
  switch (kind) {
    case ValueKind::file:
      return "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")";
    case ValueKind::directory:
      return "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")";
    case ValueKind::endpoint:
      return fmt::format(
          "mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
          "      if ((${{#COMPREPLY[@]}})); then compopt -o filenames; else compopt -o nospace; fi\n"
          "      mapfile -t -O ${{#COMPREPLY[@]}} COMPREPLY < <(compgen -W '{}' -- \"$cur\")",
          url_prefixes);
    case ValueKind::text:
      break;
  }
  return ":";
}

std::string bash_script(const App& app) {
  std::string cases;
  std::string names;
  for (const OptionSpec* spec : shown(app, false)) {
    names += fmt::format("{}{}", names.empty() ? "" : " ", fmt::join(spec->names, " "));
    if (spec->metavar.empty()) continue;
    const std::string action =
        spec->choices.empty()
            ? bash_values(spec->kind)
            : fmt::format("mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$cur\")", fmt::join(spec->choices, " "));
    cases += fmt::format("    {})\n      {}\n      return ;;\n", fmt::join(spec->names, "|"), action);
  }
  const auto arguments = shown(app, true);
  const std::string others = arguments.empty() ? ":" : bash_values(arguments.front()->kind);
  // "--name=value" comes as three words, as = is in COMP_WORDBREAKS.
  return fmt::format(R"(# bash completion of {0}
_{0}() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}}
  COMPREPLY=()
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = ]]; then
    prev=${{COMP_WORDS[COMP_CWORD-2]}}
  fi
  case $prev in
{1}  esac
  case $cur in
    -*)
      mapfile -t COMPREPLY < <(compgen -W '{2}' -- "$cur")
      ;;
    *)
      {3}
      ;;
  esac
}}
complete -F _{0} {0}
)",
                     app.name(), cases, names, others);
}

std::string zsh_values(const App& app, const OptionSpec& spec) {
  if (!spec.choices.empty()) return fmt::format("({})", fmt::join(spec.choices, " "));
  switch (spec.kind) {
    case ValueKind::file:
      return "_files";
    case ValueKind::directory:
      return "_files -/";
    case ValueKind::endpoint:
      return fmt::format("_{}_endpoint", app.name());
    case ValueKind::text:
      break;
  }
  return " ";
}

// _arguments reads [ ] : and \ as its own.
std::string zsh_text(std::string text) {
  for (const std::string_view special : {"\\", "[", "]", ":"})
    text = replaced(text, special, "\\" + std::string{special});
  return text;
}

std::string zsh_script(const App& app) {
  std::string lines;
  for (const OptionSpec* spec : shown(app, false)) {
    const std::string value =
        spec->metavar.empty() ? "" : fmt::format(":{}:{}", zsh_text(spec->metavar), zsh_values(app, *spec));
    const std::string exclusion = spec->repeats ? "*" : fmt::format("({})", fmt::join(spec->names, " "));
    for (const std::string& name : spec->names) {
      lines += fmt::format(" \\\n    {}", quoted(exclusion + name + "[" + zsh_text(spec->help) + "]" + value));
    }
  }
  for (const OptionSpec* spec : shown(app, true)) {
    lines += fmt::format(" \\\n    {}",
                         quoted((spec->repeats ? "*:" : ":") + zsh_text(spec->metavar) + ":" + zsh_values(app, *spec)));
  }
  return fmt::format(R"(#compdef {0}

_{0}_endpoint() {{
  _files
  compadd -S '' {1}
}}

_{0}() {{
  _arguments -s -S{2}
}}

if [[ "$funcstack[1]" = "_{0}" ]]; then
  _{0} "$@"
else
  compdef _{0} {0}
fi
)",
                     app.name(), url_prefixes, lines);
}

std::string fish_quoted(std::string text) {
  return "'" + replaced(replaced(std::move(text), "\\", "\\\\"), "'", "\\'") + "'";
}

std::string fish_values(const OptionSpec& spec) {
  if (!spec.choices.empty()) return fmt::format(" -x -a '{}'", fmt::join(spec.choices, " "));
  switch (spec.kind) {
    case ValueKind::file:
      return " -r -F";
    case ValueKind::directory:
      return " -x -a '(__fish_complete_directories)'";
    case ValueKind::endpoint:
      return fmt::format(" -r -F -a '{}'", url_prefixes);
    case ValueKind::text:
      break;
  }
  return " -x";
}

std::string fish_script(const App& app) {
  std::string out = fmt::format("# fish completion of {}\n", app.name());
  const auto arguments = shown(app, true);
  const auto takes_files = [](const OptionSpec* spec) { return spec->kind != ValueKind::text; };
  if (std::none_of(arguments.begin(), arguments.end(), takes_files))
    out += fmt::format("complete -c {} -f\n", app.name());
  for (const OptionSpec* spec : shown(app, false)) {
    std::string names;
    for (const std::string& name : spec->names) {
      names += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    }
    const std::string values = spec->metavar.empty() ? "" : fish_values(*spec);
    out += fmt::format("complete -c {}{}{} -d {}\n", app.name(), names, values, fish_quoted(spec->help));
  }
  const auto takes_urls = [](const OptionSpec* spec) { return spec->kind == ValueKind::endpoint; };
  if (std::any_of(arguments.begin(), arguments.end(), takes_urls)) {
    out += fmt::format("complete -c {} -a '{}'\n", app.name(), url_prefixes);
  }
  return out;
}

}  // namespace

std::string completion_script(const App& app, std::string_view shell) {
  if (shell == "bash") return bash_script(app);
  if (shell == "zsh") return zsh_script(app);
  if (shell == "fish") return fish_script(app);
  throw std::invalid_argument(fmt::format("not a shell: '{}' (bash, zsh or fish)", shell));
}

}  // namespace cli
