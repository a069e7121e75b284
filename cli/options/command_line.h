// SPDX-License-Identifier: Apache-2.0
// argv as plain data: which command, which operands, which options with which texts. Nothing is looked up, opened or
// converted here; request.h has what the texts mean.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/options/command_table.h"

namespace ckmerge::cli {

/// The texts that were given for options, by the options' names, each as often as it was given. Of a flag it is "true",
/// of a toggle's --no-name "false"; a `--flag=word` is for its reader to refuse.
using GivenOptions = std::map<std::string, std::vector<std::string>>;

struct CommandLine {
  Command command = Command::merge;
  std::vector<std::string> operands;  ///< words that are no options
  GivenOptions options;
};

/// The command named by `word`. Throws Error(usage).
Command parse_command(const std::string& word);

/// Parses the words after the command; those of `plan --mergekit FILE` as those of `mergekit --dry-run` are. Throws
/// Error(usage): unknown option, missing value.
CommandLine parse_command_line(Command command, const std::vector<std::string>& words);

/// How an error is to be told; looked up in the bare words, because parsing them may be what failed.
struct ErrorStyle {
  bool json_document = false;  ///< --json: on stdout
  bool json_line = false;      ///< --progress json: an event on stderr
};
ErrorStyle error_style(const std::vector<std::string>& words);

}  // namespace ckmerge::cli
