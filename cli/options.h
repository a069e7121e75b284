// SPDX-License-Identifier: Apache-2.0
// The catalogue of commands and options: one record each. The parser, --help and the suggestions for misspelt options
// are made from it, so they cannot disagree. The options of the merge methods come from the methods' specs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ckmerge::cli {

enum class Command : uint8_t { merge, plan, inspect, methods };

struct CommandSpec {
  Command command;
  const char* name;
  const char* usage;    ///< after the name
  const char* summary;  ///< one phrase
  const char* about;    ///< a sentence or two for its own --help
  const char* examples;
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
  std::string value_name;
  std::string meaning;
  std::vector<std::string> choices = {};  ///< the values it takes, where they can be listed
  bool of_method = false;                 ///< a parameter of merge methods

  bool takes_value() const { return kind == OptionKind::value || kind == OptionKind::list; }
};

/// The options that `command` takes, in the order of its help.
std::vector<OptionSpec> options_of(Command command);

std::string help_text();
std::string help_text(Command command);

}  // namespace ckmerge::cli
