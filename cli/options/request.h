// SPDX-License-Identifier: Apache-2.0
// What a command is asked to do: operands and settings. Every text that was given is read here, once, by its option's
// reader; what a reader refuses is kept, so that a command tells it together with what else stands against the request.
#pragma once

#include <string>
#include <vector>

#include "cli/options/command_line.h"
#include "cli/options/faults.h"
#include "cli/options/settings.h"

namespace ckmerge::cli {

struct Request {
  Command command = Command::merge;
  std::vector<std::string> operands = {};
  Settings settings = {};
  Faults refused = {};  ///< texts that could not be read; every command raises them before it acts
};

/// Nothing of it depends on argv: `line` may as well have been made from another form of the same options.
/// REQUIRES: line.options are options of line.command.
Request read_request(const CommandLine& line);

}  // namespace ckmerge::cli
