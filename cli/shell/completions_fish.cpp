// SPDX-License-Identifier: Apache-2.0
// For fish: one `complete` line per option and command.
#include "cli/shell/completions.h"
#include "cli/system/text.h"

namespace ckmerge::cli {
namespace {

// fish knows two escapes between single quotes.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string arguments(WordKind kind, const std::vector<std::string>& words) {
  if (!words.empty()) return " -f -a " + quoted(joined(words, " "));
  switch (kind) {
    case WordKind::checkpoint:
      return " -k -f -a " + quoted("(__fish_complete_suffix " + std::string(kCheckpointSuffix) + ")");
    case WordKind::file: return " -F";
    case WordKind::folder: return " -f -a '(__fish_complete_directories)'";
    default: return " -f";
  }
}

std::string option_line(const CommandSpec& command, const OptionSpec& option) {
  std::string out;
  for (const std::string& spelling : option.spellings()) {
    if (!spelling.starts_with("--")) continue;  // letters stand beside their names
    out += std::string("complete -c ckmerge -n '__ckmerge_command ") + command.name + "' -l " + spelling.substr(2);
    if (option.letter) out += std::string(" -s ") + option.letter;
    if (option.takes_value()) out += " -r" + arguments(option.word_kind(), listed_values(option));
    out += " -d " + quoted(option.meaning) + "\n";
  }
  return out;
}

}  // namespace

std::string fish_completions() {
  std::string out =
      "# fish completion for ckmerge, made by `ckmerge completions fish`\n\n"
      "# Whether the command line is one of command $argv[1], or has no command yet.\n"
      "function __ckmerge_command\n"
      "    set -l words (commandline -opc)\n"
      "    if set -q argv[1]\n"
      "        test (count $words) -gt 1; and test $words[2] = $argv[1]\n"
      "    else\n"
      "        test (count $words) -eq 1\n"
      "    end\n"
      "end\n\n"
      "complete -c ckmerge -f\n"
      "complete -c ckmerge -n __ckmerge_command -l help -s h -d 'print help'\n"
      "complete -c ckmerge -n __ckmerge_command -l version -d 'print the version'\n";
  for (const CommandSpec& command : commands()) {
    out += std::string("\ncomplete -c ckmerge -n __ckmerge_command -a ") + command.name + " -d " +
           quoted(command.summary) + "\n";
    if (command.operands != WordKind::text)
      out += std::string("complete -c ckmerge -n '__ckmerge_command ") + command.name + "'" +
             arguments(command.operands, words_of(command.operands)) + "\n";
    for (const OptionSpec& option : options_of(command.command)) out += option_line(command, option);
  }
  return out;
}

}  // namespace ckmerge::cli
