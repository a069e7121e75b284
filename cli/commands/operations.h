// SPDX-License-Identifier: Apache-2.0
// convert, bake, compose and average: merges of a special kind, whose words are turned into the recipe of one. So they
// have its plan, its report, its guarantees, and `ckmerge run` repeats them.
#pragma once

#include "cli/commands/merge_request.h"
#include "cli/options/command_line.h"
#include "cli/system/system.h"

namespace ckmerge::cli {

/// For those four commands. Throws Error(usage) with everything that the words have against them.
MergeRequest operation_request(const CommandLine& line, const Environment& environment);

/// --vae of `merge` and `bake`: the last input, and the recipe's word for it.
void read_vae(const CommandLine& line, MergeRequest& request);

}  // namespace ckmerge::cli
