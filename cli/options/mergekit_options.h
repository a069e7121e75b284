// SPDX-License-Identifier: Apache-2.0
// The options of mergekit-yaml, mergekit-pytorch and mergekit-multi 0.1.5, each with what it means here, or why it
// means nothing.
#pragma once

#include <vector>

#include "cli/options/option.h"

namespace ckmerge::cli {

/// Those that no other command has.
std::vector<OptionSpec> mergekit_options();

/// --mergekit of `plan`.
OptionSpec planned_mergekit_option();

}  // namespace ckmerge::cli
