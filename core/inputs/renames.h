// SPDX-License-Identifier: Apache-2.0
// The names that a recipe gives to tensors of its inputs: --strip-prefix, --rename and --add-prefix.
#pragma once

#include <cstddef>
#include <vector>

#include "core/recipe/recipe.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// Throws Error(usage) for a rule of `recipe` that cannot be understood, or is for an input beyond `inputs`.
void check_renames(const Recipe& recipe, size_t inputs);

/// Renames tensors in the tables of `checkpoints` as `recipe` says: first prefixes are taken off, then patterns
/// replaced in the order given, then prefixes put in front. Notes in each how many names changed. Throws Error(usage)
/// for a rule that cannot be understood, that matches no name, or that makes two names equal or one empty.
void rename_tensors(const Recipe& recipe, std::vector<Checkpoint>& checkpoints);

}  // namespace ckmerge
