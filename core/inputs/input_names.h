// SPDX-License-Identifier: Apache-2.0
// What inputs' tensors are called, settled before anything is planned.
#pragma once

#include <string>
#include <vector>

#include "core/recipe/recipe.h"
#include "core/vocabulary/vocabulary_changes.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// Gives tensors the names that `recipe` asks for (core/inputs/renames), A's where names are all that differs
/// (core/inputs/equated_inputs), their heads to tied models (core/inputs/tied_heads), to rows their tokens
/// (core/vocabulary/vocabularies), with what that changes beside the weights in `changes`, and their places to
/// components (core/inputs/component_names). Returns warnings; what was done to an input is in its notes. Throws
/// Error(usage | mismatch | malformed | io) as those do.
std::vector<std::string> name_inputs(const Recipe& recipe, std::vector<Checkpoint>& checkpoints,
                                     VocabularyChanges& changes);
inline std::vector<std::string> name_inputs(const Recipe& recipe, std::vector<Checkpoint>& checkpoints) {
  VocabularyChanges changes;
  return name_inputs(recipe, checkpoints, changes);
}

}  // namespace ckmerge
