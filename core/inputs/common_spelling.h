// SPDX-License-Identifier: Apache-2.0
// Inputs whose names are A's but for a prefix (`net.`, `pipe.dit.`, a bare unet beside a whole checkpoint) are brought
// to A's names.
#pragma once

#include <vector>

#include "core/recipe/recipe.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// Renames tensors of the checkpoints that `recipe` merges where a single swap of prefixes brings nearly all names of
/// an input to those of the first, without a doubt: nearly none are equal as they are, every tensor has the shape of
/// the one that it meets, and no other swap would do as well. Where the first has `model.` doubled, its own names are
/// shortened. Notes in each what was done. REQUIRES: tables are sorted by name.
void bring_to_common_spelling(const Recipe& recipe, std::vector<Checkpoint>& checkpoints);

}  // namespace ckmerge
