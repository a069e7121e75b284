// SPDX-License-Identifier: Apache-2.0
// What inputs' tensors are called, settled before anything is planned.
#pragma once

#include <string>
#include <vector>

#include "core/recipe/recipe.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// Gives tensors the names that `recipe` asks for (core/inputs/renames), A's where names are all that differs
/// (core/inputs/equated_inputs), their heads to tied models (core/inputs/tied_heads), and their places to components
/// (core/inputs/component_names). Returns warnings; what was done to an input is in its notes. Throws Error(usage |
/// mismatch) as those do.
std::vector<std::string> name_inputs(const Recipe& recipe, std::vector<Checkpoint>& checkpoints);

}  // namespace ckmerge
