// SPDX-License-Identifier: Apache-2.0
// What --help prints, made of the tables of commands and options.
#pragma once

#include <string>

#include "cli/options/command_table.h"

namespace ckmerge::cli {

std::string help_text();  ///< of the program
std::string help_text(Command command);

}  // namespace ckmerge::cli
