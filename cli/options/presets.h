// SPDX-License-Identifier: Apache-2.0
// Ready-made sets of options (--like NAME) that merge as another tool does. A set is written in the words of the
// command line, so that it can be shown, typed and tested as what it stands for.
#pragma once

#include <string>
#include <vector>

#include "cli/options/command_line.h"
#include "core/recipe/recipe.h"

namespace ckmerge::cli {

/// The names of the sets.
std::vector<std::string> preset_names();

/// Adds to `given` the options of its --like that were not given, save parameters that its method does not have;
/// returns the words that took effect. Throws Error(usage) where there is no such set.
std::vector<std::string> apply_preset(Command command, GivenOptions& given);

/// What the tool behind the set would not let its user ask for: sentences for warnings.
std::vector<std::string> preset_warnings(const std::string& name, const Recipe& recipe);

}  // namespace ckmerge::cli
