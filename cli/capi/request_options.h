// SPDX-License-Identifier: Apache-2.0
// Which commands and options a request may have: all that give a document and say what is wanted, not how a terminal is
// told of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/options/option.h"

namespace ckmerge::cli {

/// Those that have a document, in the order of the table.
std::vector<Command> request_commands();

/// The options of `command` that a request may have, in the order of the table.
std::vector<OptionSpec> request_options(Command command);

/// Whether `option` of the command line is about what terminals are told.
bool is_for_terminals(std::string_view option);

}  // namespace ckmerge::cli
