// SPDX-License-Identifier: Apache-2.0
// convert, bake, compose and average: merges of a special kind, whose requests are turned into the recipe of one. So
// they have its plan, its report, its guarantees, and `ckmerge run` repeats them.
#pragma once

#include "cli/commands/merge_request.h"

namespace ckmerge::cli {

/// For those four commands. Throws Error(usage) with everything that stands against the request.
MergeRequest operation_request(const Request& asked, const Environment& environment);

}  // namespace ckmerge::cli
