// SPDX-License-Identifier: Apache-2.0
// The table of options, and the options of the merge methods, which come from the methods' specs.
#pragma once

#include <vector>

#include "cli/options/option.h"

namespace ckmerge::cli {

/// The options that `command` takes, in the order of its help.
std::vector<OptionSpec> options_of(Command command);

}  // namespace ckmerge::cli
