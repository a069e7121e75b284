// SPDX-License-Identifier: Apache-2.0
// The table of commands: one record each, of which help, the manual page and the completions are made.
#pragma once

#include <cstdint>
#include <string>
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
  mergekit,
  lora,
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

/// All, in the order of the enum.
const std::vector<CommandSpec>& commands();

/// The words that `kind` can be, where they can be listed.
std::vector<std::string> words_of(WordKind kind);

inline const CommandSpec& spec_of(Command command) { return commands()[static_cast<size_t>(command)]; }

}  // namespace ckmerge::cli
