// SPDX-License-Identifier: Apache-2.0
// The only file that includes CLI11 (six seconds to compile). It splits words; names, help, messages and exit codes
// are ours.
#include "cli/options/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/options/option_table.h"
#include "cli/system/text.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

[[noreturn]] void refuse(const std::string& where, const std::string& sentence) {
  throw Error(ErrorCode::usage, where, sentence);
}

std::string help_hint(Command command) {
  return "; `ckmerge " + std::string(spec_of(command).name) + " --help` lists the options";
}

std::vector<std::string> spellings(const std::vector<OptionSpec>& options) {
  std::vector<std::string> names;
  for (const OptionSpec& option : options) {
    names.push_back(option.name);
    if (option.kind() == OptionKind::toggle) names.push_back("no-" + option.name);
  }
  return names;
}

std::string cli11_names(const OptionSpec& option) {
  std::string names = "--" + option.name;
  if (option.kind() == OptionKind::toggle) names += ",!--no-" + option.name;
  if (option.letter) names += std::string(",-") + option.letter;
  return names;
}

// CLI11 takes the brackets off a value such as `[0-9]`, and splits it at commas. A byte that no one types keeps it off;
// where somebody did, another byte follows it, so that it is told from ours.
constexpr char kShield = '\x01', kTyped = '\x02';

std::vector<std::string> shielded(std::vector<std::string> words) {
  for (std::string& word : words) {
    for (size_t at = word.find(kShield); at != word.npos; at = word.find(kShield, at + 1))
      word.insert(at + 1, 1, kTyped);
    const size_t equals = word.starts_with("--") ? word.find('=') : word.npos;
    const size_t begin = equals != word.npos ? equals + 1 : word.starts_with('-') ? 2 : 0;
    if (begin < word.size() && word[begin] == '[') word.insert(begin, 1, kShield);
  }
  return words;
}

std::vector<std::string> unshielded(std::vector<std::string> words) {
  for (std::string& word : words)
    for (size_t at = word.find(kShield); at != word.npos; at = word.find(kShield, at + 1)) {
      // Ours stands before a bracket.
      word.erase(at + 1 < word.size() && word[at + 1] == kTyped ? at + 1 : at, 1);
    }
  return words;
}

struct Declared {
  const OptionSpec* spec;
  CLI::Option* option;
};

std::vector<Declared> declare(CLI::App& app, const std::vector<OptionSpec>& options) {
  app.set_help_flag();  // ours is in the table
  app.allow_extras();
  std::vector<Declared> declared;
  for (const OptionSpec& spec : options) {
    CLI::Option* const option =
        spec.takes_value() ? app.add_option(cli11_names(spec)) : app.add_flag(cli11_names(spec));
    declared.push_back({&spec, option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)});
  }
  return declared;
}

void refuse_unknown(Command command, const std::vector<OptionSpec>& options, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  const std::string bare = name.substr(std::min<size_t>(name.find_first_not_of('-'), name.size()));
  const std::string near = bare.size() > 1 ? did_you_mean(bare, spellings(options), "--") : "";
  refuse(name, "unknown option '" + name + "'" + (near.empty() ? help_hint(command) : near));
}

// CLI11 would take the next word as the value of `--name=`.
void refuse_empty_values(const std::vector<OptionSpec>& options, const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word == "--") return;
    for (const OptionSpec& option : options)
      if (word == "--" + option.name + "=") refuse("--" + option.name, "--" + option.name + " has an empty value");
  }
}

bool plans_mergekit(Command command, const std::vector<std::string>& words) {
  if (command != Command::plan) return false;
  for (const std::string& word : words) {
    if (word == "--") return false;
    if (word == "--mergekit" || word.starts_with("--mergekit=")) return true;
  }
  return false;
}

// What CLI11 did not know: positional words, and before a `--` misspelt options. (Positionals are not declared to it,
// because it splits a file name such as `[a,b]` into two.)
void store_rest(CommandLine& out, const std::vector<OptionSpec>& options, const std::vector<std::string>& words) {
  bool all_are_files = false;
  for (const std::string& word : words) {
    if (word == "--" && !all_are_files)
      all_are_files = true;
    else if (!all_are_files && word.size() > 1 && word[0] == '-')
      refuse_unknown(out.command, options, word);
    else
      out.operands.push_back(word);
  }
}

}  // namespace

Command parse_command(const std::string& word) {
  std::vector<std::string> names;
  for (const CommandSpec& spec : commands()) {
    if (word == spec.name) return spec.command;
    names.emplace_back(spec.name);
  }
  const std::string near = did_you_mean(word, names);
  const char* const kind = word.starts_with('-') ? "option" : "command";
  refuse(word, std::string("unknown ") + kind + " '" + word + "'" +
                   (near.empty() ? "; the commands are " + joined(names, ", ") : near));
}

CommandLine parse_command_line(Command command, const std::vector<std::string>& words) {
  const bool of_mergekit = plans_mergekit(command, words);
  if (of_mergekit) command = Command::mergekit;
  const std::vector<OptionSpec> options = of_mergekit ? options_planning_mergekit() : options_of(command);
  refuse_empty_values(options, words);
  CLI::App app;
  const std::vector<Declared> declared = declare(app, options);
  try {
    app.parse(shielded({words.rbegin(), words.rend()}));  // CLI11 takes them from the back
  } catch (const CLI::ParseError& e) {
    // With everything else left to us, a missing value is all it has to say: "--name: 1 required ...".
    const std::string text = e.what();
    const std::string name = text.substr(0, text.find(':'));
    refuse(name, name + " needs a value" + help_hint(command));
  }
  CommandLine out;
  out.command = command;
  for (const auto& [spec, option] : declared)
    if (option->count() > 0) out.options[spec->name] = unshielded(option->results());
  if (of_mergekit) out.options["dry-run"] = {"true"};
  store_rest(out, options, unshielded(app.remaining()));
  return out;
}

ErrorStyle error_style(const std::vector<std::string>& words) {
  ErrorStyle style;
  for (size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    // With a value it is refused, or means what it says.
    if (words[i] == "--json" || words[i].starts_with("--json=")) style.json_document = words[i] != "--json=false";
    if (words[i] == "--progress=json") style.json_line = true;
    if (words[i] == "--progress" && i + 1 < words.size() && words[i + 1] == "json") style.json_line = true;
  }
  return style;
}

}  // namespace ckmerge::cli
