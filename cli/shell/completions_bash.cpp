// SPDX-License-Identifier: Apache-2.0
// For bash 4, without the bash-completion package: three functions made of the tables, and one that asks them.
#include "cli/shell/completions.h"
#include "cli/system/text.h"

namespace ckmerge::cli {
namespace {

// What a word stands for, as the script's functions print it: the words it can be, or a kind in <>.
std::string kind_text(WordKind kind, const std::vector<std::string>& words) {
  if (!words.empty()) return joined(words, " ");
  switch (kind) {
    case WordKind::checkpoint: return "<checkpoint>";
    case WordKind::file: return "<file>";
    case WordKind::folder: return "<folder>";
    default: return "<text>";
  }
}

std::string function(const char* name, const char* comment, const char* subject, const std::string& rows) {
  return std::string("\n# ") + comment + "\n" + name + "() {\n  case " + subject + " in\n" + rows +
         "    *) return 1 ;;\n  esac\n}\n";
}

std::string row(const std::string& patterns, const std::string& text) {
  return "    " + patterns + ") echo " + single_quoted(text) + " ;;\n";
}

std::string option_rows() {
  std::string rows;
  for (const CommandSpec& command : commands()) {
    std::vector<std::string> words;
    for (const OptionSpec& option : options_of(command.command))
      for (const std::string& word : option.spellings()) words.push_back(word);
    rows += row(command.name, joined(words, " "));
  }
  return rows;
}

std::string value_rows() {
  std::string rows;
  for (const CommandSpec& command : commands()) {
    for (const OptionSpec& option : options_of(command.command)) {
      if (!option.takes_value()) continue;
      std::vector<std::string> patterns;
      for (const std::string& word : option.spellings()) patterns.push_back(std::string(command.name) + ":" + word);
      rows += row(joined(patterns, " | "), kind_text(option.word_kind(), listed_values(option)));
    }
  }
  return rows;
}

std::string operand_rows() {
  std::string rows;
  for (const CommandSpec& command : commands())
    rows += row(command.name, kind_text(command.operands, words_of(command.operands)));
  return rows;
}

std::string command_words() {
  std::string words;
  for (const CommandSpec& command : commands()) words += std::string(command.name) + " ";
  return words + "--help --version";
}

// readline cuts --name=value at the `=`, which is then a word of its own.
constexpr const char* kFunction = R"bash(
_ckmerge_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }

_ckmerge_files() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen "$@" -- "$cur")
}

_ckmerge() {
  local IFS=$' \t\n' cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}
  local takes word only_files=
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    _ckmerge_words "$_ckmerge_commands"
    return
  fi
  if [[ $cur == = ]]; then
    cur=
  elif [[ $before == = ]]; then
    before=${COMP_WORDS[COMP_CWORD-2]}
  fi
  for word in "${COMP_WORDS[@]:2:COMP_CWORD-2}"; do
    [[ $word == -- ]] && only_files=1
  done
  if [[ -z $only_files ]] && takes=$(_ckmerge_takes "$command:$before"); then
    :
  elif [[ -z $only_files && $cur == -* ]]; then
    _ckmerge_words "$(_ckmerge_options "$command")"
    return
  else
    takes=$(_ckmerge_operands "$command")
  fi
  case $takes in
    '<checkpoint>')
      _ckmerge_files -f -X "!*$_ckmerge_suffix"
      mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$cur")
      ;;
    '<file>') _ckmerge_files -f ;;
    '<folder>') _ckmerge_files -d ;;
    '<text>') ;;
    *) _ckmerge_words "$takes" ;;
  esac
}

complete -F _ckmerge ckmerge
)bash";

}  // namespace

std::string bash_completions() {
  std::string out = "# bash completion for ckmerge, made by `ckmerge completions bash`\n\n";
  out += "_ckmerge_commands=" + single_quoted(command_words()) + "\n";
  out += "_ckmerge_suffix=" + single_quoted(kCheckpointSuffix) + "\n";
  out += function("_ckmerge_options", "The options of a command.", "$1", option_rows());
  out += function("_ckmerge_takes", "What COMMAND:OPTION takes; fails where the option takes no value.", "$1",
                  value_rows());
  out += function("_ckmerge_operands", "What the other words of a command are.", "$1", operand_rows());
  return out + kFunction;
}

}  // namespace ckmerge::cli
