// SPDX-License-Identifier: Apache-2.0
// For zsh's _arguments: one specification per spelling of an option.
#include "cli/shell/completions.h"
#include "cli/system/text.h"

namespace ckmerge::cli {
namespace {

std::string escaped(std::string_view text, std::string_view special) {
  std::string out;
  for (const char c : text) {
    if (special.find(c) != special.npos) out += '\\';
    out += c;
  }
  return out;
}

std::string action(WordKind kind, const std::vector<std::string>& words) {
  if (!words.empty()) return "(" + joined(words, " ") + ")";
  switch (kind) {
    case WordKind::checkpoint: return "_files -g \"*" + std::string(kCheckpointSuffix) + "\"";
    case WordKind::file: return "_files";
    case WordKind::folder: return "_files -/";
    default: return " ";
  }
}

const char* noun(WordKind kind) {
  constexpr const char* kNouns[] = {"word", "checkpoint", "file", "folder", "method", "shell"};
  return kNouns[static_cast<size_t>(kind)];
}

std::string option_specs(const OptionSpec& option) {
  const std::vector<std::string> spellings = option.spellings();
  std::string out;
  for (const std::string& spelling : spellings) {
    std::string spec = option.kind() == OptionKind::list ? "*" : "(" + joined(spellings, " ") + ")";
    spec += spelling;
    if (option.takes_value()) spec += spelling.starts_with("--") ? "=" : "+";
    spec += "[" + escaped(option.meaning, "[]\\") + "]";
    if (option.takes_value())
      spec += ":" + escaped(option.value_name, ":\\") + ":" + action(option.word_kind(), listed_values(option));
    out += " \\\n        " + single_quoted(spec);
  }
  return out;
}

std::string command_case(const CommandSpec& command) {
  std::string out = std::string("    ") + command.name + ")\n      _arguments -s -S";
  for (const OptionSpec& option : options_of(command.command)) out += option_specs(option);
  const bool many = command.operands == WordKind::checkpoint;
  if (command.operands != WordKind::text)
    out += " \\\n        " + single_quoted(std::string(many ? "*:" : ":") + noun(command.operands) + ":" +
                                           action(command.operands, words_of(command.operands)));
  return out + "\n      ;;\n";
}

}  // namespace

std::string zsh_completions() {
  std::string out =
      "#compdef ckmerge\n"
      "# zsh completion for ckmerge, made by `ckmerge completions zsh`\n\n"
      "_ckmerge() {\n"
      "  local -a commands=(\n";
  for (const CommandSpec& command : commands())
    out += "    " + single_quoted(std::string(command.name) + ":" + command.summary) + "\n";
  out +=
      "  )\n"
      "  if ((CURRENT == 2)); then\n"
      "    _describe command commands\n"
      "    compadd -- --help --version\n"
      "    return\n"
      "  fi\n"
      "  shift words\n"
      "  ((CURRENT--))\n"
      "  case $words[1] in\n";
  for (const CommandSpec& command : commands()) out += command_case(command);
  return out +
         "  esac\n"
         "}\n\n"
         "# Loaded from $fpath this file is the function; sourced it only defines it.\n"
         "if [[ $funcstack[1] == _ckmerge ]]; then\n"
         "  _ckmerge \"$@\"\n"
         "else\n"
         "  compdef _ckmerge ckmerge\n"
         "fi\n";
}

}  // namespace ckmerge::cli
