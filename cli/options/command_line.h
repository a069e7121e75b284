// SPDX-License-Identifier: Apache-2.0
// argv as plain data: which command, which files, which options with which words. Nothing is looked up, opened or
// converted here; request.h says what the words mean.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/options/options.h"

namespace ckmerge::cli {

struct CommandLine {
  Command command = Command::merge;
  std::vector<std::string> files;                         ///< positional words
  std::map<std::string, std::string> values;              ///< of options with a value, by name
  std::map<std::string, std::vector<std::string>> lists;  ///< values of options that may be repeated, in order
  std::map<std::string, bool> flags;                      ///< flags and toggles that were given

  bool has(const std::string& flag) const { return flags.contains(flag) && flags.at(flag); }
  std::vector<std::string> list(const std::string& name) const {
    return lists.contains(name) ? lists.at(name) : std::vector<std::string>();
  }
  const std::string* value(const std::string& name) const { return values.contains(name) ? &values.at(name) : nullptr; }
};

/// The command named by `word`. Throws Error(usage).
Command parse_command(const std::string& word);

/// Parses the words after the command. Throws Error(usage): unknown option, missing value, an option with a value that
/// is given twice.
CommandLine parse_command_line(Command command, const std::vector<std::string>& words);

/// How an error is to be told; looked up in the bare words, because parsing them may be what failed.
struct ErrorStyle {
  bool json_document = false;  ///< --json: on stdout
  bool json_line = false;      ///< --progress json: an event on stderr
};
ErrorStyle error_style(const std::vector<std::string>& words);

}  // namespace ckmerge::cli
