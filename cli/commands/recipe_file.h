// SPDX-License-Identifier: Apache-2.0
// `ckmerge run RECIPE.yaml`: a merge that somebody wrote into a file (docs/recipe.md). What it holds is what the same
// merge is told by on the command line.
#pragma once

#include <string>

#include "cli/commands/merge_request.h"
#include "cli/report/caller.h"

namespace ckmerge::cli {

/// With -f, which is meant for the output, --save-recipe would replace the file that the merge was read from: throws
/// Error(usage) where `settings` ask for that. `read_as` says what the file is, "the configuration".
void expect_another_file(const std::string& read, const char* read_as, const Settings& settings);

/// By its name.
bool is_recipe_file(const std::string& path);

/// The merge of the recipe that is the first operand; the others (NAME=FILE) take the place of its checkpoints. Throws
/// Error(usage) with file, line and column for what is wrong with the recipe, Error(io) where it cannot be read.
MergeRequest recipe_file_request(const Request& asked, Caller& caller);

/// That the recipe `text`, in a file at `path`, merges `inputs` by `recipe`, which is canonical and has its defaults.
/// Throws Error(usage) where it says anything else.
void check_recipe_text(const std::string& path, const std::string& text, const std::vector<std::string>& inputs,
                       Recipe recipe, const Environment& environment);

}  // namespace ckmerge::cli
