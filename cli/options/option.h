// SPDX-License-Identifier: Apache-2.0
// One option: its names, its help, and how what is given for it is read and refused. Command lines, help, the manual
// page, completions and suggestions for misspelt options are made from such records, so they cannot disagree.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cli/options/command_table.h"
#include "cli/options/settings.h"

namespace ckmerge::cli {

/// How an option is given.
enum class OptionKind : uint8_t {
  flag,    ///< --name
  toggle,  ///< --name, --no-name
  value,   ///< --name VALUE
  list,    ///< --name VALUE, any number of times
};

/// What its value is.
enum class ValueType : uint8_t {
  flag,
  text,
  number,
  numbers,  ///< separated by commas
  count,    ///< a whole number
  size,     ///< of memory
  choice,   ///< one of Reader::choices
  pattern,  ///< of names (core/names)
  pair,     ///< NAME=VALUE
  dtype,
  device,
  method,
  url,
  checkpoint,  ///< a path, or the @NAME of a registered one
  file,
  folder,
  output,  ///< a file to write, or a folder
};

/// What was given for an option, once.
struct Word {
  std::string option;                        ///< as messages call it: "--memory"
  const std::string& text;                   ///< of a flag or toggle: true or false
  std::span<const std::string> before = {};  ///< of a list: the texts that were given earlier
};

/// How an option's text becomes a value.
struct Reader {
  OptionKind kind = OptionKind::value;
  ValueType type = ValueType::text;
  std::vector<std::string> choices = {};  ///< the values it takes, where they can be listed
  /// Puts the value where it belongs. Throws Error(usage). May look at what options above this one in the table said.
  std::function<void(Settings&, const Word&)> read = {};
};

struct OptionSpec {
  std::string name;  ///< without dashes
  char letter = 0;   ///< -x, or 0
  std::string value_name;
  std::string meaning;
  Reader reader;
  bool of_method = false;  ///< a parameter of merge methods

  OptionKind kind() const { return reader.kind; }
  bool takes_value() const { return kind() == OptionKind::value || kind() == OptionKind::list; }
  WordKind word_kind() const;  ///< of the value
  /// Whether it names a method or is one of its parameters; a formula says itself what it calls.
  bool says_what_is_computed() const;
  /// Whether texts of it may be NAME=VALUE, so that a map of names and values says the same.
  bool may_be_map() const;
  std::vector<std::string> spellings() const;  ///< --name, --no-name, -x
};

}  // namespace ckmerge::cli
