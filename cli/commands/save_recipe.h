// SPDX-License-Identifier: Apache-2.0
// --save-recipe: a merge as a recipe file (docs/recipe.md), which `ckmerge run` repeats to the byte.
#pragma once

#include <span>
#include <string>

#include "cli/commands/merge_request.h"

namespace ckmerge::cli {

/// The recipe file of a merge that is planned, which is asked for by `request`'s settings. Nothing is left out of it:
/// what was written is read back and compared with the plan's recipe. Throws Error(usage) for what a recipe file cannot
/// say, Error(usage | io) for a path that may not be written.
std::string recipe_file_text(const MergeRequest& request, const Plan& plan, std::span<const FileIdentity> inputs,
                             const Environment& environment);

/// Writes it, complete or not at all. Throws Error(io | usage | resources).
void save_recipe(const MergeRequest& request, const std::string& text, std::span<const FileIdentity> inputs);

}  // namespace ckmerge::cli
