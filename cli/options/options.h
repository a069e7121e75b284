// SPDX-License-Identifier: Apache-2.0
// The catalogue of commands and options: one record each. The parser, --help and the suggestions for misspelt options
// are made from it, so they cannot disagree. The options of the merge methods come from the methods' specs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ckmerge::cli {

enum class Command : uint8_t {
  merge,
  plan,
  run,
  convert,
  bake,
  compose,
  average,
  inspect,
  hash,
  scan,
  listing,
  show,
  methods,
  doctor,
  completions,
  man
};

/// What a word on the command line stands for: shells complete it accordingly.
enum class WordKind : uint8_t { text, checkpoint, file, folder, method, shell };

struct CommandSpec {
  Command command;
  const char* name;
  const char* usage;    ///< after the name
  const char* summary;  ///< one phrase
  const char* about;    ///< a sentence or two for its own --help
  const char* examples;
  WordKind operands = WordKind::checkpoint;  ///< its words that are no options
};
const std::vector<CommandSpec>& commands();

enum class OptionKind : uint8_t {
  flag,    ///< --name
  toggle,  ///< --name, --no-name
  value,   ///< --name VALUE
  list,    ///< --name VALUE, any number of times
};

struct OptionSpec {
  std::string name;  ///< without dashes
  char letter = 0;   ///< -x, or 0
  OptionKind kind = OptionKind::flag;
  std::string value_name;  ///< OUT, FILE, DIR and M tell what kind of word the value is
  std::string meaning;
  std::vector<std::string> choices = {};  ///< the values it takes, where they can be listed
  bool of_method = false;                 ///< a parameter of merge methods

  bool takes_value() const { return kind == OptionKind::value || kind == OptionKind::list; }
  WordKind word_kind() const;                  ///< of the value
  std::vector<std::string> spellings() const;  ///< --name, --no-name, -x
};

/// The options that `command` takes, in the order of its help.
std::vector<OptionSpec> options_of(Command command);

/// The words that `kind` can be, where they can be listed.
std::vector<std::string> words_of(WordKind kind);

std::string help_text();
std::string help_text(Command command);

}  // namespace ckmerge::cli
