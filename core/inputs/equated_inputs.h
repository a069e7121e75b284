// SPDX-License-Identifier: Apache-2.0
// One model, whatever its names: inputs of a merge are brought to the names of the first.
#pragma once

#include <string>
#include <vector>

#include "core/recipe/recipe.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// Gives tensors of the checkpoints that `recipe` merges the names that the first one has for them, where a prefix, a
/// naming, a spelling or the form of experts is all that differs; cut and joined tensors are views of the file. A VAE
/// that is baked in gets the naming of the first one's. What was done is noted in each checkpoint, and kept for the
/// recipe (Checkpoint::equated). Files whose metadata lists tensors by name are left alone, and so are codes that are
/// refused anyway. Returns warnings of what cannot be told of them. Throws Error(mismatch) where rules are known and do
/// not fit, or a component fits two of the first one's. REQUIRES: tables are sorted by name.
std::vector<std::string> equate_inputs(const Recipe& recipe, std::vector<Checkpoint>& checkpoints);

}  // namespace ckmerge
