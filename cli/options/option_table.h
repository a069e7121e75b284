// SPDX-License-Identifier: Apache-2.0
// The table of options, and the options of the merge methods, which come from the methods' specs.
#pragma once

#include <vector>

#include "cli/options/option.h"

namespace ckmerge::cli {

/// The options that `command` takes, in the order of its help.
std::vector<OptionSpec> options_of(Command command);

/// Of `plan --mergekit FILE`, which is `mergekit FILE --dry-run`: that command's, and the one that names the file.
std::vector<OptionSpec> options_planning_mergekit();

}  // namespace ckmerge::cli
