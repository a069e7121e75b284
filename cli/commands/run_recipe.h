// SPDX-License-Identifier: Apache-2.0
// `ckmerge run`: the merge that a file records, over inputs that may be called otherwise today. The recorded names go
// into the recipe again, so that the result has the same bytes.
#pragma once

#include <string>
#include <vector>

#include "cli/commands/merge_request.h"
#include "cli/report/caller.h"
#include "core/recipe/provenance.h"

namespace ckmerge::cli {

/// For `run`: the recipe of the first operand over the files that the others (A=PATH) and --models give. Reads headers,
/// and the whole of every input whose hash was recorded unless the cache knows it. Throws Error: usage with all that
/// stands against the request, malformed for a damaged recipe, mismatch for an input that is not the recorded one.
MergeRequest run_request(const Request& asked, Caller& caller);

/// The recipe recorded in the file at `path`. Throws Error(usage) when it has none, else as parse_recipe().
RecordedRecipe recorded_recipe(const std::string& path, Caller& caller);

/// The paths that `bindings` (A=PATH) bind to the inputs, in their order; empty where none does. Throws Error(usage):
/// an input that was not recorded, one that is bound twice, one of another form.
std::vector<std::string> bound_inputs(const RecordedRecipe& recorded, const std::vector<std::string>& bindings);

/// A line for each input: "A was A.safetensors, sha256 0123...".
std::vector<std::string> input_lines(const RecordedRecipe& recorded);

}  // namespace ckmerge::cli
